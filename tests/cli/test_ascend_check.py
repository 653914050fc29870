"""``parity ascend check``: predictions in words, and repairs that are written only when the judge has passed them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.engine.pool import Pool

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

GELU = '<ir_version: 9, opset_import: ["" : 20]> g (float[n,8] x) => (float[n,8] y) { y = Gelu(x) }'
NORM = """<ir_version: 8, opset_import: ["" : 17]> g (float[n,8] x) => (float[n,8] y)
<float[8] s = {1.5, 2, 0.5, 1, 1, 3, 0.7, 1}> { y = LayerNormalization<epsilon = 0.00001>(x, s) }"""
WORDS = """<ir_version: 9, opset_import: ["" : 20]> g (int64[n,s] ids) => (float[n,s,2] y)
<float[4,2] w = {1,2,3,4,5,6,7,8}> { e = Gather(w, ids)  y = Gelu(e) }"""
CUSTOM = '<ir_version: 8, opset_import: ["" : 17, "pkg" : 1]> g (float[2,8] x) => (float[2,8] y) { y = pkg.Magic(x) }'
SOC = ["--soc", "Ascend310P3"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))


def written(text: str) -> str:
    onnx.save(onnx.parser.parse_model(text), "m.onnx")
    return "m.onnx"


def test_what_is_right_ends_with_0_and_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "check", written(NORM), *SOC, "--dim", "x.0=n:1:8"]) == 0
    said = capsys.readouterr().out
    assert "Predicted for Ascend310P3; nothing was compiled." in said
    assert "nothing that ATC is known to refuse or to get wrong" in said
    assert "  4 profiles, 11% more work: n 2,4,6,8\n" in said
    assert "  8 profiles, 0% more work: n 1,2,3,4,5,6,7,8  <- proposed" in said
    command = next(line.strip() for line in said.splitlines() if line.strip().startswith("atc "))
    assert main(["ascend", "lint", command]) == 0


def test_what_atc_would_refuse_ends_with_1_and_says_the_repair(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "check", written(GELU), *SOC, "--json", "found.json"]) == 1
    said = capsys.readouterr().out
    assert "Gelu has no plugin [y] (ATC: E16002)" in said
    assert "--fix does it" in said
    report = json.loads(Path("found.json").read_text())
    assert [one["fix"] for one in report["predicted"] if one["severity"] == "refused"] == ["opset", "expand"]
    assert report["executed"]["repairs"] == []


def test_fix_writes_what_the_judge_has_passed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "check", written(GELU), *SOC, "--fix", "out/fixed.onnx", "--json", "found.json"]) == 0
    said = capsys.readouterr().out
    assert "expand: proven" in said
    assert "opset: proven" in said
    assert "wrote out/fixed.onnx" in said
    made = onnx.load("out/fixed.onnx")
    assert made.opset_import[0].version == 18
    assert "Gelu" not in [node.op_type for node in made.graph.node]
    assert [one["proven"] for one in json.loads(Path("found.json").read_text())["executed"]["repairs"]] == [True, True]
    assert sorted(file.name for file in Path("out").iterdir()) == ["fixed.onnx"]


def planted(monkeypatch: pytest.MonkeyPatch, name: str, change: Any) -> None:
    """Let the repair ``name`` do something else as well, after it was made and before it is judged."""
    call = Pool.call

    def wrong(self: Pool, toolchain: str, verb: str, arguments: Mapping[str, Any]) -> Any:
        made = call(self, toolchain, verb, arguments)
        if verb == "ascend_repair" and arguments["name"] == name:
            proto = onnx.load(arguments["dest"])
            change(proto)
            onnx.save(proto, arguments["dest"])
        return made

    monkeypatch.setattr(Pool, "call", wrong)


def test_a_repair_that_changes_numbers_is_not_written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The classical one: the approximation by tanh in the place of the exact Gelu, 5e-4 apart and much alike to any eye."""

    def tanh(proto: Any) -> None:
        text = GELU.replace("Gelu(x)", 'Gelu<approximate = "tanh">(x)')
        onnx.save(onnx.parser.parse_model(text), "tanh.onnx")
        from harness.ascend.repair import repair

        assert repair("tanh.onnx", "expand", "tanh-out.onnx")["done"]
        proto.CopyFrom(onnx.load("tanh-out.onnx"))

    planted(monkeypatch, "expand", tanh)
    assert main(["ascend", "check", written(GELU), *SOC, "--fix", "fixed.onnx"]) == 1
    said = capsys.readouterr().out
    assert "expand: NOT PROVEN, left out: the changed model on ONNX Runtime: mismatch (differs by" in said
    assert "opset: NOT done: opset 20 to 18: Gelu is newer" in said
    assert "nothing was written" in said
    assert not Path("fixed.onnx").exists()


def test_a_small_change_beside_a_right_repair_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = NORM.replace('"" : 17', '"" : 20').replace("_version: 8", "_version: 9")

    def epsilon(proto: Any) -> None:
        proto.graph.node[0].attribute[0].f = 1e-6

    planted(monkeypatch, "opset", epsilon)
    assert main(["ascend", "check", written(text), *SOC, "--fix", "fixed.onnx"]) == 1
    assert "opset: NOT PROVEN, left out: the changed model on ONNX Runtime: mismatch" in capsys.readouterr().out
    assert not Path("fixed.onnx").exists()


def test_token_ids_need_their_vocabulary_for_the_proof(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["ascend", "check", written(WORDS), *SOC, "--fix", "fixed.onnx"]
    assert main(asked) == 2
    assert "--domain ids=ids:30522" in capsys.readouterr().err
    assert main([*asked, "--domain", "ids=ids:4"]) == 0
    assert Path("fixed.onnx").is_file()


def test_what_no_repair_helps_is_left_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "check", written(CUSTOM), *SOC, "--fix", "fixed.onnx"]) == 1
    said = capsys.readouterr().out
    assert "pkg::Magic has no plugin" in said
    assert "nothing was written: there is nothing that a repair here would change" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["m.onnx", "--soc", "Ascend910"], "'Ascend910' is ambiguous"),
        (["m.onnx", *SOC, "--cann", "newest"], "--cann 'newest' is no version"),
        (["nowhere.onnx", *SOC], "there is no such file"),
        (["m.pt", *SOC], "expected an ONNX model"),
        (["broken.onnx", *SOC], "broken.onnx is no ONNX model"),
        (["m.onnx", *SOC, "--fix", "m.onnx"], "the model itself is never changed"),
        (["m.onnx", *SOC, "--fix", "out.om"], "expected the name of another .onnx file"),
        (["m.onnx", *SOC, "--dim", "z.0=n:1:8"], "the model has no such axis; its inputs are x"),
        (["m.onnx", *SOC, "--dim", "x.0"], "expected INPUT.AXIS=NAME:LOW:HIGH"),
    ],
)
def test_a_question_that_makes_no_sense_ends_with_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    written(NORM)
    Path("m.pt").write_bytes(b"PK")
    Path("broken.onnx").write_bytes(b"\x0a\xff\xff\xff\xff no protobuf")
    assert main(["ascend", "check", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    for words, taught in (([], "ATC, the offline compiler"), (["check"], "nothing is compiled"), (["lint"], "Shell variables")):
        with pytest.raises(SystemExit) as left:
            main(["ascend", *words, "--help"])
        assert left.value.code == 0
        assert taught in " ".join(capsys.readouterr().out.split())
