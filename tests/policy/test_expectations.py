"""Expectation rows held against records."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest

from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.policy.expectations import Expectation, apply, cause
from tests.report.records import comparison, met, record

ROUTE = "torch>onnx.dynamo>onnxruntime@cpu"
TODAY = datetime.date(2027, 1, 11)
BASE = Expectation(
    case="unit/a", route=ROUTE, stage=Stage.CONVERT, outcome=Outcome.UNSUPPORTED, signature="GridSample is not", reason="no kernel",
    expires=TODAY, file="tf.toml", row=1,
)  # fmt: skip


def row(**changes: Any) -> Expectation:
    return dataclasses.replace(BASE, **changes)


def one(found: Record, *rows: Expectation, complete: bool = False) -> tuple[Record, list[str]]:
    records, problems = apply([found], rows, TODAY, complete=complete)
    return records[0], problems


def test_a_failure_as_expected_is_met_to_the_last_day() -> None:
    found, problems = one(record("unsupported", "unit/a"), row(issue="#9"))
    assert problems == []
    assert found.ok
    assert found.expectation == {
        "met": True, "reason": "no kernel", "expires": "2027-01-11", "row": "tf.toml, row 1", "problem": "", "issue": "#9",
    }  # fmt: skip


def test_no_row_leaves_the_record_alone() -> None:
    found, problems = one(record("unsupported", "unit/b"), row())
    assert (found.expectation, found.ok, problems) == (None, False, [])


def test_an_old_expectation_is_replaced() -> None:
    assert one(record("unsupported", "unit/b", expectation=met()))[0].expectation is None


def test_an_unexpected_pass_breaks_the_run() -> None:
    found, problems = one(record("match", "unit/a"), row())
    assert problems == [f"unexpected pass: unit/a on {ROUTE} matches now; remove the row or narrow its pattern (tf.toml, row 1)"]
    assert not found.ok
    assert (found.expectation or {})["problem"] == problems[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage": Stage.LOAD}, "was expected to end in unsupported at load, it ended in unsupported at convert"),
        ({"outcome": Outcome.CRASH}, "was expected to end in crash at convert, it ended in unsupported at convert"),
        ({"signature": "Resize"}, ("fails as expected in unsupported at convert, but not with 'Resize': "
                                   "unsupported Unsupported onnx2tf refuses GridSample: OP GridSample is not implemented")),
    ],
)  # fmt: skip
def test_another_stage_outcome_or_cause_breaks_the_run(changes: dict[str, Any], message: str) -> None:
    found, problems = one(record("unsupported", "unit/a"), row(**changes))
    assert problems == [f"changed cause: unit/a on {ROUTE} {message} (tf.toml, row 1)"]
    assert not found.ok


def test_a_failure_without_any_text_has_another_cause() -> None:
    _, problems = one(record("unsupported", "unit/a", error=None), row())
    assert "but not with 'GridSample is not': no message at all" in problems[0]


def test_an_expired_row_excuses_nothing() -> None:
    found, problems = one(record("unsupported", "unit/a"), row(expires=datetime.date(2027, 1, 10)))
    assert problems == [
        f"expired: the row for unit/a on {ROUTE} was valid until 2027-01-10; fix the failure or renew the row (tf.toml, row 1)"
    ]
    assert not found.ok


def test_a_changed_cause_is_told_before_the_expiry() -> None:
    assert one(record("crash", "unit/a"), row(expires=datetime.date(2020, 1, 1)))[1][0].startswith("changed cause")


def test_unavailable_is_neither_met_nor_unexpected_nor_unmatched() -> None:
    found, problems = one(record("unavailable", "unit/a", expectation=met()), row(), complete=True)
    assert (found.expectation, problems) == (None, [])


def test_the_exact_row_decides_before_patterns_and_then_the_first() -> None:
    wide, wider = row(case="unit/*", reason="wide", row=2), row(case="*", reason="wider", row=3)
    half, whole = row(route="torch>*", reason="half", row=4), row(reason="whole", row=5)

    def decided(*rows: Expectation) -> object:
        return (one(record("unsupported", "unit/a"), *rows)[0].expectation or {})["reason"]

    assert decided(wider, wide, half, whole) == "whole"
    assert decided(row(case="unit/*", route="torch>*", reason="loose"), half) == "half"
    assert decided(wide, wider) == "wide"
    assert decided(wider, wide) == "wider"


def test_the_exact_row_decides_even_where_only_a_pattern_would_excuse() -> None:
    found, problems = one(record("unsupported", "unit/a"), row(case="unit/*", row=2), row(outcome=Outcome.CRASH))
    assert not found.ok
    assert problems[0].startswith("changed cause")


def test_unmatched_rows_matter_only_when_the_whole_matrix_ran() -> None:
    assert one(record("match", "unit/b"), row())[1] == []
    assert one(record("match", "unit/b"), row(), complete=True)[1] == [
        f"unmatched: no cell of the whole matrix is named by case unit/a on route {ROUTE}; remove or correct it (tf.toml, row 1)"
    ]


def test_an_unmatched_row_that_expired_says_both() -> None:
    _, problems = one(record("match", "unit/b"), row(expires=datetime.date(2020, 1, 1)), complete=True)
    assert ", and it expired on 2020-01-01; remove or correct it" in problems[0]


def test_a_row_that_never_decides_is_unmatched_too() -> None:
    rows = (row(), row(case="unit/*", row=2))
    assert one(record("unsupported", "unit/a"), *rows)[1] == []
    assert one(record("unsupported", "unit/a"), *rows, complete=True)[1] == [
        f"unmatched: every cell the row for unit/* on {ROUTE} names is decided by tf.toml, row 1; remove it (tf.toml, row 2)"
    ]


def test_a_pattern_is_judged_cell_by_cell_and_order_is_kept() -> None:
    cells = [record("unsupported", "unit/a"), record("match", "unit/b"), record("error", "unit/c"), record("match", "e2e/d")]
    found, problems = apply(cells, [row(case="unit/*")], TODAY, complete=True)
    assert [item.case for item in found] == ["unit/a", "unit/b", "unit/c", "e2e/d"]
    assert [item.ok for item in found] == [True, False, False, True]
    assert [problem.split(":")[0] for problem in problems] == ["unexpected pass", "changed cause"]


def test_what_a_signature_is_searched_in() -> None:
    found = record(
        "mismatch", messages=("opset was lowered",),
        error={"message": "boom", "signal": "SIGSEGV", "stderr": "tail", "traceback": "hidden"},
        comparisons=(
            comparison("logits", 3.0), comparison("fine", 0.1), comparison("far", 9.0, against="oracle"),
            Comparison(output="n", match=False, metrics={}, bound={}, facts=("dtype is int64, expected float32",)),
        ),
    )  # fmt: skip
    text = cause(found)
    for part in (
        "boom",
        "SIGSEGV",
        "tail",
        "opset was lowered",
        "dtype is int64",
        "output 'logits' is outside its bound against reference",
        "layer encoder",
    ):
        assert part in text
    for part in ("hidden", "fine", "far"):
        assert part not in text
