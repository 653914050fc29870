"""`Engine.run_cell`: one case on one route in, one `Record` out. Nothing else needs to know how."""

from __future__ import annotations

import dataclasses
import platform
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.errors import ParityError, Unavailable, UsageError
from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.core.registry import Registry, registry
from harness.core.route import Route, adapters_of
from harness.core.tolerance import floating
from harness.core.value import value
from harness.engine import blame, bundles
from harness.engine.amplified import search
from harness.engine.batches import Batches, batchable
from harness.engine.cache import Cache
from harness.engine.calibration import calibrated_hop, static_hop
from harness.engine.fuzz import fuzz
from harness.engine.fuzzing import Fuzzing, ground_of
from harness.engine.judging import coarsest, declared
from harness.engine.pool import Pool
from harness.engine.recorded import Real, judge_real, real_from, reference_of
from harness.engine.steps import Steps
from harness.engine.trace import Reference, Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.compare import Bounds
from harness.numerics.sampling import Sample

SECONDS = 60.0
"""How long one cell may be looked into."""


@value
class Cell:
    """A case on a route. ``file`` declares the case, ``digest`` is that of all it was made of.

    ``members``: ids of cases of the file whose models are one here; see `harness.engine.batches`.
    """

    id: str
    case: Case
    route: Route
    file: str
    digest: str
    repro: str = ""
    members: tuple[str, ...] = ()

    @property
    def ref(self) -> dict[str, Any]:
        """Return what a worker needs to find the case."""
        return {"file": self.file, "case": self.case.id, "digest": self.digest, **({"members": list(self.members)} if self.members else {})}


class Engine:
    """Runs cells with one pool of workers and one cache. ``bounds(cell)`` gives a cell's tolerances.

    ``rungs``: by level of a case, the rungs or standings of the input ladder that are tried beside ``normal``. ``search``: how many
    runs may go into a search for inputs that reveal a difference, where none showed. ``fuzzing``: how many shapes are tried then.
    """

    def __init__(
        self, pool: Pool, cache: Cache, *, bounds: Any = None, rungs: Mapping[str, Sequence[str]] | None = None,
        search: int = 0, fuzzing: Fuzzing | None = None, adapters: Registry | None = None,
    ) -> None:  # fmt: skip
        self._search = search
        self._fuzzing = fuzzing
        self._rungs = rungs or {}
        self._pool = pool
        self._registry = adapters or registry()
        self._steps = Steps(pool, cache, self._registry)
        self._bounds = bounds

    @property
    def steps(self) -> Steps:
        """The steps of which a cell is made, for whoever takes them one by one."""
        return self._steps

    def run_cell(self, cell: Cell) -> Record:
        """Return the record of one cell. Never raises for what a model, converter or runtime does.

        Raises `KeyboardInterrupt` only.
        """
        trace = Trace()
        comparisons: tuple[Comparison, ...] = ()
        error: dict[str, Any] | None = None
        try:
            comparisons = self._judge(cell, trace)
            outcome = Outcome.MATCH if all(c.match for c in comparisons) else Outcome.MISMATCH
        except Stop as stop:
            comparisons = trace.comparisons
            outcome, error = _outcome(stop.failure), _blamed(stop.failure, trace.stage)
        except WorkerFailure as failure:
            outcome, error = _outcome({"kind": failure.kind}), _blamed({"kind": failure.kind, **failure.detail}, trace.stage)
        except Unavailable as absent:
            outcome, error = Outcome.UNAVAILABLE, {"kind": "unavailable", "message": absent.reason, "how": absent.how}
        except ParityError as problem:
            kind = "usage" if isinstance(problem, UsageError) else "error"
            outcome, error = Outcome.ERROR, {"kind": kind, "type": type(problem).__name__, "message": str(problem)}
        except Exception as problem:
            message = f"internal error of the harness: {problem}"
            outcome = Outcome.ERROR
            error = {"kind": "error", "type": type(problem).__name__, "message": message, "traceback": traceback.format_exc()[-6000:]}
        record = self._labelled(_record(cell, trace, comparisons, outcome, error))
        self._pool.relax(keep=self._toolchains(cell.route))
        return record

    def run_batch(self, cells: Sequence[Cell]) -> list[Record]:
        """Return the records of cells of one file and route, in order, converted together as far as that goes well."""
        able = [cell for cell in cells if batchable(cell, self._registry.get("frameworks", cell.route.framework))]
        if len(able) < 2:
            return [self.run_cell(cell) for cell in cells]
        batches = Batches(
            steps=self._steps, alone=self.run_cell, bounds=self._bounds or (lambda cell: declared(cell.case)),
            matched=lambda cell, trace, comparisons: self._labelled(_record(cell, trace, comparisons, Outcome.MATCH, None)),
            elsewhere=_provenance, toolchains=self._toolchains(able[0].route),
        )  # fmt: skip
        found = {record.id: record for record in batches.run(able)}
        self._pool.relax(keep=batches.toolchains)
        return [found.get(cell.id) or self.run_cell(cell) for cell in cells]

    def blame(self, cell: Cell, record: Record, seconds: float = SECONDS) -> Record:
        """Return the record of a mismatch with its ``culprit``; any other as it is. The search ends after ``seconds``, with a note.

        Asked apart from `run_cell`, since a failure that is expected need not be looked into. Never raises for what a worker does.
        """
        if record.outcome is not Outcome.MISMATCH:
            return record
        bounds = self._bounds(cell) if self._bounds else None
        with self._pool.within(seconds):
            found = blame.of_cell(cell, self._steps, self._again(cell, record), bounds)
        self._pool.relax(keep=self._toolchains(cell.route))
        return dataclasses.replace(record, culprit=found)

    def bundle(self, cell: Cell, record: Record, folder: Path, seconds: float = SECONDS) -> Record:
        """Return the record of a mismatch with a message that names its bundle, made below ``folder``, or says why there is none.

        Ask after `blame`: what is known of the culprit makes it small. Never raises for what a worker does.
        """
        if record.outcome is not Outcome.MISMATCH:
            return record
        with self._pool.within(seconds):
            said = bundles.write(cell, self._steps, self._again(cell, record), record.culprit or {}, folder)
        self._pool.relax(keep=self._toolchains(cell.route))
        return dataclasses.replace(record, messages=(*record.messages, said))

    def _again(self, cell: Cell, record: Record) -> Trace:
        """Return a trace that knows what the record says, to look into the cell once more."""
        return Trace(
            toolchains=self._toolchains(cell.route), rungs=tuple(self._rungs.get(cell.case.level, ())),
            shapes={"tried": [], "failing": [], **(record.shapes or {})}, versions=dict(record.versions or {}),
        )  # fmt: skip

    def _labelled(self, record: Record) -> Record:
        """Return the record with the label of its runtime, which it has whatever became of the cell."""
        runtime = self._registry.get("runtimes", record.target.partition("@")[0])
        return dataclasses.replace(record, label=getattr(runtime, "label", ""))

    def _toolchains(self, route: Route) -> tuple[str, ...]:
        return tuple(dict.fromkeys(adapter.toolchain for adapter in adapters_of(route, self._registry)))

    def _references(
        self, cell: Cell, trace: Trace, samples: Sequence[Sample], real: Real
    ) -> tuple[list[Sample], list[Reference]]:  # fmt: skip
        """Return the samples that count, with what the source makes of them.

        Inputs drawn for a part of a model may be none that the model could give it: what the part itself refuses is left out, and told.
        """
        found: list[tuple[Sample, Reference]] = []
        for sample in samples:
            try:
                found.append((sample, reference_of(self._steps, cell, trace, sample, coarsest(cell.route, self._registry), real)))
            except (WorkerFailure, Stop) as problem:
                failure = problem.failure if isinstance(problem, Stop) else {"kind": problem.kind, **problem.detail}
                if not cell.case.part or sample.rung == "real" or not _source_refuses(failure):
                    raise
                trace.notes.append(f"the source itself refuses the rung {sample.rung}: {str(failure.get('message'))[:150]}")
        return [sample for sample, _ in found], [reference for _, reference in found]

    def _judge(self, cell: Cell, trace: Trace) -> tuple[Comparison, ...]:
        steps = self._steps
        trace.toolchains = self._toolchains(cell.route)
        steps.require(cell, trace)
        trace.rungs = tuple(self._rungs.get(cell.case.level, ()))
        samples, brought = steps.samples(cell, trace, trace.rungs)
        real = real_from(brought) if brought else Real()
        fixed = static_hop(cell.route, self._registry)
        others = [sample for sample in samples if sample.lengths != samples[0].lengths]
        if fixed and others:
            samples = [sample for sample in samples if sample not in others]
            trace.notes.append(f"judged at the example shape only: {fixed} bakes it in")
        ranged = calibrated_hop(cell.route, self._registry)
        if ranged and any("rung" in sample.where for sample in samples):
            samples = [sample for sample in samples if "rung" not in sample.where]
            trace.notes.append(f"judged on ordinary inputs only: {ranged} knows the ranges that it was calibrated with")
        trace.shapes = {"tried": [], "failing": []}
        samples, references = self._references(cell, trace, samples, real)
        trace.shapes["tried"] = [sample.where for sample in samples]
        artifact = steps.source(cell, trace, references[0])
        for hop in cell.route.converters:
            artifact = steps.convert(cell, trace, hop, artifact, samples[0])
        trace.messages = [*artifact.messages, *trace.messages, *trace.notes]
        runs = steps.run(cell, trace, artifact, samples)
        trace.stage = Stage.COMPARE
        bounds: Bounds = self._bounds(cell) if self._bounds else declared(cell.case)
        judged = judge_real(cell.case, artifact, samples, references, runs, bounds, coarsest(cell.route, self._registry), real)
        trace.messages += judged.notes
        trace.shapes.update(failing=list(judged.failing), judged=judged.judged, comparisons=judged.count)
        trace.comparisons = (*judged.comparisons, *_provenance(cell.route, trace.provenance))
        if self._search and not ranged and runs.failure is None and all(c.match for c in trace.comparisons) and not cell.case.has_data:
            self._amplified(cell, trace, artifact, samples[0], bounds)
        failure = runs.failure
        if failure is not None:
            trace.shapes["failing"].append(samples[failure["sample"]].where)
        drawn = not cell.case.part or cell.case.part["drawn"]
        free = drawn and not fixed and not ranged
        if self._fuzzing and free and (ground := ground_of(samples, references, runs, trace.shapes["failing"])):
            failure = fuzz(cell, steps, trace, artifact, ground, bounds, self._fuzzing) or failure
        if failure is not None:
            trace.stage = Stage(failure["stage"])
            raise Stop(failure)
        return trace.comparisons

    def _amplified(self, cell: Cell, trace: Trace, artifact: Artifact, start: Sample, bounds: Bounds) -> None:
        """Search for inputs that reveal a difference; what is found goes into the trace."""
        _, revealed = search(cell, self._steps, trace, artifact, start, bounds, self._search)
        trace.comparisons = (*trace.comparisons, *revealed)
        trace.shapes["failing"] += [{**start.lengths, "rung": "found"}] if revealed else []
        trace.messages = [*trace.messages, *(note for note in trace.notes if note not in trace.messages)]


def _source_refuses(failure: Mapping[str, Any]) -> bool:
    return failure.get("kind") == "error" and failure.get("type") != "NotDeterministic"


def _provenance(route: Route, provenance: Mapping[str, Any]) -> list[Comparison]:
    """Return a failed comparison when something else ran than was asked for."""
    facts = []
    if provenance.get("device") != route.device:
        facts.append(f"ran on {provenance.get('device') or 'an unknown device'}, asked for {route.device}")
    share = provenance.get("share", 1.0)
    if isinstance(share, (int, float)) and share < 1.0:
        facts.append(f"only {share:.1%} of the operators ran on {route.device}")
    if not facts:
        return []
    return [Comparison(output="(provenance)", match=False, metrics={}, bound={}, facts=tuple(facts))]


def _blamed(failure: Mapping[str, Any], stage: Stage) -> dict[str, Any]:
    """Return the failure; once the artifact exists it is no longer the declaration that is wrong."""
    return {**failure, "kind": "error"} if failure["kind"] == "usage" and stage in (Stage.LOAD, Stage.RUN) else dict(failure)


def _outcome(failure: Mapping[str, Any]) -> Outcome:
    kinds = {
        "unsupported": Outcome.UNSUPPORTED, "unavailable": Outcome.UNAVAILABLE,
        "crash": Outcome.CRASH, "timeout": Outcome.TIMEOUT,
    }  # fmt: skip
    return kinds.get(failure["kind"], Outcome.ERROR)


def _dtype(cell: Cell) -> str:
    """Return the dtype a record is listed under: of the first real input, else of the first; "" without inputs."""
    found = [spec.dtype for spec in cell.case.specs(cell.route.framework)]
    return next((dtype for dtype in found if floating(dtype)), found[0] if found else "")


def _record(cell: Cell, trace: Trace, comparisons: tuple[Comparison, ...], outcome: Outcome, error: Mapping[str, Any] | None) -> Record:
    stage = Stage.COMPARE if outcome in (Outcome.MATCH, Outcome.MISMATCH) else trace.stage
    return Record(
        id=cell.id, case=cell.case.id, level=cell.case.level, family=cell.case.family, dtype=_dtype(cell), route=str(cell.route),
        framework=cell.route.framework, target=cell.route.target, stage=stage, outcome=outcome, comparisons=comparisons,
        shapes=trace.shapes, messages=tuple(dict.fromkeys(trace.messages)),
        versions={**trace.versions, "python": platform.python_version()}, provenance=trace.provenance, error=error,
        timing={step: round(seconds, 4) for step, seconds in trace.timing.items()},
        replayed=trace.replayed, repro=cell.repro, file=cell.file, part=cell.case.part,
    )  # fmt: skip
