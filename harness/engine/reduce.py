"""The smallest part of an ONNX file that still fails, as a folder that anybody can run without this harness."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import Artifact, artifact_from
from harness.core.errors import UsageError
from harness.core.route import Route
from harness.engine.bundle_files import CONVERTING, readme_of_part, write_folder
from harness.engine.prefixes import FAILURES, WRONG
from harness.engine.sides import SourceSide
from harness.engine.steps import Steps
from harness.engine.trace import Stop, Trace
from harness.numerics.metrics import measure
from harness.numerics.sampling import Sample

if TYPE_CHECKING:
    from harness.engine.cell import Cell


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
    tool = tool_of(rest.route)
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
                write_folder(
                    folder, Path(draft), "model.onnx", begins, ends, versions=trace.versions, body=CONVERTING[tool], tool=tool,
                    limit=WRONG, readme=readme_of_part(layer, tool, len(chosen), error),
                )  # fmt: skip
                return {"nodes": len(chosen), "error": error, "tries": tries}
        before = {p for p, call in enumerate(source.calls) if p and set(call.outputs) & set(begins)}
        if before <= chosen:
            raise UsageError(f"no part of the graph around {layer} fails by itself")
        chosen |= before


def tool_of(route: Route) -> str:
    """Return the tool that runs an ONNX file as ``route`` does, for a script of its own. Raises `UsageError` where there is none."""
    names = route.converter_names
    tool = route.runtime.name if names in ((), ("openvino.convert",)) else names[0] if len(names) == 1 else ""
    if tool not in CONVERTING or route.device != "cpu" or any(hop.options for hop in (*route.converters, route.runtime)):
        hops = ">".join([*map(str, route.converters), route.target])
        raise UsageError(f"no stand-alone script is known for {hops}, only for {', '.join(CONVERTING)} without options")
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
