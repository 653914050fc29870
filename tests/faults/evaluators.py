"""Evaluators for the question whether a mutant is a real change: a quick one first, exact ones where it does not decide."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.faults.reality import REAL, Difference, differs

QUICK = 3e-5
"""Above this share of the root mean square a difference between two float32 runs of these shallow graphs is no noise."""


def reference(wide: bool) -> Callable[[Any], Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
    """Return the evaluator of the onnx package, in float64 when ``wide``."""

    def make(model: Any) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        from harness.frameworks._onnx_evaluator import double_evaluator, evaluator, is_narrow

        session = (double_evaluator() if wide else evaluator())(model)
        names = [info.name for info in model.graph.output]

        def run(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
            given = {name: array.astype(np.float64) if wide and is_narrow(array.dtype) else array for name, array in feeds.items()}
            with np.errstate(all="ignore"):
                return dict(zip(names, map(np.asarray, session.run(None, given)), strict=True))

        return run

    return make


def onnxruntime(model: Any) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Evaluate with ONNX Runtime on one thread."""
    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda feeds: dict(zip([info.name for info in session.get_outputs()], session.run(None, dict(feeds)), strict=True))


@functools.cache
def quick() -> bool:
    """Return whether ONNX Runtime is here."""
    try:
        import onnxruntime as _  # noqa: F401
    except ImportError:
        return False
    return True


def difference(clean: Any, mutant: Any, feeds: list[dict[str, Any]]) -> Difference:
    """Return what `differs` finds: in ONNX Runtime where that is far above noise, else exactly."""
    if quick():
        try:
            found = differs(clean, mutant, feeds, onnxruntime, QUICK)
        except Exception:  # an operator it lacks; the exact evaluators decide
            found = None
        if found is not None and found.kind == REAL and not found.note.startswith("only"):
            return found
    others = [reference(True), reference(False), *([onnxruntime] if quick() else [])]
    return differs(clean, mutant, feeds, others)
