"""Words about what a cell was taken from, how much of a model its tests cover, and at which shapes a cell fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.record import Record
from harness.report.text import count, line, real


def mapped(item: Any) -> Mapping[str, Any]:
    """Return ``item`` where it is a mapping, else an empty one: records come from files that anybody can write."""
    return item if isinstance(item, Mapping) else {}


def listed(item: Any) -> list[Mapping[str, Any]]:
    """Return the mappings of a list; nothing for what is no list."""
    return [part for part in item if isinstance(part, Mapping)] if isinstance(item, (list, tuple)) else []


def whole(item: Any, least: int = 0) -> int:
    """Return a count, ``least`` for what is none."""
    found = real(item)
    return max(least, int(found)) if found is not None and abs(found) < 1e15 else least


def part_of(item: Any) -> float | None:
    """Return a share between 0 and 1, None for what is none."""
    found = real(item)
    return found if found is not None and 0 <= found <= 1 else None


def percent(share: float) -> str:
    """Return a share in whole percent that never claims all or nothing where it is not."""
    rounded = round(100 * share)
    if rounded == 100 and share < 1:
        return "over 99 %"
    return "under 1 %" if rounded == 0 and share > 0 else f"{rounded} %"


def operators(parts: Mapping[str, Any]) -> int:
    """Return how many operators a model runs: as recorded, else as its shares tell; 0 where nothing does."""
    said = whole(parts.get("ops")) or whole(mapped(parts.get("coverage")).get("ops"))
    if said:
        return said
    shares = [(whole(item.get("ops")), part_of(item.get("share"))) for item in listed(parts.get("left"))]
    ops, share = max(((ops, share) for ops, share in shares if ops and share), default=(0, None))
    return whole(round(ops / share)) if share and ops / share < 1e12 else 0


def coverage(parts: Mapping[str, Any]) -> str:
    """Return how much of a model its generated tests run: ``98 % of 412 operators run in unit tests, 100 % in unit or module tests``."""
    found = mapped(parts.get("coverage"))
    unit, either = part_of(found.get("unit")), part_of(found.get("any"))
    if unit is None or either is None:
        return "how much of it the generated tests cover is not known"
    total = operators(parts)
    of = count(total, "operator") if total else "its operators"
    return f"{percent(unit)} of {of} run in unit tests, {percent(either)} in unit or module tests"


def origin(record: Record) -> Iterator[str]:
    """Yield where a generated case comes from, and why it is tried at fixed shapes only; nothing for any other case."""
    part = mapped(record.part)
    if not part:
        return
    kind, path = line(part.get("type", ""), 80), line(part.get("path", ""), 200) or "the model itself"
    calls = count(whole(part.get("calls"), 1), "call")
    yield f"generated from {line(part.get('of', '?'), 100)}: {path}{f' ({kind})' if kind else ''}, stands for {calls}"
    if part.get("fixed"):
        yield f"  at fixed shapes: {line(part['fixed'])}"


def region(record: Record) -> Iterator[str]:
    """Yield where in the space of its shapes a cell fails, the smallest of them, and what explains it; nothing where nobody looked."""
    shapes = mapped(record.shapes)
    if not shapes.get("region"):
        return
    yield f"shapes: {line(shapes['region'], 400)}"
    if smallest := mapped(shapes.get("smallest")):
        at = {**mapped(smallest.get("lengths")), **({"rung": smallest["rung"]} if smallest.get("rung", "normal") != "normal" else {})}
        if at:
            yield "  the smallest that fails: " + line(", ".join(f"{name}={length}" for name, length in at.items()))
    causes = shapes.get("causes")
    for cause in causes[:3] if isinstance(causes, (list, tuple)) else ():
        yield f"  because: {line(cause, 300)}"
