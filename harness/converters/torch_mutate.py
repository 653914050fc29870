"""A planted fault as a converter: a module of PyTorch to the same module with one weight wrong.

Only the changed tensors are written. The module is the case's own, built again and copied, so that code never travels.
"""

from __future__ import annotations

import copy
import os
from typing import Any, Mapping

import numpy as np

from harness.core.errors import Unsupported, UsageError
from harness.core.protocols import Converted, Option, Source
from harness.core.weights import guess_role
from harness.faults.operator import find, table
from harness.faults.weights import Weight, operators
from harness.frameworks._torch import Built

_GATES = {"LSTM": ("i", "f", "c", "o"), "GRU": ("r", "z", "h"), "RNN": ("h",)}
_ENTRY = "weights.npz"


def weights_of(module: Any) -> Mapping[str, Weight]:
    """Return the float32 entries of the state dict by name, each with its role."""
    import torch

    found: dict[str, Weight] = {}
    behind = dict(_folds(module))
    for path, part in module.named_modules():
        tensors = {**dict(part.named_parameters(recurse=False)), **dict(part.named_buffers(recurse=False))}
        for name, tensor in tensors.items():
            full = f"{path}.{name}" if path else name
            if tensor.dtype == torch.float32 and full not in found:
                fields = _role(part, name, path, tensors)
                if name == "weight" and path in behind:
                    fields.update(behind[path])
                found[full] = Weight(
                    name=full, array=tensor.detach().cpu().numpy().copy(), node=path, layer=path or type(part).__name__, **fields
                )
    return found


def _role(part: Any, name: str, path: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a module uses one of its tensors for, as the fields of a `Weight`."""
    kind, prefix = type(part).__name__, f"{path}." if path else ""
    if kind in _GATES and name.startswith(("weight_", "bias_")):
        gates = _GATES[kind]
        if name.startswith("weight_"):
            return {"role": "rnn", "gates": gates}
        return {"role": "rnn-bias", "gates": gates, "recurrent": (0, tensors[name].shape[0]) if name.startswith("bias_hh") else (0, 0)}
    if "Norm" in kind:
        return _norm(name, prefix, tensors)
    rank = tensors[name].dim()
    if "Conv" in kind and name == "weight":
        return {"role": "conv", "out": 1 if "Transpose" in kind else 0}
    if "Embedding" in kind:
        return {"role": "positions" if "pos" in path.lower() else "embedding"}
    if "pos" in name.lower() and rank >= 2:
        return {"role": "positions"}
    if "bias" in name:
        return {"role": "bias"}
    return {"role": "linear" if rank == 2 and ("Linear" in kind or guess_role(name, rank) == "weight") else ""}


_NORM = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "variance"}


def _norm(name: str, prefix: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
    role = _NORM.get(name, "")
    partners = {_NORM[other]: prefix + other for other in tensors if other in _NORM and other != name and tensors[other] is not None}
    if role in ("mean", "scale"):
        partners[f"is-{role}"] = prefix + name
    return {"role": role, "partners": partners}


def _folds(module: Any) -> Any:
    """Yield the path of each convolution that a batch normalisation of as many channels follows, with the fields for folding."""
    last: Any = None
    for path, part in module.named_modules():
        kind = type(part).__name__
        stored_norm = "BatchNorm" in kind and part.affine and part.running_var is not None
        if last is not None and stored_norm and part.num_features == last[1].out_channels:
            partners = {"bn-scale": f"{path}.weight", "bn-variance": f"{path}.running_var"}
            if last[1].bias is not None:
                partners["conv-bias"] = f"{last[0]}.bias"
            yield last[0], {"partners": partners, "eps": part.eps}
        if not list(part.children()):
            last = (path, part) if "Conv" in kind and "Transpose" not in kind else None


def stored(module: Any, changed: Mapping[str, Any]) -> Any:
    """Return a copy of the module that holds the changed tensors."""
    import torch

    twin = copy.deepcopy(module)
    tensors = {**dict(twin.named_parameters()), **dict(twin.named_buffers())}
    with torch.no_grad():
        for name, array in changed.items():
            tensors[name].copy_(torch.from_numpy(np.array(array)))
    return twin


OPERATORS = table(tuple(operators(weights_of, stored)))


class TorchMutate:
    """Operators on the weights of a module."""

    name = "torch.mutate"
    sources = ("torch.module",)
    target = "torch.module"
    toolchain = "torch"
    distributions = ("torch", "numpy")
    rebuilds = True
    options = (
        Option(name="operator", default="", help="the fault to plant; harness.faults.weights.FAULTS lists them"),
        Option(name="site", default=0, help="which of the tensors where it applies, from 0"),
        Option(name="seed", default=0, help="for faults that draw an element or a channel"),
    )

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write the changed tensors. Raises `Unsupported` for a module that another converter made: it cannot be built again."""
        if not options["operator"]:
            raise UsageError("torch.mutate needs the fault to plant: torch.mutate[operator=bias-shifted,site=0]")
        if source.artifact.maker:
            raise Unsupported(f"torch.mutate changes the case's own module, not one that {source.artifact.maker} made; let it come first")
        module = source.model.module
        chosen = find(OPERATORS, options["operator"])
        site = chosen.site(module, options["site"])
        before, after = weights_of(module), weights_of(chosen.change(module, site, options["seed"]))
        changed = {name: after[name].array for name in before if before[name].array.tobytes() != after[name].array.tobytes()}
        with open(os.path.join(dest, _ENTRY), "wb") as stream:
            np.savez(stream, **changed)
        said = f"planted {options['operator']} at site {options['site']} of {len(chosen.sites(module))}: {site}"
        return Converted(entry=_ENTRY, messages=(said,))

    def restore(self, entry: str, model: Any) -> Built:
        """Return a copy of the case's own ``model`` that holds the changed tensors."""
        with np.load(entry, allow_pickle=False) as held:
            changed = {name: held[name] for name in held.files}
        return Built(stored(model.module, changed), model.inputs, model.outputs)


ADAPTERS = (TorchMutate(),)
