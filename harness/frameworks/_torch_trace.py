"""Sub-modules of a PyTorch model as they are called: traced with forward hooks, replayed one at a time."""

from __future__ import annotations

import copy
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.frameworks._calls import Tape, apart, ended, missing, names_of, paths_of, shown, together, whole
from harness.frameworks._torch import Built, arrays_of, tensors_of

_SAID = (
    "eps", "axis", "dim", "stride", "padding", "dilation", "groups", "kernel_size", "ceil_mode", "count_include_pad", "approximate",
    "negative_slope", "num_heads", "hidden_size", "batch_first", "bidirectional", "num_layers", "align_corners", "mode", "scale_factor",
    "normalized_shape", "num_groups", "num_features", "in_features", "out_features", "padding_idx", "alpha", "beta", "p", "inplace",
)  # fmt: skip


def is_tensor(item: Any) -> bool:
    """Return whether this is a tensor."""
    import torch

    return isinstance(item, torch.Tensor)


def config_of(module: Any) -> str:
    """Return the settings of a module in a few words, only those it has."""
    told = [(name, getattr(module, name, None)) for name in _SAID]
    words = [f"{name}={value}" for name, value in told if isinstance(value, (int, float, str, tuple)) and value not in ("", ())]
    if getattr(module, "bias", "") is None:
        words.append("bias=False")
    return ", ".join(words)


def _array(tensor: Any) -> Any:
    return arrays_of({"": tensor})[""]


def trace(model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None, device: str = "cpu") -> list[dict[str, Any]]:
    """Return every call of a sub-module; arguments that are no tensors stay with ``model`` for `replay`."""
    import torch

    tape = Tape(wanted)
    captured: dict[tuple[str, int], Any] = {}

    def before(path: str) -> Any:
        def hook(module: Any, args: Any, kwargs: Any) -> None:
            found: list[Any] = []
            kept = apart((args, kwargs), is_tensor, found)
            call = tape.enter(path, type(module).__name__, config_of(module), [_array(tensor) for tensor in found])
            captured[path, call["call"]] = kept

        return hook

    def after(module: Any, args: Any, kwargs: Any, result: Any) -> None:
        found: list[Any] = []
        apart(result, is_tensor, found)
        tape.leave([_array(tensor) for tensor in found])

    handles = []
    try:
        for path, module in _parts(model.module):
            handles.append(module.register_forward_pre_hook(before(path), with_kwargs=True))
            handles.append(module.register_forward_hook(after, with_kwargs=True))
        whole(tape, type(model.module).__name__, feeds)
        with torch.no_grad():
            outputs = arrays_of(model.call(tensors_of(feeds, device)))
    finally:
        for handle in handles:
            handle.remove()
    model.captured = captured
    return ended(tape, outputs)


def _parts(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield each sub-module once, under its first path; those of TorchScript take no hooks."""
    import torch

    for path, part in module.named_modules():
        if path and not isinstance(part, torch.jit.ScriptModule):
            yield path, part


def replay(model: Built, path: str, number: int, inputs: Sequence[Any], double: bool) -> list[Any]:
    """Return the output arrays of one sub-module on ``inputs``; in float64 where ``double``. Raises `UsageError` before a trace."""
    import torch

    if (path, number) not in getattr(model, "captured", {}):
        raise missing(path, number)
    module = dict(model.module.named_modules())[path]
    tensors = [torch.from_numpy(np.array(array)) for array in inputs]
    if double:
        module = copy.deepcopy(module).double()
        tensors = [tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors]
    args, kwargs = together(model.captured[path, number], tensors)
    found: list[Any] = []
    with torch.no_grad():
        apart(module(*args, **kwargs), is_tensor, found)
    return [_array(tensor) for tensor in found]


def tensors(
    model: Built, feeds: Mapping[str, Any], names: Sequence[str] | None, device: str = "cpu"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the outputs of sub-modules by name (see `named`), and those of the model."""
    return shown(trace(model, feeds, paths_of(names), device), names)


def names(model: Built, feeds: Mapping[str, Any], device: str = "cpu") -> list[dict[str, Any]]:
    """Return the tensors that `tensors` gives, in the order in which they come to be."""
    return names_of(trace(model, feeds, (), device))
