"""The words for where it fails: the simplest rule that separates, the points that decide, and no claim beyond what was tried."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from harness.numerics.region import deciding, rules, sentence

EXPORT = {"batch": 2, "H": 8}


def points(batches: Any = range(1, 7), heights: Any = range(4, 12), rung: str = "normal") -> list[dict[str, Any]]:
    """Return every combination."""
    return [{"batch": b, "H": h, "rung": rung} for b, h in itertools.product(batches, heights)]


def told(wrong: Callable[[Mapping[str, Any]], bool], tried: list[dict[str, Any]], **more: Any) -> str:
    """Return the sentence for a target that fails where ``wrong`` says."""
    return sentence([p for p in tried if wrong(p)], [p for p in tried if not wrong(p)], EXPORT, **more)


@pytest.mark.parametrize(
    ("fails", "words"),
    [
        (lambda p: p["H"] % 2 == 1 and p["batch"] >= 3, "H is odd and batch >= 3"),
        (lambda p: p["batch"] != 2, "batch != 2 (the export sample)"),
        (lambda p: p["batch"] == 1, "batch == 1"),
        (lambda p: p["H"] % 2 == 0, "H is even"),
        (lambda p: p["H"] % 3 == 0, "H is a multiple of 3"),
        (lambda p: p["H"] % 4 != 0, "H is no multiple of 4"),
        (lambda p: p["H"] <= 6, "H <= 6"),
        (lambda p: p["batch"] == p["H"], "batch == H"),
        (lambda p: p["batch"] > p["H"], "batch > H"),
        (lambda p: p["batch"] != 2 and p["H"] != 8, "batch and H all differ from the export sample"),
        (lambda p: (p["batch"], p["H"]) != (2, 8), "any axis differs from the export sample"),
        (lambda p: p["H"] >= 6 and p["H"] <= 9 and p["batch"] == 3, "batch == 3 and H <= 9 and H >= 6"),
    ],
)
def test_the_rule_that_was_planted_is_found(fails: Any, words: str) -> None:
    assert told(fails, points()).startswith(f"fails when {words}; holds on ")


def test_the_sentence_counts_what_holds() -> None:
    fails = lambda p: p["H"] % 2 == 1 and p["batch"] >= 3  # noqa: E731
    assert told(fails, points()) == "fails when H is odd and batch >= 3; holds on 32 others tried"
    assert told(lambda p: p["batch"] == 3, points([2, 3], [8])) == "fails when batch == 3; holds on 1 other tried"


def test_the_rung_is_a_condition_like_others() -> None:
    tried = [*points(), *points(rung="large")]
    assert told(lambda p: p["rung"] == "large" and p["H"] > 5, tried).startswith("fails when H >= 6 and the inputs are large;")


def test_without_anything_that_holds_no_region_is_claimed() -> None:
    assert told(lambda _: True, points([1, 3], [4, 5])) == "fails on all 4 tried"
    assert told(lambda _: True, points([3], [5])) == "fails on the only one tried, batch=3, H=5"
    assert told(lambda _: False, points()) == ""


def test_what_no_rule_separates_is_said_to_be_so() -> None:
    said = told(lambda p: hash((p["batch"] * 7 + p["H"] * 3) % 5) == 0, points())
    assert "of 48 tried (batch=" in said
    assert said.endswith("no rule of at most 3 conditions separates them")


def test_one_point_with_two_verdicts_is_separated_by_nothing() -> None:
    point = {"batch": 3, "H": 5, "rung": "normal"}
    assert "no rule" in sentence([point], [point], EXPORT)


def test_a_rival_that_would_do_as_well_is_told_where_it_speaks_otherwise() -> None:
    tried = points([2, 3, 5], [8])
    fails = lambda p: p["batch"] >= 3  # noqa: E731
    everywhere = points(range(1, 7), [8])
    assert "might as well be when" in told(fails, tried, everywhere=everywhere), "batch 1 was never tried: it may be != 2 as well"
    assert "might as well" not in told(fails, tried, everywhere=tried), "where both say the same there is nothing to decide"
    assert "might as well" not in told(fails, points(), everywhere=points())


def test_refusals_have_words_of_their_own() -> None:
    said = told(lambda p: p["batch"] != 2, points(), fails="is refused", holds="runs")
    assert said == "is refused when batch != 2 (the export sample); runs on 8 others tried"


def test_points_that_decide_tell_rivals_apart() -> None:
    tried = points([2, 3, 5], [8])
    found = rules([p for p in tried if p["batch"] >= 3], [p for p in tried if p["batch"] < 3], EXPORT)
    assert {rule.words for rule in found} >= {"batch >= 3", "batch is odd", "batch != 2 (the export sample)"}
    untested = points([1, 4, 6], [8])
    chosen = deciding(found, untested, 2)
    first = chosen[0]
    assert len({rule(first) for rule in found}) == 2, "the rivals disagree about it"
    assert deciding(found, untested, 2) == chosen, "the same question has the same answer"


def test_a_lone_rule_is_put_to_the_test_on_both_sides() -> None:
    tried = points()
    at = (3, 5)
    found = rules([p for p in tried if (p["batch"], p["H"]) == at], [p for p in tried if (p["batch"], p["H"]) != at], EXPORT)
    untested = points([3, 9], [5, 30], rung="large")
    chosen = deciding(found[:1], untested, 4)
    assert {found[0](p) for p in chosen} == {True, False}


def test_nothing_is_decided_without_a_rule() -> None:
    assert deciding([], points(), 4) == []
    assert rules([], points(), EXPORT) == []
    assert rules(points(), [], EXPORT) == []
