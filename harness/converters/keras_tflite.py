"""TensorFlow Lite files, from a live Keras model or from a SavedModel."""

from __future__ import annotations

import os
import re
from typing import Any, Mapping

from harness.converters._calibration import DATA, SAMPLES, feeds_of, wanted
from harness.converters._keras_signature import SIGNATURE, dynamic_option, holder, serving_function
from harness.converters._tflite import kinds_of
from harness.core.errors import Unsupported, UsageError
from harness.core.protocols import Converted, Option, Source

_SELECT = Option(name="select_tf_ops", default=False, help="fall back to TensorFlow kernels where TFLite has none")
_FLOAT16 = Option(name="float16", default=False, help="store the weights in float16")
_QUANTISE = Option(
    name="quantise", default="none", choices=("none", "dynamic", "int8", "float16"),
    help="weights in 8 bits, all tensors in 8 bits by calibration (inputs and outputs stay float), or weights in float16",
)  # fmt: skip
_COARSE = {"none": "", "dynamic": "int8-dynamic", "int8": "int8", "float16": "float16"}
_REFUSALS = re.compile(
    r"'[\w.]+' op (?:is neither a custom op nor a flex op|requires element_shape to be static)|failed to legalize operation '[\w.]+'"
)


class _TfLite:
    name: str
    target = "tflite"
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras")
    files = ("data",)

    def calibrates(self, options: Mapping[str, Any]) -> int:
        """Return how many samples are wanted."""
        return wanted(options) if options["quantise"] == "int8" else 0

    def coarsest(self, options: Mapping[str, Any]) -> str:
        """Return the type that the result computes in."""
        return "float16" if options["float16"] else _COARSE[options["quantise"]]

    def _write(self, converter: Any, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert; the signature keeps the names. Raises `Unsupported` where a quantisation that was asked for changed nothing."""
        import tensorflow as tf

        if options["float16"] and options["quantise"] not in ("none", "float16"):
            raise UsageError(f"{self.name}[float16=true,quantise={options['quantise']}]: ask for one of the two")
        how = "float16" if options["float16"] else options["quantise"]
        builtins = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if options["select_tf_ops"]:
            converter.target_spec.supported_ops = builtins = [*builtins, tf.lite.OpsSet.SELECT_TF_OPS]
        if how != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if how == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if how == "int8":
            given = feeds_of(source, options)
            # The calibrator stays at the shapes that it was first given.
            feeds = [part for part in given if all(array.shape == given[0][name].shape for name, array in part.items())]
            # Operators without a kernel in 8 bits stay in float, and the share says so.
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, *builtins]
            # By name: the file has its inputs in an order of its own.
            names = self.names(source)
            converter.representative_dataset = lambda: ((SIGNATURE, {names[name]: part[name] for name in names}) for part in feeds)
        try:
            content = converter.convert()
        except Exception as error:
            found = _REFUSALS.search(str(error))
            if found:
                raise Unsupported(f"the TFLite converter refuses: {found[0]}") from error
            raise
        with open(os.path.join(dest, "model.tflite"), "wb") as stream:
            stream.write(content)
        return Converted(entry="model.tflite", messages=_said(content, how))

    def names(self, source: Source) -> Mapping[str, str]:
        """Return canonical input name -> its name in the signature that is converted."""
        return {port.name: port.native for port in source.artifact.inputs}


class FromKeras(_TfLite):
    """``TFLiteConverter.from_concrete_functions``."""

    name = "tflite.keras"
    sources = ("keras.model",)
    options = (dynamic_option(), _SELECT, _FLOAT16, _QUANTISE, SAMPLES, DATA)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert the model's function; names are kept."""
        import tensorflow as tf

        function = serving_function(source, options["dynamic"])
        module = holder(function)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)
        return self._write(converter, source, dest, options)


class FromSavedModel(_TfLite):
    """``TFLiteConverter.from_saved_model``."""

    name = "tflite.savedmodel"
    sources = ("tf.savedmodel",)
    options = (_SELECT, _FLOAT16, _QUANTISE, SAMPLES, DATA)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert the serving signature; names are kept."""
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_saved_model(source.artifact.entry, signature_keys=[SIGNATURE])
        return self._write(converter, source, dest, options)


def _said(content: bytes, how: str) -> tuple[str, ...]:
    """Return what a quantisation did, in words. Raises `Unsupported` where it did nothing."""
    if how == "none":
        return ()
    wanted_types = ("float16",) if how == "float16" else ("int8", "int4")
    found = kinds_of(content)
    weights = [kind for kind, stored in found if stored and kind in ("float32", *wanted_types)]
    inner = [kind for kind, stored in found if not stored and kind in ("float32", *wanted_types)]
    made = [sum(kind in wanted_types for kind in kinds) for kinds in (weights, inner)]
    if not any(made):
        small = ", which leaves weights of less than 1,024 numbers as they are" if how == "dynamic" else ""
        raise Unsupported(f"nothing was quantised: the TFLite converter stored no tensor in {wanted_types[0]}{small}")
    rest = f", {made[1]} of {len(inner)} other tensors" if how == "int8" else ""
    return (f"{how} quantisation: {made[0]} of {len(weights)} stored float tensors in {wanted_types[0]}{rest}",)


ADAPTERS = (FromKeras(), FromSavedModel())
