"""Runs one ONNX operator on the plain evaluator of the onnx package, on ours, and on the float64 one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnx_helper = onnx.helper
WRONG = "1.17."
"""The version whose own operators are known to be wrong; a later one may have them right."""


def model(op: str, inputs: Sequence[Any], outputs: int = 1, opset: int = 17, **attributes: Any) -> Any:
    """Return a model of one node, with an input for each array; None for one that is left out."""
    names = [f"i{place}" if array is not None else "" for place, array in enumerate(inputs)]
    node = onnx_helper.make_node(op, names, [f"o{place}" for place in range(outputs)], **attributes)
    given = [(name, array) for name, array in zip(names, inputs, strict=True) if name]
    infos = [onnx_helper.make_tensor_value_info(n, onnx_helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in given]
    graph = onnx_helper.make_graph([node], "g", infos, [onnx_helper.make_empty_tensor_value_info(name) for name in node.output])
    proto = onnx_helper.make_model(graph, opset_imports=[onnx_helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(proto))
    return proto


def feeds(inputs: Sequence[Any], dtype: Any = None) -> dict[str, Any]:
    """Return the arrays by name, real numbers in ``dtype`` where it is given."""
    named = {f"i{place}": array for place, array in enumerate(inputs) if array is not None}
    return {name: array.astype(dtype) if dtype and array.dtype.kind == "f" else array for name, array in named.items()}


def onnxruntime(proto: Any, inputs: Sequence[Any]) -> list[Any]:
    """Return what ONNX Runtime makes of float32 arrays."""
    runtime = pytest.importorskip("onnxruntime")
    named = onnx.shape_inference.infer_shapes(proto).SerializeToString()
    return list(runtime.InferenceSession(named, providers=["CPUExecutionProvider"]).run(None, feeds(inputs)))


def is_right(kind: Any, proto: Any, given: Mapping[str, Any], wanted: Sequence[Any], rtol: float) -> bool:
    """Return whether an evaluator returns these shapes and values."""
    with np.errstate(all="ignore"):
        got = kind(proto).run(None, dict(given))
    return len(got) == len(wanted) and all(
        one.shape == other.shape and np.allclose(one, other, rtol=rtol, atol=rtol) for one, other in zip(got, wanted, strict=True)
    )


def check(proto: Any, inputs: Sequence[Any], wanted: Sequence[Any], *, double: float = 1e-12, planted: bool = True) -> None:
    """Assert that ours return ``wanted``, the float64 one within ``double``; and, if ``planted``, that the plain one does not."""
    from onnx.reference import ReferenceEvaluator

    from harness.frameworks._onnx_evaluator import double_evaluator, evaluator

    single = feeds(inputs)
    if planted and onnx.__version__.startswith(WRONG):
        try:
            plain = is_right(ReferenceEvaluator, proto, single, wanted, 1e-4)
        except Exception:  # whatever it raises, it gives no answer
            plain = False
        assert not plain, "the plain evaluator is right here: this shows nothing"
    assert is_right(evaluator(), proto, single, wanted, 1e-4)
    assert is_right(double_evaluator(), proto, feeds(inputs, np.float64), wanted, double)
    for made, given in zip(evaluator()(proto).run(None, single), wanted, strict=True):
        assert made.dtype == (np.float32 if np.asarray(given).dtype.kind == "f" else np.asarray(given).dtype)


def normal(seed: int, *shape: int) -> Any:
    """Return seeded float32 numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
