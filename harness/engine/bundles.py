"""A folder for each mismatch that anybody can run without this harness: the smallest part that still fails, else the whole model."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.errors import ParityError
from harness.core.record import BUNDLE
from harness.engine.blame import failing_sample
from harness.engine.blame_words import said
from harness.engine.bundle_files import RUNNING, readme_of_whole, write_folder
from harness.engine.prefixes import WRONG
from harness.engine.reduce import bundle
from harness.engine.serve_probe import native_feeds
from harness.engine.sides import quiet
from harness.engine.steps import Steps
from harness.engine.trace import Reference, Stop, Trace
from harness.numerics.metrics import measure
from harness.numerics.sampling import Sample

if TYPE_CHECKING:
    from harness.engine.cell import Cell


def write(cell: Cell, steps: Steps, trace: Trace, culprit: Mapping[str, Any], folder: Path) -> str:
    """Write the bundle of a cell that mismatched into a folder of its own below ``folder``; return the message that says where, or why not.

    ``culprit``: as `harness.engine.blame.culprit` returns it, or empty. Never raises for what a worker or the disk does.
    """
    place = folder / name_of(cell.id)
    try:
        shutil.rmtree(place, ignore_errors=True)  # what an earlier run left says nothing about this one
        sample = failing_sample(cell, steps, trace)
        if sample is None:
            return f"{BUNDLE}none, since no single run fails: what differs is the place it ran on, or a repeated run"
        work = quiet(trace)
        work.versions.update(trace.versions)
        return BUNDLE + _written(cell, steps, work, culprit, sample, place)
    except Exception as error:  # a bundle must not cost the verdict
        shutil.rmtree(place, ignore_errors=True)
        return f"{BUNDLE}none, since it could not be made: {type(error).__name__}: {said(error)}"


def name_of(cell: str) -> str:
    """Return a folder name for a cell's id: readable, and another one for every id."""
    return f"{re.sub(r'[^A-Za-z0-9_.=+@-]+', '-', cell).strip('-.')[:100]}-{hashlib.sha256(cell.encode()).hexdigest()[:8]}"


def _written(cell: Cell, steps: Steps, work: Trace, culprit: Mapping[str, Any], sample: Sample, place: Path) -> str:
    chain = _chain(cell, steps, work, sample)
    graph, layer = culprit.get("graph"), culprit.get("layer")
    reason = "no layer could be named"
    if layer:
        reason = f"{layer} is no node of an ONNX file that was right"
    if layer and graph is not None and graph < len(chain) and chain[graph].format == "onnx":
        try:
            found = bundle(cell, steps, work, sample, chain[graph], graph, layer, place)
            nodes = "1 node that still fails" if found["nodes"] == 1 else f"{found['nodes']} nodes that still fail"
            return f"{place}: {nodes}; run reproduce.py there"
        except (ParityError, Stop) as refused:
            reason = said(refused)
    return _whole(cell, steps, work, chain[-1], sample, place, reason)


def _chain(cell: Cell, steps: Steps, work: Trace, sample: Sample) -> list[Artifact]:
    """Return the source, and what each converter of the route wrote."""
    first = steps.samples(cell, work)[0][0]
    chain = [steps.source(cell, work, steps.reference(cell, work, first))]
    for hop in cell.route.converters:
        chain.append(steps.convert(cell, work, hop, chain[-1], first))
    return chain


def _whole(cell: Cell, steps: Steps, work: Trace, artifact: Artifact, sample: Sample, place: Path, reason: str) -> str:
    """Write the artifact that the runtime opens, and return what is there."""
    if not artifact.entry:
        return f"none, since {cell.route.framework} runs the model itself, and no file holds it"
    reference = steps.reference(cell, work, sample)
    error = _error(cell, steps, work, artifact, sample, reference)
    files, entry = Path(artifact.path), Path(artifact.entry)
    feeds = native_feeds(artifact, sample.feeds)
    expected = {port.native: reference.outputs[port.name] for port in artifact.outputs if port.name in reference.outputs}
    runtime = cell.route.runtime
    plain = cell.route.device == "cpu" and not runtime.options
    body = RUNNING.get(runtime.name, "") if plain else ""
    tool = runtime.name if body else ""
    maker = str(cell.route.converters[-1]) if cell.route.converters else cell.route.framework
    write_folder(
        place, files, entry.relative_to(files).as_posix(), feeds, expected, versions=work.versions, body=body, tool=tool,
        limit=error / 2 if np.isfinite(error) and error else WRONG,
        readme=readme_of_whole(cell.case.id, maker, cell.route.target, error, reason, tool),
    )  # fmt: skip
    return f"{place}: the whole model, since {reason}; " + ("run reproduce.py there" if body else f"no script runs it as {runtime} does")


def _error(cell: Cell, steps: Steps, work: Trace, artifact: Artifact, sample: Sample, reference: Reference) -> float:
    """Return how far the outputs are from the source's, over the root mean square; inf where one has another shape or is missing."""
    runs = steps.run(cell, work, artifact, [sample])
    if runs.failure is not None:
        raise Stop(runs.failure)
    got, worst = runs.done[0][1], 0.0
    for name, want in reference.outputs.items():
        if name not in got or np.shape(got[name]) != np.shape(want):
            return float("inf")
        worst = max(worst, float(measure(got[name], want)["scaled"]))
    return worst
