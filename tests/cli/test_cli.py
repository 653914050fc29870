"""The command line: exit codes and the words a user needs next."""

from __future__ import annotations

import pytest

from harness.cli import main


def test_doctor_names_every_toolchain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("torch", "onnxruntime", "paddle", "litert"))


def test_routes_lists_the_routes_that_match(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes", "onnx>onnxruntime@*"]) == 0
    shown = capsys.readouterr().out
    assert "onnx>onnxruntime@cpu" in shown
    assert "torch>" not in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["env", "build", "tenosrflow"], "unknown toolchain 'tenosrflow'; did you mean tensorflow?"),
        (["env", "build", "torch"], "toolchain torch lives in the current environment"),
        (["env", "remove", "nothing"], "unknown managed environment 'nothing'"),
    ],
)
def test_wrong_names_end_with_2_and_say_what_to_do(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
