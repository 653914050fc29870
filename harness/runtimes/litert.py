"""LiteRT: the interpreter of TFLite files."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.core.protocols import Option, Source
from harness.runtimes import _litert_probe


class LiteRtSession:
    """One interpreter and its signature."""

    def __init__(self, path: str, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._path = path
        self._threads = threads
        self._interpreter: Any = Interpreter(model_path=path, num_threads=threads or None)
        self._runner: Any = self._interpreter.get_signature_runner("serving_default")
        self.provenance = {"device": "cpu", "provider": "builtin kernels, XNNPACK by default", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name in the signature; the runner resizes its inputs."""
        return {name: np.array(array) for name, array in self._runner(**feeds).items()}

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return ``invoke`` with the inputs set, and what copies the outputs out.

        An interpreter of its own each time, since the signature of the other one holds its buffers.
        """
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=self._path, num_threads=self._threads or None)
        signature = interpreter.get_signature_runner("serving_default")
        inputs, outputs = signature.get_input_details(), signature.get_output_details()
        del signature  # while it lives, the interpreter refuses to be resized
        for name, array in feeds.items():
            interpreter.resize_tensor_input(inputs[name]["index"], array.shape)
        interpreter.allocate_tensors()
        for name, array in feeds.items():
            interpreter.set_tensor(inputs[name]["index"], array)
        return interpreter.invoke, lambda _: {name: interpreter.get_tensor(detail["index"]) for name, detail in outputs.items()}

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the graph in execution order."""
        return _litert_probe.names(_litert_probe.opened(self._path, feeds)[0])

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run the plain kernels with every tensor kept: XNNPACK computes nothing between the ends of its parts."""
        return _litert_probe.tensors(self._path, feeds, names)

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
