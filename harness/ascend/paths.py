"""The two paths of an ATC call: a model of the right kind, and a result named without its ending."""

from __future__ import annotations

import os
from typing import Any

from harness.ascend.shapes import variables
from harness.ascend.words import ENDINGS, FRAMEWORKS, Fault

_FOREIGN = {
    ".pt": "torch.onnx.export it first", ".pth": "torch.onnx.export it first", ".pt2": "torch.onnx.export it first",
    ".pdmodel": "paddle2onnx first", ".pdparams": "paddle2onnx first", ".h5": "tf2onnx first", ".keras": "tf2onnx first",
    ".tflite": "tf2onnx first", ".safetensors": "export the whole model to ONNX first", ".ckpt": "export it to AIR or ONNX first",
    ".mindir": "export it to AIR (mindspore.export, file_format='AIR') first, or use converter_lite",
}  # fmt: skip


def paths(model: str | None, output: str | None, framework: str, mode: Any, whole: bool = True) -> list[Fault]:
    """Return what is wrong with the paths; None is a flag not given. ``framework``: "" where it is not known."""
    found = []
    if not model and whole:
        found.append(Fault(flag="model", why="is missing", write="--model=MODEL.onnx", code="E10007"))
    if model:
        found += _model(model, framework)
    if mode in (0, 30):
        if not output and whole:
            found.append(Fault(flag="output", why="is missing", write="--output=PATH without .om", code="E10007"))
        if output:
            found += _output(output)
    return found


def _model(model: str, framework: str) -> list[Fault]:
    end = os.path.splitext(model)[1].lower()
    if end in _FOREIGN:
        why = f"{model}: ATC has no front end for {end}"
        return [Fault(flag="model", why=why, write="an ONNX model and --framework=5: " + _FOREIGN[end], code="E10041")]
    right = [name for name, ends in ENDINGS.items() if end in ends]
    if right and framework and framework not in right:
        why = f"{model} is no model for --framework={FRAMEWORKS.get(framework, framework)}, and ATC does not look"
        return [Fault(flag="framework", why=why, write=f"--framework={FRAMEWORKS[right[0]]}", code="E10041")]
    return []


def _output(output: str) -> list[Fault]:
    if output.endswith(".om"):
        why = f"{output} becomes {output}.om: ATC appends the ending"
        return [Fault(flag="output", why=why, write="--output=" + output[:-3])]
    if output.endswith("/") and not variables(output[-3:]):
        return [Fault(flag="output", why=output + " names no file", write="--output=" + output + "model", code="E10022")]
    if len(output) > 4096:
        return [Fault(flag="output", why="is longer than 4096 characters", write="a shorter path", code="E10021")]
    return []
