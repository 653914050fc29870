"""Rows drafted from failures: they excuse these failures and no others, and no gate passes before somebody has reviewed them."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest

from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.policy.drafts import drafts, generalised, signature, toml
from harness.policy.expectations import DRAFT, apply, cause, load_expectations
from harness.policy.gate import gate

TODAY = datetime.date(2026, 11, 1)
ROUTE = "onnx>onnxruntime@cpu"


def failed(case: str, message: str = "", *, outcome: Outcome = Outcome.ERROR, stage: Stage = Stage.RUN, **more: Any) -> Record:
    fields = {"error": {"kind": str(outcome), "type": "RuntimeError", "message": message} if message else None, "family": "", **more}
    return Record(
        id=f"{case}[{ROUTE}]", case=case, level="unit", route=ROUTE, framework="onnx", target="onnxruntime@cpu",
        stage=stage, outcome=outcome, **fields,
    )  # fmt: skip


def mismatch(case: str, *facts: str, family: str = "Add") -> Record:
    wrong = Comparison(output="y", match=False, metrics={"max_abs": 1.0}, bound={}, facts=facts)
    return failed(case, outcome=Outcome.MISMATCH, stage=Stage.COMPARE, comparisons=(wrong,), family=family)


def load(tmp_path: Path, records: list[Record]) -> Any:
    path = tmp_path / "drafted.toml"
    path.write_text(toml(drafts(records)[0], TODAY, 90), encoding="utf-8")
    return load_expectations([path])


FAILURES = [
    failed("a", "node_conv2d_17 at 0x7f31bc00: no kernel for opset 22 in /tmp/x/model.onnx:3"),
    failed("b", "node_conv2d_4 at 0x55aa0000: no kernel for opset 9 in /home/someone/cache/model.onnx:88"),
    failed("c", "node_conv2d_4 at 0x55aa0000: no memory for opset 9"),
    failed("d", "worker died", outcome=Outcome.CRASH),
    mismatch("e"), mismatch("f", family="Mul"), mismatch("g", "dtype is float32, expected float64", "shape is 2x3, expected 3x2"),
    failed("h", "say \"what\" in a 'quoted' way: (a|b)* \\ [c] \x7f 💥"),
]  # fmt: skip


def test_a_row_for_each_cause_and_the_run_again_gives_expected_failures_only(tmp_path: Path) -> None:
    rows, mute, misfits = drafts(FAILURES)
    assert (mute, misfits) == ([], [])
    assert sorted(row.cases for row in rows) == [("a", "b"), ("c",), ("d",), ("e",), ("f",), ("g",), ("h",)]
    judged, problems = apply(FAILURES, load(tmp_path, FAILURES), TODAY)
    assert all(record.ok and record.expectation and record.expectation["met"] for record in judged)
    # One complaint for each table, however many cases it lists.
    assert len(problems) == 7
    assert all(problem.startswith("not reviewed: ") for problem in problems)
    verdict = gate(judged, None, problems)
    assert verdict.code == 1
    assert sum("not reviewed" in reason for reason in verdict.reasons) == 7


def test_the_gate_passes_once_the_reasons_are_somebodys_own(tmp_path: Path) -> None:
    load(tmp_path, FAILURES)
    path = tmp_path / "drafted.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(DRAFT, "known gap:"), encoding="utf-8")
    judged, problems = apply(FAILURES, load_expectations([path]), TODAY)
    assert problems == []
    assert gate(judged, None, problems).passed


def test_another_cause_is_not_excused(tmp_path: Path) -> None:
    rows = load(tmp_path, FAILURES)
    other = [failed("a", "node_conv2d_17 at 0x7f31bc00: the weights are gone"), mismatch("g", "dtype is float16, expected float64")]
    judged, problems = apply(other, rows, TODAY)
    assert not any(record.ok for record in judged)
    assert sum(problem.startswith("changed cause: ") for problem in problems) == 2


def test_other_numbers_paths_and_addresses_are_the_same_cause(tmp_path: Path) -> None:
    rows = load(tmp_path, FAILURES[:1])
    again = [failed("a", "node_conv2d_3 at 0x1: no kernel for opset 7 in /var/cache/else/model.onnx:1")]
    assert apply(again, rows, TODAY)[0][0].ok


@pytest.mark.parametrize("record", FAILURES, ids=lambda record: record.case)
def test_a_signature_matches_its_own_cause_and_not_the_empty_text(record: Record) -> None:
    found = signature(record)
    assert re.search(found, cause(record))
    assert not re.search(found, "")
    assert not re.search(found, "another error altogether, with numbers 1 2 3")


def test_what_says_too_little_gets_no_row() -> None:
    assert generalised("12 34") == generalised("/a/b/c/d") == generalised("0x12") == ""
    silent = failed("s", outcome=Outcome.ERROR)
    assert drafts([silent]) == ([], [silent], [])
    # Where the message is empty, the type of the error still tells something.
    named = failed("t", error={"kind": "error", "type": "NotImplementedError", "message": ""})
    assert [row.signature for row in drafts([named])[0]] == ["NotImplementedError"]


def test_only_failures_nobody_expects_are_drafted(tmp_path: Path) -> None:
    judged, _ = apply(FAILURES, load(tmp_path, FAILURES), TODAY)
    absent = failed("u", "no device", outcome=Outcome.UNAVAILABLE)
    assert drafts([*judged, absent]) == ([], [], [])
    (changed,), _ = apply([failed("d", "worker hung", outcome=Outcome.TIMEOUT)], load(tmp_path, FAILURES), TODAY)
    assert drafts([changed]) == ([], [], [changed])


def test_a_line_that_only_announces_the_next_one_is_no_signature() -> None:
    message = "Exception from src/core.cpp:117:\nCheck x failed at src/node.cpp:108:\nno ReduceSum with dynamic rank. Name: r_37"
    assert signature(failed("a", message)) == r"no ReduceSum with dynamic rank\. Name: r_\d+"


def test_the_named_exception_says_more_than_the_advice_around_it() -> None:
    message = (
        "Failed to export. Next steps:\n- Modify the model code for it to succeed.\n\n## Exception summary\n\n"
        "<class 'torch.DataDependent'>: aten.equal.default 17\n(Refer to the full stack trace above.)"
    )
    assert signature(failed("a", message)) == r"<class 'torch\.DataDependent'>: aten\.equal\.default [-+\d.e]+"


def test_long_messages_are_cut_between_words_and_after_what_identifies_them() -> None:
    path = "/cache/entries/" + "8f" * 32 + "/content/model.onnx"
    found = generalised(f"Load model from {path} failed: Fatal error: Adagrad(-1) is not a registered function " + "and so on " * 40)
    assert "registered function" in found
    assert len(found) < 260
    assert re.search(found, f"Load model from /x/y failed: Fatal error: Adagrad(3) is not a registered function {'and so on ' * 40}")
