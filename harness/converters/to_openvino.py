"""OpenVINO IR from the formats that OpenVINO reads itself."""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.converters._openvino import openvino, refusal
from harness.converters._tflite import tensor_names
from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source


class ToOpenVino:
    """``openvino.convert_model`` and ``save_model``, weights kept in float32 unless asked otherwise."""

    name = "openvino.convert"
    sources = ("onnx", "tflite", "paddle.inference", "tf.savedmodel")
    target = "openvino.ir"
    toolchain = "openvino"
    distributions = ("openvino", "numpy")
    options = (Option(name="precision", default="fp32", choices=("fp32", "fp16"), help="type in which weights are stored"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write ``model.xml`` and ``model.bin``."""
        ov = openvino()
        try:
            model = ov.convert_model(source.artifact.entry)
        except Exception as error:
            if "Cannot recognize input model" in str(error) and source.artifact.entry.endswith(".json"):
                raise Unsupported("openvino.convert refuses a Paddle program in the PIR format (model.json)") from error
            raise refusal(self.name, error) or error
        # The names of a TFLite signature are not in the graph, and its order is not that of the graph.
        tensors = tensor_names(source.artifact.entry) if source.artifact.format == "tflite" else {}
        inputs = _native(source.artifact.inputs, model.inputs, tensors)
        outputs = _native(source.artifact.outputs, model.outputs, tensors)
        ov.save_model(model, os.path.join(dest, "model.xml"), compress_to_fp16=options["precision"] == "fp16")
        return Converted(entry="model.xml", inputs=inputs, outputs=outputs)


def _native(ports: Any, nodes: Any, tensors: Mapping[str, str]) -> dict[str, str]:
    """Return canonical name -> a tensor name that the IR has; ports that are gone are left out."""
    known = {name for node in nodes for name in node.get_names()}
    natives = {port.name: port.native for port in ports}
    if all(native in tensors for native in natives.values()):
        natives = {name: tensors[native] for name, native in natives.items()}
    found = {name: native for name, native in natives.items() if native in known}
    if natives and not found:
        raise RuntimeError(f"OpenVINO kept none of the {len(natives)} names of the source; its own are {sorted(known)}")
    return found


ADAPTERS = (ToOpenVino(),)
