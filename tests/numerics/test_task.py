"""Task metrics: what a user would notice, with the fault planted; a better target is told, not failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from harness.core.case import Task
from harness.core.errors import UsageError
from harness.core.record import Comparison
from harness.numerics.task import judge

IDS = np.array([[3, 1, 2, 0, 4], [0, 1, 2, 3, 4]])


def scores(ids: Any) -> Any:
    """Return (sequences, positions, tokens) whose largest score is the token's."""
    return np.eye(5, dtype=np.float32)[ids]


def changed(*places: tuple[int, int]) -> Any:
    """Return the tokens with these (sequence, position) replaced by another."""
    found = IDS.copy()
    for place in places:
        found[place] = (found[place] + 1) % 5
    return found


def judged(metric: str, actual: Any, expected: Any, labels: Any = None, **bounds: float) -> Comparison:
    return judge(Task(metric=metric, bounds=bounds), {"y": actual}, {"y": expected}, labels)


@pytest.mark.parametrize("form", [scores, lambda ids: ids], ids=["scores", "ids"])
@pytest.mark.parametrize(
    ("places", "bounds", "facts"),
    [
        ([], {}, []),
        ([], {"min_prefix": 5}, []),
        ([(0, 4)], {}, ["only 0.9000 of 10 positions have the same most likely token; expected 1.0"]),
        ([(0, 4)], {"min_agreement": 0.9}, []),
        ([(0, 4)], {"min_agreement": 0.9, "min_prefix": 4}, []),
        ([(1, 3)], {"min_agreement": 0.9, "min_prefix": 4}, ["the first differing token is at position 3; expected at least 4 that agree"]),
        ([(0, 0), (1, 4)], {"min_agreement": 0.9}, ["only 0.8000 of 10 positions have the same most likely token; expected 0.9"]),
    ],
)
def test_token_agreement_counts_positions_and_the_shortest_prefix(
    form: Any, places: list[Any], bounds: Mapping[str, float], facts: list[str]
) -> None:
    found = judged("token_agreement", form(changed(*places)), form(IDS), **bounds)
    assert list(found.facts) == facts
    assert found.match == (not facts)
    assert found.metrics["prefix"] == min([5, *(position for _, position in places)])


def test_a_position_with_a_nan_does_not_agree_even_where_both_have_it() -> None:
    spoilt = scores(IDS)
    spoilt[0, 2, 0] = np.nan
    found = judged("token_agreement", spoilt, spoilt.copy())
    assert (found.match, found.metrics["prefix"], found.metrics["agreement"]) == (False, 2, 0.9)


def test_scores_without_positions_are_told() -> None:
    assert judged("token_agreement", np.float32([1, 2]), np.float32([1, 2])).facts == (
        "token agreement needs (..., positions, tokens), got shape 2",
    )


@pytest.mark.parametrize(
    ("metric", "form", "bounds"),
    [("token_agreement", scores, {"min_agreement": 0.85})],
)
def test_a_suspicious_improvement_is_a_note_and_a_drop_a_failure(metric: str, form: Any, bounds: Mapping[str, float]) -> None:
    worse, labels = changed((0, 1), (1, 4)), IDS.reshape(-1) if metric == "accuracy" else IDS
    better = judged(metric, form(IDS), form(worse), labels, **bounds)
    assert better.metrics["note"].startswith("suspicious: accuracy 1.0000 is better than the source's 0.8000")
    drop = judged(metric, form(worse), form(IDS), labels, **bounds)
    assert not drop.match
    assert "note" not in drop.metrics
    slightly = judged(metric, form(changed((0, 1))), form(worse), labels, **bounds)
    assert "note" not in slightly.metrics
    assert slightly.match


def test_accuracy_is_bounded_on_both_sides() -> None:
    form, labels = scores(IDS).reshape(-1, 5), IDS.reshape(-1)
    worse = scores(changed((0, 1), (1, 4))).reshape(-1, 5)
    assert judged("accuracy", form, worse, labels, max_drop=0.15).facts[0].startswith("suspicious: accuracy 1.0000 is better than")
    assert judged("accuracy", form, worse, labels, max_drop=0.15, max_gain=0.3).match
    assert not judged("accuracy", worse, form, labels, max_drop=0.15).match
    assert judged("accuracy", worse, form, labels, max_drop=0.25).match


def test_embeddings_are_held_to_cosine_and_ranking() -> None:
    drawn = np.random.default_rng(3).standard_normal((6, 8)).astype(np.float32)
    assert judged("embedding", drawn * 2, drawn).match, "a cosine has no scale"
    assert not judged("embedding", np.roll(drawn, 1, 0), drawn).match
    assert judged("embedding", drawn[:2], drawn[:2]).facts == ("retrieval needs at least 3 embeddings, got 2",)


def test_an_unknown_metric_and_a_missing_output_are_told() -> None:
    with pytest.raises(UsageError, match="unknown task metric 'tokens'; .*token_agreement"):
        judged("tokens", IDS, IDS)
    with pytest.raises(UsageError, match="unknown bound of task metric token_agreement 'min_agrement'; did you mean min_agreement"):
        judged("token_agreement", IDS, IDS, min_agrement=0.5)
    found = judge(Task(metric="accuracy", bounds={}, output="z"), {"y": IDS}, {"z": IDS}, None)
    assert found.facts == ("accuracy cannot be computed: output 'z' is missing or has another shape",)


def test_the_nearest_of_an_embedding_has_a_bound_of_its_own() -> None:
    drawn = np.random.default_rng(4).normal(size=(12, 6))
    moved = drawn + np.random.default_rng(5).normal(size=drawn.shape) * 0.2
    loose = {"min_cosine": 0.5, "min_retrieval": 0.0}
    found = judge(Task(metric="embedding", bounds=loose), {"y": moved}, {"y": drawn}, None)
    assert found.match
    assert 0.0 < found.metrics["retrieval"] + 1e-9 < found.metrics["nearest"] < 1.0
    held = judge(Task(metric="embedding", bounds={**loose, "min_nearest": 1.0}), {"y": moved}, {"y": drawn}, None)
    assert held.facts == (f"only {found.metrics['nearest']:.1%} of the queries have the nearest other of the source; expected 100.0%",)
