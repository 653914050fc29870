"""Answers on record: outputs that came with a case's data and were not made by this run hold the target, and the source too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.record import Comparison
from harness.core.tolerance import Tolerance, default_tolerance, floating
from harness.core.value import value
from harness.engine.cache import Entry
from harness.engine.judging import Judged, judge_runs
from harness.engine.steps import Steps
from harness.engine.trace import Reference, Runs, Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.compare import Bounds, compare
from harness.numerics.sampling import Sample

if TYPE_CHECKING:
    from harness.engine.cell import Cell

AGAINST = "recorded"


@value
class Real:
    """What real data bring beside the feeds: labels for a task, and outputs on record with the tolerance for floats among them."""

    labels: Any = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    tolerance: Tolerance | None = None

    def bounds(self, name: str, dtype: str) -> Tolerance:
        """Return the bound of one output: floats by the tolerance that came with the data, everything else exactly."""
        return self.tolerance.at(dtype) if self.tolerance is not None and floating(dtype) else default_tolerance(dtype)


def real_from(entry: Entry) -> Real:
    """Return what the cache holds of a case's data."""
    tolerance = Tolerance(**entry.facts["tolerance"]) if entry.facts.get("tolerance") else None
    return Real(labels=entry.arrays("labels").get("labels"), outputs=entry.arrays("recorded"), tolerance=tolerance)


def reference_of(steps: Steps, cell: Cell, trace: Trace, sample: Sample, precision: str, real: Real) -> Reference:
    """Return what the source gives; where it fails by itself and outputs are on record, these, with a message that says so.

    A source that gives two answers to one input is no judge and neither is a record of one of them. Raises what
    `harness.engine.steps.Steps.reference` raises.
    """
    try:
        return steps.reference(cell, trace, sample, precision)
    except (Stop, WorkerFailure) as stop:
        failure = stop.failure if isinstance(stop, Stop) else {"kind": stop.kind, **stop.detail}
        if not real.outputs or failure["kind"] not in ("error", "unsupported") or failure.get("type") == "NotDeterministic":
            raise
        said = " ".join(str(failure.get("message") or failure.get("type")).split())
        trace.messages.append(f"judged by the outputs on record alone, for want of the source: {said[:200]}")
        return Reference(outputs=real.outputs, oracle={}, spread={}, emulated={}, wobble={})


def judge_real(
    case: Case, artifact: Artifact, samples: Sequence[Sample], references: Sequence[Reference], runs: Runs, bounds: Bounds,
    precision: str, real: Real,
) -> Judged:  # fmt: skip
    """Judge every run as `harness.engine.judging.judge_runs` does, and the first one by the outputs on record where there are any.

    With a note where the source itself is not like these. A target that was asked for a coarser ``precision`` answers to the source
    alone: what is on record says nothing of how much that may cost.
    """
    alone = bool(real.outputs) and references[0].outputs is real.outputs
    judged = judge_runs(case, artifact, samples, references, runs, real.bounds if alone else bounds, precision, real.labels, real.outputs)
    if alone:
        named = tuple(replace(c, against=AGAINST) if c.against == "reference" else c for c in judged.comparisons)
        return replace(judged, comparisons=named)
    if not real.outputs or precision or not runs.done:
        return judged
    held = _held(real, artifact, runs)
    failing = judged.failing
    if not all(c.match for c in held) and samples[0].where not in failing:
        failing = (*failing, samples[0].where)
    return replace(
        judged, comparisons=(*judged.comparisons, *held), count=judged.count + len(held), failing=failing,
        notes=(*judged.notes, *_source(real, references[0])),
    )  # fmt: skip


def _held(real: Real, artifact: Artifact, runs: Runs) -> tuple[Comparison, ...]:
    casts = {name: dtype for name, dtype in (artifact.casts or {}).items() if name in real.outputs}
    first = next(outputs for index, outputs, again in runs.done if index == 0 and not again)
    return tuple(replace(comparison, against=AGAINST) for comparison in compare(first, real.outputs, real.bounds, casts=casts))


def _source(real: Real, reference: Reference) -> list[str]:
    wrong = [comparison for comparison in compare(reference.outputs, real.outputs, real.bounds) if not comparison.match]
    said = [(c.output, "; ".join(c.facts) or f"differs by {c.metrics['max_abs']:.3g}") for c in wrong[:3]]
    return [f"the source itself is not what is on record: output {name!r}: {what}" for name, what in said]
