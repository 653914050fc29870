"""The release gate: every reason it gives, and every exit code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.record import Record
from harness.policy.gate import Gate, Policy, Requirement, exit_code, gate, load_policy
from tests.report.records import comparison, met, record, unmet

ON = "on torch>onnx.dynamo>onnxruntime@cpu"
NPU = "torch>onnx.dynamo>ascend@npu"


def judged(cells: Sequence[Record], problems: Sequence[str] = (), **table: Any) -> tuple[int, tuple[str, ...]]:
    found = gate(cells, load_policy(table), problems)
    assert found.passed == (found.code == 0) == (not found.reasons)
    return found.code, found.reasons


def test_matches_pass() -> None:
    assert gate([record(), record(case="unit/b")]) == Gate(passed=True, code=0)


@pytest.mark.parametrize("outcome", ["mismatch", "error", "crash", "timeout", "unsupported"])
def test_any_failure_fails(outcome: str) -> None:
    assert judged([record(), record(outcome, "unit/b")]) == (1, (f"1 cell: {outcome}: unit/b {ON}",))


def test_long_lists_are_cut() -> None:
    code, reasons = judged([record("error", f"unit/{n}") for n in range(9)])
    assert code == 1
    assert reasons[0].startswith(f"9 cells: error: unit/0 {ON}; ")
    assert reasons[0].endswith("; and 6 more")


def test_an_expected_failure_passes_beside_a_match() -> None:
    assert judged([record(), record("unsupported", "unit/b", expectation=met())]) == (0, ())


def test_a_problem_is_told_once() -> None:
    problem = "unexpected pass: unit/b"
    assert judged([record(), record("match", "unit/b", expectation=unmet(problem))], [problem]) == (1, (problem,))


def test_an_unmet_expectation_without_its_problem_still_fails() -> None:
    assert judged([record(), record("match", "unit/b", expectation=unmet("x"))])[1] == (f"1 cell: match against expectation: unit/b {ON}",)


def test_a_problem_alone_fails_and_is_kept() -> None:
    found = gate([record()], Policy(), ["unmatched: row 9"])
    assert found == Gate(passed=False, code=1, reasons=("unmatched: row 9",), problems=("unmatched: row 9",))
    assert found.to_json() == {"passed": False, "code": 1, "reasons": ["unmatched: row 9"], "problems": ["unmatched: row 9"]}


@pytest.mark.parametrize(
    "comparisons",
    [(), (comparison(against="oracle"),), (comparison(), comparison("z", 3.0))],
)
def test_a_match_needs_a_comparison_that_shows_it(comparisons: Any) -> None:
    code, reasons = judged([record(), record(case="unit/b", comparisons=comparisons)])
    assert (code, reasons) == (1, (f"1 cell: match without a comparison that shows it: unit/b {ON}",))


def test_an_oracle_that_is_far_off_does_not_decide() -> None:
    assert judged([record(comparisons=(comparison(), comparison("y", 9.0, against="oracle")))]) == (0, ())


def test_nothing_at_all() -> None:
    assert judged([]) == (3, ("nothing was compared: the run holds no records",))


def test_everything_unavailable() -> None:
    assert judged([record("unavailable"), record("unavailable", "unit/b")]) == (3, ("nothing was compared: 2 cells, all unavailable here",))


def test_only_expected_failures_that_never_compared() -> None:
    cells = [record("unsupported", expectation=met()), record("unavailable", "unit/b")]
    assert judged(cells) == (3, ("nothing was compared: 2 cells, 1 unavailable, none reached a comparison",))


def test_a_failure_outranks_nothing_compared_but_absence_does_not() -> None:
    assert judged([record("error")])[0] == 1
    assert judged([record("unavailable")], ["unmatched: row 9"]) == (
        3,
        ("nothing was compared: 1 cell, all unavailable here", "unmatched: row 9"),
    )


def test_unavailable_is_allowed_unless_refused() -> None:
    cells = [record(), record("unavailable", "unit/b")]
    assert judged(cells) == (0, ())
    assert judged(cells, allow_unavailable=False) == (1, (f"allow_unavailable is false and 1 cell could not run here: unit/b {ON}",))


def test_require_match_accepts_no_excuse_and_no_absence() -> None:
    asked: dict[str, Any] = {"require_match": [{"routes": "torch>*>onnxruntime@cpu", "levels": ["unit"]}]}
    assert judged([record(), record("error", level="e2e", expectation=met())], **asked) == (0, ())
    cells = [record(), record("unsupported", "unit/b", expectation=met()), record("unavailable", "unit/c")]
    assert judged(cells, **asked) == (
        1, (f"require_match torch>*>onnxruntime@cpu at level unit: 2 of 3 cells do not match: unit/b {ON}; unit/c {ON}",),
    )  # fmt: skip


def test_require_match_needs_such_a_cell() -> None:
    assert judged([record()], require_match=[{"routes": "paddle>*"}]) == (1, ("require_match paddle>*: no such cell in this run",))


@pytest.mark.parametrize("target", ["onnxruntime@cpu", "onnxruntime", "onnx*@*"])
def test_require_runtimes_met(target: str) -> None:
    assert judged([record()], require_runtimes=[target]) == (0, ())
    assert judged([record(), record("crash", "unit/b", NPU, expectation=met())], require_runtimes=["ascend"]) == (0, ())


def test_require_runtimes_absent_unavailable_or_never_reached() -> None:
    asked: dict[str, Any] = {"require_runtimes": ["ascend@npu"]}
    assert judged([record()], **asked) == (1, ("require_runtimes ascend@npu: no cell of this run targets it",))
    absent = record("unavailable", "unit/b", NPU, error={"message": "no NPU here"})
    assert judged([record(), absent], **asked) == (1, ("require_runtimes ascend@npu: it is unavailable here: no NPU here",))
    silent = record("unavailable", "unit/b", NPU, error=None)
    assert judged([record(), silent], **asked)[1] == ("require_runtimes ascend@npu: it is unavailable here: no reason was recorded",)
    early = record("unsupported", "unit/b", NPU, expectation=met())
    assert judged([record(), early, absent], **asked) == (1, ("require_runtimes ascend@npu: none of its 2 cells got as far as running it",))


def test_min_cells_counts_what_was_compared() -> None:
    cells = [record(), record("unsupported", "unit/b", expectation=met()), record("unavailable", "unit/c")]
    assert judged(cells, min_cells=1) == (0, ())
    assert judged(cells, min_cells=2) == (1, ("min_cells: 1 cell compared, at least 2 required",))


def test_max_expected_limits_what_is_carried() -> None:
    cells = [record(), record("unsupported", "unit/b", expectation=met())]
    assert judged(cells, max_expected=1) == (0, ())
    assert judged(cells, max_expected=0) == (1, (f"max_expected: 1 cell carried as expected failures, at most 0 allowed: unit/b {ON}",))


@pytest.mark.parametrize(
    ("cells", "failed", "code"),
    [
        ([], False, 3),
        ([], True, 3),
        (["unavailable"], True, 3),
        (["match"], False, 0),
        (["match"], True, 1),
        (["error"], False, 3),
        (["error"], True, 1),
    ],
)
def test_exit_codes(cells: list[str], failed: bool, code: int) -> None:
    assert exit_code([record(outcome) for outcome in cells], failed=failed) == code


def test_a_policy_from_a_gate_file_and_from_pyproject(tmp_path: Path) -> None:
    body = """
        require_match = [{routes = "torch>*", levels = ["e2e"]}]
        require_runtimes = ["openvino@cpu"]
        allow_unavailable = false
        min_cells = 3
        max_expected = 0
    """
    expected = Policy(
        require_match=(Requirement(routes="torch>*", levels=("e2e",)),), require_runtimes=("openvino@cpu",), allow_unavailable=False,
        min_cells=3, max_expected=0,
    )  # fmt: skip
    (tmp_path / "gate.toml").write_text("[gate]\n" + body)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.parity.gate]\n" + body)
    assert load_policy(tmp_path / "gate.toml") == load_policy(str(tmp_path / "pyproject.toml")) == expected


def test_the_default_policy(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / "gate.toml").write_text("[gate]\n")
    assert load_policy({}) == load_policy(tmp_path / "pyproject.toml") == load_policy(tmp_path / "gate.toml") == Policy()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"min_cell": 1}, "gate: unknown key 'min_cell'; did you mean 'min_cells'?"),
        ({"allow_unavailable": "no"}, "gate: allow_unavailable is 'no'; expected true or false"),
        ({"min_cells": -1}, "gate: min_cells is -1; expected a whole number, 0 or more"),
        ({"max_expected": True}, "gate: max_expected is True; expected a whole number, 0 or more"),
        ({"max_expected": None}, "gate: max_expected is None; expected a whole number, 0 or more"),
        ({"require_runtimes": "x"}, "gate: require_runtimes is 'x'; expected a list of texts such as [\"onnxruntime@cpu\"]"),
        ({"require_runtimes": [""]}, "gate: require_runtimes is ['']; expected a list of texts such as [\"onnxruntime@cpu\"]"),
        ({"require_match": "x"}, 'gate: require_match is \'x\'; expected [{routes = "torch>*>onnxruntime@cpu", levels = ["e2e"]}]'),
        ({"require_match": [{"route": "x"}]}, "gate: require_match entry 1: unknown key 'route'; did you mean 'routes'?"),
        (
            {"require_match": [{"routes": "x"}, {}]},
            'gate: require_match entry 2: routes is missing; give a pattern such as "torch>*>onnxruntime@cpu"',
        ),
        ({"require_match": [{"routes": "x", "levels": ["unt"]}]}, "gate: require_match entry 1: unknown level 'unt'; did you mean unit?"),
    ],
)
def test_each_mistake_in_a_policy(table: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_policy(table)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gate.toml", "", "gate.toml has no [gate] table; add one, an empty table asks for the default policy"),
        ("gate.toml", "[gat]\n", "gate.toml: unknown key 'gat'; did you mean 'gate'?"),
        ("gate.toml", "gate = 3\n", "gate.toml, [gate] is 3; expected a table"),
        ("gate.toml", "[gate]\nmin_cells = 'x'\n", "gate.toml, [gate]: min_cells is 'x'; expected a whole number, 0 or more"),
        ("gate.toml", "[gate\n", "gate.toml is not valid TOML: "),
        ("pyproject.toml", "[tool.parity]\ngate = []\n", "pyproject.toml, [tool.parity.gate] is []; expected a table"),
        ("pyproject.toml", "[tool]\nparity = 3\n", "pyproject.toml, [tool.parity] is 3; expected a table"),
    ],
)
def test_each_mistake_in_a_policy_file(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=re.escape(message)):
        load_policy(tmp_path / name)


def test_a_missing_policy_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read .*gate.toml: No such file or directory"):
        load_policy(tmp_path / "gate.toml")
