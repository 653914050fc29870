"""Real, sub-noise and equivalent are told apart, with evaluators that are plain functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.core.errors import UsageError
from harness.faults.reality import EQUIVALENT, MARGIN, REAL, SUB_NOISE, Difference, census, differs

FEEDS: list[dict[str, Any]] = [{"x": np.array([1.0, -2.0])}, {"x": np.array([3.0, 4.0])}]


def model(change: Any) -> Any:
    """A "model" is the function itself."""
    return lambda feeds: {"y": change(feeds["x"])}


def evaluate(made: Any) -> Any:
    return made


CLEAN = model(lambda x: x)


@pytest.mark.parametrize(
    ("change", "kind", "feed"),
    [
        (lambda x: x.copy(), EQUIVALENT, 0),
        (lambda x: x * (1 + MARGIN / 4), SUB_NOISE, 0),
        (lambda x: np.abs(x), REAL, 0),
        (lambda x: np.where(x > 3.5, np.nan, x), REAL, 1),
        (lambda x: x.astype(np.float32), REAL, 0),
        (lambda x: x[:1], REAL, 0),
        (lambda x: np.where(x > 3.5, -x, x), REAL, 1),
    ],
)
def test_kinds(change: Any, kind: str, feed: int) -> None:
    found = differs(CLEAN, model(change), FEEDS, evaluate)
    assert (found.kind, found.feed) == (kind, feed)


def test_a_difference_in_large_integers_is_seen() -> None:
    feeds = [{"x": np.array([2**60])}]
    assert differs(CLEAN, model(lambda x: x + 1), feeds, evaluate).kind == REAL


def test_the_largest_difference_and_its_feed_are_returned() -> None:
    found = differs(CLEAN, model(lambda x: x + x**2), FEEDS, evaluate)
    assert found.feed == 1
    assert found.scaled == pytest.approx(16 / np.sqrt(12.5))


def test_a_mutant_that_fails_is_real_and_says_why() -> None:
    def broken(feeds: Any) -> Any:
        raise ValueError("no such axis")

    found = differs(CLEAN, broken, FEEDS, evaluate)
    assert found.kind == REAL
    assert "no such axis" in found.note


def test_a_later_evaluator_is_asked_where_the_first_shows_nothing() -> None:
    def blunt(made: Any) -> Any:
        return lambda feeds: {"y": np.zeros(2)}

    found = differs(CLEAN, model(lambda x: -x), FEEDS, [blunt, evaluate])
    assert (found.kind, found.evaluator) == (REAL, 1)


def test_an_original_that_cannot_run_is_an_error() -> None:
    def refuses(made: Any) -> Any:
        raise NotImplementedError("no GridSample")

    with pytest.raises(UsageError, match=r"cannot be evaluated on any of 2 inputs: .*no GridSample"):
        differs(CLEAN, CLEAN, FEEDS, refuses)


def test_the_census_reports_equivalents_and_sub_noise_apart() -> None:
    found = census({kind: Difference(kind=kind, scaled=0.0) for kind in (REAL, SUB_NOISE, EQUIVALENT)})
    assert (found.real, found.sub_noise, found.equivalent) == ((REAL,), (SUB_NOISE,), (EQUIVALENT,))
