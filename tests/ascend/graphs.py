"""Small ONNX graphs in which a precision mode does something known, and how to study them in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from harness.runtimes.ascend_emulated import AscendEmulated, EmulatedSession

DEFAULTS = {option.name: option.default for option in AscendEmulated.options}


def parsed(body: str, inputs: str = "float[2, 64] x", outputs: str = "float y", opset: int = 17) -> Any:
    """Return the model of a graph's text."""
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\ng ({inputs}) => ({outputs}) {{ {body} }}')


def with_weights(model: Any, **weights: Any) -> Any:
    """Return the model with initializers."""
    model.graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items())
    return model


def session(model: Any, **options: Any) -> EmulatedSession:
    """Return a session of the emulator."""
    return EmulatedSession(model, {**DEFAULTS, **options})


def studied(model: Any, feeds: Mapping[str, Any], mode: str, keep: Sequence[str] = (), lower: Sequence[str] = (), **options: Any) -> Any:
    """Return what a mode makes of the model, with its layers."""
    asked = {"mode": mode, "keep": list(keep), "lower": list(lower), "layers": True}
    return session(model, **{"mode": "must_keep_origin_dtype", **options}).study(feeds, asked)


def squares() -> Any:
    """Return the root of a sum of squares: 64 numbers of 100 give 640000 on the way."""
    return with_weights(parsed("s = Mul(x, x) t = ReduceSum(s, axes) y = Sqrt(t)"), axes=np.array([-1], np.int64))


def normalised() -> Any:
    """Return a layer normalisation in single operators, a projection and a softmax; numbers of 400 overflow when squared."""
    random = np.random.default_rng(5)
    body = (
        "m = ReduceMean<axes = [-1]>(x) d = Sub(x, m) q = Pow(d, two) v = ReduceMean<axes = [-1]>(q) e = Add(v, eps) r = Sqrt(e) "
        "n = Div(d, r) h = MatMul(n, w) y = Softmax<axis = -1>(h)"
    )
    return with_weights(
        parsed(body), two=np.float32(2), eps=np.float32(1e-5), w=random.normal(0, 0.1, (64, 8)).astype(np.float32)
    )


def feeds(scale: float, seed: int = 1) -> dict[str, Any]:
    """Return random numbers of this scale."""
    return {"x": np.random.default_rng(seed).normal(0, scale, (2, 64)).astype(np.float32)}
