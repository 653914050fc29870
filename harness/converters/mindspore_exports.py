"""MindSpore cells to MindIR and to ONNX."""

from __future__ import annotations

import os
import re
from typing import Any, Mapping

from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Converted, Option, Source

_REFUSALS = re.compile(r"Exporting \w+ operator is not yet supported|Unsupported primitive[^\n]*")


def _tensors(source: Source, dynamic: bool) -> list[Any]:
    """Return the example inputs; a dynamic axis has no length."""
    import mindspore

    tensors = []
    for port in source.artifact.inputs:
        array = source.feeds[port.name]
        axes = source.dynamic.get(port.name, {}) if dynamic else {}
        example = mindspore.Tensor(array)
        if axes:
            example = mindspore.Tensor(shape=[None if axis in axes else n for axis, n in enumerate(array.shape)], dtype=example.dtype)
        tensors.append(example)
    return tensors


class MindIr:
    """``mindspore.export`` to MindIR; the file knows its inputs and outputs by position."""

    name = "mindir.mindspore"
    sources = ("mindspore.cell",)
    target = "mindir"
    toolchain = "mindspore"
    distributions = ("mindspore",)
    options = (Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export the cell."""
        import mindspore

        mindspore.export(
            source.model.cell, *_tensors(source, options["dynamic"]), file_name=os.path.join(dest, "model"), file_format="MINDIR"
        )
        return Converted(
            entry="model.mindir",
            inputs={port.name: str(index) for index, port in enumerate(source.artifact.inputs)},
            outputs={port.name: str(index) for index, port in enumerate(source.artifact.outputs)},
        )


class ToOnnx:
    """``mindspore.export`` to ONNX: operator set 11, static shapes only."""

    name = "onnx.mindspore"
    sources = ("mindspore.cell",)
    target = "onnx"
    toolchain = "mindspore"
    distributions = ("mindspore", "onnx")
    options = (Option(name="dynamic", default=False, choices=(False,), help="this exporter has static shapes only"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export, and map the names it invents by their order, which it keeps."""
        import mindspore
        import onnx

        path = os.path.join(dest, "model")
        try:
            mindspore.export(source.model.cell, *_tensors(source, False), file_name=path, file_format="ONNX")
        except Exception as error:
            found = _REFUSALS.search(str(error))
            if found:
                raise Unsupported(f"mindspore's ONNX exporter refuses: {found[0].strip()[:200]}") from error
            raise
        graph = onnx.load(path + ".onnx").graph
        filled = {tensor.name for tensor in graph.initializer}
        inputs = [value.name for value in graph.input if value.name not in filled]
        outputs = [value.name for value in graph.output]
        ports = source.artifact
        if len(inputs) != len(ports.inputs) or len(outputs) != len(ports.outputs):
            raise RuntimeError(
                f"the cell has {len(ports.inputs)} inputs and {len(ports.outputs)} outputs, the file {len(inputs)} and {len(outputs)}"
            )
        return Converted(
            entry="model.onnx",
            inputs={port.name: native for port, native in zip(ports.inputs, inputs)},
            outputs={port.name: native for port, native in zip(ports.outputs, outputs)},
        )


class ToAir:
    """``mindspore.export`` to AIR, which ATC compiles; an Ascend build of MindSpore writes it, with static shapes only."""

    name = "air.mindspore"
    sources = ("mindspore.cell",)
    target = "mindspore.air"
    toolchain = "mindspore"
    distributions = ("mindspore",)
    options = (Option(name="dynamic", default=False, choices=(False,), help="AIR has static shapes only"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export; inputs and outputs go by position."""
        import mindspore

        try:
            mindspore.export(source.model.cell, *_tensors(source, False), file_name=os.path.join(dest, "model"), file_format="AIR")
        except ValueError as error:
            if "Ascend backend" not in str(error):
                raise
            why = f"MindSpore {mindspore.__version__} writes AIR with its Ascend backend only"
            raise Unavailable(why, "an Ascend build of mindspore with CANN; or the route by onnx.mindspore") from None
        return Converted(
            entry="model.air",
            inputs={port.name: str(index) for index, port in enumerate(source.artifact.inputs)},
            outputs={port.name: str(index) for index, port in enumerate(source.artifact.outputs)},
        )


ADAPTERS = (MindIr(), ToOnnx(), ToAir())
