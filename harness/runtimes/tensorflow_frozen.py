"""Frozen TensorFlow graphs on the processor: what ATC reads, executed before it is compiled."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from harness.core.protocols import Option, Source


class FrozenSession:
    """A graph pruned to the inputs and outputs of the artifact."""

    def __init__(self, call: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], provider: str) -> None:
        self._call = call
        self._inputs = inputs
        self._outputs = outputs
        self.provenance = {"device": "cpu", "provider": provider, "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by the names of their tensors."""
        import tensorflow as tf

        found = self._call(*[tf.constant(feeds[name]) for name in self._inputs])
        return {name: np.array(tensor.numpy()) for name, tensor in zip(self._outputs, found)}

    def close(self) -> None:
        """Let the graph go."""
        self._call = None


class Frozen:
    """``tf.graph_util.import_graph_def`` in a wrapped function."""

    name = "tf.frozen"
    accepts = ("tf.frozen",)
    toolchain = "tensorflow"
    distributions = ("tensorflow", "numpy")
    devices = ("cpu",)
    options: tuple[Option, ...] = ()

    def probe(self, device: str) -> None:
        """There is always a processor."""

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> FrozenSession:
        """Read the graph."""
        import tensorflow as tf

        graph = tf.compat.v1.GraphDef()
        with open(source.artifact.entry, "rb") as stream:
            graph.ParseFromString(stream.read())
        inputs = tuple(port.native for port in source.artifact.inputs)
        outputs = tuple(dict.fromkeys(port.native for port in source.artifact.outputs))
        with tf.device("/CPU:0"):
            wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
            found = wrapped.graph.as_graph_element
            call = wrapped.prune([found(name) for name in inputs], [found(name) for name in outputs])
        return FrozenSession(call, inputs, outputs, f"tensorflow {tf.__version__} frozen graph")


ADAPTERS = (Frozen(),)
