"""What the PyTorch adapters share: the live module with its names, and tensors to arrays and back."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Mapping

import numpy as np

from harness.core.errors import UsageError
from harness.core.outputs import flatten


class Built:
    """A live module with what is needed to call it: its input names in order and its output names."""

    def __init__(self, module: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self.module = module
        self.inputs = inputs
        self.outputs = outputs
        self.captured: dict[tuple[str, int], Any] = {}
        self.functions: dict[tuple[str, int], Any] = {}
        parameters = _parameters(module)
        # transformers models take more optional inputs than a case declares, in another order.
        # Exported programs take their inputs in the order and form they were exported with.
        self.by_name = all(name in parameters for name in inputs) and not hasattr(module, "parity_signature")
        self.in_order = parameters[: len(inputs)] == tuple(inputs)

    def call(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Return the output tensors by name."""
        if self.by_name:
            return flatten(self.module(**{name: tensors[name] for name in self.inputs}), self.outputs)
        return flatten(self.module(*[tensors[name] for name in self.inputs]), self.outputs)


def _parameters(module: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(module.forward).parameters)
    except ValueError:  # a TorchScript method
        return ()


def flat_module(built: Built) -> Any:
    """Return a module that takes the inputs positionally and returns a tuple of tensors, for exporters."""
    import torch

    if isinstance(built.module, torch.jit.ScriptModule):
        return built.module  # exporters take it as it is, and cannot trace around it

    class Flat(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.module = built.module

        def forward(self, *tensors: Any) -> Any:
            given = dict(zip(built.inputs, tensors))
            outputs = tuple(built.call(given).values())
            return outputs if len(outputs) > 1 else outputs[0]

    flat = Flat()
    flat.training = False  # what it holds is in inference mode already, and may refuse to be told so
    return flat


def joined(models: Mapping[str, Built]) -> Any:
    """Return a module that takes the inputs of all models one after the other, and returns the outputs of each by its name."""
    import torch

    class Joined(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList([built.module for built in models.values()])

        def forward(self, *tensors: Any) -> Any:
            rest = iter(tensors)
            return {name: built.call({port: next(rest) for port in built.inputs}) for name, built in models.items()}

    return Joined()


def tensors_of(feeds: Mapping[str, Any], device: str = "cpu") -> dict[str, Any]:
    """Return the feeds as tensors that own their data."""
    import torch

    return {name: torch.from_numpy(np.array(array)).to(device) for name, array in feeds.items()}


def arrays_of(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return output tensors as arrays that own their data."""
    import torch

    return {name: torch.as_tensor(tensor).detach().cpu().numpy().copy() for name, tensor in outputs.items()}


def prepared(model: Any, tensors: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
    """Return the call of ``model`` on tensors and nothing else, and what makes arrays of its outputs."""
    import torch

    call = model.call

    def once() -> Any:
        with torch.no_grad():
            return call(tensors)

    return once, arrays_of


def inference_mode(module: Any) -> Any:
    """Return the module without dropout and gradients. Exported programs are in that state and refuse the calls."""
    import torch

    if hasattr(module, "parity_signature"):
        return module
    module.eval()
    return module if isinstance(module, torch.jit.ScriptModule) else module.requires_grad_(False)


def program(path: str) -> Any:
    """Return the module of a TorchScript file or of a ``.pt2`` program, with its signature where it has one."""
    import torch

    if not path.endswith(".pt2"):
        try:
            return torch.jit.load(path, map_location="cpu")
        except RuntimeError as error:
            raise UsageError(
                f"{path} is no TorchScript file (pickled models are never loaded: they can run anything); "
                "save it with torch.jit.save or torch.export.save, or give file.py:name"
            ) from error
    exported = torch.export.load(path)
    wanted = exported.graph_signature.user_inputs
    nodes = {node.name: node.meta["val"] for node in exported.graph.nodes if node.op == "placeholder"}
    module = exported.module()
    module.parity_signature = [
        [name, str(nodes[name].dtype).replace("torch.", ""), [n if isinstance(n, int) else str(n) for n in nodes[name].shape]]
        for name in wanted
    ]
    module.parity_lengths = _lengths(exported.range_constraints)
    return module


def _lengths(constraints: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the range of each symbol, None for no upper end, and a relation for each end of an expression."""
    ranges: dict[str, list[int | None]] = {}
    relations = []
    for expression, limits in constraints.items():
        ends = [int(end) if end.is_finite and abs(end) < 2**31 else None for end in (limits.lower, limits.upper)]
        if expression.is_Symbol:
            ranges[str(expression)] = [ends[0] or 0, ends[1]]
        else:
            relations += [f"{expression} {compare} {end}" for compare, end in zip((">=", "<="), ends) if end is not None]
    return {"ranges": ranges, "relations": relations}
