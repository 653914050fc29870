"""``parity fuzz``: bad questions are told in one message, and what was found is shown again without work."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from tests.generate.test_campaign import StandIn, run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--routes", "torch>nowhere*"], "matches no route from torch or onnx"),
        (["--routes", "tensorflow>savedmodel.keras>tf.savedmodel@cpu"], "framework that random programs are built in 'tensorflow'"),
        (["--routes", "onnx>onnxruntime@cpu", "--programs", "0"], "--programs 0"),
        (["--routes", "onnx>onnxruntime@cpu", "--op", "matmult"], "did you mean matmul"),
    ],
)
def test_a_bad_question_is_a_usage_error(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fuzz", "--out", str(tmp_path / "out"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_known_is_shown_without_judging_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    run(tmp_path / "out", StandIn())
    assert main(["fuzz", "--routes", "onnx>onnxruntime@cpu", "--programs", "60", "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().out
    assert "3 distinct findings" in told
    assert "1. " in told.splitlines()[-7]
    assert "softmax on onnx>onnxruntime@cpu: mismatch at compare: value, 0.5 of the rms" in told
    assert "more like it" in told
