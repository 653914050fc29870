"""Keras to SavedModel, ONNX (tf2onnx) and TFLite, all from one explicit function with canonical names."""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.converters._keras import function_of
from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source

_DYNAMIC = Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes")


class SavedModel:
    """``tf.saved_model.save`` with one serving signature."""

    name = "savedmodel.keras"
    sources = ("keras.model",)
    target = "tf.savedmodel"
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras")
    options = (_DYNAMIC,)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Save the model's function."""
        import tensorflow as tf

        function, _ = function_of(source, options)
        module = tf.Module()
        module.model = source.model.model  # keeps the variables alive and saved
        tf.saved_model.save(module, os.path.join(dest, "saved"), signatures={"serving_default": function})
        return Converted(entry="saved")


class Tf2Onnx:
    """tf2onnx on the model's function."""

    name = "onnx.tf2onnx"
    sources = ("keras.model",)
    target = "onnx"
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras", "tf2onnx", "onnx")
    options = (Option(name="opset", default=17, help="ONNX operator set"), _DYNAMIC)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert and map the names found in the file."""
        import tf2onnx

        function, specs = function_of(source, options)
        path = os.path.join(dest, "model.onnx")
        try:
            proto, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=options["opset"], output_path=path)
        except Exception as error:
            if "are not supported" in str(error):
                raise Unsupported(f"tf2onnx refuses: {str(error).splitlines()[0]}") from error
            raise
        return Converted(
            entry="model.onnx",
            inputs=_native(source.artifact.inputs, [value.name for value in proto.graph.input]),
            outputs=_native(source.artifact.outputs, [value.name for value in proto.graph.output]),
        )


def _native(ports: Any, natives: list[str]) -> dict[str, str]:
    """Return canonical -> native; tf2onnx may append ``:0`` to a name."""
    found = {native.split(":")[0]: native for native in natives}
    return {port.name: found[port.name] for port in ports if port.name in found}


class TfLite:
    """The TFLite converter on the model's function."""

    name = "tflite.keras"
    sources = ("keras.model",)
    target = "tflite"
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras")
    options = (_DYNAMIC, Option(name="select_tf_ops", default=False, help="fall back to TensorFlow kernels"))

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Freeze the weights and convert; a signature keeps the names.

        Left as variables, the weights are never initialised in LiteRT, which then reads whatever lies there.
        """
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        function, specs = function_of(source, options)
        frozen = convert_variables_to_constants_v2(function.get_concrete_function())
        # TensorFlow flattens a dictionary of outputs in the order of its sorted keys.
        names = sorted(port.name for port in source.artifact.outputs)

        def call(*tensors: Any) -> dict[str, Any]:
            return {name: tf.identity(tensor, name=name) for name, tensor in zip(names, tf.nest.flatten(frozen(*tensors)))}

        module = tf.Module()
        module.call = tf.function(call, input_signature=specs, autograph=False)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([module.call.get_concrete_function()], module)
        if options["select_tf_ops"]:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        try:
            content = converter.convert()
        except Exception as error:
            if "neither a custom op nor a flex op" in str(error) or "NEEDS_FLEX_OPS" in str(error) or "failed to legalize" in str(error):
                raise Unsupported(f"the TFLite converter refuses: {str(error).strip().splitlines()[0]}") from error
            raise
        with open(os.path.join(dest, "model.tflite"), "wb") as stream:
            stream.write(content)
        return Converted(entry="model.tflite")


ADAPTERS = (SavedModel(), Tf2Onnx(), TfLite())
