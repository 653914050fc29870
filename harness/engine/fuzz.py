"""Fuzzing a cell that matches: shapes from its space on both sides, the smallest failing one, where the others lie, and why."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.dims import Dim
from harness.core.outcome import Stage
from harness.core.record import FUZZING
from harness.core.space import space_of
from harness.engine.both import Both
from harness.engine.example_rows import Row, applying, keep, rows_of
from harness.engine.fuzz_ask import Asked, elements
from harness.engine.fuzzing import Fuzzed, Fuzzing, Ground, fuzzed_from
from harness.engine.judging import coarsest
from harness.engine.session_use import Used, session_use
from harness.engine.steps import Steps
from harness.engine.steps_keys import code_below
from harness.engine.tiers import trustworthy
from harness.engine.trace import Trace
from harness.numerics.compare import Bounds
from harness.numerics.frozen import Seen, frozen
from harness.numerics.hunt import DOMAIN, HOLDS, REFUSES, WRONG, Hunted, hunt, plan
from harness.numerics.ladder import rungs_among
from harness.numerics.sampling import Sample
from harness.numerics.strategies import Database, Example, database_below

if TYPE_CHECKING:
    from harness.engine.cell import Cell

_CODE = (
    "harness.engine.fuzz", "harness.engine.fuzz_ask", "harness.engine.tiers", "harness.engine.both", "harness.engine.session_use",
    "harness.engine.judging", "harness.numerics",
)  # fmt: skip
_MOST = 1 << 18
_TIMES = 32
_SHARE = 0.3
_LOOKING_INTO = 2.0


class Fleeting(Exception):
    """What was found is not to be remembered: it hangs on the moment."""


class Fuzzer:
    """Fuzzes one cell, from the ground its own samples give."""

    def __init__(
        self, cell: Cell, steps: Steps, trace: Trace, artifact: Artifact, ground: Ground, bounds: Bounds, fuzzing: Fuzzing
    ) -> None:
        self._cell, self._steps, self._trace, self._artifact, self._bounds = cell, steps, trace, artifact, bounds
        self._samples, self._references = [item[0] for item in ground.sound], [item[1] for item in ground.sound]
        self._seen = [
            Seen(lengths=sample.lengths, target=outputs, source=reference.outputs, agrees=True)
            for sample, reference, outputs in ground.sound if sample.rung in ("normal", "real")
        ]  # fmt: skip
        self._fuzzing = fuzzing
        # What failed already is asked first, as an example like others: it is judged anew, and shrunk.
        self._failed = [Example(lengths=sample.lengths, rung=sample.rung) for sample in ground.failing]
        self._space = space_of(cell.case, cell.route.framework)
        self._exported = dict(self._samples[0].lengths)
        self._rungs = ["normal", *rungs_among(cell.case, cell.route.framework, trace.rungs)]
        self._rows, self.messages = applying(rows_of(fuzzing.rows, cell.case.id, str(cell.route)), self._space)
        self._failing: list[Example] = []
        self._count = fuzzing.examples.get(cell.case.level, 0)
        self._precision = coarsest(cell.route, steps.registry)

    @property
    def wanted(self) -> bool:
        """Whether there is anything to fuzz and examples to do it with."""
        return bool(self._count and self._space.dims)

    @property
    def smallest(self) -> Example | None:
        """The smallest of the failing examples seen so far."""
        return min(self._failing, key=lambda example: sum(example.lengths.values()), default=None)

    def fuzzed(self) -> Fuzzed:
        """Return what was found, from the cache where the same was asked before. Raises what a worker raises when the artifact opens."""
        found: list[Fuzzed] = []

        def make(_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            found.append(self._fuzzed())
            if found[0].fleeting:
                raise Fleeting
            return {"fuzzed": found[0].to_json()}, {}

        framework = self._steps.registry.get("frameworks", self._cell.route.framework)
        parts = self._steps.run_parts(self._cell, self._artifact, self._samples)
        parts.update(
            kind="fuzz", recipe=self._steps.recipe(self._cell, framework, self._trace), code=code_below(*_CODE), rungs=self._rungs,
            budget=[self._count, self._fuzzing.seconds], rows=[example.to_json() for example in (*self._rows, *self._failed)],
            bounds=[self._bounds(name, np.asarray(array).dtype.name).to_json() for name, array in self._references[0].outputs.items()],
            space=repr(self._space),
        )  # fmt: skip
        try:
            entry = self._steps.remember(parts, make, self._trace, "fuzz")
        except Fleeting:
            self._trace.replayed = False
            return found[0]
        self._trace.replayed &= entry.hit
        return fuzzed_from(entry.facts["fuzzed"])

    def _fuzzed(self) -> Fuzzed:
        start = time.monotonic()
        kept = self._kept()
        with Both(self._cell, self._steps, self._artifact, self._samples[0]) as both:
            used = self._used(both)
            asked = Asked(both, self._bounds, self._precision, quick=trustworthy(self._references))
            asked.within(self._fuzzing.seconds)
            replayed = kept.examples(self._space, self._rungs) if kept else []
            planned = self._planned([*self._rows, *self._failed, *replayed])
            self._failing = asked.failing
            hunted = hunt(
                self._space, self._rungs, planned, asked, exported=self._exported, known=self._known(), affordable=self._affordable,
                failing=lambda: asked.within(_LOOKING_INTO * self._fuzzing.seconds),
            )  # fmt: skip
            causes = self._causes(asked, hunted)
        if kept:
            kept.keep(self._space, self._rungs, hunted.smallest) if hunted.smallest else kept.forget()
        least = hunted.smallest.key if hunted.smallest else ()
        notes = [f"the target answered {asked.answered} shapes that the source itself refuses"] if asked.answered else []
        return Fuzzed(
            tried=tuple((example, verdict.kind) for example, verdict in hunted.tried), smallest=hunted.smallest, region=hunted.region,
            causes=tuple(causes), comparisons=(*used.comparisons, *asked.comparisons.get(least, ())), failure=asked.failures.get(least),
            planned=hunted.planned, unrun=hunted.unrun, seconds=round(time.monotonic() - start, 3), notes=tuple(notes),
            session={"uses": used.uses, "refused": list(used.refused), "notes": list(used.notes)}, fleeting=asked.fleeting or used.fleeting,
        )  # fmt: skip

    def _kept(self) -> Database | None:
        if self._fuzzing.database is None:
            return None
        database, problem = database_below(self._fuzzing.database, f"{self._cell.case.id}/{self._cell.route}".encode())
        self.messages += [f"{FUZZING}{problem}"] if problem else []
        return database

    def _used(self, both: Both) -> Used:
        """Put the session to unusual use before it has run anything: at the first shape, and at another one where there is one."""
        other = next((n for n, s in enumerate(self._samples) if s.lengths != self._samples[0].lengths), 0)
        picked = list(dict.fromkeys((0, other)))
        samples, references = [self._samples[n] for n in picked], [self._references[n] for n in picked]
        return session_use(both, samples, references, self._bounds, self._precision, _SHARE * self._fuzzing.seconds)

    def _known(self) -> list[Example]:
        """Return what the cell's own samples are as examples: they matched."""
        return [Example(lengths=sample.lengths, rung=sample.rung) for sample in self._samples if sample.rung != "real"]

    def _planned(self, first: Sequence[Example]) -> list[Example]:
        """Return rows and what was kept, then corners and draws, the small before the large: where time is short, more are run."""
        seed = zlib.crc32(f"{self._cell.case.id}/{self._cell.case.seed}".encode())
        planned = plan(
            self._space, self._rungs, self._count, first=first, corners=[*self._ends(), *self._space.corners(self._count)], seed=seed,
            known=self._known(), affordable=self._affordable,
        )  # fmt: skip
        replayed = len({example.key for example in first})
        return [*planned[:replayed], *sorted(planned[replayed:], key=lambda example: elements(self._cell, example.lengths))]

    def _ends(self) -> list[dict[str, int]]:
        """Return both ends of every range: all at once, and where that is too much, the upper end of each axis by itself."""
        space = self._space
        ends = {name: space.ends(dim) for name, dim in space.dims.items()}
        low, high = (space.nearest({name: ends[name][side] for name in ends}) for side in (0, 1))
        highs = [high] if high and self._affordable(Example(lengths=high)) else [space.complete({name: ends[name][1]}) for name in ends]
        return [lengths for lengths in (low, *highs) if lengths is not None]

    def _affordable(self, example: Example) -> bool:
        """Return whether the inputs are not so large that this one example would be all there is time for."""
        return elements(self._cell, example.lengths) <= max(_MOST, _TIMES * elements(self._cell, self._exported))

    def _causes(self, asked: Asked, hunted: Hunted) -> list[str]:
        """Return what explains the failures: lengths that stay those of the export sample, values beyond them that nothing looks at."""
        if hunted.smallest is None:
            return []
        axes: dict[str, list[tuple[str, int]]] = {}
        for spec in self._cell.case.specs(self._cell.route.framework):
            for axis, length in enumerate(spec.shape):
                if isinstance(length, Dim):
                    axes.setdefault(length.name, []).append((spec.name, axis))
        found = frozen([*self._seen, *asked.seen], self._exported, axes)
        wrong = [] if found else [example for example, verdict in hunted.tried if verdict.kind == WRONG]
        for dim, length in self._exported.items():
            # The longest: the last of an odd number of elements may go unseen for reasons of its own.
            longer = max(wrong, key=lambda example: example.lengths[dim], default=None)
            if longer is not None and longer.lengths[dim] > length + 1:
                found += asked.ignored(longer, dim, length, axes.get(dim, ()))
        return found


def fuzz(
    cell: Cell, steps: Steps, trace: Trace, artifact: Artifact, ground: Ground, bounds: Bounds, fuzzing: Fuzzing
) -> dict[str, Any] | None:
    """Fuzz a cell; what is found goes into the trace, the smallest failing example into the file of rows.

    Returns the failure of a target that refuses shapes and gives no wrong numbers. Raises `WorkerFailure` where the artifact opens no
    more.
    """
    fuzzer = Fuzzer(cell, steps, trace, artifact, ground, bounds, fuzzing)
    if not fuzzer.wanted:
        trace.messages += fuzzer.messages
        return None
    trace.stage = Stage.RUN
    try:
        fuzzed = fuzzer.fuzzed()
    except KeyboardInterrupt:
        _keep(cell, steps, trace, fuzzing, fuzzer.smallest, "interrupted before it was the smallest")
        raise
    trace.stage = Stage.COMPARE
    trace.messages += fuzzer.messages
    tell(fuzzed, trace)
    _keep(cell, steps, trace, fuzzing, fuzzed.smallest, fuzzed.region)
    return failure_of(fuzzed) if all(comparison.match for comparison in trace.comparisons) else None


def _keep(cell: Cell, steps: Steps, trace: Trace, fuzzing: Fuzzing, example: Example | None, says: str) -> None:
    """Add a failing example to the file of rows, and a message that says so."""
    if example is not None and fuzzing.path is not None:
        row = Row(case=cell.case.id, route=str(cell.route), example=example, says=says, found_with=trace.versions)
        trace.messages.append(keep(row, fuzzing.path, steps.locks))


def tell(fuzzed: Fuzzed, trace: Trace) -> None:
    """Put what was found into the trace of a cell: shapes, comparisons, messages."""
    judged = [(example, kind) for example, kind in fuzzed.tried if kind in (HOLDS, WRONG, REFUSES)]
    where = {example.key: _where(example) for example, _ in judged}
    shapes = trace.shapes
    shapes["tried"] = [*shapes["tried"], *(place for place in where.values() if place not in shapes["tried"])]
    failing = [where[example.key] for example, kind in judged if kind != HOLDS]
    shapes["failing"] = [*shapes["failing"], *(place for place in failing if place not in shapes["failing"])]
    shapes["judged"] = len(shapes["tried"])
    shapes.update(
        examples=len(judged), planned=fuzzed.planned, refused=fuzzed.count(DOMAIN), seconds=fuzzed.seconds, region=fuzzed.region,
        causes=list(fuzzed.causes), smallest=fuzzed.smallest.to_json() if fuzzed.smallest else None, session=dict(fuzzed.session),
    )  # fmt: skip
    if fuzzed.unrun:
        ran = fuzzed.planned - fuzzed.unrun
        trace.messages.append(f"{FUZZING}{ran} of {fuzzed.planned} examples ran in the time there was")
    trace.messages += [f"{FUZZING}{note}" for note in fuzzed.notes]
    known = [(comparison.output, comparison.shapes) for comparison in trace.comparisons]
    new = [comparison for comparison in fuzzed.comparisons if (comparison.output, comparison.shapes) not in known]
    trace.comparisons = (*trace.comparisons, *new)


def _where(example: Example) -> dict[str, Any]:
    return Sample(feeds={}, lengths=example.lengths, rung=example.rung, seed=example.seed).where


def failure_of(fuzzed: Fuzzed) -> dict[str, Any] | None:
    """Return what a cell ended with whose target gives no wrong numbers but refuses shapes; None where there is none of it."""
    if fuzzed.failure is None or fuzzed.smallest is None:
        return None
    at = ", ".join(f"{name}={length}" for name, length in _where(fuzzed.smallest).items())
    told = "; ".join([*fuzzed.causes, fuzzed.region])
    message = f"{told}; the smallest is {at}: {fuzzed.failure.get('message', '')}"
    return {**fuzzed.failure, "message": message, "stage": "run"}
