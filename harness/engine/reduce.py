"""The smallest part of an ONNX file that still fails, as a folder that anybody can run without this harness."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import Artifact, artifact_from
from harness.core.errors import UsageError
from harness.engine.prefixes import FAILURES, WRONG
from harness.engine.sides import SourceSide
from harness.engine.steps import Steps, Stop, Trace
from harness.numerics.metrics import measure
from harness.numerics.sampling import Sample

if TYPE_CHECKING:
    from harness.engine.cell import Cell

_RUN = {
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
_SCRIPT = '''"""Runs model.onnx on feeds.npz by {tool} and compares with expected.npz. Exit code 1: it still differs."""

import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def run(model, feeds):
    {body}


def main():
    feeds = dict(np.load(os.path.join(HERE, "feeds.npz"), allow_pickle=False))
    expected = np.load(os.path.join(HERE, "expected.npz"), allow_pickle=False)
    got = run(os.path.join(HERE, "model.onnx"), feeds)
    worst = 0.0
    for name in expected.files:
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
_README = """# {layer}

The part of an ONNX model that {tool} computes differently from the specification: {nodes} node{s}, {error:.3g} of the root
mean square off. `expected.npz` holds what the ONNX reference evaluator makes of `feeds.npz`.

    python reproduce.py

It needs NumPy and {tool} alone (versions in `versions.json`) and ends with exit code 1 while the difference is there.
"""


def bundle(
    cell: Cell, steps: Steps, trace: Trace, sample: Sample, artifact: Artifact, hops: int, layer: str, folder: Path
) -> dict[str, Any]:
    """Write the smallest part of ``artifact`` around the node ``layer`` that still fails into ``folder``.

    ``hops``: how many converters of the route made ``artifact``; the rest of the route is what fails. The node
    alone is tried first, fed with what the reference evaluator gives it, then with more and more of what comes
    before it. Returns ``nodes``, ``error`` (over the rms) and ``tries``. Raises `UsageError` for a route that has no
    script of its own, an unknown node, and where nothing fails.
    """
    rest = dataclasses.replace(cell, route=dataclasses.replace(cell.route, converters=cell.route.converters[hops:]))
    tool = _tool(rest)
    source = SourceSide(steps, "onnx", cell.ref, artifact, sample)
    chosen = {place for place, call in enumerate(source.calls) if place and call.path == layer}
    if not chosen:
        raise UsageError(f"the graph has no node {layer!r}")
    tries = 0
    while True:
        tries += 1
        begins, ends = _ports(source, chosen)
        with tempfile.TemporaryDirectory(prefix="parity-part-") as draft:
            error = _error(rest, steps, trace, artifact, begins, ends, draft)
            if error is not None and error > WRONG:
                _write(folder, draft, begins, ends, tool, layer, len(chosen), error, trace)
                return {"nodes": len(chosen), "error": error, "tries": tries}
        before = {p for p, call in enumerate(source.calls) if p and set(call.outputs) & set(begins)}
        if before <= chosen:
            raise UsageError(f"no part of the graph around {layer} fails by itself")
        chosen |= before


def _tool(cell: Cell) -> str:
    names = cell.route.converter_names
    tool = cell.route.runtime.name if names in ((), ("openvino.convert",)) else names[0] if len(names) == 1 else ""
    if tool not in _RUN or cell.route.device != "cpu":
        raise UsageError(f"route {cell.route}: a stand-alone script is written for {', '.join(_RUN)} on the processor only")
    return tool


def _ports(source: SourceSide, chosen: set[int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the chosen nodes take from others, and what others (or nobody) take from them, with arrays."""
    made = {key for place in chosen for key in source.calls[place].outputs}
    inner = {key for place in chosen for key in source.calls[place].inputs}
    outside = {key for place, call in enumerate(source.calls) if place and place not in chosen for key in call.inputs}
    begins = [key for place in sorted(chosen) for key in source.calls[place].inputs if key not in made]
    ends = [key for place in sorted(chosen) for key in source.calls[place].outputs if key in outside or key not in inner]
    return tuple({key: np.array(source.array(key)) for key in dict.fromkeys(keys)} for keys in (begins, ends))  # type: ignore[return-value]


def _error(
    cell: Cell, steps: Steps, trace: Trace, artifact: Artifact, begins: Mapping[str, Any], ends: Mapping[str, Any], dest: str
) -> float | None:
    """Return how far the rest of the route is off on a part, over the rms; None where it cannot be converted or run."""
    try:
        asked = {"framework": "onnx", "artifact": artifact.to_json(), "begins": begins, "ends": ends, "dest": dest}
        part = artifact_from(steps.ask(steps.registry.get("frameworks", "onnx").toolchain, "part", asked)["artifact"])
        fed = Sample(feeds=begins, lengths={}, rung="part")
        for hop in cell.route.converters:
            part = steps.convert(cell, trace, hop, part, fed)
        runs = steps.run(cell, trace, part, [fed])
        if runs.failure is not None:
            raise Stop(runs.failure)
    except FAILURES:
        return None
    got = runs.done[0][1]
    if any(name not in got or np.shape(got[name]) != np.shape(want) for name, want in ends.items()):
        return float("inf")
    return max(float(measure(got[name], want)["scaled"]) for name, want in ends.items())


def _write(
    folder: Path, draft: str, begins: Mapping[str, Any], ends: Mapping[str, Any],
    tool: str, layer: str, nodes: int, error: float, trace: Trace,
) -> None:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for file in Path(draft).iterdir():
        shutil.copyfile(file, folder / file.name)
    np.savez(folder / "feeds.npz", **begins)
    np.savez(folder / "expected.npz", **ends)
    (folder / "versions.json").write_text(json.dumps(dict(sorted(trace.versions.items())), indent=1) + "\n", encoding="utf-8")
    script = _SCRIPT.format(tool=tool, body=_RUN[tool], limit=WRONG)
    readme = _README.format(layer=layer, tool=tool, nodes=nodes, s="" if nodes == 1 else "s", error=error)
    for name, text in (("reproduce.py", script), ("README.md", readme)):
        (folder / name).write_text(text, encoding="utf-8")
