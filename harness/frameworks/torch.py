"""PyTorch as a source: builds a module, runs it eagerly, and its float64 twin."""

from __future__ import annotations

import functools
import random
from typing import Any, Mapping, Sequence

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.outputs import is_instance, weighed
from harness.core.weights import Inner, Move, fill
from harness.frameworks import _torch_eighth, _torch_trace, _torch_walk
from harness.frameworks._calls import bound_by
from harness.frameworks._torch import Built, arrays_of, inference_mode, joined, prepared, program, tensors_of
from harness.frameworks._torch_twin import twins


def _role(module: Any, name: str) -> str:
    kind = type(module).__name__
    if name == "running_mean":
        return "mean"
    if name == "running_var":
        return "variance"
    if "Embedding" in kind:
        return "embedding"
    if "Norm" in kind and name == "weight":
        return "scale"
    return "bias" if "bias" in name else "weight"


def _refill(model: Any, seed: int) -> None:
    import torch

    for path, module in model.named_modules():
        members = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in members:
            if not tensor.is_floating_point() or (
                name not in ("running_mean", "running_var") and not isinstance(tensor, torch.nn.Parameter)
            ):
                continue
            values = fill(f"{path}.{name}", tuple(tensor.shape), seed, _role(module, name))
            tensor.data.copy_(torch.from_numpy(np.asarray(values)))
            if name == "weight" and getattr(module, "padding_idx", None) is not None:
                tensor.data[module.padding_idx].zero_()


KEPT = 2**28
"""Most bytes of float64 copies of a model, each, that are kept for its next inputs."""


class Torch:
    """PyTorch modules."""

    name = "torch"
    toolchain = "torch"
    format = "torch.module"
    distributions = ("torch",)
    _twins: tuple[Any, dict[Any, Any]] = (None, {})
    files = (".pt2", ".pt", ".pth", ".ts")

    def claims(self, path: str) -> bool:
        """Return whether this may be a TorchScript file or an exported program by its name."""
        return path.endswith(self.files)

    def open(self, path: str) -> Any:
        """Return the module. Raises `UsageError` for a pickle: it could run anything."""
        return program(path)

    def owns(self, model: Any) -> bool:
        """Return whether this is a module."""
        return is_instance(model, "torch", "nn.Module")

    def signature(self, model: Any) -> list[list[Any]] | None:
        """Return name, dtype and shape of each input where the program says them."""
        return getattr(model, "parity_signature", None)

    def lengths(self, model: Any) -> dict[str, Any]:
        """Return what a program says of its symbolic lengths: ``ranges`` by symbol, and ``relations`` between them."""
        known: dict[str, Any] = getattr(model, "parity_lengths", {})
        return known

    def build(self, case: Case) -> Built:
        """Return the module in inference mode, with its call signature."""
        import torch

        random.seed(case.seed)
        np.random.seed(case.seed % 2**32)  # noqa: NPY002 (builders may draw from the global generator)
        torch.manual_seed(case.seed)
        torch.set_float32_matmul_precision("highest")
        builder = case.build[self.name]
        assert builder is not None
        model = builder()
        if not isinstance(model, torch.nn.Module):
            raise UsageError(f"case {case.id!r}: the torch builder returned {type(model).__name__}, expected a torch.nn.Module")
        model = inference_mode(model)
        if case.weights == "random":
            with torch.no_grad():
                _refill(model, case.seed)
        return Built(model, tuple(spec.name for spec in case.specs(self.name)), case.outputs)

    def join(self, models: Mapping[str, Built]) -> Built:
        """Return one module of several: inputs and outputs of each have its name and a dot before their own."""
        inputs = tuple(f"{name}.{port}" for name, model in models.items() for port in model.inputs)
        return Built(inference_mode(joined(models)), inputs, ())

    def run(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the eager outputs."""
        import torch

        with torch.no_grad():
            return arrays_of(model.call(tensors_of(feeds)))

    def otherwise(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the eager outputs with another number of threads, images and volumes laid out with their channels last."""
        import torch

        last = {4: torch.channels_last, 5: torch.channels_last_3d}
        threads = torch.get_num_threads()
        torch.set_num_threads(1 if threads > 1 else 2)
        try:
            with torch.no_grad():
                tensors = {
                    name: tensor.contiguous(memory_format=last.get(tensor.dim(), torch.contiguous_format))
                    for name, tensor in tensors_of(feeds).items()
                }
                return arrays_of(model.call(tensors))
        finally:
            torch.set_num_threads(threads)

    def prepared(self, model: Built, feeds: Mapping[str, Any]) -> Any:
        """Return the eager call on tensors, and what makes arrays of its outputs."""
        return prepared(model, tensors_of(feeds))

    def gradient(self, model: Built, feeds: Mapping[str, Any], cotangent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the derivative of the weighted outputs with respect to each real input."""
        import torch

        with torch.enable_grad():
            leaves = {name: tensor.requires_grad_() for name, tensor in tensors_of(feeds).items() if tensor.is_floating_point()}
            # A model may write into its inputs, which a leaf forbids; a copy of it does not.
            outputs = model.call({**tensors_of(feeds), **{name: leaf.clone() for name, leaf in leaves.items()}})
            pairs = [(y, w) for y, w in weighed(outputs, cotangent) if getattr(y, "requires_grad", False)]
            if pairs and leaves:
                weights = [torch.from_numpy(np.asarray(w)).to(y) for y, w in pairs]
                found = torch.autograd.grad([y for y, _ in pairs], list(leaves.values()), weights, allow_unused=True)
            else:
                found = (None,) * len(leaves)
        return arrays_of({name: torch.zeros_like(x) if g is None else g for (name, x), g in zip(leaves.items(), found)})

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        """Return the outputs of a float64 copy; the last few copies of a small model are kept for its next inputs."""
        wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
        if self._twins[0] is not model:
            self._twins = (model, {})
        kept = self._twins[1]
        key = (getattr(move, "func", move), *sorted(getattr(move, "keywords", {}).items()))
        failed: Exception | None = None
        for twin in [kept[key]] if key in kept else twins(model.module, move):
            try:
                outputs = self.run(Built(twin, model.inputs, model.outputs), wide)
            except Exception as error:
                failed = error
                continue
            if sum(tensor.nbytes for tensor in twin.parameters()) <= KEPT and isinstance(move, (type(None), functools.partial)):
                kept[key] = twin
            return outputs
        assert failed is not None
        raise failed

    def emulate(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move, inner: Inner) -> dict[str, Any]:
        """Return the outputs of a float64 copy whose operators pass on rounded tensors."""
        wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
        failed: Exception | None = None
        for twin in twins(model.module, move):
            try:
                with _torch_eighth.rounding(twin, inner):
                    return self.run(Built(twin, model.inputs, model.outputs), wide)
            except Exception as error:
                failed = error
        assert failed is not None
        raise failed

    def trace(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every call of a sub-module, by forward hooks."""
        return _torch_trace.trace(model, feeds, wanted)

    def replay(self, model: Built, path: str, call: int, inputs: Sequence[Any], double: bool = False) -> list[Any]:
        """Run one sub-module alone."""
        return _torch_trace.replay(model, path, call, inputs, double)

    def walk(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every call of a sub-module, and of a function between sub-modules."""
        return _torch_walk.walk(model, feeds, wanted)

    def bound(self, model: Built, place: Any, others: Mapping[Any, Any], shapes: Sequence[Any], elsewhere: Sequence[Any]) -> Any:
        """Return which numbers among the arguments of a call follow the shapes of its inputs, None where that is not known."""
        return bound_by(model.captured[place], others[place], shapes, elsewhere) if place in others else None

    def sub(self, model: Built, path: str, call: int, bound: Sequence[Sequence[int]], specs: Sequence[Any]) -> Any:
        """Return a module that makes one call alone."""
        return _torch_walk.sub(model, path, call, bound)

    def parameters(self, model: Built, path: str) -> dict[str, Any]:
        """Return weights and running statistics of one sub-module."""
        module = dict(model.module.named_modules())[path]
        return arrays_of({**dict(module.named_parameters()), **dict(module.named_buffers())})


ADAPTERS = (Torch(),)
