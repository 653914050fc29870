"""Measurements under pytest: chosen by their marker, handed to pytest-benchmark, gated by a baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_project import Project

pytest_plugins = ["pytester"]
pytest.importorskip("pytest_benchmark")

TABLE = "[tool.parity.latency]\nlaunches = 2\nrounds = 4\nwarmup = 1\n"
CASE = 'A = case("fast", latency=True)\nB = case("other")\n'
ITEMS = ["fast[onnx]-latency", "fast[onnx>onnx.reference@cpu]-latency", "fast[onnx>onnxruntime@cpu]-latency"]
CELL = ITEMS[2]


@pytest.fixture
def timed(project: Project) -> Project:
    """A project with one case to measure and one to judge alone."""
    project.settings(TABLE)
    project.cases(CASE)
    return project


def stored(project: Project, name: str = "b.json") -> dict[str, Any]:
    """Return what pytest-benchmark wrote, by name of the item."""
    return {entry["name"]: entry for entry in json.loads((project.path / name).read_text())["benchmarks"]}


def edited(path: Path, old: str, change: Any) -> None:
    """Change every number of this name in a file."""
    body = json.loads(path.read_text(), object_hook=lambda part: {k: change(v) if k == old else v for k, v in part.items()})
    path.write_text(json.dumps(body))


def test_the_marker_chooses_and_parity_leaves_them_out(timed: Project) -> None:
    assert timed.collected("-m", "latency") == ITEMS
    assert not [name for name in timed.collected("-m", "parity") if name.endswith("-latency")]
    assert timed.collected("-m", "latency and target_onnxruntime") == [CELL]


def test_judging_cells_needs_no_pytest_benchmark(timed: Project) -> None:
    (timed.path / "conftest.py").write_text(
        "import sys\ndef pytest_sessionfinish():\n    assert not [name for name in sys.modules if name.startswith('pytest_benchmark')]\n"
    )
    timed.run("-m", "parity", "-p", "no:benchmark").assert_outcomes(passed=4, deselected=3)


def test_times_are_handed_over_and_written(timed: Project) -> None:
    result = timed.run("-m", "latency", "--benchmark-json=b.json")
    result.assert_outcomes(passed=3, deselected=4)
    found = stored(timed)
    assert sorted(found) == sorted(ITEMS)
    entry, latency = found[CELL], timed.records()[CELL]["latency"]
    assert entry["group"] == "fast"
    assert entry["stats"]["rounds"] == 2 * 4 == latency["target"]["rounds"]
    assert entry["stats"]["data"] == pytest.approx(latency["target"]["series"], rel=1e-3)
    assert entry["extra_info"]["p50"] == latency["target"]["p50"]
    assert entry["extra_info"]["ratio"]["estimate"] == latency["ratio"]["estimate"]
    result.stdout.fnmatch_lines(["*benchmark 'fast': 3 tests*", "latency: threads 1 on processors *", "*times its source*"])
    assert timed.outcomes() == dict.fromkeys(ITEMS[1:], "match at compare")
    assert "id=\"latency\"" in (timed.path / "reports/index.html").read_text()


def test_pytest_benchmark_compares_and_fails_by_its_own_rule(timed: Project) -> None:
    timed.run("-m", "latency", "--benchmark-autosave").assert_outcomes(passed=3, deselected=4)
    (kept,) = (timed.path / ".benchmarks").rglob("0001_*.json")
    edited(kept, "min", lambda number: number / 1000.0)
    result = timed.run("-m", "latency", "--benchmark-compare", "--benchmark-compare-fail=min:500%")
    assert result.ret != 0
    result.stderr.fnmatch_lines(["*Performance has regressed*"])
    result.stdout.fnmatch_lines(["*(0001_*", "*(NOW)*"])


def test_without_pytest_benchmark_it_measures_and_says_what_is_missing(timed: Project) -> None:
    result = timed.run("-m", "latency", "-p", "no:benchmark")
    result.assert_outcomes(passed=3, deselected=4)
    result.stdout.fnmatch_lines(["latency: pytest-benchmark is not installed*pip install pytest-benchmark)"])
    assert timed.records()[CELL]["latency"]["target"]["p50"] > 0


def test_pytest_benchmark_skips_and_disables_as_it_does_elsewhere(timed: Project) -> None:
    timed.run("-m", "latency", "--benchmark-skip").assert_outcomes(skipped=3, deselected=4)
    timed.run("-m", "latency", "--benchmark-disable", "--benchmark-json=b.json").assert_outcomes(passed=3, deselected=4)
    assert timed.records()[CELL]["latency"]["target"]["p50"] > 0
    assert not (timed.path / "b.json").exists()


def test_beside_other_tests_nothing_is_measured(timed: Project) -> None:
    pytest.importorskip("xdist")
    result = timed.run("-m", "latency", "-n", "2", "-rs")
    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines(["*not measured: other tests run at the same time*"])


def test_a_baseline_of_another_machine_abstains_and_one_that_was_faster_fails(timed: Project) -> None:
    timed.run("-m", "latency", "--parity-latency-save=lat.json").assert_outcomes(passed=3, deselected=4)
    path = timed.path / "lat.json"
    whole = path.read_text()
    edited(path, "cpu", lambda name: "Other")
    result = timed.run("-m", "latency", "--parity-latency-baseline=lat.json")
    result.assert_outcomes(passed=3, deselected=4)
    result.stdout.fnmatch_lines(["*baseline: abstained: another machine: the processor was Other*"])
    strict = timed.run("-m", "latency", "--parity-latency-baseline=lat.json", "--parity-latency-strict")
    strict.assert_outcomes(failed=2, passed=1, deselected=4)
    path.write_text(whole)
    # So much faster and so sure of it that whatever the machine does now is slower.
    edited(path, "estimate", lambda number: number - 8.0)
    edited(path, "error", lambda number: 0.0)
    edited(path, "steady", lambda _: True)
    slower = timed.run("-m", "latency", "--parity-latency-baseline=lat.json")
    assert slower.ret == 1
    gates = [timed.records()[name]["latency"]["gate"]["outcome"] for name in ITEMS[1:]]
    assert set(gates) <= {"slower", "abstained"}
    if "slower" in gates:
        slower.stdout.fnmatch_lines(["*mismatch at stage bench*", "*Slower: +*"])


@pytest.mark.parametrize(
    ("table", "said"),
    [("[tool.parity.latency]\nlaunch = 2\n", "unknown*launch*launches*"), ("[tool.parity.latency]\nrounds = 1\n", "*rounds = 1*>= 2*"),
     ('[tool.parity.latency]\nbaseline = "none.json"\n', "*none.json*--save*")],
)  # fmt: skip
def test_settings_that_cannot_be_understood_are_usage_errors(project: Project, table: str, said: str) -> None:
    project.settings(table)
    project.cases(CASE)
    result = project.run("-m", "latency")
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*{said}"])


def test_a_wrong_conversion_is_measured_and_still_fails(project: Project) -> None:
    project.settings(TABLE)
    project.cases('A = case("noise", "RandomNormalLike", latency=True)\n')
    result = project.run("-m", "latency", "-k", "onnxruntime")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["*mismatch at stage compare*", "*p50 *", "*times its source*"])
