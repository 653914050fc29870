"""The explicit function behind every Keras conversion: canonical names in, canonical names out."""

from __future__ import annotations

from typing import Any, Mapping

from harness.core.protocols import Source


def function_of(source: Source, options: Mapping[str, Any]) -> tuple[Any, list[Any]]:
    """Return a tf.function that takes the inputs by canonical name and returns a dict of outputs, and its signature."""
    import tensorflow as tf

    built = source.model
    specs = []
    for port in source.artifact.inputs:
        array = source.feeds[port.name]
        axes = source.dynamic.get(port.name, {}) if options.get("dynamic", True) else {}
        shape = [None if axis in axes else length for axis, length in enumerate(array.shape)]
        specs.append(tf.TensorSpec(shape, array.dtype.name, name=port.name))
    names = [port.name for port in source.artifact.outputs]

    def call(*tensors: Any) -> dict[str, Any]:
        given = {port.name: tensor for port, tensor in zip(source.artifact.inputs, tensors)}
        # Identity gives each output its own name, also where the model returns one tensor twice.
        return {name: tf.identity(tensor, name=name) for name, tensor in zip(names, built.call(given).values())}

    return tf.function(call, input_signature=specs, autograph=False), specs
