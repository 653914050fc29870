"""TensorFlow Lite files, from a live Keras model or from a SavedModel."""

from __future__ import annotations

import os
import re
from typing import Any, Mapping

from harness.converters._keras_signature import SIGNATURE, dynamic_option, holder, serving_function
from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source

_SELECT = Option(name="select_tf_ops", default=False, help="fall back to TensorFlow kernels where TFLite has none")
_FLOAT16 = Option(name="float16", default=False, help="store the weights in float16")
_REFUSALS = re.compile(
    r"'[\w.]+' op (?:is neither a custom op nor a flex op|requires element_shape to be static)|failed to legalize operation '[\w.]+'"
)


class _TfLite:
    target = "tflite"
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras")

    def _write(self, converter: Any, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert; the signature keeps the names."""
        import tensorflow as tf

        if options["select_tf_ops"]:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        if options["float16"]:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        try:
            content = converter.convert()
        except Exception as error:
            found = _REFUSALS.search(str(error))
            if found:
                raise Unsupported(f"the TFLite converter refuses: {found[0]}") from error
            raise
        with open(os.path.join(dest, "model.tflite"), "wb") as stream:
            stream.write(content)
        return Converted(entry="model.tflite")


class FromKeras(_TfLite):
    """``TFLiteConverter.from_concrete_functions``."""

    name = "tflite.keras"
    sources = ("keras.model",)
    options = (dynamic_option(), _SELECT, _FLOAT16)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert the model's function; names are kept."""
        import tensorflow as tf

        function = serving_function(source, options["dynamic"])
        module = holder(function)
        return self._write(tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module), dest, options)


class FromSavedModel(_TfLite):
    """``TFLiteConverter.from_saved_model``."""

    name = "tflite.savedmodel"
    sources = ("tf.savedmodel",)
    options = (_SELECT, _FLOAT16)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert the serving signature; names are kept."""
        import tensorflow as tf

        return self._write(tf.lite.TFLiteConverter.from_saved_model(source.artifact.entry, signature_keys=[SIGNATURE]), dest, options)


ADAPTERS = (FromKeras(), FromSavedModel())
