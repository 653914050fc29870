"""Words about where a case comes from, what its model's tests cover, and at which shapes it fails."""

from __future__ import annotations

from typing import Any

import pytest

from harness.pytest_cells import explain
from harness.report.origin import coverage, operators, origin, percent, region
from tests.report.model_records import bert, fuzzed, hostile_models, part, parts, tree
from tests.report.records import record


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "0 %"), (0.001, "under 1 %"), (0.976, "98 %"), (0.996, "over 99 %"), (1 - 1e-9, "over 99 %"), (1.0, "100 %")],
)
def test_percent_claims_all_or_nothing_only_where_it_is(share: float, said: str) -> None:
    assert percent(share) == said


def test_coverage_says_how_many_operators() -> None:
    told = parts(tree(1))
    assert coverage(told) == "98 % of 412 operators run in unit tests, 100 % in unit or module tests"
    assert coverage({**told, "left": []}) == "98 % of its operators run in unit tests, 100 % in unit or module tests"
    assert coverage({**told, "left": [], "ops": 1}) == "98 % of 1 operator run in unit tests, 100 % in unit or module tests"
    assert operators({"coverage": {"ops": 7}}) == 7


@pytest.mark.parametrize(
    "bad", [{}, {"coverage": 3}, {"coverage": {"unit": 1}}, {"coverage": {"unit": 7, "any": 1}}, {"coverage": {"unit": "nan", "any": True}}]
)
def test_coverage_that_is_none_is_not_known(bad: dict[str, Any]) -> None:
    assert coverage(bad) == "how much of it the generated tests cover is not known"


def test_a_failure_says_what_its_case_was_generated_from() -> None:
    made = record("mismatch", "bert/encoder.layer.0.attention", part=part("encoder.layer.0.attention", "BertAttention"))
    assert list(explain(made))[1] == "generated from bert: encoder.layer.0.attention (BertAttention), stands for 12 calls"
    fixed = record("error", "bert/x", part=part("x", "", calls=1, fixed="a number is baked in"))
    assert list(explain(fixed))[1:3] == ["generated from bert: x, stands for 1 call", "  at fixed shapes: a number is baked in"]
    assert not [line for line in explain(record("mismatch")) if line.startswith("generated")]


def test_a_failure_says_where_in_the_space_of_shapes_it_lies() -> None:
    lines = list(explain(fuzzed()))
    start = lines.index("shapes: fails when seq is odd and batch >= 3; holds on 14 others tried")
    assert lines[start + 1 : start + 3] == ["  the smallest that fails: batch=3, seq=5", "  because: axis 1 of 'x' stays 16 in the output"]
    assert not [line for line in explain(record("mismatch")) if line.startswith("shapes:")]


def test_words_of_hostile_records_are_single_clean_lines() -> None:
    told = part("p" * 10_000, "t" * 10_000, fixed="f\x1b[31m\n" * 5_000, of=["x"], calls=[])
    odd: list[dict[str, Any]] = [
        {"part": told, "shapes": {"region": "r" * 9_999}}, {"part": 3}, {"shapes": {"region": "x", "smallest": 3, "causes": "y"}},
        {"shapes": {"region": ["x"], "causes": [None, {}]}}, {"shapes": 3},
    ]  # fmt: skip
    for made in [*hostile_models(), *(record("error", **changes) for changes in odd)]:
        lines = [*origin(made), *region(made)]
        assert all(len(line) < 500 and "\n" not in line and "\x1b" not in line for line in lines)


def test_every_generated_cell_of_a_model_says_so() -> None:
    assert {next(origin(cell)).partition(":")[0] for cell in bert() if cell.part} == {"generated from bert"}
