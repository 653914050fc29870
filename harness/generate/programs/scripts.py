"""A PyTorch program and one conversion of it as a script: PyTorch, the converter, the runtime and NumPy, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.route import Route
from harness.generate.programs.program import DIMS, Program
from harness.generate.programs.torch_source import source

_EXPORT = {
    "onnx.dynamo": "torch.onnx.export(model, example, path, dynamo=True, opset_version=20, dynamic_shapes=DYNAMIC, "
    "input_names=NAMES, verbose=False)",
    "onnx.torchscript": "torch.onnx.export(model, example, path, dynamo=False, opset_version=17, dynamic_axes=AXES, input_names=NAMES)",
}
_RUN = {
    "onnxruntime": """import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {name: array for name, array in feeds.items() if name in [port.name for port in session.get_inputs()]})""",
    "openvino": """import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled({name: array for name, array in feeds.items()})
    return [results[port] for port in compiled.outputs]""",
}
_WHOLE = {
    ("torchscript.trace", "torchscript"): """traced = torch.jit.freeze(torch.jit.trace(model, example, check_trace=False))
    return [t.numpy() for t in listed(traced(*tensors(feeds)))]""",
    ("torch.export", "torch.exported"): """program = torch.export.export(model, example, dynamic_shapes=DYNAMIC)
    return [t.numpy() for t in listed(program.module()(*tensors(feeds)))]""",
}
_SCRIPT = '''"""{title}

Compares the converted model with eager PyTorch on feeds.npz. Exit code 1: they still differ.
"""

import os
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {names!r}
AXES = {axes!r}
DIMS = {{{dims}}}
DYNAMIC = tuple({{axis: DIMS[dim] for axis, dim in AXES.get(name, {{}}).items()}} for name in NAMES) if AXES else None


{model}

def load(name):
    return dict(np.load(os.path.join(HERE, name), allow_pickle=False))


def tensors(feeds):
    return tuple(torch.from_numpy(feeds[name]) for name in NAMES)


def listed(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def converted(model, example, feeds):
    {body}


def main():
    model = Model(load("weights.npz")).eval()
    feeds = load("feeds.npz")
    with torch.no_grad():
        wanted = [t.numpy() for t in listed(model(*tensors(feeds)))]
        found = converted(model, tensors(load("example.npz")), feeds)
    worst = 0.0
    for number, (got, want) in enumerate(zip(found, wanted)):
        if got.shape != want.shape or got.dtype != want.dtype:
            print("output", number, "is", got.dtype, got.shape, "expected", want.dtype, want.shape)
            return 1
        got, want = got.astype(np.float64), want.astype(np.float64)
        far = np.where((got == want) | (np.isnan(got) & np.isnan(want)), 0.0, np.abs(got - want))
        far = float(np.max(np.where(np.isnan(far), np.inf, far))) / (float(np.sqrt(np.mean(want**2))) or 1.0)
        print("output", number, "differs by", far, "of its root mean square")
        print("  got     ", np.ravel(got)[:8], "\\n  expected", np.ravel(want)[:8])
        worst = max(worst, far)
    return int(worst > {limit!r})


if __name__ == "__main__":
    sys.exit(main())
'''


def torch_script(program: Program, route: Route, example: Mapping[str, Any], limit: float = 1e-4) -> str | None:
    """Return the script of a program on a route from PyTorch, None for a route none is known for.

    It reads weights.npz, example.npz (what the model is exported with: ``example``) and feeds.npz beside it.
    """
    body = _body(route)
    if body is None:
        return None
    text, _ = source(program)
    names = [program.name(number) for number in range(len(program.inputs))]
    axes = {
        name: found for name, given in zip(names, program.inputs, strict=True)
        if (found := {axis: n for axis, n in enumerate(given.shape) if isinstance(n, str)})
    }  # fmt: skip
    used = sorted({dim for part in axes.values() for dim in part.values()})
    dims = ", ".join(f'"{dim}": torch.export.Dim("{dim}", min={DIMS[dim].low}, max={DIMS[dim].high})' for dim in used)
    shapes = ", ".join(f"{name} {'x'.join(map(str, array.shape)) or 'scalar'}" for name, array in example.items())
    return _SCRIPT.format(
        title=f"PyTorch to {route.target} by {', '.join(route.converter_names)}, exported at {shapes}.", names=names, axes=axes, dims=dims,
        model=text, body=body, limit=limit,
    )  # fmt: skip


def weights(program: Program) -> dict[str, Any]:
    """Return the weights of a program by name."""
    return source(program)[1]


def _body(route: Route) -> str | None:
    if any(hop.options for hop in (*route.converters, route.runtime)) or route.device != "cpu":
        return None
    names, runtime = route.converter_names, route.runtime.name
    if names and names[0] in _EXPORT and names[1:] in ((), ("openvino.convert",)) and runtime in _RUN:
        return f'path = os.path.join(tempfile.mkdtemp(), "model.onnx")\n    {_EXPORT[names[0]]}\n    {_RUN[runtime]}'
    return _WHOLE.get((names[0], runtime)) if len(names) == 1 else None
