"""The ONNX reference evaluator as a runtime: slow, and written straight from the specification."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from harness.core.protocols import Source
from harness.frameworks._onnx_evaluator import refusal


class ReferenceSession:
    """A graph in the evaluator."""

    def __init__(self, evaluator: Any) -> None:
        self._evaluator: Any = evaluator
        self.provenance = {"device": "cpu", "provider": "onnx.reference", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Evaluate the graph node by node."""
        try:
            outputs = self._evaluator.run(None, dict(feeds))
        except Exception as error:
            raise refusal(error) or error
        return {name: np.array(array) for name, array in zip(self._evaluator.output_names, outputs)}

    def close(self) -> None:
        """Drop the evaluator."""
        self._evaluator = None


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
        """Read the file with its external data."""
        import onnx
        from onnx.reference import ReferenceEvaluator

        try:
            return ReferenceSession(ReferenceEvaluator(onnx.load(source.artifact.entry)))
        except Exception as error:
            raise refusal(error) or error


ADAPTERS = (OnnxReference(),)
