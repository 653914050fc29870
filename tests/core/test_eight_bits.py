"""Rounding to 8 bits is that of quantisers: even steps, zero among them, and masks left alone."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.case import Case, Task
from harness.core.weights import EIGHT, in_eight_bits, inner_of, rounded

X = np.random.default_rng(3).normal(size=(40, 50))


def test_activations_are_rounded_as_onnx_does() -> None:
    """DynamicQuantizeLinear of ONNX is defined by these very formulas."""
    onnx, reference = pytest.importorskip("onnx"), pytest.importorskip("onnx.reference")
    node = onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
    back = onnx.helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"])
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph([node, back], "g", [info("x", 1, [None, None])], [info("y", 1, [None, None])])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    array = X.astype(np.float32)
    expected = reference.ReferenceEvaluator(model).run(None, {"x": array})[0]
    np.testing.assert_allclose(in_eight_bits(array), expected, atol=1e-5)


def test_there_are_256_values_and_zero_is_one() -> None:
    array = np.append(X, 0.0)
    held = in_eight_bits(array)
    assert len(np.unique(held)) <= 256
    assert held[-1] == 0.0
    step = (array.max() - array.min()) / 255
    assert np.max(np.abs(held - array)) <= 0.51 * step
    assert 0.1 * step < np.sqrt(np.mean((held - array) ** 2)) < 0.4 * step


def test_a_range_of_more_samples_is_wider() -> None:
    errors = [np.sqrt(np.mean((in_eight_bits(X, among) - X) ** 2)) for among in (0, 1, 64)]
    assert errors[0] < errors[1] < errors[2] < 2 * errors[0]


def test_masks_and_what_is_no_number_stay_and_spoil_nothing() -> None:
    array = np.array([1.0, -2.0, 0.5, -3.4e38, np.inf, -np.inf, np.nan])
    held = in_eight_bits(array)
    np.testing.assert_array_equal(held[3:], array[3:])
    np.testing.assert_allclose(held[:3], array[:3], atol=3.0 / 255)
    for same in (np.zeros((3, 2)), np.zeros((0, 4)), np.array(2.5), np.full(3, -1e38)):
        np.testing.assert_allclose(in_eight_bits(same), same)


def test_biases_and_scales_are_no_weights_in_eight_bits() -> None:
    for kind in EIGHT:
        np.testing.assert_array_equal(rounded("b", X[0], "float32", precision=kind), X[0])
        assert np.any(rounded("w", X, "float32", precision=kind) != X)
    whole = rounded("k", X.reshape(4, 10, 5, 10), "float32", precision="int8")
    assert len(np.unique(whole)) <= 255, "a kernel has one scale"


def test_which_tensors_are_rounded() -> None:
    found = {kind: inner_of(kind) for kind in ("int8", "int8-dynamic", "int8-weights", "float16", "")}
    told = {kind: inner and (inner.everywhere, inner.factors) for kind, inner in found.items()}
    assert told == {
        "int8": (True, False), "int8-dynamic": (False, True), "int8-weights": (False, False), "float16": None, "": None,
    }  # fmt: skip


def test_a_task_has_other_bounds_in_a_coarser_type() -> None:
    task = Task(metric="accuracy", bounds={"max_drop": 0.0, "max_gain": 0.1}, coarse={"int8": {"max_drop": 0.02}})
    for kind in ("int8", "int8-dynamic", "int8-weights"):
        assert task.at(kind).bounds == {"max_drop": 0.02, "max_gain": 0.1}
    assert task.at("") is task
    assert task.at("float16") is task
    case = Case(id="a", inputs=[], build={"onnx": lambda: None}, task=task)
    assert Case.from_json(case.to_json()).task == task
    bare = Case(id="a", inputs=[], build={"onnx": lambda: None}, task=Task(metric="accuracy", bounds={}))
    assert Case.from_json(bare.to_json()).task == bare.task
