"""How good the numbers of a target were, in a few words, to stand beside its speed. Only what a record holds is told."""

from __future__ import annotations

import math
from typing import Any, Mapping

from harness.core.record import Record


def quality(record: Record) -> str:
    """Return what a user of the model would notice where the case has a task, else how far the worst output is from its reference; "".

    Of ordinary inputs, first runs only: "accuracy -0.28 points (98.06 %)", "cosine >= 0.9912, nearest kept for 87.5 %", "41.5 dB".
    """
    ordinary = [c for c in record.comparisons if not {"rung", "repeat", "seed"} & set(c.shapes or {})]
    task = next((c for c in ordinary if c.against == "task" and c.metrics), None)
    if task is not None and (said := _task(task.metrics)):
        return said
    decibels = [n for c in ordinary if c.against == "reference" and (n := _number(c.metrics.get("sqnr_db"))) is not None]
    if not decibels:
        return ""
    least = min(decibels)
    return "equal" if least == math.inf else f"{least:.1f} dB"


def _task(metrics: Mapping[str, Any]) -> str:
    accuracy, source = (_number(metrics.get(key)) for key in ("accuracy", "source_accuracy"))
    if accuracy is not None and source is not None:
        return f"accuracy {100 * (accuracy - source):+.2f} points ({100 * accuracy:.2f} %)"
    cosine, kept = (_number(metrics.get(key)) for key in ("min_cosine", "nearest"))
    if cosine is not None and kept is not None:
        return f"cosine >= {cosine:.4f}, nearest kept for {100 * kept:.1f} %"
    agreement = _number(metrics.get("agreement"))
    return "" if agreement is None else f"token agreement {100 * agreement:.2f} %"


def _number(item: Any) -> float | None:
    """Return a number, infinities as JSON has them included; None for anything else."""
    if item in ("inf", "-inf"):
        return float(item)
    return float(item) if isinstance(item, (int, float)) and not isinstance(item, bool) and not math.isnan(item) else None

