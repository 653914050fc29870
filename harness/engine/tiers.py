"""Judging many runs at little cost: the source's own answer first, its float64 twin's next, and all that `reference` asks last.

The judge is the same in each tier. What a tier leaves out can only widen the bounds, so that a run well within the narrower ones is a
match for certain; everything else goes on to the next tier, and every mismatch is one of the last, or a hard fact.

The bound of `harness.numerics.oracle` grows with spread, wobble and the error of the source. Held to half of a bound
without these (`LIMIT`), every element and every part of a tensor lies within the full one. The first tier has the source's
answer in place of its twin's as well: also certain as long as the twin is no smaller than `NEAR` of the answer in every slice. A source
that is further from its twin is plainly wrong; `trustworthy` looks for that where both are known.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.record import Comparison
from harness.core.value import value
from harness.engine.both import Both
from harness.engine.judging import judge_one
from harness.engine.trace import Reference
from harness.numerics.compare import Bounds
from harness.numerics.oracle import scales
from harness.numerics.sampling import Sample

LIMIT = 0.5
"""The largest ratio of a distance to a narrower bound that is certainly a match."""
NEAR = 0.9
"""How much of a source's answer its float64 twin is at least, where the first tier is trusted."""


@value
class Run:
    """What both sides made of one sample."""

    sample: Sample
    source: Mapping[str, Any]
    target: Mapping[str, Any]


class Tiers:
    """Judges runs of one cell. ``quick``: whether the first tier is trusted. ``asked`` counts the runs that went on to each later tier."""

    def __init__(self, both: Both, bounds: Bounds, precision: str, *, quick: bool) -> None:
        self._both, self._bounds, self._precision, self._quick = both, bounds, precision, quick
        self.asked = {"twin": 0, "all": 0}

    def judged(self, runs: Sequence[Run], end: float) -> list[tuple[Comparison, ...]]:
        """Return the comparisons of each run, in order; of fewer where the clock reaches ``end`` before all are judged, of one at least.

        Raises `WorkerFailure` where the source that answered a sample cannot be asked for its twin there.
        """
        # A source without a twin is judged by a bound twice as wide: half the ratio is as much.
        first = [self._narrow(run, {}, LIMIT / 2 * NEAR) for run in runs]
        open_ = [number for number, (match, _) in enumerate(first) if match is None or (match and not self._quick)]
        twins = dict(zip(open_, self._twins([runs[number] for number in open_], end), strict=False))
        found: list[tuple[Comparison, ...]] = []
        for number, run in enumerate(runs):
            if number not in open_:
                found.append(first[number][1])
                continue
            match, judged = self._narrow(run, twins[number], LIMIT) if twins.get(number) else (None, ())
            if match is None:
                if found and time.monotonic() > end:
                    break
                judged = self._fully(run)
            found.append(judged)
        return found

    def _twins(self, runs: Sequence[Run], end: float) -> list[Mapping[str, Any]]:
        """Return the float64 answers to as many of the runs as there is time for, {} where the source has none."""
        if not runs:
            return []
        self.asked["twin"] += len(runs)
        return self._both.twins([run.sample for run in runs], end)

    def _narrow(self, run: Run, exact: Mapping[str, Any], limit: float) -> tuple[bool | None, tuple[Comparison, ...]]:
        """Return True for a match within this part of the narrower bounds, False for a hard fact that no bound excuses, else None.

        ``exact``: the float64 answers, {} for the source's own in their place.
        """
        outputs = {name: np.asarray(array) for name, array in run.source.items()}
        nothing = {name: np.zeros(array.shape, np.float32) for name, array in outputs.items()}
        reference = Reference(outputs=outputs, oracle=exact, spread=nothing, emulated={}, wobble=dict.fromkeys(outputs, 0.0))
        judged = self._judge(run, reference)
        if all(c.match and max(c.metrics.get("ratio", 0.0), c.metrics.get("tensor_ratio", 0.0)) <= limit for c in judged):
            return True, judged
        # Without metrics nothing was measured: an output is missing, or of another shape.
        return (False if any(not c.match and not c.metrics for c in judged) else None), judged

    def _fully(self, run: Run) -> tuple[Comparison, ...]:
        self.asked["all"] += 1
        return self._judge(run, self._both.reference(run.sample, self._precision))

    def _judge(self, run: Run, reference: Reference) -> tuple[Comparison, ...]:
        both, where = self._both, run.sample.where
        return judge_one(
            both.cell.case, both.artifact, run.sample, reference, run.target, self._bounds, self._precision, where, ordinary=False
        )


def trustworthy(references: Sequence[Reference]) -> bool:
    """Return whether the source is near its float64 twin on these samples, in every slice of every float output."""
    return all(
        np.shape(exact) == np.shape(reference.outputs[name]) and bool(np.all(scales(exact) >= NEAR * scales(reference.outputs[name])))
        for reference in references
        for name, exact in reference.oracle.items()
        if name in reference.outputs and reference.outputs[name].dtype.kind not in "iub"
    )
