"""The files of a bundle: a model, its inputs, what was expected, and a script that needs one tool and NumPy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

CONVERTING = {
    "onnxruntime": """import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))""",
    "openvino": """import openvino

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(feeds)
    return {name: results[port] for port in compiled.outputs for name in port.get_names()}""",
    "torch.onnx2torch": """import onnx
    import onnx2torch
    import torch

    proto = onnx.load(model)
    with torch.no_grad():
        results = onnx2torch.convert(proto).eval()(*[torch.from_numpy(feeds[port.name]) for port in proto.graph.input])
    results = results if isinstance(results, (tuple, list)) else [results]
    return {port.name: array.numpy() for port, array in zip(proto.graph.output, results)}""",
}
"""Name of a converter or runtime to the body of ``run(model, feeds)`` that takes an ONNX file."""
RUNNING = {
    **{name: CONVERTING[name] for name in ("onnxruntime", "openvino")},
    "litert": """from ai_edge_litert.interpreter import Interpreter

    return dict(Interpreter(model_path=model).get_signature_runner("serving_default")(**feeds))""",
    "torchscript": """import torch

    with torch.no_grad():
        results = torch.jit.load(model, map_location="cpu").eval()(*[torch.from_numpy(feeds[str(i)]) for i in range(len(feeds))])
    results = results if isinstance(results, (tuple, list)) else [results]
    return {str(i): array.numpy() for i, array in enumerate(results)}""",
}
"""Name of a runtime to the body of ``run(model, feeds)`` that takes an artifact of its own format."""
_SCRIPT = '''"""Runs the model on feeds.npz by {tool} and compares with expected.npz. Exit code 1: it still differs."""

import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def run(model, feeds):
    {body}


def main():
    feeds = dict(np.load(os.path.join(HERE, "feeds.npz"), allow_pickle=False))
    expected = np.load(os.path.join(HERE, "expected.npz"), allow_pickle=False)
    got = run(os.path.join(HERE, {model!r}), feeds)
    worst = 0.0
    for name in expected.files:
        if name not in got:
            print(name, "is missing; there is", ", ".join(got))
            return 1
        want, have = expected[name].astype(np.float64), np.asarray(got[name]).astype(np.float64)
        if want.shape != have.shape:
            print(name, "has shape", have.shape, "expected", want.shape)
            return 1
        far = np.where((want == have) | (np.isnan(want) & np.isnan(have)), 0.0, np.abs(have - want))
        far = float(np.max(np.where(np.isnan(far), np.inf, far))) / (float(np.sqrt(np.mean(want[np.isfinite(want)] ** 2))) or 1.0)
        print(name, "differs by", far, "of its root mean square")
        worst = max(worst, far)
    return int(worst > {limit})


if __name__ == "__main__":
    sys.exit(main())
'''
_PART = """# {layer}

The part of an ONNX model that {tool} computes differently from the specification: {nodes} node{s}, {error:.3g} of the root
mean square off. `expected.npz` holds what the ONNX reference evaluator makes of `feeds.npz`.

    python reproduce.py

It needs NumPy and {tool} alone (versions in `versions.json`) and ends with exit code 1 while the difference is there.
"""
_WHOLE = """# {case}

The whole model, as {maker} wrote it for {target}.

`expected.npz` holds what the source makes of `feeds.npz`. {target} was {error:.3g} of the root mean square off.

Why this is no smaller: {reason}.

{how}
"""
_HOW = """    python reproduce.py

It needs NumPy and {tool} alone (versions in `versions.json`) and ends with exit code 1 while half of the difference is still there."""


def readme_of_part(layer: str, tool: str, nodes: int, error: float) -> str:
    """Return what is said of a part of a graph. ``error``: over the root mean square of what was expected."""
    return _PART.format(layer=layer, tool=tool, nodes=nodes, s="" if nodes == 1 else "s", error=error)


def readme_of_whole(case: str, maker: str, target: str, error: float, reason: str, tool: str) -> str:
    """Return what is said of a whole model; without a ``tool`` there is no script. ``reason``: why it is no smaller."""
    how = _HOW.format(tool=tool) if tool else f"There is no script: none is known that runs it as {target} does."
    return _WHOLE.format(case=case, maker=maker, target=target, error=error, reason=reason, how=how)


def write_folder(
    folder: Path, files: Path, model: str, feeds: Mapping[str, Any], expected: Mapping[str, Any], *,
    versions: Mapping[str, str], body: str, tool: str, limit: float, readme: str,
) -> None:  # fmt: skip
    """Write a bundle into ``folder``. ``model``: the file or folder to open, below ``files``; all of these are copied.

    ``body``: of ``run(model, feeds)``, "" for no script, whose exit code is 1 while an output is further off than ``limit`` over
    the root mean square. Raises `OSError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(files, folder, dirs_exist_ok=True)
    np.savez(folder / "feeds.npz", **dict(feeds))
    np.savez(folder / "expected.npz", **dict(expected))
    (folder / "versions.json").write_text(json.dumps(dict(sorted(versions.items())), indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme, encoding="utf-8")
    if body:
        script = _SCRIPT.format(tool=tool, body=body, limit=repr(limit), model=model)
        (folder / "reproduce.py").write_text(script, encoding="utf-8")
