"""PyTorch to ONNX, by the exporter on torch.export ("dynamo") and by the TorchScript exporter."""

from __future__ import annotations

import os
import re
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source
from harness.frameworks._torch import flat_module, tensors_of
from harness.frameworks._torch_shapes import dynamic_shapes, specialised

FILE = "model.onnx"
_DYNAMIC = Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes")


_REFUSALS = re.compile(
    r"No ONNX function found for [^.]*\.[\w.]+'|Exporting the operator '[^']+' to ONNX opset version \d+ is not supported|"
    r"Unsupported: ONNX export of [^.]+|Exporting a ScriptModule is not supported"
)


def _frozen(path: str, source: Source) -> tuple[str, ...]:
    """Return a message for each axis that was declared dynamic and is a number in the file."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    shapes = {
        value.name: tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in value.type.tensor_type.shape.dim)
        for value in graph.input
    }
    return specialised(source, shapes)


def _defined_twice(path: str, outputs: Mapping[str, str]) -> list[str]:
    """Return the outputs whose name another value of the graph has too."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    names = [name for node in graph.node for name in node.output] + [tensor.name for tensor in graph.initializer]
    return [name for name in outputs if names.count(name) > 1]


def _refusal(exporter: str, error: BaseException) -> Unsupported | None:
    """Return the refusal of an operator or of a dynamic axis that an exception stands for, None for any other failure."""
    found = _REFUSALS.search(str(error))
    if not found:
        return None
    refusal = Unsupported(f"{exporter} refuses: {found[0]}")
    refusal.__cause__ = error
    return refusal


class _Exporter:
    name: str
    sources = ("torch.module",)
    target = "onnx"
    toolchain = "torch"

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export with the canonical names."""
        import torch

        tensors = tuple(tensors_of(source.feeds)[port.name] for port in source.artifact.inputs)
        names = [port.name for port in source.artifact.inputs]
        path = os.path.join(dest, FILE)
        outputs = {port.name: port.name for port in source.artifact.outputs}
        said: tuple[str, ...] = ()
        with torch.no_grad():
            try:
                self._export(flat_module(source.model), tensors, path, source, options, names, list(outputs))
                clash = _defined_twice(path, outputs)
                if clash:
                    said = (f"an inner value is called {', '.join(clash)} too, so the file was invalid; exported with other output names",)
                    outputs = {name: f"{name}__output" for name in outputs}
                    self._export(flat_module(source.model), tensors, path, source, options, names, list(outputs.values()))
            except Exception as error:
                raise _refusal(self.name, error) or error
        return Converted(entry=FILE, outputs=outputs, messages=said + (_frozen(path, source) if options["dynamic"] else ()))

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

    def _export(self, module: Any, tensors: Any, path: str, source: Source, options: Any, inputs: Any, outputs: Any) -> None:
        import torch

        torch.onnx.export(
            module, tensors, path, dynamo=True, opset_version=options["opset"], optimize=options["optimize"], verbose=False,
            dynamic_shapes=dynamic_shapes(source) if options["dynamic"] else None, input_names=inputs, output_names=outputs,
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

    def _export(self, module: Any, tensors: Any, path: str, source: Source, options: Any, inputs: Any, outputs: Any) -> None:
        import torch

        axes = {name: {axis: entry[0] for axis, entry in part.items()} for name, part in source.dynamic.items()}
        torch.onnx.export(
            module, tensors, path, dynamo=False, opset_version=options["opset"], do_constant_folding=options["fold"],
            dynamic_axes=axes if options["dynamic"] else None, input_names=inputs, output_names=outputs,
        )  # fmt: skip


ADAPTERS = (Dynamo(), TorchScriptExporter())
