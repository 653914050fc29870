"""MindSpore: cells in PyNative mode, and MindIR files."""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy as np

from harness.core.errors import Unavailable
from harness.core.outputs import flatten
from harness.core.protocols import Option, Source


class MindSporeSession:
    """A function from feeds to arrays."""

    def __init__(self, call: Callable[[Mapping[str, Any]], dict[str, Any]], provider: str) -> None:
        self._call: Any = call
        self.provenance = {"device": "cpu", "provider": provider, "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by native name."""
        outputs: dict[str, Any] = self._call(feeds)
        return outputs

    def close(self) -> None:
        """Let the model go."""
        self._call = None


class _MindSpore:
    name: str
    toolchain = "mindspore"
    distributions = ("mindspore", "numpy")
    devices = ("cpu", "ascend", "gpu")
    options: tuple[Option, ...] = ()

    def probe(self, device: str) -> None:
        """Ask MindSpore whether this build has the device."""
        import mindspore

        if device == "cpu":
            return
        name = {"ascend": "Ascend", "gpu": "GPU"}[device]
        try:
            there = mindspore.hal.is_available(name)
        except (AttributeError, RuntimeError, ValueError):
            there = False
        if not there:
            raise Unavailable(f"MindSpore {mindspore.__version__} sees no {name}", f"a {name} build of mindspore, and the device")

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> MindSporeSession:
        """Put the model on the device."""
        import mindspore

        mindspore.set_device({"cpu": "CPU", "ascend": "Ascend", "gpu": "GPU"}[device])
        session = MindSporeSession(self._callable(source), f"mindspore {mindspore.__version__} {self.name}")
        session.provenance["device"] = mindspore.get_context("device_target").lower()
        return session

    def _callable(self, source: Source) -> Any:
        raise NotImplementedError


class Eager(_MindSpore):
    """PyNative mode."""

    name = "mindspore"
    accepts = ("mindspore.cell",)

    def _callable(self, source: Source) -> Any:
        return source.model.call


class MindIr(_MindSpore):
    """MindIR files, as a graph cell."""

    name = "mindir"
    accepts = ("mindir",)

    def _callable(self, source: Source) -> Any:
        import mindspore

        graph = mindspore.nn.GraphCell(mindspore.load(source.artifact.entry))

        def call(feeds: Mapping[str, Any]) -> dict[str, Any]:
            result = graph(*[mindspore.Tensor(np.array(feeds[str(index)])) for index in range(len(feeds))])
            return {str(index): np.array(tensor.asnumpy()) for index, tensor in enumerate(flatten(result).values())}

        return call


ADAPTERS = (Eager(), MindIr())
