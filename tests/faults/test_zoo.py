"""The zoo: graphs that are sources of truth are computed alike by the evaluator and by ONNX Runtime; weights hide nothing."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from evaluators import onnxruntime, reference  # noqa: E402

from harness.core.spec import Dim  # noqa: E402
from harness.faults.reality import scaled_difference  # noqa: E402
from harness.faults.zoo import ZOO, cases, feeds  # noqa: E402

NOISE = 3e-6


def test_cases_are_the_graphs_that_are_sources_of_truth() -> None:
    assert [case.id for case in cases()] == [f"zoo/{name}" for name, entry in ZOO.items() if entry.reference]
    assert len(cases()) >= 40
    assert {(case.family, case.level) for case in cases()} == {("selfcheck", "module")}


@pytest.mark.parametrize("name", [name for name, entry in ZOO.items() if entry.reference])
def test_the_evaluator_and_onnx_runtime_agree(name: str) -> None:
    pytest.importorskip("onnxruntime")
    model = ZOO[name].build()
    # Ordinary values at the example lengths and at other ones; ladders of values are for mutants.
    for given in feeds(ZOO[name])[:2]:
        wanted, got = reference(False)(model)(given), onnxruntime(model)(given)
        assert list(wanted) == list(got) == list(ZOO[name].outputs)
        for output, array in wanted.items():
            scaled, note = scaled_difference(np.asarray(got[output]), np.asarray(array))
            assert scaled < NOISE, (output, note)


def test_most_graphs_have_a_dynamic_axis() -> None:
    dynamic = [name for name, entry in ZOO.items() if any(isinstance(n, Dim) for spec in entry.inputs for n in spec.shape)]
    assert len(dynamic) > 0.8 * len(ZOO)


def test_no_weight_is_neutral() -> None:
    for name, entry in ZOO.items():
        for tensor in entry.build().graph.initializer:
            array = onnx.numpy_helper.to_array(tensor)
            role = tensor.name.rsplit(".", 1)[-1]
            if role in ("bias", "scale", "mean", "var") and array.size > 1:
                assert array.std() > 0.01, (name, tensor.name)
            if role == "var":
                assert array.min() < 0.01 < array.max(), (name, tensor.name)


def test_feeds_are_the_same_each_time_and_in_their_domain() -> None:
    for entry in ZOO.values():
        for first, second in zip(feeds(entry, 3), feeds(entry, 3), strict=True):
            for spec in entry.inputs:
                np.testing.assert_array_equal(first[spec.name], second[spec.name])
                assert first[spec.name].dtype == spec.dtype
                assert spec.domain is not None
                if spec.domain.kind in ("integers", "ids"):
                    assert spec.domain.low <= first[spec.name].min()
                    assert first[spec.name].max() <= spec.domain.high
