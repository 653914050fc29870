"""Keras models and tf.Modules to a SavedModel whose serving signature has the canonical names."""

from __future__ import annotations

from typing import Any, Mapping

from harness.converters._keras_signature import SIGNATURE, dynamic_option, holder, serving_function
from harness.core.protocols import Converted, Source


class ToSavedModel:
    """``tf.saved_model.save`` of an explicit function."""

    name = "savedmodel.keras"
    sources = ("keras.model",)
    target = "tf.savedmodel"
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras")
    options = (dynamic_option(),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write the folder; names are kept."""
        import tensorflow as tf

        function = serving_function(source, options["dynamic"])
        tf.saved_model.save(holder(function), dest, signatures={SIGNATURE: function.get_concrete_function()})
        return Converted(entry="")


ADAPTERS = (ToSavedModel(),)
