"""Cells that share one conversion: their models become one graph, and each is judged by its own outputs of it.

Conversion is what a cell costs, and most of its cost does not depend on how small the model is. A batch that fails anywhere is
halved until the cell that fails stands alone, and a cell that does not match in company is run alone: only a match is taken from a batch.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.artifact import Artifact, Port
from harness.core.case import Case
from harness.core.errors import ParityError
from harness.core.outcome import Stage
from harness.core.record import Comparison, Record
from harness.core.route import Route
from harness.core.value import value
from harness.engine.cache import key_of
from harness.engine.judging import coarsest
from harness.engine.recorded import Real, judge_real, real_from
from harness.engine.steps import Steps
from harness.engine.trace import Reference, Runs, Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.compare import Bounds
from harness.numerics.sampling import Sample

if TYPE_CHECKING:
    from harness.engine.cell import Cell


@value
class Member:
    """A cell with all that it needs for itself: its inputs, the answer of its source, and the artifact that stands for the source."""

    cell: Cell
    trace: Trace
    sample: Sample
    real: Real
    reference: Reference
    source: Artifact


@value
class Batches:
    """Runs batches. ``alone(cell)`` runs one cell by itself; ``bounds(cell)`` gives its tolerances; ``matched(...)`` makes the record of
    a match from cell, trace and comparisons; ``elsewhere(route, provenance)`` says when it ran elsewhere than asked for; ``toolchains``:
    what the route needs.
    """

    steps: Steps
    alone: Callable[[Cell], Record]
    bounds: Callable[[Cell], Bounds]
    matched: Callable[[Cell, Trace, tuple[Comparison, ...]], Record]
    elsewhere: Callable[[Route, Mapping[str, Any]], list[Comparison]]
    toolchains: tuple[str, ...]

    def run(self, cells: Sequence[Cell]) -> list[Record]:
        """Return the record of each cell, in order. The cells are of one file and one route."""
        found: dict[str, Record] = {}
        members = []
        for cell in cells:
            try:
                members.append(self._member(cell))
            except (Stop, WorkerFailure, ParityError):
                found[cell.id] = self.alone(cell)
        self._together(members, found)
        return [found[cell.id] for cell in cells]

    def _member(self, cell: Cell) -> Member:
        trace = Trace(toolchains=self.toolchains)
        self.steps.require(cell, trace)
        (sample,), brought = self.steps.samples(cell, trace)
        reference = self.steps.reference(cell, trace, sample, coarsest(cell.route, self.steps.registry))
        source = self.steps.source(cell, trace, reference)
        real = real_from(brought) if brought else Real()
        return Member(cell=cell, trace=trace, sample=sample, real=real, reference=reference, source=source)

    def _together(self, members: Sequence[Member], found: dict[str, Record]) -> None:
        if len(members) < 2:
            found.update((member.cell.id, self.alone(member.cell)) for member in members)
            return
        trace = Trace(toolchains=self.toolchains)
        try:
            artifact, runs = self._converted(members, trace)
        except (Stop, WorkerFailure, ParityError):
            half = len(members) // 2
            self._together(members[:half], found)
            self._together(members[half:], found)
            return
        for number, member in enumerate(members):
            found[member.cell.id] = self._judged(member, _part(runs, number), artifact, trace, len(members)) or self.alone(member.cell)

    def _converted(self, members: Sequence[Member], trace: Trace) -> tuple[Artifact, Runs]:
        """Return the artifact of all members in one, and what it gave. Raises what its conversion, loading or running raises."""
        cell, artifact, sample = joined(members)
        for hop in cell.route.converters:
            artifact = self.steps.convert(cell, trace, hop, artifact, sample)
        runs = self.steps.run(cell, trace, artifact, [sample])
        if runs.failure is not None:
            raise Stop(runs.failure)
        return artifact, runs

    def _judged(self, member: Member, runs: Runs, artifact: Artifact, batch: Trace, size: int) -> Record | None:
        """Return the record of a match, None for anything else."""
        cell, trace = member.cell, member.trace
        judged = judge_real(
            cell.case, artifact, [member.sample], [member.reference], runs, self.bounds(cell),
            coarsest(cell.route, self.steps.registry), member.real,
        )
        if not all(comparison.match for comparison in judged.comparisons) or self.elsewhere(cell.route, batch.provenance):
            return None
        trace.shapes = {"tried": [member.sample.where], "failing": [], "judged": judged.judged, "comparisons": judged.count}
        trace.provenance, trace.replayed, trace.stage = batch.provenance, batch.replayed, Stage.COMPARE
        for step, seconds in batch.timing.items():
            trace.timing[step] = trace.timing.get(step, 0.0) + seconds / size
        trace.messages = [*trace.messages, *judged.notes, f"converted in one graph with {size - 1} other cells"]
        return self.matched(cell, trace, judged.comparisons)


def joined(members: Sequence[Member]) -> tuple[Cell, Artifact, Sample]:
    """Return a cell, its source and its inputs that stand for all members; the names of each begin with ``m0.``, ``m1.`` and so on."""
    first = members[0].cell
    ids = tuple(member.cell.case.id for member in members)
    specs = [
        dataclasses.replace(spec, name=_named(number, spec.name))
        for number, member in enumerate(members)
        for spec in member.cell.case.specs(first.route.framework)
    ]
    name = "batch-" + hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
    case = Case(id=name, inputs=specs, build={first.route.framework: None}, level=first.case.level, has_data=True)
    cell = dataclasses.replace(first, id=f"{name}[{first.route}]", case=case, members=ids)
    recipe = key_of({"joined": [member.source.digest for member in members]})
    artifact = Artifact(
        format=members[0].source.format, path="", entry="", digest=recipe, recipe=recipe,
        inputs=_ports([member.source.inputs for member in members]), outputs=_ports([member.source.outputs for member in members]),
    )  # fmt: skip
    feeds = {_named(number, key): array for number, member in enumerate(members) for key, array in member.sample.feeds.items()}
    return cell, artifact, Sample(feeds=feeds, lengths={}, rung="real")


def _named(number: int, name: str) -> str:
    return f"m{number}.{name}"


def _ports(groups: Sequence[Sequence[Port]]) -> tuple[Port, ...]:
    return tuple(
        dataclasses.replace(port, name=_named(number, port.name), native=_named(number, port.native))
        for number, ports in enumerate(groups)
        for port in ports
    )


def _part(runs: Runs, number: int) -> Runs:
    """Return the share of one member in the runs of all."""
    start = _named(number, "")

    def own(outputs: Mapping[str, Any]) -> dict[str, Any]:
        return {name[len(start) :]: array for name, array in outputs.items() if name.startswith(start)}

    return Runs(done=tuple((index, own(outputs), again) for index, outputs, again in runs.done), failure=None)


def batchable(cell: Cell, adapter: Any) -> bool:
    """Return whether a cell may share a conversion: a live model of a framework that can join some, real inputs, a converter on its way."""
    case = cell.case
    return case.has_data and case.task is None and not case.given and hasattr(adapter, "join") and bool(cell.route.converters)
