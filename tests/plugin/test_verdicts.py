"""What a run leaves: exit code, closing table, report, JUnit; serial and spread over processes alike."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from small_project import NOISE, ROUTES, Project

pytest_plugins = ["pytester"]

MIXED = f"""
def fails():
    raise ValueError("the weights are gone")

CASES = [case('relu'), case('noise', {NOISE!r}), case('broken', build={{'onnx': fails}})]
"""
ROW = """
[[expect]]
case = "{case}"
route = "onnx>onnxruntime@cpu"
stage = "compare"
outcome = "mismatch"
signature = "outside its bound"
reason = "a random operator"
expires = {expires}
"""


def test_all_match_is_exit_code_0(project: Project) -> None:
    project.cases("CASE = case('relu')")
    assert project.run().ret == 0
    assert project.outcomes() == {f"relu[{route}]": "match at compare" for route in ROUTES}


def test_a_mixed_run_tells_all_of_it(project: Project) -> None:
    project.cases(MIXED)
    result = project.run("--junitxml=junit.xml")
    assert result.ret == 1
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines([
        "case noise on onnx>onnxruntime@cpu: mismatch at stage compare",
        "*greatest difference *; worst at *: got *, expected *outside distance to [[]oracle, reference[]] <= *",
        "*there * from the float64 answer *, allowed * = rounding * + noise * + error *",
        "ValueError: the weights are gone",
        "parity: 6 cells on 2 routes, * replayed from the cache",
        "  3 match, 2 error, 1 mismatch",
        "  onnx>onnxruntime@cpu     1 match, 1 mismatch, 1 error",
        "worst: noise*: mismatch at compare",
        "       next: pytest 'parity_small.py::noise*' --parity-fresh",
        "worst: broken*: error at build",
        "gate: 1 cell: mismatch: *",
        "report: *index.html",
    ])  # fmt: skip
    assert {path.name for path in (project.path / "reports").iterdir()} == {"records.jsonl", "index.html", "summary.md"}
    suite = ET.parse(project.path / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("6", "3")
    properties = [p.get("value") for p in suite.iter("property") if p.get("name") == "parity_outcome"]
    assert sorted(map(str, properties)) == ["error", "error", "match", "match", "match", "mismatch"]


@pytest.mark.parametrize("workers", ["2", "auto"])
def test_spread_over_processes_the_same_records_are_merged(project: Project, workers: str) -> None:
    project.cases(MIXED)
    project.run()
    serial = project.outcomes()
    result = project.run("-n", workers)
    assert result.ret == 1
    assert project.outcomes() == serial
    assert {path.name for path in (project.path / "reports").iterdir()} == {"records.jsonl", "index.html", "summary.md"}
    result.stdout.fnmatch_lines(["parity: 6 cells on 2 routes, *", "worst: *", "report: *index.html"])


def test_spread_over_processes_a_wrong_declaration_is_exit_code_2(project: Project) -> None:
    project.cases("CASES = [case('relu'), case('lost', files=('gone.bin',))]")
    result = project.run("-n", "2")
    assert result.ret == 2
    assert project.outcomes() == {f"relu[{route}]": "match at compare" for route in ROUTES}


def test_a_gate_that_is_not_met_is_exit_code_1(project: Project) -> None:
    project.settings("[tool.parity.gate]\nmin_cells = 3")
    project.cases("CASE = case('relu')")
    result = project.run()
    result.assert_outcomes(passed=2)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["gate: min_cells: 2 cells compared, at least 3 required"])


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "spread"])
def test_an_expected_failure_is_an_xfail(project: Project, workers: list[str]) -> None:
    (project.path / "rows.toml").write_text(ROW.format(case="noise", expires="2999-01-01"))
    project.settings(expectations=["rows.toml"])
    project.cases(f"CASES = [case('relu'), case('noise', {NOISE!r})]")
    result = project.run("-rx", *workers)
    result.assert_outcomes(passed=3, xfailed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["XFAIL *expected mismatch: a random operator"])


@pytest.mark.parametrize(
    ("case", "expires", "said"),
    [("relu", "2999-01-01", "unexpected pass: relu on *"), ("noise", "2020-01-01", "expired: the row for noise on *")],
    ids=["unexpected-pass", "expired"],
)
def test_a_row_that_excuses_nothing_fails(project: Project, case: str, expires: str, said: str) -> None:
    (project.path / "rows.toml").write_text(ROW.format(case=case, expires=expires))
    project.settings(expectations=["rows.toml"])
    project.cases(f"CASE = case({case!r}, {NOISE if case == 'noise' else 'Relu'!r})")
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"expectation: {said}", f"gate: {said}"])
    record = project.records()[f"{case}[onnx>onnxruntime@cpu]"]
    assert record["expectation"]["met"] is False
    assert not record["ok"]


def test_a_row_for_what_no_longer_exists_breaks_the_full_run_only(project: Project) -> None:
    (project.path / "rows.toml").write_text(ROW.format(case="gone", expires="2999-01-01"))
    project.settings(expectations=["rows.toml"], routes=None, full_routes=list(ROUTES))
    project.cases("CASE = case('relu')")
    assert project.run("-k", "relu", "--parity-full").ret == 0
    result = project.run("--parity-full")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["gate: unmatched: no cell of the whole matrix is named by case gone on route *; remove or correct it *"])


def test_an_absent_device_is_a_skip_that_says_how_to_get_it(project: Project) -> None:
    project.cases("CASE = case('relu')")
    result = project.run("--parity-route", "onnx>onnxruntime@coreml", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*unavailable: *CoreMLExecutionProvider*to get it:*"])
    assert result.ret == 3, "nothing was compared"


def test_a_second_run_replays_and_fresh_does_not(project: Project) -> None:
    project.cases("CASE = case('relu')")
    project.run()
    project.run()
    assert all(record["replayed"] for record in project.records().values())
    project.run("--parity-fresh")
    assert not any(record["replayed"] for record in project.records().values())
