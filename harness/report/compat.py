"""The compatibility table: every operator by dtype on every route, once a run has enough of them to search in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.core.record import Record
from harness.core.value import value
from harness.report.sections import chain, grouped, heading
from harness.report.verdict import Tally, tally

ENOUGH = 100
"""Families at the unit level from which on the table shows; below, the table of families by target says it all."""


@value
class Column:
    """One route: its number among the columns, its two ends and what lies between, and the sum of its cells."""

    route: str
    framework: str
    target: str
    chain: str
    tally: Tally


@value
class Line:
    """One operator of a framework in one dtype ("" where none is recorded): its sums by route, and all outcomes that occur."""

    framework: str
    family: str
    dtype: str
    tallies: Mapping[str, Tally]
    outcomes: tuple[str, ...]


@value
class Compat:
    """The table. ``counts``: for each outcome, how many lines have it on some route."""

    columns: Sequence[Column]
    lines: Sequence[Line]
    dtypes: tuple[str, ...]
    counts: Mapping[str, int]


def compat(records: Sequence[Record], enough: int = ENOUGH) -> Compat | None:
    """Return the table of the unit level, None where fewer than ``enough`` families were tried."""
    unit = [record for record in records if record.level == "unit" and record.family]
    if len({(record.framework, record.family) for record in unit}) < enough:
        return None
    by_route = sorted(grouped(unit, lambda r: (r.framework, heading(r), r.route)).items())
    columns = [
        Column(route=route, framework=framework, target=target, chain=chain(route), tally=tally(cells))
        for (framework, target, route), cells in by_route
    ]
    columns.sort(key=lambda column: not column.tally.executed)
    lines = []
    for (framework, family, dtype), cells in sorted(grouped(unit, lambda r: (r.framework, r.family, r.dtype)).items()):
        sums = {route: tally(members) for route, members in grouped(cells, lambda r: r.route).items()}
        seen = tuple(sorted({str(cell.outcome) for cell in cells}))
        lines.append(Line(framework=framework, family=family, dtype=dtype, tallies=sums, outcomes=seen))
    counts: dict[str, int] = {}
    for line in lines:
        for outcome in line.outcomes:
            counts[outcome] = counts.get(outcome, 0) + 1
    dtypes = tuple(sorted({line.dtype for line in lines if line.dtype}))
    return Compat(columns=columns, lines=lines, dtypes=dtypes, counts=counts)


def by_dtype(found: Compat) -> list[tuple[Column, str, Mapping[str, int], int]]:
    """Return, for each route and dtype, how many operators end worst in which outcome, and how many were tried there."""
    rows: list[tuple[Column, str, Mapping[str, int], int]] = []
    for column in found.columns:
        for dtype in dict.fromkeys(line.dtype for line in found.lines):
            worst: dict[str, int] = {}
            for line in found.lines:
                if line.dtype == dtype and column.route in line.tallies:
                    name = str(line.tallies[column.route].worst)
                    worst[name] = worst.get(name, 0) + 1
            if worst:
                rows.append((column, dtype, worst, sum(worst.values())))
    return rows
