"""What the tests generated from each whole model say of it: coverage, a tree with a verdict for each part and route, what was left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.core.record import Record
from harness.core.value import value
from harness.report.nodes import nodes_of
from harness.report.origin import coverage, listed, mapped, part_of, percent, whole
from harness.report.sections import chain, grouped, heading
from harness.report.text import clean, count, line
from harness.report.tree import Mark, Row, Tree
from harness.report.verdict import GLYPHS, SEVERITY, Tally, excused, fails, headline, tally


@value
class Lane:
    """One route that a model and its parts were tried on. ``whole`` is the verdict of the whole model, None where it did not run."""

    number: int
    chain: str
    target: str
    route: str
    whole: Mark | None
    tallies: Mapping[str, Tally]


@value
class Left:
    """What gives no test of its own, and why."""

    type: str
    path: str
    reason: str
    times: int
    ops: int
    share: str


@value
class Model:
    """One whole model and what was generated from it.

    ``unit`` and ``either``: shares of its operators that unit tests run, and that unit or module tests do; None where that is not known.
    ``tallies``: of the ``whole`` model's cells, and of the generated ones by level. ``hidden``: nodes not shown.
    """

    index: int
    case: str
    framework: str
    said: str
    unit: float | None
    either: float | None
    cases: int
    tally: Tally
    lanes: Sequence[Lane]
    rows: Sequence[Row]
    nodes: int
    hidden: int
    left: Sequence[Left]
    anchors: Mapping[str, str]
    tallies: Mapping[str, Tally]


def models(records: Sequence[Record], places: Mapping[str, int]) -> list[Model]:
    """Return every whole model from which tests were generated, those with failures first. ``places``: id to place of every record."""
    found = _told(records)
    ordered = sorted(found, key=lambda key: (not any(map(fails, (*found[key].heads, *found[key].made))), key))
    return [_model(index, *key, found[key], places) for index, key in enumerate(ordered)]


@value
class _Told:
    """What a run tells of one whole model: its ``parts`` as a record of the model or of a generated case has them, and its records."""

    parts: Mapping[str, Any]
    heads: Sequence[Record]
    made: Sequence[Record]


def _told(records: Iterable[Record]) -> dict[tuple[str, str], _Told]:
    """Return, by case and framework, each model of which a record has the parts; one tells for all."""
    parts: dict[tuple[str, str], Mapping[str, Any]] = {}
    heads: dict[tuple[str, str], list[Record]] = defaultdict(list)
    made: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        origin = mapped(record.part)
        key = (str(origin.get("of")) if origin else record.case, record.framework)
        (made if origin else heads)[key].append(record)
        if mapped(record.parts):
            parts.setdefault(key, mapped(record.parts))
    return {key: _Told(parts=parts[key], heads=heads[key], made=made[key]) for key in parts}


def _model(index: int, case: str, framework: str, told: _Told, places: Mapping[str, int]) -> Model:
    parts, heads, made = told.parts, told.heads, told.made
    lanes = _lanes(heads, made, places)
    tree = _tree(index, parts, made, [lane.route for lane in lanes], places)
    rows = tree.rows()
    found = mapped(parts.get("coverage"))
    anchors = {record.id: tree.anchor(record.case) or f"m{index}" for record in made}
    return Model(
        index=index, case=case, framework=framework, said=coverage(parts),
        unit=part_of(found.get("unit")), either=part_of(found.get("any")), cases=_cases(parts, made),
        tally=tally([*heads, *made]), lanes=lanes, rows=rows, nodes=len(tree), left=_left(parts),
        hidden=len(tree) - sum(row.count * (1 + row.inside) for row in rows),
        anchors={**anchors, **{head.id: f"m{index}" for head in heads}},
        tallies={"whole": tally(heads), **{level: tally(cells) for level, cells in grouped(made, lambda record: record.level).items()}},
    )  # fmt: skip


def _lanes(heads: Sequence[Record], made: Sequence[Record], places: Mapping[str, int]) -> list[Lane]:
    """Return the routes, those with the worst failure first."""
    by_route = grouped([*heads, *made], lambda record: record.route)
    own = {head.route: mark(head, places) for head in heads}
    ordered = sorted(by_route, key=lambda route: (min(_rank(cell) for cell in by_route[route]), route))
    return [
        Lane(
            number=number, chain=chain(route), target=heading(by_route[route][0]), route=route, whole=own.get(route),
            tallies={
                level: tally(cells) for level, cells in grouped((c for c in by_route[route] if mapped(c.part)), lambda c: c.level).items()
            },
        )
        for number, route in enumerate(ordered, 1)
    ]  # fmt: skip


def _tree(index: int, parts: Mapping[str, Any], made: Sequence[Record], routes: Sequence[str], places: Mapping[str, int]) -> Tree:
    more: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for case, cells in grouped(made, lambda record: record.case).items():
        part = mapped(cells[0].part)
        more[str(part.get("path", ""))].append((case, whole(part.get("call"))))
    marks = {}
    for case, cells in grouped(made, lambda record: record.case).items():
        by_route = {cell.route: mark(cell, places) for cell in cells}
        marks[case] = [by_route.get(route) for route in routes]
    return Tree(nodes_of(parts.get("tree"), more), marks, f"m{index}")


def _rank(record: Record) -> int:
    return SEVERITY.index(record.outcome) if fails(record) else 99


def mark(record: Record, places: Mapping[str, int]) -> Mark:
    """Return the verdict of a record as it is shown in a tree."""
    outcome, calm, surprise = str(record.outcome), excused(record), str(record.outcome) == "match" and not record.ok
    return Mark(
        place=places[record.id], style=f"o-{outcome}{' calm' if calm else ''}", sign="‡" if surprise else GLYPHS[outcome],
        words=outcome + (", as expected" if calm else ", unexpected" if surprise else ""), rank=_rank(record),
        why=clean(headline(record, 110)) if fails(record) else "",
    )  # fmt: skip


def _left(parts: Mapping[str, Any]) -> list[Left]:
    """Return what is left out, the largest share first."""
    items = sorted(listed(parts.get("left")), key=lambda item: -(part_of(item.get("share")) or 0.0))
    return [
        Left(
            type=line(item.get("type", ""), 80), path=line(item.get("path", ""), 200), reason=line(item.get("reason", ""), 300),
            times=whole(item.get("times"), 1), ops=whole(item.get("ops")),
            share=percent(share) if (share := part_of(item.get("share"))) is not None else "",
        )
        for item in items
    ]  # fmt: skip


def model_lines(records: Sequence[Record]) -> Iterator[str]:
    """Yield a line for each whole model of a run: how much of it the generated tests cover, how many there are, how many fail."""
    for (case, framework), model in _told(records).items():
        parts, cells = model.parts, model.made
        cases, ran = _cases(parts, cells), len({cell.case for cell in cells})
        failing = len({cell.case for cell in cells if fails(cell)})
        told = f", {ran or 'none'} of them in this run" if ran < cases else ""
        yield (
            f"{line(case, 100)} ({line(framework, 40)}): {coverage(parts)}; {count(cases, 'generated case')}{told}"
            + (f", {failing} failing" if ran else "")
        )


def _cases(parts: Mapping[str, Any], made: Sequence[Record]) -> int:
    """Return how many cases were generated: those that ran at least, whatever was recorded."""
    return max(whole(parts.get("cases")), len({record.case for record in made}))
