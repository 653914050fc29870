"""LiteRT: the interpreter of TFLite files."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from harness.core.protocols import Option, Source


class LiteRtSession:
    """One interpreter and its signature."""

    def __init__(self, path: str, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter: Any = Interpreter(model_path=path, num_threads=threads or None)
        self._runner: Any = self._interpreter.get_signature_runner("serving_default")
        self.provenance = {"device": "cpu", "provider": "builtin kernels, XNNPACK by default", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name in the signature; the runner resizes its inputs."""
        return {name: np.array(array) for name, array in self._runner(**feeds).items()}

    def close(self) -> None:
        """Let the interpreter go."""
        self._runner = self._interpreter = None


class LiteRt:
    """LiteRT on the processor."""

    name = "litert"
    accepts = ("tflite",)
    toolchain = "litert"
    distributions = ("ai-edge-litert",)
    devices = ("cpu",)
    options = (Option(name="threads", default=0, help="threads; 0 leaves it to LiteRT"),)

    def probe(self, device: str) -> None:
        """The processor is always there."""

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> LiteRtSession:
        """Open the file."""
        return LiteRtSession(source.artifact.entry, options["threads"])


ADAPTERS = (LiteRt(),)
