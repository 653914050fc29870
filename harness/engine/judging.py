"""Judging what a cell ran: every run against its reference, each output against its yardstick or its declared bound."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.protocols import option_values
from harness.core.record import Comparison
from harness.core.registry import Registry
from harness.core.route import Route, adapters_of
from harness.core.tolerance import Tolerance, default_tolerance, floating
from harness.core.value import value
from harness.engine.trace import Reference, Runs
from harness.numerics.compare import Bounds, compare
from harness.numerics.ladder import RUNGS
from harness.numerics.meaning import meaningful
from harness.numerics.oracle import RANGES, UNITS, Yardstick
from harness.numerics.sampling import Sample
from harness.numerics.task import judge

_COARSE = {"fp16": "float16", "f16": "float16", "bf16": "bfloat16", "tf32": "tfloat32", "int8": "int8"}
_UNBOUNDED = (0.0, math.inf)
KEPT = 4
"""Failing comparisons that a record keeps of each output; the others are told by ``shapes.failing``."""


@value
class Judged:
    """The comparisons worth keeping, where something failed (dimension lengths, rung, repeat), how many samples were judged
    in how many comparisons, and what else is to be said.
    """

    comparisons: tuple[Comparison, ...]
    failing: tuple[Mapping[str, Any], ...]
    judged: int
    count: int
    notes: tuple[str, ...]


def judge_runs(
    case: Case, artifact: Artifact, samples: Sequence[Sample], references: Sequence[Reference], runs: Runs, bounds: Bounds,
    precision: str, labels: Any, held: Collection[str] = (),
) -> Judged:  # fmt: skip
    """Judge every run. Ordinary inputs are all kept; of the other rungs what fails, and for each output what came nearest to failing.

    ``held``: outputs that something else holds where the yardstick leaves them undetermined.
    """
    kept: list[Comparison] = []
    ladder: list[Comparison] = []
    failing: list[Mapping[str, Any]] = []
    seen: set[int] = set()
    count = 0
    notes: list[str] = []
    for index, outputs, again in runs.done:
        sample, reference = samples[index], references[index]
        where = {**sample.where, "repeat": 1} if again else sample.where
        judged = judge_one(case, artifact, sample, reference, outputs, bounds, precision, where, held)
        if case.task and not again and index == 0:
            judged = (*judged, judge(case.task.at(precision), outputs, reference.outputs, labels))
            notes += [note] if (note := judged[-1].metrics.get("note")) else []
        if precision == "int8" and not again:
            notes += [note for comparison in judged if (note := _saturated(comparison, outputs))]
        (ladder if "rung" in where else kept).extend(judged)
        seen.add(index)
        count += len(judged)
        if not all(c.match for c in judged) and where not in failing:
            failing.append(where)
    return Judged(comparisons=(*kept, *_worth(ladder)), failing=tuple(failing), judged=len(seen), count=count, notes=tuple(notes))


def _saturated(comparison: Comparison, outputs: Mapping[str, Any]) -> str:
    """Return a note where the element that is furthest out holds the end of the range of its output, as several do; else ""."""
    at = comparison.metrics.get("actual_at_worst")
    if comparison.match or at is None or not comparison.metrics.get("outside"):
        return ""
    array = np.asarray(outputs[comparison.output])
    count = int(np.count_nonzero(array == at))
    if count < 2 or at not in (np.max(array), np.min(array)):
        return ""
    return (
        f"output {comparison.output!r} saturates: {count} elements hold the end of its range, {at:.6g}, and the worst of them should be "
        f"{comparison.metrics['expected_at_worst']:.6g}; calibrate with more samples, or with some that are like those judged"
    )


def judge_one(
    case: Case, artifact: Artifact, sample: Sample, reference: Reference, outputs: Mapping[str, Any], bounds: Bounds, precision: str,
    where: Mapping[str, Any] | None = None, held: Collection[str] = (), *, ordinary: bool = True,
) -> tuple[Comparison, ...]:  # fmt: skip
    """Judge one run of an artifact on a sample; ``where`` names the sample in the comparisons.

    With ``ordinary`` False a source that determines nothing there is no failure of the target.
    """
    casts = {name: dtype for name, dtype in (artifact.casts or {}).items() if name in reference.outputs}
    sticks = yardsticks(reference, sample, precision, casts, ordinary=ordinary)
    sticks = {name: dataclasses.replace(stick, ordinary=stick.ordinary and name not in held) for name, stick in sticks.items()}
    return compare(outputs, reference.outputs, bounds, casts=casts, yardsticks=sticks, ties=case.ties, shapes=where)


def _worth(ladder: Sequence[Comparison]) -> list[Comparison]:
    """Return the first failing comparisons of each output, or the one that came nearest to failing."""
    found: list[Comparison] = []
    for name in dict.fromkeys(comparison.output for comparison in ladder):
        mine = [comparison for comparison in ladder if comparison.output == name]
        wrong = [comparison for comparison in mine if not comparison.match]
        found += wrong[:KEPT] or [max(mine, key=lambda comparison: comparison.metrics.get("ratio", 0.0))]
    return found


def declared(case: Case) -> Bounds:
    """Return the bounds of a case that no policy speaks of: its own tolerance for floats, else the defaults."""

    def bounds(_: str, dtype: str) -> Tolerance:
        return case.tolerance.at(dtype) if case.tolerance is not None and floating(dtype) else default_tolerance(dtype)

    return bounds


def yardsticks(
    reference: Reference, sample: Sample, precision: str, casts: Mapping[str, str], *, ordinary: bool = True
) -> dict[str, Yardstick]:
    """Return what each output is held to on a target that computes in ``precision`` ("" for the source's own types)."""
    longest = max((array.size for array in sample.feeds.values() if array.dtype.kind not in "iub"), default=0)
    found = {}
    for name, exact in (reference.oracle or reference.outputs).items():
        source = UNITS.get(reference.outputs[name].dtype.name, UNITS["float32"]) if name in reference.outputs else 0.0
        if name in reference.spread and source:
            kind = max((precision, casts.get(name, "")), key=lambda kind: UNITS.get(kind, 0.0))
            coarse = UNITS.get(kind, 0.0) if UNITS.get(kind, 0.0) > source else 0.0
            least, most = RANGES.get(kind, _UNBOUNDED) if coarse else _UNBOUNDED
            found[name] = Yardstick(
                reference=reference.outputs[name], oracle=exact, spread=reference.spread[name],
                emulated=reference.emulated.get(name) if precision else None,
                inner=bool(precision and coarse) and name in reference.emulated and reference.inner,
                wobble=reference.wobble[name], terms=max(1.0, longest / max(1, exact.size)),
                unit=source, coarse=coarse, least=least, most=most,
                counted=_counted(reference, name, sample.rung, most),
                ordinary=ordinary and "rung" not in sample.where, alone=not reference.oracle,
            )  # fmt: skip
    return found


def coarsest(route: Route, registry: Registry) -> str:
    """Return the coarsest type below float32 that the route computes in, "" for none.

    It is what an option ``precision`` says, given or by default, or what an adapter with ``coarsest`` makes of its options.
    """
    _, *adapters = adapters_of(route, registry)
    asked = []
    for adapter, hop in zip(adapters, (*route.converters, route.runtime), strict=True):
        values = option_values(adapter, hop.options, f"route {route}")
        asked.append(adapter.coarsest(values) if hasattr(adapter, "coarsest") else _COARSE.get(values.get("precision", ""), ""))
    return max(filter(None, asked), key=UNITS.__getitem__, default="")


def _counted(reference: Reference, name: str, rung: str, most: float) -> Any:
    """Return where a difference counts: everywhere on ordinary inputs; None for everywhere.

    On others, what is beyond ``most``, the largest number of the target's type, is that type's and no difference; and on those that
    a model need not handle, differences count where the source is meaningful.
    """
    if rung in ("normal", "real") or name not in reference.oracle:
        return None
    held = ~(np.abs(reference.oracle[name]) > most)
    if rung in RUNGS and RUNGS[rung].standing == "core":
        return None if np.all(held) else held
    return held & meaningful(reference.outputs[name], reference.oracle[name], reference.spread[name]).mask
