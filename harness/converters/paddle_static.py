"""Paddle layers to inference programs, and those to ONNX."""

from __future__ import annotations

import importlib.util
import os
from typing import Any, Mapping, Sequence

from harness.core.errors import Unsupported, UsageError
from harness.core.protocols import Converted, Option, Source
from harness.frameworks._paddle import config_of


def _program(folder: str) -> str:
    """Return the program file: ``model.json`` (PIR) or ``model.pdmodel``."""
    return next(name for name in ("model.json", "model.pdmodel") if os.path.exists(os.path.join(folder, name)))


def _outputs(source: Source, natives: Sequence[str]) -> dict[str, str]:
    """Return canonical -> native: a program keeps the order, invents the names, and gives a tensor returned twice once."""
    tensors = source.model.tensors(source.feeds)
    distinct = list({id(tensor): None for tensor in tensors.values()})
    names = [port.name for port in source.artifact.outputs]
    if len(distinct) == len(natives):
        return {name: natives[distinct.index(id(tensors[name]))] for name in names}
    return dict(zip(names, natives))


class Static:
    """``paddle.jit.save``."""

    name = "paddle.static"
    sources = ("paddle.layer",)
    target = "paddle.inference"
    toolchain = "paddle"
    distributions = ("paddlepaddle",)
    options = (Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Save the program and read its output names back."""
        import paddle

        specs = []
        for port in source.artifact.inputs:
            array = source.feeds[port.name]
            axes = source.dynamic.get(port.name, {}) if options["dynamic"] else {}
            shape = [-1 if axis in axes else length for axis, length in enumerate(array.shape)]
            specs.append(paddle.static.InputSpec(shape=shape, dtype=str(array.dtype), name=port.name))
        prefix = os.path.join(dest, "model")
        paddle.jit.save(source.model.layer, prefix, input_spec=specs)
        entry = _program(dest)
        predictor = paddle.inference.create_predictor(config_of(os.path.join(dest, entry)))
        natives = predictor.get_output_names()
        inputs = predictor.get_input_names()
        missing = [port.name for port in source.artifact.inputs if port.name not in inputs]
        messages = [f"input {name} does not reach the program: it was dropped" for name in missing]
        outputs = _outputs(source, natives)
        kept = {port.name: port.name for port in source.artifact.inputs if port.name in inputs}
        return Converted(entry=entry, inputs=kept, outputs=outputs, messages=tuple(messages))


class Paddle2Onnx:
    """paddle2onnx; it may abort the whole process, which the worker contains."""

    name = "onnx.paddle2onnx"
    sources = ("paddle.inference",)
    target = "onnx"
    toolchain = "paddle"
    distributions = ("paddlepaddle", "paddle2onnx", "onnx")
    options = (
        Option(name="opset", default=17, help="ONNX operator set"),
        Option(name="fold", default=False, help="fold constants by Polygraphy, as the tool itself does; needs onnx_graphsurgeon"),
    )

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert the program and check that a readable file came out."""
        import onnx
        import paddle2onnx

        # The tool has Polygraphy install the package where it is missing, into the running environment, in the middle of a conversion.
        if options["fold"] and importlib.util.find_spec("onnx_graphsurgeon") is None:
            raise UsageError("onnx.paddle2onnx[fold=true] needs the package onnx_graphsurgeon; install it, or leave fold out")
        program = source.artifact.entry
        path = os.path.join(dest, "model.onnx")
        try:
            paddle2onnx.export(
                program, os.path.splitext(program)[0] + ".pdiparams", path, opset_version=options["opset"],
                optimize_tool="polygraphy" if options["fold"] else "None",
            )  # fmt: skip
        except Exception as error:
            if "not supported" in str(error).lower() or "unsupported" in str(error).lower():
                raise Unsupported(f"paddle2onnx refuses: {str(error).strip().splitlines()[0]}") from error
            raise
        graph = onnx.load(path).graph
        natives = [value.name for value in graph.output]
        known = {port.native for port in source.artifact.outputs}
        if known == set(natives):
            outputs = {port.name: port.native for port in source.artifact.outputs}
        else:
            outputs = {port.name: native for port, native in zip(source.artifact.outputs, natives)}
        return Converted(entry="model.onnx", inputs={port.name: port.native for port in source.artifact.inputs}, outputs=outputs)


ADAPTERS = (Static(), Paddle2Onnx())
