"""Cells measured: each is judged first, then its source and all its targets take turns; what is found goes into their records."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.bench_lane import Place, source_lane, target_lane
from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.errors import ParityError, UsageError
from harness.core.outcome import Outcome, Stage
from harness.core.record import Record
from harness.core.route import adapters_of
from harness.core.space import space_of
from harness.core.spec import Dim
from harness.core.value import value
from harness.engine.cell import Cell, Engine
from harness.engine.steps import Steps
from harness.engine.trace import Stop, Trace
from harness.latency.baseline import ABOVE, ABSTAINED, SLOWER, Entry, gate
from harness.latency.fingerprint import fingerprint, load_average
from harness.latency.measure import Lane, Plan, Side, calls_of, measure
from harness.latency.statistics import Effect, effect_of, percentiles
from harness.latency.summary import effect_summary, side_summary
from harness.numerics.sampling import Sample, draw

SIMULATED = "simulated"
"""What is in the name of a device that is none; its time is never shown."""
_BATCH = ("batch", "batch_size", "batchsize", "b", "n")
SWEPT = dataclasses.replace(Plan(), launches=1, rounds=10)
"""What one batch size of a sweep is measured with: throughput is told, not gated."""


@value
class Bench:
    """How cells are measured: plan, where, at which batch sizes beside the example, and against which entries of a baseline.

    ``known`` None: there is no baseline. ``above``: slow-downs up to this part pass. ``swept``: the plan for a batch size.
    """

    plan: Plan = Plan()
    place: Place
    batches: tuple[int, ...] = ()
    known: Mapping[str, Entry] | None = None
    above: float = ABOVE
    swept: Plan = SWEPT
    clock: Callable[[], float] = time.monotonic


@value
class Ready:
    """A cell that can be measured: its sample and its artifact."""

    cell: Cell
    sample: Sample
    artifact: Artifact


@dataclasses.dataclass
class Measured:
    """What is known of the cells of one case so far: records, sides by lane, batch sizes by lane, entries for a baseline."""

    records: dict[str, Record]
    sides: dict[str, Side] = dataclasses.field(default_factory=dict)
    batches: dict[str, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)
    entries: dict[str, Entry] = dataclasses.field(default_factory=dict)
    load: float | None = None
    interrupted: bool = False


def bench_cells(
    cells: Sequence[Cell], engine: Engine, bench: Bench, judge: Callable[[Cell], Record], say: Callable[[str], None]
) -> Measured:  # fmt: skip
    """Judge and measure the cells of one case together; never raises for what a model, converter or runtime does.

    An interruption ends the measurement, not the telling: ``interrupted`` is set, and what was measured is in the records.
    """
    found = Measured(records={})
    ready: list[Ready] = []
    try:
        for cell in cells:
            say(f"judging {cell.route}")
            found.records[cell.id] = record = judge(cell)
            one = ready_of(cell, record, engine.steps)
            if isinstance(one, Ready):
                ready.append(one)
            else:
                found.records[cell.id] = dataclasses.replace(record, messages=(*record.messages, f"not measured: {one}"))
        found.load = load_average()
        # The sources of several frameworks at once would only crowd the memory.
        for framework in dict.fromkeys(one.cell.route.framework for one in ready):
            own = [one for one in ready if one.cell.route.framework == framework]
            measure(_lanes(own, bench, engine.steps), bench.plan, found.sides, clock=bench.clock, say=say)
            for batch in bench.batches:
                say(f"batch {batch}")
                _sweep(own, batch, bench, engine.steps, found)
    except KeyboardInterrupt:
        found.interrupted = True
    for one in ready:
        found.records[one.cell.id] = _told(one, found, bench)
    return found


def ready_of(cell: Cell, record: Record, steps: Steps) -> Ready | str:
    """Return the cell with its artifact, which the cache has after it was judged, or why it cannot be measured."""
    if record.outcome not in (Outcome.MATCH, Outcome.MISMATCH):
        return f"{record.outcome} at stage {record.stage}"
    if SIMULATED in cell.route.device:
        return f"the time of {cell.route.target} is that of a simulator and says nothing of the device"
    trace = Trace(toolchains=tuple(dict.fromkeys(adapter.toolchain for adapter in adapters_of(cell.route, steps.registry))))
    try:
        samples, _ = steps.samples(cell, trace)
        artifact = steps.source(cell, trace, steps.reference(cell, trace, samples[0]))
        for hop in cell.route.converters:
            artifact = steps.convert(cell, trace, hop, artifact, samples[0])
    except (Stop, ParityError) as problem:
        return str(problem)
    return Ready(cell=cell, sample=samples[0], artifact=artifact)


def source_name(cell: Cell) -> str:
    """Return what the lane of a cell's source is called."""
    return f"{cell.case.id}[{cell.route.framework}]"


def _lanes(ready: Sequence[Ready], bench: Bench, steps: Steps) -> dict[str, Callable[[], Lane]]:
    lanes: dict[str, Callable[[], Lane]] = {}
    for one in ready:
        lanes.setdefault(source_name(one.cell), lambda one=one: source_lane(bench.place, steps.registry, one.cell, one.sample.feeds))  # type: ignore[misc]
        lanes[one.cell.id] = lambda one=one: target_lane(bench.place, steps.registry, one.cell, one.artifact, one.sample)  # type: ignore[misc]
    return lanes


def batch_dim(case: Case, framework: str) -> str:
    """Return the dimension that is the batch: the one called so, else the first axis of every input; "" for none."""
    specs = case.specs(framework)
    named = [dim.name for spec in specs for dim in spec.dims if dim.name.lower() in _BATCH]
    first = {spec.shape[0].name if spec.shape and isinstance(spec.shape[0], Dim) else "" for spec in specs}
    return named[0] if named else first.pop() if len(first) == 1 else ""


def _sweep(ready: Sequence[Ready], batch: int, bench: Bench, steps: Steps, found: Measured) -> None:
    """Measure all lanes at one batch size; what cannot be is told with its reason."""
    moved = []
    for one in ready:
        at = _at(one, batch)
        if isinstance(at, Ready):
            moved.append(at)
        else:
            found.batches.setdefault(one.cell.id, []).append({"batch": batch, "error": at})
    sides: dict[str, Side] = {}
    try:
        measure(_lanes(moved, bench, steps), bench.swept, sides, clock=bench.clock)
    finally:
        for one in moved:
            target, source = (percentiles(calls_of(sides[name].rounds)) if name in sides else {} for name in _pair(one.cell))
            entry: dict[str, Any] = {"batch": batch}
            if "p50" in target:
                entry.update(p50=target["p50"], per_second=batch / target["p50"], steady=sides[one.cell.id].steady)
                if "p50" in source:
                    entry.update(source_p50=source["p50"], source_per_second=batch / source["p50"])
            else:
                failure = sides[one.cell.id].failure if one.cell.id in sides else None
                entry["error"] = str((failure or {}).get("message") or "interrupted")
            found.batches.setdefault(one.cell.id, []).append(entry)


def _pair(cell: Cell) -> tuple[str, str]:
    return cell.id, source_name(cell)


def _at(one: Ready, batch: int) -> Ready | str:
    case, framework = one.cell.case, one.cell.route.framework
    name = batch_dim(case, framework)
    if not name:
        return "no input has a batch dimension"
    try:
        lengths = space_of(case, framework).complete({**one.sample.lengths, name: batch})
        if lengths is None:
            return f"{name}={batch} goes with no other lengths of the case"
        return dataclasses.replace(one, sample=draw(case, framework, lengths))
    except UsageError as error:
        return str(error)


def _told(one: Ready, found: Measured, bench: Bench) -> Record:
    """Return the record of a cell with its latency; what failed there, or became slower, is its outcome unless it mismatched."""
    cell, record = one.cell, found.records[one.cell.id]
    target, source = (found.sides.get(name) or Side() for name in _pair(cell))
    effect = effect_of(target.rounds, source.rounds)
    device = str((record.provenance or {}).get("device", cell.route.device))
    used = next((launch.facts.get("cpus", []) for launch in target.launches), list(bench.place.cpus))
    print_ = fingerprint(versions=record.versions or {}, cpus=used, threads=bench.place.threads, device=device)
    now = _entry(target, source, effect, print_)
    if now is not None:
        found.entries[cell.id] = now
    latency: dict[str, Any] = {
        "target": side_summary(target), "source": side_summary(source), "ratio": effect_summary(effect),
        "batches": found.batches.get(cell.id, []), "fingerprint": print_,
        "pinned": {"cpus": list(used), "threads": bench.place.threads}, "load": found.load, "notes": _notes(target, source, found, bench),
    }  # fmt: skip
    if bench.known is not None:
        ended = ["the measurement was interrupted"] if found.interrupted else []
        latency["gate"] = gate(cell.id, bench.known, now, above=bench.above, reasons=ended)
    return _outcome(dataclasses.replace(record, latency={key: item for key, item in latency.items() if item not in (None, [])}), target)


def _entry(target: Side, source: Side, effect: Effect | None, print_: Mapping[str, Any]) -> Entry | None:
    if effect is None or target.failure or source.failure:
        return None
    times = [percentiles(calls_of(side.rounds)) for side in (target, source)]
    return Entry(effect=effect, fingerprint=print_, target=times[0], source=times[1], steady=target.steady and source.steady)


def _notes(target: Side, source: Side, found: Measured, bench: Bench) -> list[str]:
    notes = []
    for name, side in (("the target", target), ("the source", source)):
        unsteady = sum(launch.steady is not None and not launch.steady.found for launch in side.launches if launch.rounds)
        if unsteady:
            notes.append(f"{name} had not settled after {bench.plan.warmup:g} s in {unsteady} of {len(side.launches)} launches")
        if side.failure:
            notes.append(f"{name} ended early: {side.failure.get('message')}")
        note = next((launch.facts["note"] for launch in side.launches if launch.facts.get("note")), "")
        if note:
            notes.append(f"{name}: {note}")
    if not any(target.rounds):
        notes.append("the target was not measured")
    if found.interrupted:
        notes.append("interrupted: less was measured than was asked for")
    return notes


def _outcome(record: Record, target: Side) -> Record:
    verdict = (record.latency or {}).get("gate", {})
    problem: dict[str, Any] | None = None
    outcome = Outcome.MISMATCH
    if target.failure is not None:
        problem = dict(target.failure)
        kinds = {kind: Outcome(kind) for kind in ("crash", "timeout", "unsupported", "unavailable")}
        outcome = kinds.get(str(problem.get("kind")), Outcome.ERROR)
    elif verdict.get("outcome") == SLOWER:
        problem = {"kind": "slower", "type": "Slower", "message": verdict["reason"]}
    if problem is None:
        return record
    said = f"measurement: {problem.get('message')}"
    if record.outcome is not Outcome.MATCH:  # it is wrong as well, and that comes first
        return dataclasses.replace(record, messages=(*record.messages, said))
    return dataclasses.replace(record, stage=Stage.BENCH, outcome=outcome, error=problem)


def abstained(records: Sequence[Record]) -> list[Record]:
    """Return the records whose gate gave no verdict."""
    return [record for record in records if ((record.latency or {}).get("gate") or {}).get("outcome") == ABSTAINED]


def baseline_path(text: str, root: Path) -> Path:
    """Return the file that is meant. Raises `UsageError` for a folder."""
    path = root / text
    if path.is_dir():
        raise UsageError(f"baseline {path} is a folder; give a file, for example {path / 'latency.json'}")
    return path
