"""How a program fails, in words that other programs with the same fault share."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from harness.core.outcome import Outcome
from harness.core.record import Comparison, Record
from harness.core.value import value

ROUNDING = 1e-4
"""A difference below this, over the root mean square, is one of accuracy."""
_TRIFLES = (
    (re.compile(r"(/[\w.+-]+){2,}|<[^<>]*>"), "*"), (re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`"), "'*'"),
    (re.compile(r"\b[xvtc]\d+\w*|\b(node_)?\w+_\d+\b"), "*"), (re.compile(r"0x[0-9a-f]+|-?\d+(\.\d+)?(e[+-]?\d+)?"), "#"),
    (re.compile(r"(#[, x]*)+"), "#"), (re.compile(r"('\*'[, ]*)+"), "'*'"), (re.compile(r"\s+"), " "),
)  # fmt: skip


@value
class Symptom:
    """Outcome, stage, and the kind of mismatch or the error without its numbers and names."""

    outcome: str
    stage: str
    kind: str

    def __str__(self) -> str:
        return f"{self.outcome} at {self.stage}: {self.kind}"


def symptom_of(record: Record) -> Symptom | None:
    """Return how a record fails, None for a match."""
    if record.outcome is Outcome.MATCH:
        return None
    if record.outcome is Outcome.MISMATCH:
        kind = worst([kind_of(comparison) for comparison in record.comparisons if not comparison.match])
    else:
        kind = signature(record.error or {})
    return Symptom(outcome=str(record.outcome), stage=str(record.stage), kind=kind)


KINDS = ("missing", "shape", "axes", "dtype", "NaN pattern", "value", "accuracy", "undetermined", "provenance")
"""Kinds of mismatch, the gravest first. ``value``: wrong beyond any rounding; ``accuracy``: less than `ROUNDING` off;
``axes``: another shape for as many numbers, so that a reduction cannot make one of a shape that loses some."""


def worst(kinds: list[str]) -> str:
    """Return the gravest of several kinds."""
    return min(kinds, key=KINDS.index)


def kind_of(comparison: Comparison) -> str:
    """Return the kind of a comparison that failed."""
    said = " ".join(comparison.facts)
    if comparison.output == "(provenance)":
        return "provenance"
    for word, kind in (
        ("missing", "missing"),
        ("extra", "missing"),
        ("shape is", _shape(said)),
        ("dtype is", "dtype"),
        ("NaN at", "NaN pattern"),
        ("inf at", "NaN pattern"),
    ):
        if word in said:
            return kind
    if "hangs on the last bits" in said and not comparison.metrics.get("outside"):
        return "undetermined"
    return "value" if error_of(comparison) > ROUNDING else "accuracy"


def _shape(said: str) -> str:
    """Return whether two shapes hold as many numbers or not."""
    found = re.search(r"shape is (\S+), expected (\S+)", said)
    sizes = [math.prod(int(n) for n in text.split("x") if n.isdigit()) for text in found.groups()] if found else [0, 1]
    return "axes" if sizes[0] == sizes[1] else "shape"


def error_of(comparison: Comparison) -> float:
    """Return the largest difference over the root mean square of what was expected; infinite where nothing could be subtracted."""
    return float(comparison.metrics.get("scaled", float("inf")))


def magnitude(comparison: Comparison) -> str:
    """Return how a value differs: by its sign, or by how much."""
    got, want = comparison.metrics.get("actual_at_worst"), comparison.metrics.get("expected_at_worst")
    if isinstance(got, (int, float)) and isinstance(want, (int, float)) and want and abs(got + want) <= 1e-3 * abs(want):
        return "sign"
    error = error_of(comparison)
    return (
        "off by more than the rms" if error > 1 else "off by 1 % to 100 % of the rms" if error > 1e-2 else "off by less than 1 % of the rms"
    )


def signature(error: Mapping[str, Any]) -> str:
    """Return type and first lines of an error without numbers, names and paths."""
    said = str(error.get("message") or "").strip()
    text = " ".join(said.splitlines()[:2])
    for pattern, other in _TRIFLES:
        text = pattern.sub(other, text)
    head = str(error.get("type") or error.get("signal") or error.get("kind") or "error")
    return f"{head}: {text[:160].strip()}" if text else head
