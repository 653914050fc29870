"""Task metrics: what a user of the model would notice, beside the tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.core.case import Task
from harness.core.errors import unknown
from harness.core.record import Comparison
from harness.numerics.metrics import cosine, widen


def judge(task: Task, actual: Mapping[str, Any], expected: Mapping[str, Any], labels: Any) -> Comparison:
    """Return the task's own comparison. A missing output or wrong shape fails without a number.

    Raises `UsageError` for an unknown metric.
    """
    metrics = {"accuracy": _accuracy, "embedding": _embedding}
    if task.metric not in metrics:
        raise unknown("task metric", task.metric, metrics)
    name = task.output or next(iter(expected))
    if name not in actual or actual[name].shape != expected[name].shape:
        fact = f"{task.metric} cannot be computed: output {name!r} is missing or has another shape"
        return Comparison(output=name, match=False, metrics={}, bound=dict(task.bounds), facts=(fact,), against="task")
    measured, facts = metrics[task.metric](widen(actual[name]), widen(expected[name]), labels, task.bounds)
    return Comparison(
        output=name, match=not facts, metrics={"task": task.metric, **measured}, bound=dict(task.bounds), facts=tuple(facts), against="task"
    )


def _accuracy(a: Any, e: Any, labels: Any, bounds: Mapping[str, float]) -> tuple[dict[str, Any], list[str]]:
    """Share of rows whose largest score is the label's (top-1), on both sides."""
    target = float(np.mean(np.argmax(a, -1) == labels))
    source = float(np.mean(np.argmax(e, -1) == labels))
    agreement = float(np.mean(np.argmax(a, -1) == np.argmax(e, -1)))
    drop = source - target
    most = bounds.get("max_drop", 0.0)
    facts = [f"accuracy {target:.4f}, source {source:.4f}: drop {drop:.4f} exceeds {most}"] if not drop <= most else []
    return {"accuracy": target, "source_accuracy": source, "agreement": agreement, "rows": len(a)}, facts


def _embedding(a: Any, e: Any, _: Any, bounds: Mapping[str, float]) -> tuple[dict[str, Any], list[str]]:
    """Smallest cosine between matching rows, and the share of rows that rank all others the same way."""
    if len(e) < 3:
        return {}, [f"retrieval needs at least 3 embeddings, got {len(e)}"]
    cosines = [cosine(x, y) for x, y in zip(a, e, strict=True)]
    order_a, order_e = _ranking(a), _ranking(e)
    kept = float(np.mean(np.all(order_a == order_e, axis=1)))
    measured = {"min_cosine": min(cosines), "retrieval": kept, "rows": len(e)}
    facts = []
    if not measured["min_cosine"] >= bounds.get("min_cosine", 0.9999):
        facts.append(f"smallest cosine {measured['min_cosine']:.6f} is below {bounds.get('min_cosine', 0.9999)}")
    if not kept >= bounds.get("min_retrieval", 1.0):
        facts.append(f"only {kept:.1%} of the queries rank the others as the source does; expected {bounds.get('min_retrieval', 1.0):.1%}")
    return measured, facts


def _ranking(rows: Any) -> Any:
    """Return, for each row, the other rows by falling cosine."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :-1]
