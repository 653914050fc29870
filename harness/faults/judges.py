"""Our own judge, as the exam of `holes` asks: outputs through `numerics.compare`, runs and records through the gate."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from harness.core.case import Task
from harness.core.outcome import Outcome
from harness.core.record import Comparison, Record
from harness.core.tolerance import Tolerance, default_tolerance
from harness.faults.holes import Judge, Outputs
from harness.faults.holes_listed import record
from harness.numerics.compare import compare
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

    return compare(actual, expected, bounds, casts=extra.get("casts"))


def ours_on_runs(actual: Sequence[Outputs], expected: Sequence[Outputs], **extra: Any) -> bool:
    """Return whether a record of these runs gets through the gate: one comparison for each run there was."""
    tried = [{"batch": number} for number in range(len(expected))]
    found = [c for number, (got, want) in enumerate(zip(actual, expected)) for c in compare(got, want, _default, shapes={"batch": number})]
    outcome = Outcome.MATCH if all(comparison.match for comparison in found) else Outcome.MISMATCH
    return ours_on_records((record(outcome, tuple(found), shapes={"tried": tried, "failing": []}),), None)


def ours_on_records(actual: Sequence[Record], expected: Policy | None, **extra: Any) -> bool:
    """Return whether the gate passes."""
    return gate(actual, expected).passed


def _default(_: str, dtype: str) -> Tolerance:
    return default_tolerance(dtype)


KINDS: Mapping[str, Judge] = {"runs": ours_on_runs, "records": ours_on_records}
