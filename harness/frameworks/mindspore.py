"""MindSpore as a source: builds a cell, runs it in PyNative mode, and its float64 twin."""

from __future__ import annotations

import random
from typing import Any, Mapping, Sequence

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.outputs import flatten, is_instance
from harness.core.weights import Move, fill
from harness.frameworks import _mindspore_walk

_ROLES = {"moving_mean": "mean", "mean": "mean", "moving_variance": "variance", "variance": "variance", "gamma": "scale", "beta": "bias"}


class Built:
    """A live cell with its input names in order and its output names."""

    def __init__(self, cell: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self.cell = cell
        self.inputs = inputs
        self.outputs = outputs
        self.captured: dict[tuple[str, int], Any] = {}
        self.functions: dict[tuple[str, int], Any] = {}

    def call(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name as arrays that own their data."""
        import mindspore

        result = self.cell(*[mindspore.Tensor(np.array(feeds[name])) for name in self.inputs])
        return {name: np.array(tensor.asnumpy()) for name, tensor in flatten(result, self.outputs).items()}


def _role(name: str) -> str:
    last = name.rsplit(".", 1)[-1]
    return _ROLES.get(last) or ("embedding" if "embedding" in last else "bias" if "bias" in last else "weight")


def _refill(cell: Any, seed: int) -> None:
    import mindspore

    for name, parameter in cell.parameters_and_names():
        if "Float" in str(parameter.dtype):
            values = np.asarray(fill(name, tuple(parameter.shape), seed, _role(name)))
            parameter.set_data(mindspore.Tensor(values, parameter.dtype))


class MindSpore:
    """Cells."""

    name = "mindspore"
    toolchain = "mindspore"
    format = "mindspore.cell"
    distributions = ("mindspore", "numpy")

    def owns(self, model: Any) -> bool:
        """Return whether this is a cell."""
        return is_instance(model, "mindspore", "nn.Cell")

    def build(self, case: Case) -> Built:
        """Return the cell in inference mode, on the processor."""
        import mindspore

        random.seed(case.seed)
        np.random.seed(case.seed % 2**32)  # noqa: NPY002 (builders may draw from the global generator)
        mindspore.set_seed(case.seed)
        mindspore.set_context(mode=mindspore.PYNATIVE_MODE)
        mindspore.set_device("CPU")
        # Otherwise the error of one call (a kernel without float64, in the oracle) may be raised by the next one.
        mindspore.runtime.launch_blocking()
        builder = case.build[self.name]
        assert builder is not None
        cell = builder()
        if not isinstance(cell, mindspore.nn.Cell):
            raise UsageError(f"case {case.id!r}: the mindspore builder returned {type(cell).__name__}, expected a mindspore.nn.Cell")
        cell.set_train(False)
        if case.weights == "random":
            _refill(cell, case.seed)
        return Built(cell, tuple(spec.name for spec in case.specs(self.name)), case.outputs)

    def run(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the PyNative outputs."""
        return model.call(feeds)

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        """Return the outputs of a second build whose parameters are float64; not every CPU kernel has that type."""
        import mindspore

        builder = case.build[self.name]
        assert builder is not None
        cell = builder()
        cell.set_train(False)
        for (name, old), (_, new) in zip(model.cell.parameters_and_names(), cell.parameters_and_names()):
            if "Float" in str(old.dtype):
                new.set_dtype(mindspore.float64)
                values = old.asnumpy().astype(np.float64)
                new.set_data(mindspore.Tensor(values if move is None else move(name, values, "float32")))
        wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
        outputs = Built(cell, model.inputs, model.outputs).call(wide)
        short = [name for name, array in outputs.items() if array.dtype.name in ("float32", "float16")]
        if short:
            raise RuntimeError(f"the float64 cell still returns less in {', '.join(short)}")
        return outputs

    def trace(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every call of a cell."""
        return _mindspore_walk.walk(model, feeds, wanted, functions=False)

    def replay(self, model: Built, path: str, call: int, inputs: Sequence[Any], double: bool = False) -> list[Any]:
        """Run one cell alone."""
        return _mindspore_walk.replay(model, path, call, inputs, double)

    def parameters(self, model: Built, path: str) -> dict[str, Any]:
        """Return weights and running statistics of one cell."""
        cell = dict(model.cell.cells_and_names())[path]
        return {name: np.array(parameter.asnumpy()) for name, parameter in cell.parameters_and_names(name_prefix="")}

    def walk(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every call of a cell, and of an operator between cells."""
        return _mindspore_walk.walk(model, feeds, wanted)

    def sub(self, model: Built, path: str, call: int, bound: Sequence[Sequence[int]], specs: Sequence[Any]) -> Any:
        """Return a cell that makes one call alone."""
        return _mindspore_walk.sub(model, path, call)


ADAPTERS = (MindSpore(),)
