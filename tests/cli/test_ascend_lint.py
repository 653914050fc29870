"""``parity ascend lint``: exit codes, and words with the line they belong to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main

RIGHT = "atc --model=m.onnx --framework=5 --output=m --soc_version=Ascend310P3"


def test_a_right_command_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "lint", RIGHT]) == 0
    assert "1 atc call: nothing to change" in capsys.readouterr().out


def test_a_warning_is_told_and_does_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "lint", RIGHT.replace("310P3", "910B")]) == 0
    assert "warning: --soc_version: Ascend910B is the first generation" in capsys.readouterr().out


def test_faults_of_a_script_are_told_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "convert.sh"
    script.write_text(f"set -e\n{RIGHT.replace('=m ', '=m.om ')} \\\n  --input_shape='ids:[1,512]'\n")
    assert main(["ascend", "lint", str(script), "--json", str(tmp_path / "faults.json")]) == 1
    said = capsys.readouterr().out
    assert f"{script}:2: --output: m.om becomes m.om.om: ATC appends the ending; write --output=m" in said
    assert "1 atc call: 2 things to change" in said
    (call,) = json.loads((tmp_path / "faults.json").read_text())
    assert [fault["write"] for fault in call["faults"]] == ['--input_shape="ids:1,512"', "--output=m"]


@pytest.mark.parametrize(
    ("asked", "said"), [("nowhere.sh", "expected an atc command in quotes, or a script"), ("{file}", "holds no atc call; expected one")]
)
def test_what_holds_no_call_is_a_usage_error(asked: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.sh").write_text("echo nothing\n")
    assert main(["ascend", "lint", asked.format(file=tmp_path / "empty.sh")]) == 2
    assert said in capsys.readouterr().err


def test_the_model_is_held_against_the_command_where_it_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx = pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    text = '<ir_version: 8, opset_import: ["" : 17]> g (int64[n,s] ids) => (int64[n,s] y) { y = Identity(ids) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "m.onnx")
    (tmp_path / "op.cfg").write_text("register CustomGelu")
    script = tmp_path / "convert.sh"
    given = ("--insert_op_conf=op.cfg", '--input_shape="ids:1,8;attention_mask:1,8"', "--input_shape=ids:1,8")
    script.write_text("".join(f"{RIGHT} {flag}\n" for flag in given))
    assert main(["ascend", "lint", str(script)]) == 1
    heard = capsys.readouterr()
    assert "convert.sh:1: --insert_op_conf: the file holds no aipp_op" in heard.out
    assert "convert.sh:1: --input_shape: the model leaves lengths of ids open" in heard.out
    assert "convert.sh:2: --input_shape: the model has no input 'attention_mask'; it has ids (ATC: E10016)" in heard.out
    assert "3 atc calls: 3 things to change" in heard.out
    assert heard.err.count("looking at m.onnx") == 1


def test_a_model_that_cannot_be_read_leaves_the_command_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.onnx").write_bytes(b"\x0a\xff\xff\xff\xff no protobuf")
    assert main(["ascend", "lint", RIGHT]) == 0
    assert "m.onnx cannot be looked at" in capsys.readouterr().err
