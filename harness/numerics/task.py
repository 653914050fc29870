"""Task metrics: what a user of the model would notice, beside the tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.core.case import Task
from harness.core.errors import unknown
from harness.core.record import Comparison
from harness.numerics.metrics import cosine, widen

BOUNDS: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("max_drop", "max_gain"), "embedding": ("min_cosine", "min_retrieval", "min_nearest"),
    "token_agreement": ("min_agreement", "min_prefix"),
}  # fmt: skip


def judge(task: Task, actual: Mapping[str, Any], expected: Mapping[str, Any], labels: Any) -> Comparison:
    """Return the task's own comparison. A missing output or wrong shape fails without a number.

    A target that is clearly better than its source is suspicious: accuracy fails beyond ``max_gain``, which
    is ``max_drop`` unless given; token agreement, which bounds no accuracy, puts a ``note`` into the metrics.
    Raises `UsageError` for an unknown metric or bound.
    """
    metrics = {"accuracy": _accuracy, "embedding": _embedding, "token_agreement": _token_agreement}
    if task.metric not in metrics:
        raise unknown("task metric", task.metric, metrics)
    for bound in task.bounds:
        if bound not in BOUNDS[task.metric]:
            raise unknown(f"bound of task metric {task.metric}", bound, BOUNDS[task.metric])
    name = task.output or next(iter(expected))
    if name not in actual or actual[name].shape != expected[name].shape:
        fact = f"{task.metric} cannot be computed: output {name!r} is missing or has another shape"
        return Comparison(output=name, match=False, metrics={}, bound=dict(task.bounds), facts=(fact,), against="task")
    measured, facts = metrics[task.metric](np.asarray(actual[name]), np.asarray(expected[name]), labels, task.bounds)
    return Comparison(
        output=name, match=not facts, metrics={"task": task.metric, **measured}, bound=dict(task.bounds), facts=tuple(facts), against="task"
    )


def _accuracy(a: Any, e: Any, labels: Any, bounds: Mapping[str, float]) -> tuple[dict[str, Any], list[str]]:
    """Share of rows whose largest score is the label's (top-1), on both sides."""
    a, e = widen(a), widen(e)
    target = float(np.mean(np.argmax(a, -1) == labels))
    source = float(np.mean(np.argmax(e, -1) == labels))
    agreement = float(np.mean(np.argmax(a, -1) == np.argmax(e, -1)))
    drop = source - target
    most = bounds.get("max_drop", 0.0)
    facts = [f"accuracy {target:.4f}, source {source:.4f}: drop {drop:.4f} exceeds {most}"] if not drop <= most else []
    gain = bounds.get("max_gain", most)
    if not -drop <= gain:
        facts.append(
            f"suspicious: accuracy {target:.4f} is better than the source's {source:.4f} by more than {gain}; a conversion adds no "
            "knowledge. Declare max_gain where it may"
        )
    return {"accuracy": target, "source_accuracy": source, "agreement": agreement, "rows": len(a)}, facts


def _better(target: float, source: float, margin: float) -> dict[str, str]:
    """Return a note where the target beats its source by more than a drop would be allowed to be; else nothing."""
    if not target - source > margin:
        return {}
    return {"note": f"suspicious: accuracy {target:.4f} is better than the source's {source:.4f}; a conversion adds no knowledge"}


def _embedding(a: Any, e: Any, _: Any, bounds: Mapping[str, float]) -> tuple[dict[str, Any], list[str]]:
    """Smallest cosine between matching rows, and the shares of rows that rank all others the same way, and that have the same nearest."""
    a, e = widen(a), widen(e)
    if len(e) < 3:
        return {}, [f"retrieval needs at least 3 embeddings, got {len(e)}"]
    cosines = [cosine(x, y) for x, y in zip(a, e, strict=True)]
    order_a, order_e = _ranking(a), _ranking(e)
    kept = float(np.mean(np.all(order_a == order_e, axis=1)))
    nearest = float(np.mean(order_a[:, 0] == order_e[:, 0]))
    measured = {"min_cosine": min(cosines), "retrieval": kept, "nearest": nearest, "rows": len(e)}
    facts = []
    if not measured["min_cosine"] >= bounds.get("min_cosine", 0.9999):
        facts.append(f"smallest cosine {measured['min_cosine']:.6f} is below {bounds.get('min_cosine', 0.9999)}")
    if not kept >= bounds.get("min_retrieval", 1.0):
        facts.append(f"only {kept:.1%} of the queries rank the others as the source does; expected {bounds.get('min_retrieval', 1.0):.1%}")
    if not nearest >= bounds.get("min_nearest", 0.0):
        facts.append(f"only {nearest:.1%} of the queries have the nearest other of the source; expected {bounds['min_nearest']:.1%}")
    return measured, facts


def _token_agreement(a: Any, e: Any, labels: Any, bounds: Mapping[str, float]) -> tuple[dict[str, Any], list[str]]:
    """Share of positions whose most likely token is the same, and the shortest prefix that agrees in every sequence.

    Scores are (sequences..., positions, tokens); token ids, which are integers, are (sequences..., positions).
    Bounds: ``min_agreement``, a share, 1.0 unless given, and ``min_prefix`` in positions. A position with a
    NaN does not agree. ``labels``: the right tokens, where known; they add the accuracy of both sides.
    """
    tokens = e.dtype.kind in "iu"
    if e.ndim < (1 if tokens else 2) or not e.size:
        return {}, [f"token agreement needs (..., positions, tokens), got shape {'x'.join(map(str, e.shape)) or 'scalar'}"]
    chosen = [part if tokens else np.argmax(widen(part), -1) for part in (a, e)]
    same = chosen[0] == chosen[1]
    if not tokens:
        same &= ~np.any(np.isnan(widen(a)) | np.isnan(widen(e)), -1)
    sequences = same.reshape(-1, same.shape[-1])
    # The first position that differs; a sequence without one agrees to its end.
    prefix = int(np.min(np.where(np.all(sequences, 1), sequences.shape[1], np.argmin(sequences, 1))))
    agreement = float(np.mean(same))
    measured: dict[str, Any] = {"agreement": agreement, "prefix": prefix, "positions": int(same.size)}
    facts = []
    share, length = bounds.get("min_agreement", 1.0), bounds.get("min_prefix", 0)
    if not agreement >= share:
        facts.append(f"only {agreement:.4f} of {same.size} positions have the same most likely token; expected {share}")
    if not prefix >= length:
        facts.append(f"the first differing token is at position {prefix}; expected at least {length} that agree")
    if labels is not None:
        target, source = (float(np.mean(part == np.asarray(labels))) for part in chosen)
        measured.update({"accuracy": target, "source_accuracy": source, **_better(target, source, 1 - share)})
    return measured, facts


def _ranking(rows: Any) -> Any:
    """Return, for each row, the other rows by falling cosine."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :-1]
