"""The regression gate: a stored ratio of target to source, and whether today's is worse. It abstains rather than guess."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.record import plain
from harness.core.value import value
from harness.latency.fingerprint import differences
from harness.latency.statistics import Effect, slowdown

SCHEMA = 1
PASSED, SLOWER, ABSTAINED = "passed", "slower", "abstained"
ABOVE = 0.05
"""Slow-downs up to this are let pass: small enough that one of a tenth is found, larger than what processes differ by."""


@value
class Entry:
    """What a baseline holds of a cell: its effect, percentiles of target and source in seconds, fingerprint, and whether it was steady."""

    effect: Effect
    fingerprint: Mapping[str, Any]
    target: Mapping[str, float]
    source: Mapping[str, float]
    steady: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `load` reads."""
        effect = self.effect
        numbers = {name: getattr(effect, name) for name in ("estimate", "error", "freedom", "launches", "rounds")}
        told = {"fingerprint": dict(self.fingerprint), "target": dict(self.target), "source": dict(self.source), "steady": self.steady}
        return {"effect": numbers, **told}


def load(path: Path) -> dict[str, Entry]:
    """Return the entries of a baseline by cell. Raises `UsageError` for a file that is missing, or no baseline."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise UsageError(f"baseline {path} has schema {data['schema']!r}; this version reads {SCHEMA}; save it again")
        return {name: _entry(entry) for name, entry in data["cells"].items()}
    except OSError as error:
        raise UsageError(f"baseline {path}: {error.strerror or error}; measure one with --save {path}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise UsageError(f"baseline {path} is none ({told}); expected what --save writes") from None


def _entry(data: Mapping[str, Any]) -> Entry:
    numbers = data["effect"]
    effect = Effect(
        estimate=float(numbers["estimate"]), error=float(numbers["error"]), freedom=float(numbers["freedom"]),
        launches=int(numbers["launches"]), rounds=int(numbers["rounds"]),
    )  # fmt: skip
    if not math.isfinite(effect.estimate) or not effect.error >= 0:
        raise ValueError("an effect that is no number")
    told = (dict(data["fingerprint"]), dict(data["target"]), dict(data["source"]))
    return Entry(effect=effect, fingerprint=told[0], target=told[1], source=told[2], steady=bool(data["steady"]))


def save(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write a baseline; entries of other cells that the file has stay. Raises `UsageError` where it cannot be written."""
    kept = {**(load(path) if path.is_file() else {}), **entries}
    body = {"schema": SCHEMA, "cells": {name: plain(kept[name].to_json()) for name in sorted(kept)}}
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(body, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise UsageError(f"baseline {path}: {error.strerror or error}; give a file that can be written") from None


def gate(name: str, known: Mapping[str, Entry], now: Entry | None, *, above: float = ABOVE, reasons: Sequence[str] = ()) -> dict[str, Any]:
    """Return the verdict on one cell as plain data: ``outcome`` is `PASSED`, `SLOWER` or `ABSTAINED`, with the ``reason``.

    ``reasons``: why today's measurement cannot be judged, whatever the baseline says.
    """
    why = list(reasons)
    before = known.get(name)
    if before is None:
        why.append("the baseline has no such cell")
    if now is None:
        why.append("there is no measurement of both source and target")
    if before is not None and now is not None:
        why += _hindrances(before, now)
        if not why:
            return _judged(before, now, above)
    return {"outcome": ABSTAINED, "reason": "; ".join(why), "above": above}


def _hindrances(before: Entry, now: Entry) -> list[str]:
    found = [f"another machine: {'; '.join(apart)}" for apart in [differences(before.fingerprint, now.fingerprint)] if apart]
    for entry, which in ((before, "the baseline"), (now, "this run")):
        if entry.effect.launches < 2:
            found.append(f"{which} has one launch only: how much processes differ is not known")
        if not entry.steady:
            found.append(f"{which} had not settled when it was measured")
    return found


def _judged(before: Entry, now: Entry, above: float) -> dict[str, Any]:
    found = slowdown(before.effect, now.effect, above=above)
    times = f"target over source is {now.effect.ratio:.4g}, was {before.effect.ratio:.4g}"
    said = (
        f"{found.estimate:+.1%} (at least {found.low:+.1%} with 99 % confidence): {times}; more than {above:.1%} fails"
        if found.slower
        else f"{found.estimate:+.1%}: {times}; a slow-down of {found.detectable:.1%} would have been found"
    )
    return {
        "outcome": SLOWER if found.slower else PASSED, "reason": said, "above": above, "slowdown": found.estimate, "low": found.low,
        "detectable": found.detectable, "before": before.effect.ratio, "now": now.effect.ratio, "before_p50": before.target.get("p50"),
    }  # fmt: skip
