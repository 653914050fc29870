"""Cells are pytest items: collected without a framework, chosen by pytest's own means, named to be read."""

from __future__ import annotations

import json
import shlex

import pytest
from small_project import NOISE, ROUTES, Project

pytest_plugins = ["pytester"]

TWO = "CASES = [case('bert/relu'), case('abs', 'Abs', level='module')]"


def test_ids_say_case_and_route(project: Project) -> None:
    project.cases(TWO)
    assert project.collected() == [f"{name}[{route}]" for name in ("bert/relu", "abs") for route in ROUTES]


@pytest.mark.parametrize("arguments", [[], ["parity_small.py"], ["--doctest-modules"]], ids=["found", "named", "doctest"])
def test_collection_loads_no_framework_and_executes_no_case_file(project: Project, arguments: list[str]) -> None:
    project.cases(TWO)
    project.pytester.makeconftest("""
        import json, pathlib, sys

        def pytest_collection_finish(session):
            heavy = {"torch", "tensorflow", "keras", "paddle", "onnx", "onnxruntime", "openvino", "hypothesis"} & set(sys.modules)
            pathlib.Path("seen.json").write_text(json.dumps([len(session.items), sorted(heavy)]))
    """)
    assert project.run("-p", "no:hypothesispytest", *arguments, "--collect-only").ret == 0
    assert json.loads((project.path / "seen.json").read_text()) == [4, []]


def test_the_plugin_alone_loads_no_numpy(project: Project) -> None:
    project.pytester.makepyfile(test_other="import sys\ndef test(): assert 'numpy' not in sys.modules and 'psutil' not in sys.modules")
    assert project.run().ret == 0


def test_markers_say_level_source_and_target(project: Project) -> None:
    project.cases(TWO)
    project.pytester.makeconftest("""
        def pytest_collection_modifyitems(items):
            for item in items:
                print("MARKS", item.name, *sorted(mark.name for mark in item.iter_markers()))
    """)
    shown = project.run("--collect-only", "-s").outlines
    assert "MARKS bert/relu[onnx>onnxruntime@cpu] fuzz parity source_onnx target_onnxruntime unit" in shown
    assert "MARKS abs[onnx>onnx.reference@cpu] fuzz module parity source_onnx target_onnx_reference" in shown
    assert project.collected("-m", "parity and module and target_onnxruntime") == ["abs[onnx>onnxruntime@cpu]"]
    assert "@pytest.mark.source_NAME: cells of this source framework" in project.run("--markers").stdout.str()


def test_a_mark_skips_a_cell_as_any_other_item(project: Project) -> None:
    project.cases(TWO)
    project.pytester.makeconftest("""
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name.startswith("abs"):
                    item.add_marker(pytest.mark.skip(reason="not today"))
    """)
    result = project.run("-rs")
    result.assert_outcomes(passed=2, skipped=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["SKIPPED*parity_small.py*: not today"])


def test_k_x_and_lf_choose_as_they_do_everywhere(project: Project) -> None:
    project.cases(f"CASES = [case('relu'), case('noise', {NOISE!r})]")
    assert project.collected("-k", "relu and onnxruntime") == ["relu[onnx>onnxruntime@cpu]"]
    stopped = project.run("-x", "-k", "onnxruntime or noise")
    stopped.assert_outcomes(passed=2, failed=1)
    assert stopped.ret == 1
    again = project.run("--lf")
    again.assert_outcomes(failed=1)
    assert list(project.records()) == ["noise[onnx>onnxruntime@cpu]"]


def test_a_node_id_on_the_command_line_runs_that_cell(project: Project) -> None:
    project.cases(TWO)
    project.run("parity_small.py::bert/relu[onnx>onnxruntime@cpu]").assert_outcomes(passed=1)
    assert project.outcomes() == {"bert/relu[onnx>onnxruntime@cpu]": "match at compare"}


def test_a_file_outside_the_project_is_run(project: Project) -> None:
    elsewhere = project.cases("CASE = case('mine')", "../elsewhere/parity_mine.py")
    result = project.run("--rootdir", str(project.path), "-c", "pyproject.toml", str(elsewhere))
    result.assert_outcomes(passed=2)
    assert {record["file"] for record in project.records().values()} == {str(elsewhere.resolve())}


def test_files_named_in_the_settings_are_case_files(project: Project) -> None:
    project.settings(files=["models_*.py"])
    project.cases("CASE = case('mine')", "models_mine.py")
    project.cases("raise RuntimeError", "parity_other.py")
    project.run().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--parity-target=onnxruntime"], ["relu[onnx>onnxruntime@cpu]"]),
        (["--parity-route=*reference*", "--parity-source=onnx"], ["relu[onnx>onnx.reference@cpu]"]),
        (["--parity-source=torch"], []),
        (["--parity-full", "--parity-hops=0", "--parity-device=cuda", "--parity-target=onnxruntime"], ["relu[onnx>onnxruntime@cuda]"]),
    ],
    ids=["target", "route-and-source", "source", "full-hops-device"],
)
def test_options_choose_cells(project: Project, options: list[str], expected: list[str]) -> None:
    project.cases("CASE = case('relu')")
    assert project.collected(*options) == expected


@pytest.mark.parametrize("where", ["option", "setting"])
def test_a_build_that_takes_too_long_is_a_timeout(project: Project, where: str) -> None:
    project.cases("CASE = case('slow', build={'onnx': lambda: time.sleep(60)})")
    project.settings(timeout=3 if where == "setting" else None, report="elsewhere" if where == "setting" else None)
    result = project.run("-k", "onnxruntime", *(["--parity-timeout=3", "--parity-report=elsewhere"] if where == "option" else []))
    assert result.ret == 1
    assert project.outcomes("elsewhere") == {"slow[onnx>onnxruntime@cpu]": "timeout at build"}
    result.stdout.fnmatch_lines(["*build took longer than 3 s"])


def test_the_next_command_of_a_failure_runs_that_cell_again(project: Project) -> None:
    project.settings(routes=None)
    project.cases(f"CASE = case('noise', {NOISE!r})")
    first = project.run("--parity-route", "onnx>onnxruntime[optimisation=disable]@cpu")
    assert first.ret == 1
    command = next(line.split("next: ", 1)[1] for line in first.outlines if line.strip().startswith("next: "))
    program, *arguments = shlex.split(command)
    assert program == "pytest"
    project.run(*arguments).assert_outcomes(failed=1)
    assert list(project.records()) == ["noise[onnx>onnxruntime[optimisation=disable]@cpu]"]
