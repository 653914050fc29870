"""Sums records up: how many matched, what is worst, and one line that says why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.core.outcome import Outcome
from harness.core.record import Comparison, Record
from harness.core.value import value
from harness.report.text import count, line, number, real

# A wrong result nobody notices ships, so it outranks every failure that announces itself.
SEVERITY = (
    Outcome.MISMATCH, Outcome.CRASH, Outcome.TIMEOUT, Outcome.ERROR, Outcome.UNSUPPORTED, Outcome.UNAVAILABLE, Outcome.MATCH,
)  # fmt: skip
GLYPHS: Mapping[str, str] = {
    "match": "✓", "mismatch": "≠", "crash": "✖", "timeout": "◷", "error": "!", "unsupported": "⊘", "unavailable": "▨",
}  # fmt: skip
MEANINGS: Mapping[str, str] = {
    "match": "every output lies within its bound",
    "mismatch": "it ran, and computed something else",
    "crash": "the process died",
    "timeout": "it did not end in time",
    "error": "a step raised an error",
    "unsupported": "a converter or runtime refused an operator by name",
    "unavailable": "the toolchain or device is not on this machine; nothing was learnt",
}


@value
class Tally:
    """The sum of some records.

    ``executed`` leaves out what is unavailable. ``failing`` counts what breaks a release,
    ``expected`` the failures that a valid row excuses, ``surprises`` matches against a row.
    ``worst`` is the worst outcome among the failing, else among the expected (then ``calm``).
    """

    total: int
    executed: int
    matched: int
    unavailable: int
    expected: int
    failing: int
    surprises: int
    counts: Mapping[str, int]
    worst: Outcome
    calm: bool

    @property
    def mark(self) -> str:
        """Return the style class of the sum."""
        return f"o-{self.worst}" + (" calm" if self.calm else "") + (" partly" if self.executed and self.unavailable else "")

    @property
    def words(self) -> str:
        """Return the sum in words, for those who see neither colour nor glyph."""
        found = [f"{self.counts[str(o)]} {o}" for o in (Outcome.MATCH, *SEVERITY[:-1]) if self.counts.get(str(o))]
        found += [f"{self.expected} expected"] if self.expected else []
        found += [f"{self.surprises} against expectation"] if self.surprises else []
        return ", ".join(found) or "no cells"


def tally(records: Sequence[Record]) -> Tally:
    """Return the sum of ``records``."""
    counts = Counter(str(record.outcome) for record in records)
    expected = [record for record in records if excused(record)]
    failing = [record for record in records if fails(record)]
    executed = len(records) - counts["unavailable"]
    decisive = failing or expected or [record for record in records if record.outcome is not Outcome.UNAVAILABLE]
    worst = min((record.outcome for record in decisive), key=SEVERITY.index, default=Outcome.UNAVAILABLE)
    return Tally(
        total=len(records), executed=executed, matched=counts["match"], unavailable=counts["unavailable"], expected=len(expected),
        failing=len(failing), surprises=sum(record.outcome is Outcome.MATCH for record in failing), counts=dict(counts),
        worst=worst, calm=bool(expected) and not failing,
    )  # fmt: skip


def apart(records: Sequence[Record]) -> tuple[list[Record], dict[str, Tally]]:
    """Return the results of devices, and the sum of what is labelled, by label: it is counted apart."""
    labels = sorted({record.label for record in records} - {""})
    return [record for record in records if not record.label], {label: tally([r for r in records if r.label == label]) for label in labels}


def told_apart(sums: Mapping[str, Tally]) -> list[str]:
    """Return one sentence for each label of which something ran: what it is not, and how many of its cells match."""
    ran = {label: one for label, one in sums.items() if one.executed}
    return [f"{label}, no result of the device itself: {one.matched} of {count(one.executed, 'cell')} match" for label, one in ran.items()]


def ran_first(executed: Iterable[tuple[str, bool]]) -> list[str]:
    """Return names in order, those of which something was executed before those of which nothing was."""
    found: dict[str, bool] = {}
    for name, ran in executed:
        found[name] = found.get(name, False) or ran
    return sorted(found, key=lambda name: (not found[name], name))


def excused(record: Record) -> bool:
    """Return whether the record is a failure that a valid row expects."""
    return bool(record.expectation) and record.ok and record.outcome not in (Outcome.MATCH, Outcome.UNAVAILABLE)


def fails(record: Record) -> bool:
    """Return whether the record counts against a release: not ok, and not merely unavailable."""
    return not record.ok and record.outcome is not Outcome.UNAVAILABLE


def share(comparison: Comparison) -> float | None:
    """Return how much of its bound the error takes up where it is worst: 1.0 is all of it. None where neither is known."""
    if "ratio" in comparison.metrics:
        parts = [real(comparison.metrics.get(name)) for name in ("ratio", "tensor_ratio")]
        return max((part for part in parts if part is not None), default=None)
    peak, expected = real(comparison.metrics.get("max_abs")), real(comparison.metrics.get("expected_at_worst"))
    rtol, atol = real(comparison.bound.get("rtol")), real(comparison.bound.get("atol"))
    if peak is None or rtol is None or atol is None:
        return None
    allowed = atol + rtol * abs(expected or 0.0) if rtol else atol
    if allowed:
        return peak / allowed
    return 0.0 if peak == 0 else float("inf")


def worst(record: Record) -> Comparison | None:
    """Return the deciding comparison that says most: a failed fact, else what fails, else what is nearest its bound."""
    deciding = [comparison for comparison in record.comparisons if comparison.against != "oracle"]

    def weight(comparison: Comparison) -> tuple[bool, bool, float]:
        used = share(comparison)
        return not comparison.match, bool(comparison.facts), -1.0 if used is None else float("inf") if math.isnan(used) else used

    return max(deciding, key=weight, default=None)


def headline(record: Record, limit: int = 200) -> str:
    """Return one line: the error, else what the worst comparison shows."""
    if record.error and record.error.get("message"):
        kind = record.error.get("type")
        return line(f"{kind}: {record.error['message']}" if kind else record.error["message"], limit)
    found = worst(record)
    if found is None:
        return line(record.messages[0], limit) if record.messages else ""
    if found.facts:
        return line(f"{found.output}: {found.facts[0]}", limit)
    used, metrics = share(found), found.metrics
    if used is None:
        return line(f"{found.output}: " + ", ".join(f"{key} {number(part)}" for key, part in metrics.items()), limit)
    outside = f"{number(metrics['outside'])} of {number(metrics.get('size', '?'))} outside, " if metrics.get("outside") else ""
    return line(f"{found.output}: {outside}max abs {number(metrics['max_abs'])}, {times(used)}", limit)


def times(used: float) -> str:
    """Return a share of the bound in words."""
    if not math.isfinite(used):
        return "beyond any bound"
    if used >= 1:
        return f"{number(used)}× the bound"
    return f"{used:.{1 if used >= 0.01 else 2}%} of the bound" if used >= 1e-4 else "under 0.01% of the bound"


def blamed(record: Record, limit: int = 300) -> str:
    """Return who is to blame in one sentence, or hop and layer where there is none; "" where nobody was looked for."""
    culprit = record.culprit or {}
    named = ", ".join(str(culprit[key]) for key in ("hop", "layer") if culprit.get(key))
    return line(culprit.get("sentence") or named, limit)
