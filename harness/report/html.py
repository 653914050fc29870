"""Renders records as one self-contained page that opens from disk and never reaches for the network."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.core.record import Record
from harness.core.tolerance import FORMULA
from harness.report import sections
from harness.report.compat import compat
from harness.report.latency import times
from harness.report.models import models
from harness.report.pack import pack
from harness.report.text import clean, count
from harness.report.verdict import GLYPHS, MEANINGS, Tally, apart, blamed, excused, fails, headline, tally, told_apart

_TEMPLATES = Path(__file__).parent / "templates"
_STYLES = ("report.css", "cells.css", "blame.css", "models.css", "latency.css")
_SCRIPTS = ("dom.js", "bound.js", "blame.js", "shapes.js", "latency.js", "detail.js", "models.js", "explore.js", "compat.js")


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=lambda item: clean(item) if type(item) is str else item,
    )  # fmt: skip
    environment.filters.update(count=count, clean=clean, headline=headline, link=_link, fails=fails, excused=excused, at=_at, blamed=blamed)
    return environment


def _link(record: Record) -> str:
    return "#cell=" + quote(clean(record.id), safe="")


def _at(target: str) -> Markup:
    """Return a target that may break before its device."""
    return escape(clean(target)).replace("@", Markup("<wbr>@"))


def render_html(
    records: Sequence[Record], *, title: str = "Parity report", gate: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None, hints: Sequence[str] = (),
) -> str:  # fmt: skip
    """Return the page. ``gate`` holds ``passed``, ``code``, ``reasons`` and perhaps ``problems``, None when there is no gate.

    ``run`` says when and where: any names and values, shown as they come. ``hints``: declared bounds that
    could be tighter, one line each.
    """
    style = "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _STYLES)
    script = "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    found = sections.pairs(records)
    cells = [record for pair in found for lane in pair.lanes for record in lane.records]
    places = {record.id: place for place, record in enumerate(cells)}
    taken_apart = models(records, places)
    payload, shortened = pack(found, homes={cell: home for model in taken_apart for cell, home in model.anchors.items()})
    targets, rows = sections.matrix(found)
    family_targets, family_rows = sections.families(records)
    devices, labelled = apart(records)
    whole = tally(devices)
    return _environment().get_template("report.html.j2").render(
        title=title, gate=gate, run=_lines(run or {}), all=whole, told=told_apart(labelled), bar=_bar(whole),
        replayed=sum(r.replayed for r in records), style=Markup(style), script=Markup(script), policy=_policy(style, script),
        payload=payload, shortened=shortened, pairs=found, places=places, models=taken_apart, targets=targets, rows=rows,
        causes=sections.causes(records),
        family_targets=family_targets, family_rows=[(name, list(group)) for name, group in groupby(family_rows, lambda f: f.framework)],
        pair_index={(pair.framework, pair.target): pair.index for pair in found}, versions=sections.versions(records),
        expectations=sections.expectations(records), loose=loose_problems(records, gate), absences=sections.absences(records),
        compat=compat(records), route_index={lane.route: lane.index for pair in found for lane in pair.lanes},
        latency=times(records), hints=hints, glyphs=GLYPHS, meanings=MEANINGS, formula=FORMULA,
    )  # fmt: skip


def loose_problems(records: Sequence[Record], gate: Mapping[str, Any] | None) -> list[str]:
    """Return the problems of expectation rows that no record carries: rows that met nothing."""
    carried = {str(record.expectation.get("problem", "")) for record in records if record.expectation}
    return [str(problem) for problem in (gate or {}).get("problems", ()) if str(problem) not in carried]


def _policy(style: str, script: str) -> str:
    """Return a security policy that runs and applies these two texts and loads nothing."""
    return f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _bar(whole: Tally) -> list[dict[str, Any]]:
    parts, x = [], 0.0
    for outcome in MEANINGS:
        width = 1000 * whole.counts.get(outcome, 0) / (whole.total or 1)
        if width:
            parts.append({"outcome": outcome, "x": round(x, 2), "width": round(width, 2)})
        x += width
    return parts


def _lines(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values as texts; mappings and lists inside are written out."""
    found = []
    for key, item in run.items():
        if isinstance(item, Mapping):
            item = ", ".join(f"{name} {part}" for name, part in item.items())
        elif isinstance(item, (list, tuple)):
            item = ", ".join(map(str, item))
        if item not in (None, ""):
            found.append((clean(key).replace("_", " "), clean(item)))
    return found
