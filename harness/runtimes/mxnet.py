"""MXNet: the block itself, and exported symbols."""

from __future__ import annotations

import os
from typing import Any, Mapping

import numpy as np

from harness.core.protocols import Option, Source


class EagerSession:
    """The live block."""

    def __init__(self, model: Any) -> None:
        import mxnet as mx

        self._model: Any = model
        self.provenance = {"device": "cpu", "provider": f"mxnet {mx.__version__}", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name."""
        outputs: dict[str, Any] = self._model.call(feeds)
        return outputs

    def close(self) -> None:
        """Let the block go."""
        self._model = None


class SymbolSession:
    """A symbol bound anew to each shape."""

    def __init__(self, source: Source) -> None:
        import mxnet as mx

        folder = os.path.dirname(source.artifact.entry)
        self._symbol: Any = mx.sym.load(source.artifact.entry)
        stored = mx.nd.load(os.path.join(folder, "model-0000.params"))
        self._parameters: Any = stored if isinstance(stored, dict) else {}  # a file without parameters gives a list
        self.provenance = {"device": "cpu", "provider": f"mxnet {mx.__version__} symbol", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name in the symbol."""
        import mxnet as mx

        arguments = {name: mx.nd.array(np.array(array), dtype=array.dtype) for name, array in feeds.items()}
        states: dict[str, Any] = {}
        for name, array in self._parameters.items():
            kind, _, plain = name.partition(":")
            (arguments if kind == "arg" else states)[plain] = array
        executor = self._symbol.bind(mx.cpu(), arguments, aux_states=states, grad_req="null")
        results = executor.forward(is_train=False)
        return {name: array.asnumpy().copy() for name, array in zip(self._symbol.list_outputs(), results)}

    def close(self) -> None:
        """Let symbol and parameters go."""
        self._symbol = self._parameters = None


class _MxNet:
    toolchain = "mxnet"
    distributions = ("mxnet", "numpy")
    devices = ("cpu",)
    options: tuple[Option, ...] = ()

    def probe(self, device: str) -> None:
        """The processor is always there."""


class Eager(_MxNet):
    """Gluon, imperatively."""

    name = "mxnet"
    accepts = ("mxnet.block",)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> EagerSession:
        """Use the live block."""
        return EagerSession(source.model)


class Symbols(_MxNet):
    """Exported symbols."""

    name = "mxnet.symbol"
    accepts = ("mxnet.symbol",)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> SymbolSession:
        """Open symbol and parameters."""
        return SymbolSession(source)


ADAPTERS = (Eager(), Symbols())
