"""Arranges records for reading: the matrix, operator families, causes, absences, expectation rows, versions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.value import value
from harness.report.text import clean, line
from harness.report.verdict import SEVERITY, Tally, fails, headline, ran_first, tally

_K = TypeVar("_K")


@value
class Lane:
    """The cells of one route. ``chain`` is the route without its ends."""

    index: int
    route: str
    chain: str
    tally: Tally
    records: Sequence[Record]


@value
class Pair:
    """The routes that join a source framework to a target."""

    index: int
    framework: str
    target: str
    tally: Tally
    lanes: Sequence[Lane]


@value
class Family:
    """One row of the operator table: the sums of a framework's operator family by target."""

    framework: str
    name: str
    tallies: Mapping[str, Tally]


@value
class Cause:
    """Failures that say the same, numbers and paths aside."""

    outcome: Outcome
    stage: str
    text: str
    targets: Sequence[str]
    records: Sequence[Record]


def grouped(records: Iterable[Record], key: Callable[[Record], _K]) -> dict[_K, list[Record]]:
    """Return the records by key, in order of first appearance."""
    found: dict[_K, list[Record]] = defaultdict(list)
    for record in records:
        found[key(record)].append(record)
    return dict(found)


def heading(record: Record) -> str:
    """Return the target as a column is headed: with its label where it stands for a device and is none, and does not say so itself."""
    named = not record.label or record.target.endswith(f"@{record.label}")
    return record.target if named else f"{record.target} ({record.label})"


def chain(route: str) -> str:
    """Return the converters of a route, and its runtime's options when it has any."""
    parts = re.split(r">(?![^\[]*\])", route)
    options = re.search(r"\[[^\]]*\]", parts[-1])
    hops = parts[1:-1] or ["direct"]
    return " › ".join(clean(hop) for hop in hops) + (f" {clean(options[0])}" if options else "")


def pairs(records: Sequence[Record]) -> list[Pair]:
    """Return every pair of framework and target that has a cell, sorted, with its routes."""
    found, lanes = [], 0
    ordered = sorted(grouped(records, lambda r: (r.framework, heading(r))).items())
    for index, ((framework, target), cells) in enumerate(ordered):
        inside = []
        for route, members in sorted(grouped(cells, lambda r: r.route).items()):
            by_case = sorted(members, key=lambda r: (not fails(r), SEVERITY.index(r.outcome), r.case))
            inside.append(Lane(index=lanes, route=route, chain=chain(route), tally=tally(members), records=by_case))
            lanes += 1
        found.append(Pair(index=index, framework=framework, target=target, tally=tally(cells), lanes=inside))
    return found


def matrix(found: Sequence[Pair]) -> tuple[list[str], list[tuple[str, list[Pair | None]]]]:
    """Return the targets, and for each framework its pairs in the order of the targets (None: no route was tried)."""
    targets = ran_first((pair.target, bool(pair.tally.executed)) for pair in found)
    rows: dict[str, dict[str, Pair]] = defaultdict(dict)
    for pair in found:
        rows[pair.framework][pair.target] = pair
    return targets, [(framework, [row.get(target) for target in targets]) for framework, row in sorted(rows.items())]


def families(records: Iterable[Record]) -> tuple[list[str], list[Family]]:
    """Return the operator table of the unit level: its targets and one row for each framework and family."""
    unit = [record for record in records if record.level == "unit"]
    targets = ran_first((heading(record), record.outcome is not Outcome.UNAVAILABLE) for record in unit)
    rows = []
    for (framework, name), cells in sorted(grouped(unit, lambda r: (r.framework, r.family or r.case)).items()):
        sums = {target: tally(members) for target, members in grouped(cells, heading).items()}
        rows.append(Family(framework=framework, name=name, tallies=sums))
    return targets, rows


def causes(records: Iterable[Record]) -> list[Cause]:
    """Return what fails without being expected, grouped by what it says, worst and most frequent first."""
    groups = grouped((r for r in records if fails(r)), lambda r: (r.outcome, str(r.stage), _signature(r)))
    found = [
        Cause(outcome=outcome, stage=stage, text=headline(cells[0]), targets=sorted({heading(cell) for cell in cells}), records=cells)
        for (outcome, stage, _), cells in groups.items()
    ]
    return sorted(found, key=lambda cause: (SEVERITY.index(cause.outcome), -len(cause.records), cause.text))


def _signature(record: Record) -> str:
    if record.outcome is Outcome.MATCH:
        return "match against expectation"
    if record.outcome is Outcome.MISMATCH and not any(c.facts for c in record.comparisons if not c.match):
        return " ".join(["outside the bound", *_blamed(record.culprit or {})])
    text = re.sub(r"(/[\w.+-]+){2,}/?", "/…", headline(record))
    return re.sub(r"0x[0-9a-fA-F]+|\d[\d.]*(e[+-]?\d+)?", "#", text)


def _blamed(culprit: Mapping[str, Any]) -> list[str]:
    """Return what failures of one cause share of their culprits: the hop, the kind of layer, the first suspect."""
    suspects = culprit.get("suspects")
    first = suspects[0] if isinstance(suspects, (list, tuple)) and suspects else {}
    name = first.get("name", "") if isinstance(first, Mapping) else first
    return [str(part) for part in (culprit.get("hop", ""), culprit.get("type", ""), name)]


def absences(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return each reason why something is unavailable, how to get it, and what it keeps from running."""
    absent = [record for record in records if record.outcome is Outcome.UNAVAILABLE]
    found = []
    for (reason, how), cells in grouped(absent, _reason).items():
        targets = sorted({heading(cell) for cell in cells})
        routes = sorted({cell.route for cell in cells})
        found.append({"reason": reason, "how": how, "targets": targets, "routes": routes, "cells": len(cells)})
    return sorted(found, key=lambda item: (-int(item["cells"]), str(item["reason"])))


def _reason(record: Record) -> tuple[str, str]:
    """Return reason and remedy; the text of `Unavailable` holds both when they were not recorded apart."""
    error = record.error or {}
    message, how = str(error.get("message") or "no reason was recorded"), str(error.get("how") or "")
    joined = re.fullmatch(r"(.*) \(to get it: (.*)\)", message, re.DOTALL)
    if joined and not how:
        message, how = joined[1], joined[2]
    return clean(message), clean(how)


def expectations(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return one entry for each expectation row that met a record: what it excuses, and what is wrong with it."""
    rows = grouped((r for r in records if r.expectation), lambda r: str((r.expectation or {}).get("row", "")))
    found = []
    for row, cells in rows.items():
        facts = cells[0].expectation or {}
        bad = [cell for cell in cells if not cell.ok]
        found.append({
            "row": clean(row), "reason": clean(facts.get("reason", "")), "expires": clean(facts.get("expires", "")),
            "issue": clean(facts.get("issue", "")), "met": len(cells) - len(bad), "cells": cells, "bad": bad,
            "problems": [line((cell.expectation or {}).get("problem", ""), 300) for cell in bad],
        })  # fmt: skip
    return sorted(found, key=lambda item: not item["bad"])


def versions(records: Iterable[Record]) -> dict[str, list[str]]:
    """Return every package version the cells ran with; more than one where toolchains differ."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, version in (record.versions or {}).items():
            found[clean(name)].add(clean(version))
    return {name: sorted(found[name]) for name in sorted(found, key=str.lower)}
