"""What a record says of time: plain data, and the lines that tell it. Only what was measured is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.latency.measure import Launch, Side, calls_of
from harness.latency.statistics import CONFIDENCE, Effect, percentiles

SHOWN = 120
"""Turns of each side that a record keeps, for its picture."""


def side_summary(side: Side) -> dict[str, Any]:
    """Return what is known of one side, times in seconds and memory in bytes; keys without a measurement are missing.

    ``calls`` and ``rounds`` that were timed, in so many ``launches``; ``load`` and ``first``: the medians over launches; ``peak``: the
    most resident memory of a process, ``resident`` that before the model was there; ``inner``: calls that were timed together;
    ``warmup``: turns before the times had settled, by launch.
    """
    times = calls_of(side.rounds)
    measured = [launch for launch in side.launches if launch.rounds]
    found: dict[str, Any] = {
        **percentiles(times), "calls": len(times), "rounds": sum(len(launch.rounds) for launch in measured), "launches": len(measured),
        "steady": side.steady, "warmup": [len(launch.warmup) for launch in measured],
        "inner": max((launch.inner for launch in measured), default=None),
        "load": _over(side.launches, "load", np.median), "first": _over(side.launches, "first", np.median),
        "peak": _over(side.launches, "peak", np.max), "resident": _over(side.launches, "resident", np.median),
        "threads": _over(side.launches, "threads", np.max), "series": _series(side),
    }  # fmt: skip
    copies = calls_of([launch.copies for launch in side.launches])
    if len(copies):
        found["copy"] = {**percentiles(copies), "calls": len(copies)}
    for launch in side.launches[:1]:
        found.update({key: launch.facts[key] for key in ("how", "synchronised", "note") if launch.facts.get(key) not in (None, "")})
    if side.failure is not None:
        found["failure"] = {key: side.failure[key] for key in ("kind", "type", "message", "signal") if side.failure.get(key)}
    return {key: item for key, item in found.items() if item not in (None, [])}


def _over(launches: Sequence[Launch], key: str, taken: Any) -> float | None:
    known = [launch.facts[key] for launch in launches if launch.facts.get(key) is not None]
    return float(taken(known)) if known else None


def _series(side: Side) -> list[float]:
    """Return the median of each turn, in order, at most `SHOWN` of them."""
    each = [float(np.median(times)) for launch in side.rounds for times in launch]
    return [float(f"{each[place]:.4g}") for place in np.linspace(0, len(each) - 1, min(len(each), SHOWN)).astype(int)] if each else []


def effect_summary(effect: Effect | None) -> dict[str, Any] | None:
    """Return the ratio of target to source with its interval and the smallest difference that could be told, None for none."""
    if effect is None:
        return None
    found: dict[str, Any] = {"estimate": effect.ratio, "launches": effect.launches, "rounds": effect.rounds, "confidence": CONFIDENCE}
    if np.isfinite(effect.error):
        low, high = effect.interval()
        found.update(low=low, high=high, detectable=effect.detectable)
    return found


def seconds(number: float | None) -> str:
    """Return a time with three digits and its unit, "-" for none."""
    if number is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if number >= size:
            return f"{number / size:.3g} {unit}" if number / size < 1000 else f"{number / size:.0f} {unit}"
    return f"{number / 1e-9:.3g} ns"


def detectable(part: float) -> str:
    """Return in words the smallest difference that a measurement could tell (0.1: ten per cent)."""
    return f"a difference of {part:.1%} could be told" if part < 1.0 else f"too noisy: only {1.0 + part:.3g} times as much could be told"


def ratio(found: Mapping[str, Any] | None) -> str:
    """Return a ratio with its interval in words, "-" for none."""
    if not found:
        return "-"
    ends = f" [{found['low']:.3g}, {found['high']:.3g}]" if "low" in found else ""
    return f"{found['estimate']:.3g}{ends}"


def lines(name: str, latency: Mapping[str, Any], quality: str = "") -> Iterator[str]:
    """Yield what a terminal shows of the time of one cell, and beside it of its ``quality`` (see `harness.core.quality`)."""
    target, source = latency.get("target") or {}, latency.get("source") or {}
    if "p50" in target:
        spread = ", ".join(f"{key} {seconds(target[key])}" for key in ("p50", "p90", "p99") if key in target)
        apart = f"; first {seconds(target.get('first'))}, load {seconds(target.get('load'))}"
        peak = f", peak {target['peak'] / 2**20:.0f} MiB" if "peak" in target else ""
        yield f"{name}: {spread}{apart}{peak}"
    if found := latency.get("ratio"):
        least = f"; {detectable(found['detectable'])}" if "detectable" in found else ""
        beside = f"; {quality}" if quality else ""
        yield f"  {ratio(found)} times its source ({seconds(source.get('p50'))}), {CONFIDENCE:.0%} interval{least}{beside}"
    if copy := target.get("copy"):
        yield f"  with copies to and from the device: p50 {seconds(copy['p50'])}"
    for batch in latency.get("batches", ()):
        if "error" in batch:
            yield f"  batch {batch['batch']}: not measured: {batch['error']}"
        else:
            other = f" (source {batch['source_per_second']:.4g})" if "source_per_second" in batch else ""
            yield f"  batch {batch['batch']}: {batch['per_second']:.4g} samples a second{other}, p50 {seconds(batch['p50'])}"
    if gate := latency.get("gate"):
        yield f"  baseline: {gate['outcome']}: {gate['reason']}"
    for note in latency.get("notes", ()):
        yield f"  {note}"
