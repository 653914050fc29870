"""Our own judge, as the exam of `holes` asks: outputs through `numerics.compare`, runs and records through the gate."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from harness.core.case import Task, Ties
from harness.core.outcome import Outcome
from harness.core.record import Comparison, Record
from harness.core.tolerance import Tolerance, default_tolerance
from harness.faults.holes import Judge, Outputs
from harness.faults.holes_listed import record
from harness.numerics.compare import compare
from harness.numerics.oracle import UNITS, Yardstick
from harness.numerics.task import judge as judge_task
from harness.policy.gate import Policy, gate


def ours(actual: Outputs, expected: Outputs, **extra: Any) -> bool:
    """Return whether every comparison matches, held to the default tolerances or to those of the question."""
    return all(comparison.match for comparison in _comparisons(actual, expected, **extra))


def _comparisons(actual: Outputs, expected: Outputs, **extra: Any) -> tuple[Comparison, ...]:
    task = extra.get("task")
    if task:
        # A task metric replaces the tensors here: scores that differ are what the question is about.
        only = Task(metric="accuracy", bounds={"max_drop": task["max_drop"]})
        return (judge_task(only, actual, expected, np.asarray(task["labels"])),)
    held = extra.get("tolerance")

    def bounds(_: str, dtype: str) -> Tolerance:
        return Tolerance(rtol=held[0], atol=held[1]) if held else default_tolerance(dtype)

    ties = {name: Ties(scores=scores, window=window) for name, (scores, window) in extra.get("ties", {}).items()}
    sticks = _yardsticks(expected)
    return compare(actual, expected, bounds, casts=extra.get("casts"), yardsticks=sticks, ties=ties, shapes=extra.get("shapes"))


def _yardsticks(expected: Outputs) -> dict[str, Yardstick]:
    """Return what a harness would have measured of a source that is exact, its zeros as what is left of inputs of order one."""
    found = {}
    for name, array in expected.items():
        noise = 0.0 if np.any(array) or array.dtype.kind != "f" else UNITS["float32"]
        found[name] = Yardstick(reference=array, oracle=np.asarray(array, np.float64), spread=np.full(array.shape, noise, np.float32))
    return found


def ours_on_runs(actual: Sequence[Outputs], expected: Sequence[Outputs], **extra: Any) -> bool:
    """Return whether a record of these runs gets through the gate: one comparison for each run there was."""
    tried = [{"batch": number} for number in range(len(expected))]
    found = [c for number, (got, want) in enumerate(zip(actual, expected)) for c in _comparisons(got, want, shapes={"batch": number})]
    outcome = Outcome.MATCH if all(comparison.match for comparison in found) else Outcome.MISMATCH
    return ours_on_records((record(outcome, tuple(found), shapes={"tried": tried, "failing": []}),), None)


def ours_on_records(actual: Sequence[Record], expected: Policy | None, **extra: Any) -> bool:
    """Return whether the gate passes."""
    return gate(actual, expected).passed


KINDS: Mapping[str, Judge] = {"runs": ours_on_runs, "records": ours_on_records}
