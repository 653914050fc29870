"""Who is to blame, in a run: for a mismatch that nobody expected and for no other; in what pytest prints, and in what it leaves."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from small_project import Project

pytest_plugins = ["pytester"]

ROUTE = "onnx>onnx.mutate[operator=eps-1e-3]>onnxruntime@cpu"
NORM = """
def norm():
    from onnx import parser
    return parser.parse_model('''<ir_version: 8, opset_import: ["" : 17]>
    g (float[batch, 4] x) => (float[batch, 4] y) <float tiny = {0.01}, float[4] scale = {1, 2, 3, 4}> {
        first = Relu(x)
        small = Mul(first, tiny)
        normed = LayerNormalization<axis = -1, epsilon = 0.00001>(small, scale)
        y = Tanh(normed)
    }''')

CASES = [case('relu', build={'onnx': norm})]
"""
ROW = """
[[expect]]
case = "relu"
route = "onnx>onnx.mutate*"
stage = "compare"
outcome = "mismatch"
signature = "{signature}"
reason = "planted"
expires = 2999-01-01
"""
LAYER = "LayerNormalization(normed)"


def run(project: Project, *arguments: str, **settings: Any) -> tuple[pytest.RunResult, dict[str, Any]]:
    """Run the planted fault; return what pytest made of it and the one record."""
    project.settings(routes=[ROUTE], **settings)
    project.cases(NORM)
    result = project.run(*arguments)
    (record,) = project.records().values()
    assert record["outcome"] == "mismatch"
    return result, dict(record)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "spread"])
def test_a_mismatch_names_hop_layer_and_suspect_everywhere(project: Project, workers: list[str]) -> None:
    result, record = run(project, *workers)
    assert result.ret == 1
    assert (record["culprit"]["hop"], record["culprit"]["layer"]) == ("onnx.mutate[operator=eps-1e-3]", LAYER)
    sentence = record["culprit"]["sentence"]
    text = result.stdout.str()
    assert f"\nblame: {sentence}\n" in text
    assert "suspect: epsilon: epsilon is 0.001, declared 1e-05 (difference " in text
    assert f"       blame: {sentence}" in text[text.index("worst: relu") :]
    summary = (project.path / "reports" / "summary.md").read_text()
    assert "### Who is to blame" in summary
    assert LAYER in summary
    assert LAYER in (project.path / "reports" / "index.html").read_text()


@pytest.mark.parametrize(("arguments", "settings"), [(["--no-parity-localise"], {}), ([], {"localise": False})], ids=["option", "setting"])
def test_it_can_be_turned_off(project: Project, arguments: list[str], settings: dict[str, Any]) -> None:
    result, record = run(project, *arguments, **settings)
    assert (result.ret, record["culprit"]) == (1, None)
    assert "blame:" not in result.stdout.str()


def test_the_option_wins_over_the_setting(project: Project) -> None:
    _, record = run(project, "--parity-localise", localise=False)
    assert record["culprit"]["layer"] == LAYER


def test_an_expected_mismatch_is_not_looked_into(project: Project) -> None:
    (project.path / "rows.toml").write_text(ROW.format(signature="outside its bound"))
    result, record = run(project, "--parity-repro", "bundles", expectations=["rows.toml"])
    result.assert_outcomes(xfailed=1)
    assert (result.ret, record["culprit"]) == (0, None)
    assert not (project.path / "bundles").exists()


def test_a_row_can_expect_a_culprit(project: Project) -> None:
    (project.path / "rows.toml").write_text(ROW.format(signature="hop onnx.mutate"))
    result, record = run(project, expectations=["rows.toml"])
    result.assert_outcomes(xfailed=1)
    assert record["culprit"]["layer"] == LAYER


def test_its_seconds_are_a_setting(project: Project) -> None:
    result, record = run(project, localise_timeout=1e-6)
    assert "the 1e-06 s for this are spent" in record["culprit"]["note"]
    result.stdout.fnmatch_lines(["blame: The result differs first *; its layers were not compared.", "  note: * the 1e-06 s for this *"])


@pytest.mark.parametrize("how", ["option", "setting"])
def test_a_bundle_fails_without_the_harness(project: Project, how: str) -> None:
    result, record = run(project, "--parity-repro", "bundles") if how == "option" else run(project, repro="bundles")
    (folder,) = (project.path / "bundles").iterdir()
    assert record["messages"][-1].startswith(f"bundle: {folder}: the whole model, since no stand-alone script is known for onnx.mutate")
    assert record["repro"].startswith("pytest ")
    result.stdout.fnmatch_lines([f"bundle: {folder}: *", "next: pytest *"])
    ran = subprocess.run([sys.executable, "-I", str(folder / "reproduce.py")], capture_output=True, text=True)
    assert (ran.returncode, "differs by" in ran.stdout) == (1, True), ran.stderr


def test_the_next_command_looks_for_whom_to_blame(project: Project) -> None:
    _, record = run(project, "--no-parity-localise")
    assert "--no-parity-localise" not in record["repro"], "whoever repeats a failure wants to know who is to blame"
