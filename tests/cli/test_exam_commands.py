"""``parity selftest`` and ``parity mutate``: what they print, what they write, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.faults.graphs import OPERATORS

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

NORM = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[n, 8] x) => (float[n, 8] y) <float[8] g = {1.5, 2, 0.5, 1, 1, 3, 0.7, 1}, float[8] b = {0.1, 0, 0.3, 1, 0, 2, 0.2, 1}> {
    y = LayerNormalization <epsilon = 0.00001> (x, g, b)
}
"""
ROUTE = ["--route", "onnx>onnxruntime@cpu"]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "norm.onnx"
    onnx.save(onnx.parser.parse_model(NORM), path)
    return path


def test_a_loose_gate_is_told_what_it_misses_and_what_would_catch_it(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["mutate", str(model), *ROUTE, "--operator", "eps-1e-6", "--operator", "scale-shift-exchanged", "--json", "out.json"]
    assert main([*asked, "--rtol", "1e-3", "--atol", "1e-3", "--rung", "normal"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "missed: eps-1e-6 at y" in said
    assert "drop the declared tolerance: the float64 oracle's bound catches it" in said
    rows = {row["operator"]: row for row in json.loads(Path("out.json").read_text())}
    assert (rows["eps-1e-6"]["detected"], rows["scale-shift-exchanged"]["detected"]) == (False, True)


def test_the_usual_gate_misses_neither(model: Path) -> None:
    assert main(["mutate", str(model), *ROUTE, "--operator", "eps-1e-6", "--operator", "scale-shift-exchanged"]) == 0


def test_a_gate_in_pyproject_is_the_one_that_is_tested(model: Path) -> None:
    Path("pyproject.toml").write_text(
        '[[tool.parity.tolerances]]\nmode = "declared"\nrtol = 1e-2\natol = 1e-2\nreason = "habit"\nexpires = 2999-01-01\n'
    )
    assert main(["mutate", str(model), *ROUTE, "--operator", "eps-1e-6", "--no-remedies"]) == 1


def test_a_fault_that_does_not_apply_is_exit_code_3(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutate", str(model), *ROUTE, "--operator", "ceil-mode"]) == 3
    assert "no fault was planted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--operator", "eps-1e3"], "unknown fault operator 'eps-1e3'; did you mean eps-1e-3"),
        (["--sites", "-1"], "--sites -1; expected a whole number >= 0"),
        (["--rung", "cor"], "unknown rung 'cor'; did you mean core"),
        (["--rtol", "-1"], "tolerance rtol=-1.0; expected a finite number >= 0"),
    ],
)
def test_what_cannot_be_understood_is_one_line(model: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutate", str(model), *ROUTE, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_route_that_never_is_onnx_is_refused(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutate", str(model), "--route", "torch>torchscript.trace>torchscript@cpu"]) == 2
    assert "has no ONNX file on its way" in capsys.readouterr().err


def test_every_fault_is_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert main(["selftest", "--list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in OPERATORS)
    assert len(OPERATORS) >= 45


def test_selftest_refuses_what_it_cannot_understand(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--operator", "eps-1e3"]) == 2
    assert main(["selftest", "--sites", "-2"]) == 2
    assert "did you mean eps-1e-3" in capsys.readouterr().err
