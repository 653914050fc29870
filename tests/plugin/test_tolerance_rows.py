"""Tolerance rows in a run: which bound a cell gets, what breaks the run, and what the ratchet tells."""

from __future__ import annotations

import pytest
from small_project import ROUTES, Project

pytest_plugins = ["pytester"]

ROW = """
[[tolerance]]
case = "{case}"
mode = "declared"
dtype = "float32"
rtol = 1e-2
atol = 1e-2
reason = "a looser bound on purpose"
{expires}
"""


def declare(project: Project, *rows: str) -> None:
    """Write the rows into a file that the settings name."""
    (project.path / "bounds.toml").write_text("".join(rows))
    project.settings(tolerances=["bounds.toml"])
    project.cases("CASES = [case('relu'), case('other')]")


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "spread"])
def test_a_row_gives_the_bound_and_the_ratchet_tells_that_it_could_be_tighter(project: Project, workers: list[str]) -> None:
    declare(project, ROW.format(case="relu", expires="expires = 2999-01-01"))
    result = project.run(*workers)
    assert result.ret == 0
    bounds = {name: record["comparisons"][0]["bound"] for name, record in project.records().items()}
    for route in ROUTES:
        assert bounds[f"relu[{route}]"]["rtol"] == 1e-2
        assert bounds[f"other[{route}]"]["mode"] == "oracle"
        assert bounds[f"relu[{route}]"]["row"] == "bounds.toml, row 1"
    result.stdout.fnmatch_lines(["ratchet: 1 declared bound could be tighter; the report says by how much"])
    said = "bounds.toml, row 1 (relu float32): measured at most 0 (0 of the bound), bound rtol=0.01, atol=0.01; could be rtol=0, atol=0"
    assert said in (project.path / "reports" / "index.html").read_text()
    assert "### Bounds that could be tighter" in (project.path / "reports" / "summary.md").read_text()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "spread"])
def test_a_looser_row_without_expiry_is_exit_code_2(project: Project, workers: list[str]) -> None:
    declare(project, ROW.format(case="relu", expires=""))
    result = project.run(*workers)
    assert result.ret == 2
    text = result.stdout.str() + result.stderr.str()
    assert "bounds.toml, row 1 (relu float32): looser than the default for float32 (rtol 0.01 instead of 0.0001; " in text
    assert "and has no expires" in text
    assert "Traceback" not in text


def test_a_row_with_an_unknown_limit_is_exit_code_2(project: Project) -> None:
    declare(project, '[[tolerance]]\nmax_cosine = 0.9\n')
    result = project.run()
    assert result.ret == 2
    assert "bounds.toml, row 1: unknown key 'max_cosine'; did you mean 'min_cosine'?" in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "spread"])
def test_an_expired_row_breaks_the_run(project: Project, workers: list[str]) -> None:
    declare(project, ROW.format(case="relu", expires="expires = 2020-01-01"))
    result = project.run(*workers)
    result.assert_outcomes(passed=4)
    assert result.ret == 1
    said = "expired: the tolerance for relu float32 was valid until 2020-01-01; fix the cells or renew the row (bounds.toml, row 1)"
    result.stdout.fnmatch_lines([f"gate: {said}"])
    assert said in (project.path / "reports" / "index.html").read_text()


def test_an_expired_row_about_nothing_that_ran_is_let_be(project: Project) -> None:
    declare(project, ROW.format(case="elsewhere", expires="expires = 2020-01-01"))
    assert project.run().ret == 0


def test_a_row_that_decides_nothing_breaks_the_full_run_only(project: Project) -> None:
    declare(project, ROW.format(case="elsewhere", expires="expires = 2999-01-01"))
    project.settings(tolerances=["bounds.toml"], routes=None, full_routes=list(ROUTES))
    assert project.run("-k", "relu", "--parity-full").ret == 0
    result = project.run("--parity-full")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["gate: unmatched: the tolerance for elsewhere float32 decides no output of the whole matrix; *row 1)"])


def test_a_declared_limit_fails_a_cell_and_says_which_row(project: Project) -> None:
    declare(project, '[[tolerance]]\ncase = "relu"\noutput = "y"\ntop_k = 9\n')
    result = project.run("-k", "relu")
    result.assert_outcomes(failed=2)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["output 'y' against reference*", "  top_k=9 needs more than 9 scores in the last axis, got 4",
                                 "  bound declared in bounds.toml, row 1"])  # fmt: skip


def test_rows_can_stand_in_the_settings(project: Project) -> None:
    project.settings('[tool.parity.tolerances]\nmode = "declared"\npreset = "torch"\nreason = "as before"\nexpires = 2999-01-01')
    project.cases("CASE = case('relu')")
    assert project.run().ret == 0
    for record in project.records().values():
        assert record["comparisons"][0]["bound"]["preset"] == "torch"
        assert record["comparisons"][0]["bound"]["rtol"] == 1.3e-6
