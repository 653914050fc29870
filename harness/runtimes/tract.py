"""tract, an inference engine in Rust: small, and written apart from the others."""

from __future__ import annotations

import re
from typing import Any, Mapping

import numpy as np

from harness.core.errors import Unsupported
from harness.core.protocols import Source

_REFUSALS = re.compile(r"not supported|unsupported|unimplemented|not implemented|Failed analyse|Translating node", re.IGNORECASE)


class TractSession:
    """An optimised graph."""

    provenance = {"device": "cpu", "provider": "tract", "precision": "float32"}

    def __init__(self, runnable: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self._runnable, self._inputs, self._outputs = runnable, inputs, outputs

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once."""
        answers = self._runnable.run([np.ascontiguousarray(feeds[name]) for name in self._inputs])
        return {name: np.array(answer.to_numpy()) for name, answer in zip(self._outputs, answers)}

    def close(self) -> None:
        """Drop the graph."""
        self._runnable = None


class Tract:
    """Runs ONNX files."""

    name = "tract"
    accepts = ("onnx",)
    toolchain = "tract"
    distributions = ("tract", "onnx", "numpy")
    devices = ("cpu",)
    options = ()

    def probe(self, device: str) -> None:
        """Import the library, which is all it needs."""
        import tract  # noqa: F401

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> TractSession:
        """Read, analyse and optimise the graph."""
        import onnx
        import tract

        # tract calls an output by the node that computes it, several outputs of one node by one name.
        outputs = tuple(port.name for port in onnx.load(source.artifact.entry, load_external_data=False).graph.output)
        try:
            graph = tract.onnx().load(source.artifact.entry)
            inputs = tuple(graph.input_name(at) for at in range(graph.input_count()))
            return TractSession(graph.into_model().into_runnable(), inputs, outputs)
        except tract.TractError as error:
            said = " ".join(str(error).split())[:400]
            if _REFUSALS.search(str(error)):
                raise Unsupported(f"tract refuses the graph: {said}") from error
            raise RuntimeError(f"tract cannot load the graph: {said}") from error


ADAPTERS = (Tract(),)
