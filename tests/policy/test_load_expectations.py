"""Expectation files: what is read, and the message for each thing that is wrong."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.outcome import Outcome, Stage
from harness.policy.expectations import load_expectations

ROW = {
    "case": '"unit/grid-sample"', "route": '"onnx>onnx2tf>litert@cpu"', "stage": '"convert"', "outcome": '"unsupported"',
    "signature": '"GridSample is not implemented"', "reason": '"no kernel yet"', "expires": "2027-06-30",
}  # fmt: skip


def row(**changes: str | None) -> str:
    found = {key: item for key, item in {**ROW, **changes}.items() if item is not None}
    return "[[expect]]\n" + "".join(f"{key} = {item}\n" for key, item in found.items())


def write(tmp_path: Path, *rows: str, name: str = "tf.toml") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_a_row_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, row(issue='"#12"'), row(case='"unit/b*"', expires='"2027-01-31"'))
    first, second = load_expectations([path])
    assert (first.case, first.route, first.stage, first.outcome) == (
        "unit/grid-sample",
        "onnx>onnx2tf>litert@cpu",
        Stage.CONVERT,
        Outcome.UNSUPPORTED,
    )
    assert (first.signature, first.reason, first.expires, first.issue) == (
        "GridSample is not implemented", "no kernel yet", datetime.date(2027, 6, 30), "#12",
    )  # fmt: skip
    assert (first.where, first.rank) == (f"{path}, row 1", 2)
    assert (second.row, second.expires, second.rank, second.issue) == (2, datetime.date(2027, 1, 31), 1, "")


def test_files_keep_their_order_and_an_empty_one_is_fine(tmp_path: Path) -> None:
    paths = [write(tmp_path, row(), name="a.toml"), write(tmp_path, "", name="b.toml"), write(tmp_path, row(case='"x"'), name="c.toml")]
    assert [item.case for item in load_expectations(paths)] == ["unit/grid-sample", "x"]
    assert load_expectations([]) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reson": '"x"'}, "unknown key 'reson'; did you mean 'reason'?"),
        ({"zzz": "1"}, "unknown key 'zzz'; known keys: case, cases, route, routes, stage, outcome, signature, reason, expires, issue"),
        ({"case": None}, "case is missing; give a case id or a pattern such as unit/conv*, or several as cases = [...]"),
        (
            {"route": '""'},
            "route is empty; give a route or a pattern such as torch>onnx.dynamo*>openvino@cpu, or several as routes = [...]",
        ),
        ({"case": "3"}, "case is 3; give a case id or a pattern such as unit/conv*, or several as cases = [...]"),
        ({"cases": '["a"]'}, "has case and cases; give one of them"),
        ({"case": None, "cases": "[]"}, "cases is []; expected a list of texts; give a case id or a pattern such as unit/conv*"),
        ({"reason": None}, "reason is missing; say in words why this failure is accepted for now"),
        ({"reason": '"  "'}, "reason is empty; say in words why this failure is accepted for now"),
        ({"stage": '"convrt"'}, "unknown stage 'convrt'; did you mean convert?"),
        ({"stage": None}, "stage is missing; give one of build, reference, convert, load, run, compare, bench"),
        ({"outcome": '"fails"'}, "unknown outcome 'fails'; known: crash, error, mismatch, timeout, unsupported"),
        ({"outcome": '"match"'}, "outcome 'match' is no failure to expect; give one of mismatch, error, crash, timeout, unsupported"),
        (
            {"outcome": '"unavailable"'},
            "outcome 'unavailable' is no failure to expect; give one of mismatch, error, crash, timeout, unsupported",
        ),
        ({"signature": None}, "signature is missing; give a regular expression that only this cause matches"),
        ({"signature": '"a(b"'}, "signature 'a(b' is not a regular expression: missing ), unterminated subpattern at position 1"),
        ({"signature": '".*"'}, "signature '.*' matches any text, so it binds the row to no cause; quote part of the message"),
        ({"expires": None}, "expires is missing; give the last valid day, for example expires = 2027-01-31"),
        ({"expires": '"soon"'}, "expires is 'soon'; expected a date such as 2027-01-31"),
        ({"expires": '"2027-02-30"'}, "expires is '2027-02-30'; expected a date such as 2027-01-31"),
        ({"expires": "2027-01-31T10:00:00"}, "expires is '2027-01-31 10:00:00'; expected a date such as 2027-01-31"),
        ({"expires": '"2027-W04-1"'}, "expires is '2027-W04-1'; expected a date such as 2027-01-31"),
        ({"expires": "20270131"}, "expires is '20270131'; expected a date such as 2027-01-31"),
        ({"issue": "12"}, "issue is 12; give a link or a number in quotes"),
        ({"case": '"*"', "route": '"*"'}, "case '*' with route '*' would excuse every cell; name the case or the route"),
        ({"case": '"*/*"', "route": '"*>*"'}, "case '*/*' with route '*>*' would excuse every cell; name the case or the route"),
    ],
)
def test_each_mistake_names_file_row_and_remedy(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    path = write(tmp_path, row(case='"unit/fine"'), row(**changes))
    with pytest.raises(UsageError) as caught:
        load_expectations([path])
    assert str(caught.value) == f"{path}, row 2: {message}"


def test_a_row_may_list_cases_and_routes(tmp_path: Path) -> None:
    path = write(tmp_path, row(case=None, cases='["a", "b"]', route=None, routes='["x>y@cpu", "x>z@cpu"]'))
    rows = load_expectations([path])
    assert [(found.case, found.route) for found in rows] == [("a", "x>y@cpu"), ("a", "x>z@cpu"), ("b", "x>y@cpu"), ("b", "x>z@cpu")]
    assert {found.row for found in rows} == {1}


def test_one_wild_card_is_allowed(tmp_path: Path) -> None:
    assert load_expectations([write(tmp_path, row(case='"*"'))])[0].case == "*"


def test_a_repeated_row_names_both(tmp_path: Path) -> None:
    paths = [write(tmp_path, row(), name="a.toml"), write(tmp_path, row(outcome='"crash"'), name="b.toml")]
    with pytest.raises(
        UsageError, match=re.escape(f"{paths[1]}, row 1: repeats the case and route of {paths[0]}, row 1; a cell fails in one way")
    ):
        load_expectations(paths)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[expect]\n", "is not valid TOML: "),
        ("[[expects]]\ncase = 'x'\n", ": unknown key 'expects'; did you mean 'expect'?"),
        ("[expect]\ncase = 'x'\n", ": write each row as its own [[expect]] table"),
        ("expect = [1]\n", ": write each row as its own [[expect]] table"),
    ],
)
def test_files_that_are_no_expectation_files(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError, match=re.escape(f"{path}") + ".*" + re.escape(message)):
        load_expectations([path])


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read .*nowhere.toml: No such file or directory"):
        load_expectations([tmp_path / "nowhere.toml"])
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="binary.toml is not valid TOML"):
        load_expectations([tmp_path / "binary.toml"])
