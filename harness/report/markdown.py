"""Renders records as a short Markdown summary for a CI job page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.core.record import Record
from harness.report import sections
from harness.report.compat import by_dtype, compat
from harness.report.models import Model, models
from harness.report.origin import region
from harness.report.text import clean, count, line
from harness.report.verdict import GLYPHS, MEANINGS, Tally, apart, blamed, fails, headline, tally, told_apart

_NAMED = 100
# What could start emphasis, code, a link, a table cell, a heading, a formula, a bare address or a mention.
_SPECIAL = re.compile(r"[\\`*_\[\]#|~$]|:(?=//)|(?<!\w)@|(?<=\bwww)\.")


def plain(item: Any, limit: int = 300) -> str:
    """Return one line of text in which Markdown and HTML see nothing but text."""
    return _SPECIAL.sub(lambda sign: f"&#{ord(sign[0])};", html.escape(line(item, limit), quote=False))


def code(item: Any, limit: int = 300) -> str:
    """Return one line of text set as code; works inside tables too."""
    return f"<code>{plain(item, limit)}</code>"


def fenced(item: Any) -> str:
    """Return a code block that no content can close early."""
    text = clean(item, 2_000)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"


def render_markdown(
    records: Sequence[Record], *, title: str = "Parity report", gate: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None, worst: int = 10, hints: Sequence[str] = (),
) -> str:  # fmt: skip
    """Return the summary: verdict, counts, the matrix and the ``worst`` causes of failure with a command to repeat each.

    ``hints``: declared bounds that could be tighter, one line each.
    """
    devices, labelled = apart(records)
    whole = tally(devices)
    said = [plain(sentence) for sentence in told_apart(labelled)]
    parts = [f"## {plain(title)}", _verdict(whole, gate), *said, *_reasons(gate), _counts(devices, whole)]
    if records:
        parts += _matrix(records)
        parts += _models(records)
        parts += _compat(records)
        parts += _failures(records, worst)
        parts += _blame(records)
        parts += _absences(records)
        parts += _hints(hints)
    if run:
        parts.append("<sub>" + " · ".join(f"{plain(key)} {plain(item)}" for key, item in run.items()) + "</sub>")
    return "\n\n".join(parts) + "\n"


def _verdict(whole: Tally, gate: Mapping[str, Any] | None) -> str:
    if gate is None:
        word = "○ No gate configured"
    else:
        word = "✓ Gate passed" if gate.get("passed") else f"✖ Gate failed (exit code {plain(gate.get('code', 1))})"
    return f"**{word}**: {whole.matched} of {count(whole.executed, 'executed cell')} match"


def _reasons(gate: Mapping[str, Any] | None) -> list[str]:
    reasons = list((gate or {}).get("reasons", ()))
    more = [f"- and {len(reasons) - 10} more"] if len(reasons) > 10 else []
    return ["\n".join([*(f"- {plain(reason, 400)}" for reason in reasons[:10]), *more])] if reasons else []


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in [names, ["---"] * len(names), *rows]])


def _counts(records: Sequence[Record], whole: Tally) -> str:
    names = [*(f"{GLYPHS[outcome]} {outcome}" for outcome in MEANINGS), "† expected", "↺ replayed"]
    numbers = [*(str(whole.counts.get(outcome, 0)) for outcome in MEANINGS), str(whole.expected), str(sum(r.replayed for r in records))]
    return _table(names, [numbers])


def _sum(found: Tally) -> str:
    if not found.executed:
        return f"{GLYPHS['unavailable']} unavailable"
    marks = [f"†{found.expected}"] if found.expected else []
    marks += [f"‡{found.surprises} unexpected pass"] if found.surprises else []
    marks += [f"{GLYPHS['unavailable']}{found.unavailable}"] if found.unavailable else []
    word = "" if found.matched == found.executed else f" {found.worst}"
    return " ".join([f"{GLYPHS[str(found.worst)]} {found.matched}/{found.executed}{word}", *marks])


def _matrix(records: Sequence[Record]) -> list[str]:
    targets, rows = sections.matrix(sections.pairs(records))
    body = [[code(framework), *(_sum(pair.tally) if pair else "–" for pair in cells)] for framework, cells in rows]
    note = "Matched / executed, and the worst outcome. † expected failure, ‡ match against expectation, ▨ unavailable here, – no route."
    return ["### Source × target", _table(["source", *(code(target) for target in targets)], body), f"<sub>{note}</sub>"]


def _compat(records: Sequence[Record]) -> list[str]:
    """Return operators by their worst outcome for each route and dtype, and the first operators that do not match everywhere."""
    found = compat(records)
    if found is None:
        return []
    rows = [
        [code(column.route), plain(dtype) or "–", str(tried), *(str(worst.get(outcome, "")) for outcome in MEANINGS)]
        for column, dtype, worst, tried in by_dtype(found)
    ]
    head = ["route", "dtype", "operators", *(f"{GLYPHS[outcome]} {outcome}" for outcome in MEANINGS)]
    bad = [row for row in found.lines if set(row.outcomes) - {"match", "unavailable"}]
    named = ["<details><summary>" + count(len(bad), "operator") + " that do not match on every route</summary>\n"]
    routes = {column.route: column for column in found.columns}
    for row in bad[:_NAMED]:
        sums = [f"{code(routes[name].chain)} {plain(routes[name].target)} {_sum(part)}" for name, part in sorted(row.tallies.items())]
        named.append(f"- {code(row.family)} {plain(row.dtype)}: " + "; ".join(sums))
    named += [f"- and {len(bad) - _NAMED} more; the HTML report lists all of them"] if len(bad) > _NAMED else []
    return ["### Operators × dtype × route", _table(head, rows), *(["\n".join([*named, "</details>"])] if bad else [])]


def _models(records: Sequence[Record]) -> list[str]:
    """Return how much of each model its generated tests cover and how they went, what of it fails, and what is left out."""
    found = models(records, {record.id: place for place, record in enumerate(records)})
    if not found:
        return []
    head = ["model", "coverage", "generated cases", "whole model", "modules", "layers and functions"]
    body = [
        [
            f"{code(model.case, 120)} {plain(model.framework)}", model.said, str(model.cases),
            *(_sum(model.tallies[level]) if level in model.tallies else "–" for level in ("whole", "module", "unit")),
        ]
        for model in found[:50]
    ]  # fmt: skip
    more = [f"and {count(len(found) - 50, 'more model')}"] if len(found) > 50 else []
    return ["### Models", _table(head, body), *more, *(part for model in found[:10] for part in _inside(model))]


def _inside(model: Model) -> list[str]:
    """Return the parts of a model that fail, and the largest of what gives no test."""
    bad = [row for row in model.rows if row.why]
    lines = []
    for row in bad[:10]:
        name = " ".join(filter(None, [code(row.paths[0] if row.paths else row.name), plain(row.type, 80)]))
        told = [(mark, lane) for mark, lane in zip(row.marks, model.lanes, strict=True) if mark and mark.why]
        verdicts = "; ".join(f"{mark.sign} {mark.words} on {code(lane.route)}" for mark, lane in told)
        lines.append(f"- {name}: {verdicts}: {plain(row.why)}")
    more = [f"- and {count(len(bad) - 10, 'more part')} that {'fails' if len(bad) == 11 else 'fail'}"] if len(bad) > 10 else []
    left = [f"- left out, {item.share}: {plain(item.type, 80)}, {plain(item.reason)}" for item in model.left[:3] if item.ops]
    return [f"Of {code(model.case, 120)}:", "\n".join([*lines, *more, *left])] if lines or left else []


def _failures(records: Sequence[Record], worst: int) -> list[str]:
    causes = sections.causes(records)
    if not causes:
        return []
    parts = [f"### Worst failures ({count(len(causes), 'cause')})"]
    for number, cause in enumerate(causes[:worst], 1):
        first = cause.records[0]
        more = f" and {count(len(cause.records) - 1, 'more cell')}" if len(cause.records) > 1 else ""
        parts.append(
            f"**{number}\\. {GLYPHS[str(cause.outcome)]} {cause.outcome}** at {plain(cause.stage)}: "
            f"{code(first.case)} on {code(first.route)}{more}<br>{plain(_why(first))}"
        )
        parts += [plain(said, 500) for said in list(region(first))[:1]]
        if first.repro:
            parts.append(fenced(first.repro))
    if len(causes) > worst:
        parts.append(f"and {count(len(causes) - worst, 'more cause')}; the HTML report lists all of them.")
    return parts


def _blame(records: Sequence[Record]) -> list[str]:
    """Return one line for each failing cell that was looked into: the sentence about its culprit."""
    found = [(record, said) for record in records if fails(record) and (said := blamed(record))]
    lines = [f"- {code(record.case)} on {code(record.route)}: {plain(said)}" for record, said in found[:50]]
    more = [f"- and {len(found) - 50} more; the HTML report lists all of them"] if len(found) > 50 else []
    return ["### Who is to blame", "\n".join([*lines, *more])] if found else []


def _why(record: Record) -> str:
    return str((record.expectation or {}).get("problem") or headline(record) or "no message was recorded")


def _absences(records: Sequence[Record]) -> list[str]:
    found = sections.absences(records)
    if not found:
        return []
    lines = [
        f"- {', '.join(code(target) for target in item['targets'])}: {plain(item['reason'])}"
        + (f"; to get it: {plain(item['how'])}" if item["how"] else "")
        + f" ({count(item['cells'], 'cell')})"
        for item in found[:20]
    ]
    more = [f"- and {len(found) - 20} more"] if len(found) > 20 else []
    return ["### Not on this machine", "\n".join([*lines, *more])]


def _hints(hints: Sequence[str]) -> list[str]:
    if not hints:
        return []
    more = [f"- and {len(hints) - 10} more; the HTML report lists all of them"] if len(hints) > 10 else []
    return ["### Bounds that could be tighter", "\n".join([*(f"- {plain(hint)}" for hint in hints[:10]), *more])]
