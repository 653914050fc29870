"""How fast cells are, as rows of a table and bars of a picture; only numbers that a record holds are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.quality import quality
from harness.core.record import Record
from harness.core.value import value

WIDTH = 160.0
_UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


@value
class Row:
    """One cell: times as texts ("" for those not measured), its ratio to the source and where that lies in the picture, the gate's word."""

    record: Record
    times: tuple[str, ...]
    source: str
    ratio: str
    low: float | None
    high: float | None
    place: float | None
    memory: str
    batches: str
    side: str
    gate: str
    reason: str
    quality: str
    notes: tuple[str, ...]


@value
class Times:
    """All rows, the place of ratio 1 in the picture and the ratios at its ends, and under which conditions the times were taken."""

    rows: tuple[Row, ...]
    one: float
    ends: tuple[str, str]
    conditions: str
    gated: bool


COLUMNS = ("p50", "p90", "p99", "first", "load")


def times(records: Sequence[Record]) -> Times | None:
    """Return what there is to show of the records that were measured; None for none."""
    measured = [record for record in records if _part(record, "target")]
    if not measured:
        return None
    known = [n for record in measured for n in _ratio(record)[:3] if n is not None]
    reach = min(1.15 * max([2.0, *(max(n, 1.0 / n) for n in known)]), 1e6)
    return Times(
        rows=tuple(_row(record, reach) for record in measured), one=WIDTH / 2.0, ends=(_times(1.0 / reach), _times(reach)),
        conditions=_conditions(measured), gated=any(_part(record, "gate") for record in measured),
    )  # fmt: skip


def seconds(number: float | None) -> str:
    """Return a time with three digits and its unit, "" for none."""
    if number is None:
        return ""
    unit, size = next((pair for pair in _UNITS if number >= pair[1]), _UNITS[-1])
    return f"{number / size:.3g} {unit}" if number < 1000 * size else f"{number / size:.0f} {unit}"


def _times(number: float) -> str:
    return f"{number:.2g}×" if number < 100 else f"{number:.0f}×"


def _row(record: Record, reach: float) -> Row:
    target, source, gate = (_part(record, name) for name in ("target", "source", "gate"))
    estimate, low, high = _ratio(record)
    between = f" [{low:.3g}, {high:.3g}]" if low is not None and high is not None else ""
    peak = _number(target.get("peak"))
    swept = [part for part in _list((record.latency or {}).get("batches")) if isinstance(part, Mapping)]
    notes = _list((record.latency or {}).get("notes"))
    return Row(
        record=record, times=tuple(seconds(_number(target.get(name))) for name in COLUMNS), source=seconds(_number(source.get("p50"))),
        ratio="" if estimate is None else f"{estimate:.3g}{between}", place=_place(estimate, reach), low=_place(low, reach),
        high=_place(high, reach), memory="" if peak is None else f"{peak / 2**20:.0f} MiB", batches="; ".join(map(_batch, swept)),
        side=_side(low, high),
        quality=quality(record), gate=str(gate.get("outcome", "")), reason=str(gate.get("reason", "")), notes=tuple(map(str, notes)),
    )  # fmt: skip


def _side(low: float | None, high: float | None) -> str:
    """Return whether a ratio is certainly above 1 (``out``), certainly below (``in``), or neither."""
    return "out" if low is not None and low > 1 else "in" if high is not None and high < 1 else "even"


def _batch(part: Mapping[str, Any]) -> str:
    speed = _number(part.get("per_second"))
    told = str(part.get("error", "not measured")) if speed is None else f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"
    return f"{part.get('batch')}: {told}"


def _place(ratio: float | None, reach: float) -> float | None:
    """Return where a ratio lies on a logarithmic axis from 1/reach to reach, in units of the picture."""
    if ratio is None:
        return None
    return round(min(WIDTH, max(0.0, WIDTH / 2.0 * (1.0 + math.log(ratio) / math.log(reach)))), 1)


def _ratio(record: Record) -> tuple[float | None, float | None, float | None]:
    found = _part(record, "ratio")
    estimate, low, high = (_number(found.get(name)) for name in ("estimate", "low", "high"))
    return estimate, low, high


def _part(record: Record, name: str) -> Mapping[str, Any]:
    found = (record.latency or {}).get(name)
    return found if isinstance(found, Mapping) else {}


def _list(item: Any) -> list[Any]:
    return list(item) if isinstance(item, (list, tuple)) else []


def _number(item: Any) -> float | None:
    """Return a finite number above 0, None for anything else."""
    fits = isinstance(item, (int, float)) and not isinstance(item, bool) and math.isfinite(item) and item > 0
    return float(item) if fits else None


def _conditions(records: Sequence[Record]) -> str:
    """Return in words where and how it was measured; what differs from record to record is listed."""
    said = []
    for name, key in (("processor", "cpu"), ("device", "device"), ("threads", "threads"), ("governor", "governor")):
        found = dict.fromkeys(str(one) for record in records if (one := _part(record, "fingerprint").get(key)) not in (None, ""))
        said += [f"{name} {', '.join(found)}"] if found else []
    loads = dict.fromkeys(f"{load:.3g}" for record in records if (load := _number((record.latency or {}).get("load"))) is not None)
    said += [f"load average {', '.join(loads)} before"] if loads else []
    return "; ".join(said)
