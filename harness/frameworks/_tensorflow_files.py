"""Keras files and SavedModel folders as source models, and what a TensorFlow model says of its inputs."""

from __future__ import annotations

import os
from typing import Any

from harness.core.errors import UsageError


def from_file(path: str) -> Any:
    """Return the model of a Keras file, or the serving signature of a SavedModel as a module."""
    import keras
    import tensorflow as tf

    if not os.path.isdir(path):
        try:
            model = keras.models.load_model(path, compile=False, safe_mode=True)
            return model if keras.config.floatx() == "float32" else _widened(model)
        except (ValueError, OSError) as error:
            raise UsageError(f"{path} cannot be opened as a Keras model: {str(error).strip().splitlines()[0]}") from error
    loaded = tf.saved_model.load(path)
    signatures = dict(loaded.signatures)
    if not signatures:
        raise UsageError(f"{path} has no signature to call; save it with signatures={{'serving_default': ...}}")
    signature = signatures.get("serving_default") or next(iter(signatures.values()))
    specs = dict(sorted(signature.structured_input_signature[1].items()))  # the file keeps no order of its own

    class Served(tf.Module):  # type: ignore[misc]
        """The signature, called with its inputs in order."""

        def __init__(self) -> None:
            super().__init__()
            self.loaded = loaded
            self.parity_signature = [[name, spec.dtype.name, list(spec.shape)] for name, spec in specs.items()]

        def __call__(self, *tensors: Any) -> Any:
            return signature(**dict(zip(specs, tensors)))

    return Served()


def _widened(model: Any) -> Any:
    """Return the model with float64 where its file says float32, with the same weights."""

    def wide(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: wide(part) for key, part in item.items()}
        if isinstance(item, (list, tuple)):
            return [wide(part) for part in item]
        return "float64" if item == "float32" else item

    twin = type(model).from_config(wide(model.get_config()))
    twin.set_weights([weight.astype("float64") if weight.dtype == "float32" else weight for weight in model.get_weights()])
    return twin


def signature_of(model: Any) -> list[list[Any]] | None:
    """Return name, dtype and shape of each input; None for a model that does not know them before it is called."""
    known: list[list[Any]] | None = getattr(model, "parity_signature", None)
    inputs = getattr(model, "inputs", None)
    if known is None and inputs:
        import keras

        leaves = inputs if not hasattr(model, "input") else keras.tree.flatten(model.input)
        known = [[leaf.name, leaf.dtype, list(leaf.shape)] for leaf in leaves]
    return known
