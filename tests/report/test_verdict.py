"""Sums, the share of a bound, and the one line that says why."""

from __future__ import annotations

import dataclasses
import math

import pytest

from harness.core.outcome import Outcome
from harness.core.record import Comparison
from harness.report.verdict import GLYPHS, MEANINGS, SEVERITY, blamed, headline, share, tally, times, worst
from tests.report.records import comparison, culprit, met, one_of_each, record, task, unmet


def test_every_outcome_has_a_rank_a_glyph_and_a_meaning() -> None:
    names = {str(outcome) for outcome in Outcome}
    assert {str(outcome) for outcome in SEVERITY} == names == set(GLYPHS) == set(MEANINGS)
    assert len(set(GLYPHS.values())) == len(names)


def test_tally_of_one_of_each() -> None:
    found = tally(one_of_each())
    assert (found.total, found.executed, found.matched, found.unavailable) == (9, 8, 2, 1)
    assert (found.expected, found.failing, found.surprises) == (1, 6, 1)
    assert found.worst is Outcome.MISMATCH
    assert found.mark == "o-mismatch partly"
    assert found.words.startswith("2 match, 1 mismatch, 1 crash")


def test_a_silent_wrong_result_outranks_a_crash() -> None:
    assert tally([record("crash"), record("mismatch")]).worst is Outcome.MISMATCH


def test_only_expected_failures_are_calm() -> None:
    found = tally([record("match"), record("unsupported", expectation=met())])
    assert (found.worst, found.calm, found.failing) == (Outcome.UNSUPPORTED, True, 0)


def test_an_expected_failure_does_not_hide_an_unexpected_one() -> None:
    found = tally([record("timeout"), record("mismatch", expectation=met())])
    assert (found.worst, found.calm) == (Outcome.TIMEOUT, False)


def test_unavailable_is_neither_match_nor_failure() -> None:
    found = tally([record("unavailable")])
    assert (found.executed, found.failing, found.worst, found.mark) == (0, 0, Outcome.UNAVAILABLE, "o-unavailable")
    assert tally([record("unavailable"), record("match")]).worst is Outcome.MATCH


def test_an_unmet_row_makes_a_match_count_against_the_release() -> None:
    found = tally([record("match", expectation=unmet("unexpected pass"))])
    assert (found.matched, found.failing, found.surprises, found.worst) == (1, 1, 1, Outcome.MATCH)


def test_an_expectation_excuses_no_absence() -> None:
    assert tally([record("unavailable", expectation=met()), record("match", expectation=met())]).expected == 0


def test_no_records() -> None:
    assert tally([]).words == "no cells"


def test_share_of_the_bound() -> None:
    assert share(comparison(used=41.0)) == pytest.approx(41.0)
    assert share(task()) is None
    exact = {"rtol": 0.0, "atol": 0.0}
    assert share(Comparison(output="y", match=True, metrics={"max_abs": 0.0}, bound=exact)) == 0.0
    assert share(Comparison(output="y", match=False, metrics={"max_abs": 1.0}, bound=exact)) == math.inf
    assert math.isnan(share(Comparison(output="y", match=False, metrics={"max_abs": "nan"}, bound={"rtol": 0.0, "atol": 1.0})) or 0.0)


def test_worst_comparison_is_a_failed_fact_before_a_large_error() -> None:
    fact = dataclasses.replace(comparison("z", 0.1), match=False, facts=("dtype is int64, expected float32",))
    found = worst(record("mismatch", comparisons=(comparison("a", 900.0), fact, comparison("o", 1e9, against="oracle"))))
    assert found is fact


@pytest.mark.parametrize(
    ("used", "words"),
    [(41.0, "41× the bound"), (0.5, "50.0% of the bound"), (0.0042, "0.42% of the bound"), (1e-6, "under 0.01% of the bound"),
     (math.nan, "beyond any bound"), (math.inf, "beyond any bound")],
)  # fmt: skip
def test_times_in_words(used: float, words: str) -> None:
    assert times(used) == words


def test_headlines() -> None:
    assert headline(record("error")) == "RuntimeError: Failed to export node aten::stft at 0x7f31c0"
    assert headline(record("crash")) == "the worker died of SIGSEGV during run"
    assert headline(record("mismatch")) == "y: 121 of 2048 outside, max abs 0.00553, 41× the bound"
    assert headline(record("match")) == "y: max abs 2.7e-6, 2.0% of the bound"
    assert headline(record("match", comparisons=(task(0.2),))) == "logits: accuracy 0.7100, source 0.9100: drop 0.2000 exceeds 0.01"
    assert headline(record("match", comparisons=(task(),))).startswith("logits: task accuracy, accuracy 0.91")
    assert headline(record("match", comparisons=(), messages=("a note",))) == "a note"
    assert headline(record("match", comparisons=())) == ""


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, ""),
        ({}, ""),
        (culprit(sentence="It is\x1b[31m there.\nmore"), "It is there."),
        (culprit(sentence=""), "onnx.dynamo, encoder.layers.1.norm1"),
        ({"hop": "onnx.dynamo"}, "onnx.dynamo"),
        ({"sentence": ["odd"], "hop": 3}, "['odd']"),
        (culprit(sentence="x" * 400), "x" * 299 + "…"),
    ],
)
def test_who_is_to_blame_in_one_line(found: dict[str, object] | None, said: str) -> None:
    assert blamed(record("mismatch", culprit=found)) == said
