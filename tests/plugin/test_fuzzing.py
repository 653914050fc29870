"""Fuzzing from the front door: options, rows beside pyproject.toml, what a failure says, what an unchanged run costs."""

from __future__ import annotations

import pytest
from small_project import Project

pytest_plugins = ["pytester"]
pytest.importorskip("onnxruntime")

# Right up to 31 positions, and wrong beyond: a table that ends too soon.
CASES = """
LONG = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), Dim("length", 1, 64, example=12)))

def places(last):
    from onnx import parser
    return parser.parse_model('<ir_version: 9, opset_import: ["" : 17]>' + '''
        g (float[batch, length] x) => (float[batch, length] y)
        <int64 zero = {0}, int64 one = {1}, int64 last = {%d}> {
            s = Shape(x)
            n = Gather(s, one)
            p = Range(zero, n, one)
            q = Min(p, last)
            f = Cast<to = 1>(q)
            y = Add(x, f) }''' % last)

def saved():
    import onnx
    onnx.save(places(31), "wrong.onnx")
    return places(63)

saved()
CASES = [
    Case(id="places", level="unit", inputs=(LONG,), build={"onnx": lambda: places(63)}, artifacts=("wrong.onnx",)),
    Case(id="sound", level="unit", inputs=(LONG,), build={"onnx": lambda: places(63)}, routes=("onnx>onnxruntime@cpu",)),
]
"""
WRONG = "places[onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu]"


def test_a_failing_shape_is_told_kept_and_replayed(project: Project) -> None:
    project.cases(CASES)
    result = project.run("--parity-target", "onnxruntime")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([
        "output 'y' against reference at batch=1, length=33",
        "shapes: fails when length >= 33; holds on * others tried",
        "  the smallest that fails: batch=1, length=33",
        "examples: added to *parity_examples.toml; it is tried first from now on. Commit the file",
    ])  # fmt: skip
    record = project.records()[WRONG]
    assert record["shapes"]["smallest"] == {"lengths": {"batch": 1, "length": 33}, "rung": "normal", "seed": 0}
    rows = (project.path / "parity_examples.toml").read_text()
    assert "lengths = { batch = 1, length = 33 }" in rows
    # The row is the first of the two examples.
    again = project.run("--parity-target", "onnxruntime", "--parity-fuzz", "2", "--parity-fresh")
    again.assert_outcomes(failed=1, passed=1)
    assert "examples: known from parity_examples.toml" in project.records()[WRONG]["messages"]
    assert (project.path / "parity_examples.toml").read_text() == rows


def test_in_ci_the_row_is_printed_and_nothing_is_written(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    project.cases(CASES)
    result = project.run("--parity-target", "onnxruntime", "-k", "places")
    row = '[[example]]\ncase = "places"\nroute = "onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu"\nlengths = { batch = 1, length = 33 }'
    assert f"examples: add to parity_examples.toml, so that this is tried first from now on:\n{row}" in result.stdout.str()
    assert not (project.path / "parity_examples.toml").exists()


def test_an_unchanged_run_is_replayed_and_none_is_none(project: Project) -> None:
    project.cases(CASES)
    project.run("-k", "sound")
    first = project.records()["sound[onnx>onnxruntime@cpu]"]
    project.run("-k", "sound")
    again = project.records()["sound[onnx>onnxruntime@cpu]"]
    assert again["replayed"]
    assert again["shapes"] == first["shapes"]
    project.run("-k", "sound", "--parity-fuzz", "0")
    assert "examples" not in project.records()["sound[onnx>onnxruntime@cpu]"]["shapes"]


def test_a_wrong_row_ends_with_one_message_and_exit_code_2(project: Project) -> None:
    project.cases(CASES)
    (project.path / "parity_examples.toml").write_text("[[example]]\ncase = 'places'\nlengths = {}\n")
    result = project.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*parity_examples.toml, row 1: route is missing; a row says case, route and lengths, *"])


def test_a_row_that_no_longer_applies_costs_no_other_case(project: Project) -> None:
    project.cases(CASES)
    (project.path / "parity_examples.toml").write_text(
        "[[example]]\ncase = 'sound'\nroute = 'onnx>onnxruntime@cpu'\nlengths = { batch = 99, length = 3 }\n"
    )
    result = project.run("-k", "sound")
    result.assert_outcomes(passed=1)
    said = "examples: the row for sound on onnx>onnxruntime@cpu no longer applies: batch = 99 lies outside batch in 1..8"
    result.stdout.fnmatch_lines([f"{said}*"])
