"""The ratchet: which declared bounds could be tighter, and which were loosened without saying why and until when."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.core.record import Comparison, Record
from harness.core.spec import DTYPES
from harness.core.tolerance import wider
from harness.core.value import value
from harness.policy import glob
from harness.policy.tolerances import MATCH, Row

MARGIN = 4.0
"""How many times the largest measured error a bound keeps when it is tightened."""
_METRICS = {
    "max_ulp": "ulp", "max_rms_rel": "rms_rel", "max_rmse": "rmse", "max_mean_rel": "mean_rel", "max_kl": "kl",
    "min_cosine": "cosine", "min_sqnr_db": "sqnr_db", "min_top_k": "top_k_agreement",
    "min_fraction": "fraction",
}  # fmt: skip
_WORTH = 0.5
"""How much of its room a bound must be able to give up before it is worth telling."""


@value
class Hint:
    """A declared bound that everything it decided stayed far below.

    ``subject`` names the row, or the case and output; ``bound`` holds the limit (rtol and atol are one, since
    they add) and ``could_be`` the tightest one that keeps the margin. ``measured`` is the worst that was
    seen over ``comparisons`` on ``routes``; for rtol and atol it is the largest absolute error, and
    ``used`` the share of the bound that the element nearest to it takes up.
    """

    subject: str
    bound: Mapping[str, float]
    measured: float
    could_be: Mapping[str, float]
    comparisons: int
    routes: tuple[str, ...]
    used: float | None = None

    @property
    def line(self) -> str:
        """Return the hint in words."""
        worst = "at least" if next(iter(self.bound)).startswith("min") else "at most"
        part = f" ({self.used:.2g} of the bound)" if self.used is not None else ""
        bound, could_be = (", ".join(f"{name}={number:.3g}" for name, number in side.items()) for side in (self.bound, self.could_be))
        return f"{self.subject}: measured {worst} {self.measured:.3g}{part}, bound {bound}; could be {could_be}"

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the reports."""
        return {**dataclasses.asdict(self), "routes": list(self.routes), "line": self.line}


def hints(records: Iterable[Record], rows: Sequence[Row] = (), margin: float = MARGIN) -> list[Hint]:
    """Return where a declared bound could be tighter by half or more and still keep ``margin`` to the worst that was measured.

    One hint for each limit of a row, over all it decided (for each of its bounds, where a preset has one for every
    dtype); of a case's own tolerance, for each of its outputs over all routes. A bound that something failed under
    gives none, nor does one that nothing was measured against, nor the default bound beside which a
    row of the mode oracle stands. ``rows``: those the records were judged by. Raises `ValueError` for a margin below 1.
    """
    if not margin >= 1:
        raise ValueError(f"margin={margin!r}; expected a factor of at least 1")
    known = {row.where: row for row in rows}
    groups: dict[tuple[Any, ...], list[tuple[Record, Comparison]]] = defaultdict(list)
    for record in records:
        for comparison in record.comparisons:
            bound = comparison.bound
            if comparison.against == "reference" and (bound.get("row") or bound.get("reason")):
                row = known.get(str(bound.get("row", "")))
                subject = f"{row.where} ({row.subject})" if row else bound.get("row") or f"{record.case}, output {comparison.output}"
                numbers = tuple(sorted((key, number) for key, number in bound.items() if isinstance(number, (int, float))))
                groups[subject, row is not None and row.mode == "oracle", numbers].append((record, comparison))
    return [
        hint
        for (subject, oracle, numbers), members in groups.items()
        if all(comparison.match for _, comparison in members)
        for hint in _hints(str(subject), dict(numbers), members, margin, oracle)
    ]


def _hints(
    subject: str, bound: Mapping[str, float], members: Sequence[tuple[Record, Comparison]], margin: float, oracle: bool
) -> Iterator[Hint]:
    about: dict[str, Any] = {
        "subject": subject, "comparisons": len(members), "routes": tuple(dict.fromkeys(record.route for record, _ in members)),
    }  # fmt: skip
    used, peak = (_worst(members, key, max) for key in ("used", "max_abs"))
    both = {name: bound[name] for name in ("rtol", "atol") if name in bound}
    if both and not oracle and any(both.values()) and used * margin <= _WORTH:
        could_be = {name: number * used * margin for name, number in both.items()}
        yield Hint(**about, bound=both, measured=peak, could_be=could_be, used=used)
    for limit, key in _METRICS.items():
        measured = _worst(members, key, min if limit.startswith("min") else max) if limit in bound else math.nan
        could = _kept(limit, measured, margin)
        if _gain(limit, bound.get(limit, math.nan), could):
            yield Hint(**about, bound={limit: bound[limit]}, measured=measured, could_be={limit: could})


def _worst(members: Sequence[tuple[Record, Comparison]], key: str, pick: Callable[[list[float]], float]) -> float:
    """Return the worst of a metric; NaN where one comparison lacks it, so that nothing is concluded."""
    found = [float(comparison.metrics.get(key, math.nan)) for _, comparison in members]
    return math.nan if any(map(math.isnan, found)) else pick(found)


def _kept(limit: str, measured: float, margin: float) -> float:
    """Return the limit that leaves ``margin`` times the measured error."""
    if limit == "min_sqnr_db":
        return measured - 20 * math.log10(margin)
    return 1 - (1 - measured) * margin if limit.startswith("min") else measured * margin


def _gain(limit: str, bound: float, could_be: float) -> bool:
    """Return whether the room for errors becomes half or less. Not for what is infinite, or no number."""
    if not math.isfinite(could_be):
        return False
    if limit == "min_sqnr_db":
        return could_be - bound >= -20 * math.log10(_WORTH)
    if limit.startswith("min"):
        return could_be > bound and 1 - could_be <= (1 - bound) * _WORTH
    return could_be < bound and could_be <= bound * _WORTH


def loosened(old_rows: Sequence[Row], new_rows: Sequence[Row]) -> list[str]:
    """Return, in words, where ``new_rows`` let something go further than ``old_rows`` did without a reason and an expiry date.

    Asked for what each row of either side names: which row decides it, for each dtype, before and after. So a
    row that was removed, moved, narrowed or overruled by a later one is found as well as one whose numbers changed.
    """
    found = []
    for probe in dict.fromkeys(tuple(getattr(row, key) for key in MATCH) for row in (*old_rows, *new_rows)):
        place = dict(zip(MATCH, probe, strict=True))
        for dtype in filter(functools.partial(glob.matches, place["dtype"]), DTYPES):
            before, after = (_deciding(rows, place, dtype) for rows in (old_rows, new_rows))
            told = [] if after.reason and after.expires else wider(after.at(dtype), before.at(dtype))
            if told:
                named = " ".join(text for text in probe if text not in ("*", dtype)) or "everything"
                by = f"now by {after.where or 'the default'}, before by {before.where or 'the default'}"
                found.append(f"loosened: {named}, {dtype}: {'; '.join(told)} ({by})")
                break
    return found


def _deciding(rows: Sequence[Row], place: Mapping[str, str], dtype: str) -> Row:
    """Return the last row that names all that a place names; where there is none, a row that leaves it at the default."""
    for row in reversed(rows):
        if row.covers(dtype) and all(glob.matches(getattr(row, key), place[key]) for key in MATCH if key != "dtype"):
            return row
    return Row()
