"""Keras to ONNX: tf2onnx, and the exporter of Keras itself."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from harness.converters._keras_signature import dynamic_option, function_of_savedmodel, serving_function, specs_of
from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source

_OPSET = Option(name="opset", default=17, help="ONNX operator set")


class Tf2Onnx:
    """tf2onnx, on the model's function or on the serving signature of a SavedModel."""

    name = "onnx.tf2onnx"
    sources = ("keras.model", "tf.savedmodel")
    target = "onnx"
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras", "tf2onnx", "onnx")
    options = (_OPSET, dynamic_option())

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert and map the names found in the file."""
        import tf2onnx

        path = os.path.join(dest, "model.onnx")
        if source.artifact.format == "keras.model":
            function = serving_function(source, options["dynamic"])
            natives = [port.name for port in source.artifact.inputs]
        else:
            function, natives = function_of_savedmodel(source, options["dynamic"])
        try:
            proto, _ = tf2onnx.convert.from_function(
                function, input_signature=list(function.input_signature), opset=options["opset"], output_path=path
            )
        except Exception as error:
            raise _refusal("tf2onnx", error) or error
        ports = source.artifact.inputs
        inputs = _by_name(ports, natives, [value.name for value in proto.graph.input])
        outputs = _by_name(source.artifact.outputs, [port.name for port in source.artifact.outputs], [v.name for v in proto.graph.output])
        return Converted(entry="model.onnx", inputs=inputs, outputs=outputs)


class KerasExport:
    """``model.export(format="onnx")``; it invents the output names and keeps their order."""

    name = "onnx.keras"
    sources = ("keras.model",)
    target = "onnx"
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras", "tf2onnx", "onnx")
    options = (_OPSET, dynamic_option())

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export and map the names found in the file."""
        import keras
        import onnx

        built = source.model
        if not built.keras:
            raise Unsupported("Keras' own exporter takes a keras.Model, not a tf.Module or tf.function")
        path = os.path.join(dest, "model.onnx")
        specs = specs_of(source, options["dynamic"])
        signature = built.arguments({name: keras.InputSpec(shape=s.shape, dtype=s.dtype.name, name=name) for name, s in specs.items()})
        try:
            built.model.export(path, format="onnx", verbose=False, input_signature=signature, opset_version=options["opset"])
        except Exception as error:
            raise _refusal("the Keras exporter", error) or error
        graph = onnx.load(path, load_external_data=False).graph
        inputs = _by_name(source.artifact.inputs, list(specs), [value.name for value in graph.input])
        natives = [value.name for value in graph.output]
        return Converted(entry="model.onnx", inputs=inputs, outputs=_in_order(source, natives))


def _in_order(source: Source, natives: Sequence[str]) -> dict[str, str]:
    """Return canonical -> native for outputs that kept TensorFlow's own order."""
    built = source.model
    if not built.flat:
        built.call(source.feeds)
    if len(natives) != len(built.flat):
        raise RuntimeError(f"the model has {len(built.flat)} outputs, the file has {len(natives)}: {', '.join(natives)}")
    native = dict(zip(built.flat, natives))
    return {port.name: native[port.name] for port in source.artifact.outputs}


def _by_name(ports: Any, wanted: Sequence[str], natives: Sequence[str]) -> dict[str, str]:
    """Return canonical -> native; tf2onnx may append ``:0`` to a name."""
    found = {native.split(":")[0]: native for native in natives}
    return {port.name: found[name] for port, name in zip(ports, wanted) if name in found}


def _refusal(tool: str, error: Exception) -> Unsupported | None:
    text = str(error)
    if "are not supported" not in text and "is not supported" not in text:
        return None
    refusal = Unsupported(f"{tool} refuses: {text.strip().splitlines()[0][:300]}")
    refusal.__cause__ = error
    return refusal


ADAPTERS = (Tf2Onnx(), KerasExport())
