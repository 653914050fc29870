"""From a run to drafted rows and back: the same run then ends in expected failures, and passes only once the rows are reviewed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from small_project import NOISE, ROOT, Project

pytest_plugins = ["pytester"]

FAILING = f"""
def fails():
    raise ValueError("the weights are gone")

CASES = [case('relu'), case('noise', {NOISE!r}), case('broken', build={{'onnx': fails}})]
"""


def parity(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, cwd=project.path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False)


def test_drafted_rows_excuse_the_run_and_the_gate_waits_for_a_reviewer(project: Project, pytester: pytest.Pytester) -> None:
    project.cases(FAILING)
    project.run().assert_outcomes(passed=3, failed=3)
    told = parity(project, "expect", "reports/records.jsonl", "--out", "rows.toml")
    assert told.returncode == 0, told.stderr
    assert "3 rows for 3 cells" in told.stdout
    project.settings(expectations=["rows.toml"])
    result = project.run()
    result.assert_outcomes(passed=3, xfailed=3)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["gate: not reviewed: *rows.toml, row 1 was drafted from a run*"])
    rows = project.path / "rows.toml"
    rows.write_text(rows.read_text().replace("to be reviewed:", "known:"))
    reviewed = project.run()
    reviewed.assert_outcomes(passed=3, xfailed=3)
    assert reviewed.ret == 0


def test_what_cannot_be_drafted_is_said(project: Project) -> None:
    project.cases("CASE = case('relu')")
    project.run()
    (project.path / "rows.toml").write_text("# reviewed\n")
    for arguments, said in [
        (("--out", "rows.toml"), "exists; rows in it may have been reviewed"),
        (("--out", "new.toml", "--route", "torch>*"), "is on a route that matches torch>*"),
        (("--out", "new.toml", "--days", "0"), "expected a whole number of days >= 1"),
    ]:
        told = parity(project, "expect", "reports/records.jsonl", *arguments)
        assert (told.returncode, said in told.stderr) == (2, True), told.stderr
    told = parity(project, "expect", "reports/records.jsonl", "--out", "new.toml")
    assert (told.returncode, "nothing to draft" in told.stdout) == (0, True)
    assert not (project.path / "new.toml").exists()
