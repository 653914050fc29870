"""Sub-layers of a Paddle model as they are called: traced with forward hooks, replayed one at a time."""

from __future__ import annotations

import copy
from typing import Any, Mapping, Sequence

import numpy as np

from harness.frameworks._calls import Tape, apart, ended, missing, together, whole

_SAID = (
    "_epsilon", "epsilon", "_axis", "axis", "_stride", "stride", "_padding", "padding", "_dilation", "_groups", "ksize", "ceil_mode",
    "exclusive", "_approximate", "_negative_slope", "num_heads", "hidden_size", "time_major", "_normalized_shape", "_num_features",
    "align_corners", "mode", "data_format", "_data_format",
)  # fmt: skip


def is_tensor(item: Any) -> bool:
    """Return whether this is a tensor."""
    import paddle

    return isinstance(item, paddle.Tensor)


def config_of(layer: Any) -> str:
    """Return the settings of a layer in a few words, only those it has."""
    told = [(name.lstrip("_"), getattr(layer, name, None)) for name in _SAID]
    return ", ".join(f"{name}={value}" for name, value in told if isinstance(value, (int, float, str, tuple, list)))


def trace(model: Any, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return every call of a sub-layer; arguments that are no tensors stay with ``model`` for `replay`."""
    tape = Tape(wanted)
    captured: dict[tuple[str, int], Any] = {}

    def before(path: str) -> Any:
        def hook(layer: Any, args: Any, kwargs: Any) -> None:
            found: list[Any] = []
            kept = apart((args, kwargs), is_tensor, found)
            call = tape.enter(path, type(layer).__name__, config_of(layer), [np.array(tensor) for tensor in found])
            captured[path, call["call"]] = kept

        return hook

    def after(layer: Any, args: Any, result: Any) -> None:
        found: list[Any] = []
        apart(result, is_tensor, found)
        tape.leave([np.array(tensor) for tensor in found])

    handles = []
    try:
        for path, layer in model.layer.named_sublayers():
            handles.append(layer.register_forward_pre_hook(before(path), with_kwargs=True))
            handles.append(layer.register_forward_post_hook(after))
        whole(tape, type(model.layer).__name__, feeds)
        outputs = model.call(feeds)
    finally:
        for handle in handles:
            handle.remove()
    model.captured = captured
    return ended(tape, outputs)


def replay(model: Any, path: str, number: int, inputs: Sequence[Any], double: bool) -> list[Any]:
    """Return the output arrays of one sub-layer on ``inputs``; in float64 where ``double``. Raises `UsageError` before a trace."""
    import paddle

    if (path, number) not in getattr(model, "captured", {}):
        raise missing(path, number)
    layer = dict(model.layer.named_sublayers())[path]
    arrays = [np.array(array) for array in inputs]
    before = paddle.get_default_dtype()
    found: list[Any] = []
    try:
        if double:
            paddle.set_default_dtype("float64")
            layer = copy.deepcopy(layer).to(dtype="float64")
            layer.eval()
            arrays = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
        args, kwargs = together(model.captured[path, number], [paddle.to_tensor(array) for array in arrays])
        with paddle.no_grad():
            apart(layer(*args, **kwargs), is_tensor, found)
    finally:
        paddle.set_default_dtype(before)
    return [np.array(tensor) for tensor in found]
