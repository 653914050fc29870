"""PyTorch to ONNX, by the exporter on torch.export ("dynamo") and by the TorchScript exporter."""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.core.protocols import Converted, Option, Source
from harness.frameworks._torch import dynamic_shapes, flat_module, tensors_of

FILE = "model.onnx"
_DYNAMIC = Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes")


def _frozen(path: str, source: Source) -> tuple[str, ...]:
    """Return a message for each axis that was declared dynamic and is a number in the file."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    said = []
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        for axis, (name, _, _) in source.dynamic.get(value.name, {}).items():
            if dims[axis].HasField("dim_value"):
                said.append(f"dynamic axis {name} of {value.name} was specialised to {dims[axis].dim_value}")
    return tuple(said)


class _Exporter:
    sources = ("torch.module",)
    target = "onnx"
    toolchain = "torch"

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export with the canonical names."""
        import torch

        tensors = tuple(tensors_of(source.feeds)[port.name] for port in source.artifact.inputs)
        names = [port.name for port in source.artifact.inputs]
        path = os.path.join(dest, FILE)
        with torch.no_grad():
            self._export(
                flat_module(source.model), tensors, path, source, options,
                {"input_names": names, "output_names": [port.name for port in source.artifact.outputs]},
            )  # fmt: skip
        return Converted(entry=FILE, messages=_frozen(path, source) if options["dynamic"] else ())

    def _export(self, *_: Any) -> None:
        raise AssertionError("each exporter has its own call")


class Dynamo(_Exporter):
    """The exporter on torch.export."""

    name = "onnx.dynamo"
    distributions = ("torch", "onnx", "onnxscript")
    options = (
        Option(name="opset", default=20, help="ONNX operator set"),
        _DYNAMIC,
        Option(name="optimize", default=True, help="let onnxscript optimise the graph"),
    )

    def _export(self, module: Any, tensors: Any, path: str, source: Source, options: Mapping[str, Any], names: Any) -> None:
        import torch

        torch.onnx.export(
            module, tensors, path, dynamo=True, opset_version=options["opset"], optimize=options["optimize"], verbose=False,
            dynamic_shapes=dynamic_shapes(source) if options["dynamic"] else None, **names,
        )  # fmt: skip


class TorchScriptExporter(_Exporter):
    """The older exporter, by tracing."""

    name = "onnx.torchscript"
    distributions = ("torch", "onnx")
    options = (
        Option(name="opset", default=17, help="ONNX operator set"),
        _DYNAMIC,
        Option(name="fold", default=True, help="fold constants"),
    )

    def _export(self, module: Any, tensors: Any, path: str, source: Source, options: Mapping[str, Any], names: Any) -> None:
        import torch

        axes = {name: {axis: entry[0] for axis, entry in part.items()} for name, part in source.dynamic.items()}
        torch.onnx.export(
            module, tensors, path, dynamo=False, opset_version=options["opset"], do_constant_folding=options["fold"],
            dynamic_axes=axes if options["dynamic"] else None, **names,
        )  # fmt: skip


ADAPTERS = (Dynamo(), TorchScriptExporter())
