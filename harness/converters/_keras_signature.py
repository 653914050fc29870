"""The one function that every converter from Keras starts from: canonical names in, canonical names out."""

from __future__ import annotations

from typing import Any

from harness.core.protocols import Option, Source

SIGNATURE = "serving_default"


def specs_of(source: Source, dynamic: bool) -> dict[str, Any]:
    """Return a TensorSpec for each input, by canonical name; a dynamic axis has no length."""
    import tensorflow as tf

    specs = {}
    for port in source.artifact.inputs:
        array = source.feeds[port.name]
        free = source.dynamic.get(port.name, {}) if dynamic else {}
        shape = [None if axis in free else length for axis, length in enumerate(array.shape)]
        specs[port.name] = tf.TensorSpec(shape, array.dtype, name=port.name)
    return specs


def serving_function(source: Source, dynamic: bool) -> Any:
    """Return a tf.function over the inputs in order that returns a dictionary of the outputs."""
    import tensorflow as tf

    built, specs = source.model, specs_of(source, dynamic)

    def serve(*tensors: Any) -> Any:
        outputs = built.call(dict(zip(specs, tensors)))
        return {name: tf.identity(tensor) for name, tensor in outputs.items()}

    # Keras traces its own models without autograph; a tf.Module may rely on it.
    return tf.function(serve, input_signature=list(specs.values()), autograph=not built.keras)


def holder(function: Any) -> Any:
    """Return a tf.Module that can be saved: the function and the variables it captured.

    It does not hold the Keras model: then TensorFlow Lite would take the variables for mutable ones, keep
    them out of the file and compute with whatever lies in memory.
    """
    import tensorflow as tf

    module = tf.Module()
    module.serve = function
    module.captured = list(function.get_concrete_function().variables)
    return module


def dynamic_option() -> Option:
    """Return the option that every converter from Keras has."""
    return Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes")


def function_of_savedmodel(source: Source, dynamic: bool) -> tuple[Any, list[str]]:
    """Return a tf.function over the serving signature, its outputs by canonical name, and its input names."""
    import tensorflow as tf

    model = tf.saved_model.load(source.artifact.entry)
    signature = model.signatures[SIGNATURE]
    specs = specs_of(source, dynamic)
    natives = {port.name: port.native for port in source.artifact.inputs}
    named = {port.native: port.name for port in source.artifact.outputs}

    def serve(*tensors: Any) -> Any:
        _ = model  # the signature does not keep the variables alive
        found = signature(**{natives[name]: tensor for name, tensor in zip(specs, tensors)})
        return {named.get(name, name): tf.identity(tensor) for name, tensor in found.items()}

    return tf.function(serve, input_signature=list(specs.values()), autograph=False), list(specs)
