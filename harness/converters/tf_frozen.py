"""SavedModel to a frozen graph, the one form of TensorFlow models that ATC reads: variables are constants, control flow is version 1."""

from __future__ import annotations

from typing import Any, Mapping

from harness.core.protocols import Converted, Option, Source


class Frozen:
    """``convert_variables_to_constants_v2`` of the serving signature."""

    name = "frozen.tf"
    sources = ("tf.savedmodel",)
    target = "tf.frozen"
    toolchain = "tensorflow"
    distributions = ("tensorflow",)
    options: tuple[Option, ...] = ()

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write ``model.pb``; the tensors of the signature keep track of their names."""
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        loaded = tf.saved_model.load(source.artifact.entry)  # variables live as long as this does
        signatures = loaded.signatures
        signature = signatures["serving_default"] if "serving_default" in signatures else next(iter(signatures.values()))
        frozen = convert_variables_to_constants_v2(signature, lower_control_flow=True)
        graph = frozen.graph.as_graph_def()
        for node in graph.node:
            # Where a SavedModel was made says nothing about where it is compiled.
            node.device = ""
        tf.io.write_graph(graph, dest, "model.pb", as_text=False)
        # Inputs of a frozen function are called like the arguments; outputs are in the order of the sorted names.
        named = {tensor.name.rpartition(":")[0]: tensor.name for tensor in frozen.inputs}
        outputs = dict(zip(sorted(signature.structured_outputs), (tensor.name for tensor in frozen.outputs)))
        artifact = source.artifact
        return Converted(
            entry="model.pb",
            inputs={port.name: _found(port.native, named) for port in artifact.inputs},
            outputs={port.name: _found(port.native, outputs) for port in artifact.outputs},
        )


def _found(name: str, names: Mapping[str, str]) -> str:
    if name not in names:
        raise RuntimeError(f"the frozen graph has no {name}; it has {', '.join(names)}")
    return names[name]


ADAPTERS = (Frozen(),)
