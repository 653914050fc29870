"""The float64 twin of a PyTorch module: of the whole model, or for a large one of one sub-module at a time, while it is called."""

from __future__ import annotations

import copy
from typing import Any, Callable, Iterator

import numpy as np

from harness.core.weights import Move

LARGE = 1 << 29
"""A model with more bytes of weights is not widened at once: with its twin it would need three times its own room."""
_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "Transformer", "TransformerEncoder", "TransformerDecoder")


def twins(module: Any, move: Move | None) -> Iterator[Any]:
    """Yield twins to try, the most economical first; ``module`` stays as it is. Where one cannot be called, the next one may be."""
    import torch

    held = [*module.parameters(), *module.buffers()]
    scripted = isinstance(module, torch.jit.ScriptModule) or hasattr(module, "parity_signature")
    if not scripted and sum(tensor.numel() * tensor.element_size() for tensor in held) > LARGE:
        yield _gradual(module, move)
    twin = copy.deepcopy(module).double()
    if move is not None:
        widen, own = _widening(module, move), dict(_tensors(module))
        for name, tensor in _tensors(twin):
            if tensor.is_floating_point():
                tensor.data.copy_(widen(own[name]))
    yield twin


def _gradual(module: Any, move: Move | None) -> Any:
    """Return a copy that shares the weights of ``module`` and has those of a sub-module in float64 while that is called.

    Calling it raises `TypeError` where a sub-module still returns less than float64, and whatever PyTorch raises where code
    uses the weights of a sub-module that it does not call.
    """
    twin = copy.deepcopy(module, {id(tensor): tensor for _, tensor in _tensors(module)})
    widen = _widening(module, move)
    for part in twin.modules():
        owners = list(part.modules()) if _reaches_into(part) else [part]
        own = [
            (holder, name, tensor)
            for owner in owners for holder in (owner._parameters, owner._buffers)
            for name, tensor in holder.items() if tensor is not None and tensor.is_floating_point()
        ]  # fmt: skip
        if own:
            part.register_forward_pre_hook(_before(own, widen))
            part.register_forward_hook(_after(own))
    return twin


def _before(own: list[Any], widen: Callable[[Any], Any]) -> Any:
    def hook(module: Any, args: Any) -> None:
        for holder, name, tensor in own:
            holder[name] = widen(tensor)

    return hook


def _after(own: list[Any]) -> Any:
    def hook(module: Any, args: Any, result: Any) -> None:
        import torch

        for holder, name, tensor in own:
            holder[name] = tensor
        for part in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(part, torch.Tensor) and part.is_floating_point() and part.dtype != torch.float64:
                raise TypeError(f"{type(module).__name__} returns {part.dtype} although its weights are float64")

    return hook


def _reaches_into(part: Any) -> bool:
    """Return whether a module may use the weights of its sub-modules without calling these, as the attention of PyTorch does."""
    kind = type(part)
    return kind.__module__.startswith("torch.nn.") and kind.__name__ not in _CONTAINERS and any(True for _ in part.children())


def _tensors(module: Any) -> list[tuple[str, Any]]:
    """Return parameters and buffers, each once, under its first name."""
    return [*module.named_parameters(), *module.named_buffers()]


def _widening(module: Any, move: Move | None) -> Callable[[Any], Any]:
    """Return what makes a float64 tensor of a weight of ``module``, moved where asked for."""
    import torch

    names = {id(tensor): name for name, tensor in _tensors(module)}

    def widen(tensor: Any) -> Any:
        if move is None:
            return tensor.detach().double()
        kind = str(tensor.dtype).replace("torch.", "")
        array = tensor.detach().numpy() if kind in ("float32", "float64") else tensor.detach().double().numpy()
        return torch.from_numpy(np.asarray(move(names[id(tensor)], array, kind)))

    return widen
