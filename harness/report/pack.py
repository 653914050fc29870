"""Packs records as JSON for the page's script: what repeats is stored once, and long runs are shortened openly."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.core.outcome import Outcome
from harness.core.record import BUNDLE, Comparison, Record, plain
from harness.core.tolerance import FORMULA
from harness.report.origin import coverage, mapped
from harness.report.sections import Pair
from harness.report.text import clean
from harness.report.verdict import GLYPHS, fails, headline, share, worst

BUDGET = 11_000_000
_TYPICAL = 150
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class _Table:
    """Stores equal values once and hands out their numbers."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._seen: dict[str, int] = {}

    def put(self, item: Any) -> int:
        key = json.dumps(item, sort_keys=True, ensure_ascii=False)
        if key not in self._seen:
            self._seen[key] = len(self.items)
            self.items.append(item)
        return self._seen[key]


class _Packer:
    """One pass over the records. ``brief`` 0 keeps all; 1 shortens matches; 2 shortens every record."""

    def __init__(self, brief: int, homes: Mapping[str, str]) -> None:
        self._brief, self._homes = brief, homes
        self.maps, self.keys = _Table(), _Table()
        self.shortened = 0

    def record(self, record: Record, lane: int) -> dict[str, Any]:
        brief = self._brief == 2 or (self._brief == 1 and not fails(record))
        comparisons = _shortlist(record) if brief else list(record.comparisons)
        dropped = len(record.comparisons) - len(comparisons)
        self.shortened += bool(dropped)
        limit = 1_500 if brief else 12_000
        found = worst(record)
        packed = {
            "id": clean(record.id), "case": clean(record.case), "level": clean(record.level), "family": clean(record.family), "lane": lane,
            "stage": str(record.stage), "outcome": str(record.outcome), "ok": record.ok, "line": clean(headline(record)),
            "share": _rounded(share(found)) if found else None, "dropped": dropped or None, "replayed": record.replayed,
            "comparisons": [self._comparison(c) for c in comparisons],
            "shapes": self._map(record.shapes), "provenance": self._map(record.provenance), "versions": self._map(record.versions),
            "timing": _tree(record.timing, limit), "latency": _tree(record.latency, limit),
            "culprit": _tree(record.culprit, limit, digits=4),
            "error": _tree(record.error, limit), "expectation": _tree(record.expectation, limit),
            "messages": [clean(message, limit) for message in record.messages[: 5 if brief else 50]],
            "repro": clean(record.repro), "file": clean(record.file), "part": self._map(record.part), "home": self._homes.get(record.id),
            "made": coverage(mapped(record.parts)) if record.parts else None,
        }  # fmt: skip
        return {key: item for key, item in packed.items() if key == "ok" or not (item is None or item is False or item in ("", [], {}))}

    def _map(self, item: Mapping[str, Any] | None) -> int | None:
        return self.maps.put(_tree(item, 2_000)) if item else None

    def _comparison(self, comparison: Comparison) -> list[Any]:
        """Return output, match, against, number of metric names, metrics, number of bound, shapes, facts, share."""
        flat: dict[str, Any] = {}
        for key, item in comparison.metrics.items():
            if isinstance(item, Mapping):
                flat.update((f"{clean(key)}.{clean(part)}", _rounded(found)) for part, found in item.items())
            else:
                flat[clean(key)] = _rounded(item, 12 if key == "cosine" else 9 if str(key).endswith("_at_worst") else 5)
        return [
            clean(comparison.output), int(comparison.match), clean(comparison.against), self.keys.put(list(flat)), list(flat.values()),
            self._map(comparison.bound), self._map(comparison.shapes), [clean(fact, 1_000) for fact in comparison.facts],
            _rounded(share(comparison)),
        ]  # fmt: skip


def _shortlist(record: Record) -> list[Comparison]:
    """Return the worst comparison of each output, and of each kind of reference."""
    chosen: dict[tuple[str, str], Comparison] = {}
    for comparison in record.comparisons:
        key = (comparison.output, comparison.against)
        old = chosen.get(key)
        if old is None or (not comparison.match, share(comparison) or 0.0) > (not old.match, share(old) or 0.0):
            chosen[key] = comparison
    return list(chosen.values())[:12]


def _rounded(item: Any, digits: int = 5) -> Any:
    """Return floats with few digits, texts cleaned, everything else as plain data."""
    if type(item) is float:
        return float(f"{item:.{digits}g}") if math.isfinite(item) else plain(item)
    return _tree(item, 500)


def _tree(item: Any, limit: int, digits: int = 0) -> Any:
    """Return ``item`` as strict JSON data whose texts are clean and at most ``limit`` characters long, floats with so many ``digits``."""
    if item is None or type(item) in (int, bool):
        return item
    if isinstance(item, Mapping):
        return {clean(key): _tree(part, limit, digits) for key, part in item.items()}
    if isinstance(item, (list, tuple)):
        return [_tree(part, limit, digits) for part in item]
    if digits and type(item) is float:
        return _rounded(item, digits)
    if isinstance(item, (int, float)):
        return plain(item)
    return clean(item, limit)


def pack(found: Sequence[Pair], *, homes: Mapping[str, str] | None = None, budget: int = BUDGET) -> tuple[Markup, int]:
    """Return the payload, safe inside a script element, and how many records it shows in short.

    ``homes``: by id of a record, the anchor of the place in its model's tree.
    """
    comparisons = sum(len(record.comparisons) for pair in found for lane in pair.lanes for record in lane.records)
    for brief in (0, 1, 2) if comparisons * _TYPICAL <= budget else (1, 2):
        packer = _Packer(brief, homes or {})
        lanes = [{"route": clean(lane.route), "chain": lane.chain, "pair": pair.index} for pair in found for lane in pair.lanes]
        records = [packer.record(record, lane.index) for pair in found for lane in pair.lanes for record in lane.records]
        payload = {
            "formula": FORMULA, "bundle": BUNDLE, "glyphs": GLYPHS, "outcomes": [str(outcome) for outcome in Outcome], "lanes": lanes,
            "pairs": [[clean(pair.framework), clean(pair.target)] for pair in found],
            "maps": packer.maps.items, "keys": packer.keys.items, "records": records,
        }  # fmt: skip
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)
        if len(text.encode()) <= budget:
            break
    return Markup(text), packer.shortened
