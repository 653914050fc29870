"""The ONNX reference evaluator as a runtime: slow, and written straight from the specification."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from harness.core.external import load
from harness.core.protocols import Source
from harness.frameworks._onnx_evaluator import refusal
from harness.frameworks._onnx_lean import lean
from harness.frameworks._onnx_trace import intermediates, tensor_names


class ReferenceSession:
    """A graph in the evaluator."""

    def __init__(self, evaluator: Any, proto: Any) -> None:
        self._evaluator: Any = evaluator
        self._proto: Any = proto
        self.provenance = {"device": "cpu", "provider": "onnx.reference", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Evaluate the graph node by node."""
        try:
            outputs = self._evaluator.run(None, dict(feeds))
        except Exception as error:
            raise refusal(error) or error
        return {name: np.array(array) for name, array in zip(self._evaluator.output_names, outputs)}

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the graph in execution order."""
        return tensor_names(self._proto)

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return intermediate results of the evaluator itself."""
        return intermediates(self._proto, feeds, names, self._evaluator)

    def close(self) -> None:
        """Drop the evaluator."""
        self._evaluator = self._proto = None


class OnnxReference:
    """Evaluates ONNX files in Python, in the types that the graph declares."""

    name = "onnx.reference"
    accepts = ("onnx",)
    toolchain = "onnx"
    distributions = ("onnx", "numpy")
    devices = ("cpu",)
    options = ()

    def probe(self, device: str) -> None:
        """Import the evaluator, which is all it needs."""
        import onnx.reference  # noqa: F401

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> ReferenceSession:
        """Read the graph; weights beside the file are read when a node needs them."""
        try:
            proto = load(source.artifact.entry)
            return ReferenceSession(lean()(proto), proto)
        except Exception as error:
            raise refusal(error) or error


ADAPTERS = (OnnxReference(),)
