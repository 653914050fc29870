"""``parity ascend precision`` and the emulator as a target of ``parity check``: tables, files, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.ascend.companions import companions
from harness.cli import main
from harness.core.registry import registry
from harness.engine.settings import routes_for, settings_from

onnx = pytest.importorskip("onnx")
FROM = ["ascend", "precision", "squares.onnx", "--soc", "Ascend910B3", "--inputs", "large.npz"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from tests.ascend.graphs import squares

    monkeypatch.setenv("PARITY_CACHE", str(cache))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    onnx.save(squares(), str(tmp_path / "squares.onnx"))
    np.savez(tmp_path / "large.npz", x=np.full((2, 64), 100.0, np.float32))
    return tmp_path


def test_it_tells_what_each_mode_loses_and_writes_what_must_be_kept(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FROM, "--tolerance", "0.001", "--mixlist", "ops.json", "--keep-dtype", "keep.cfg", "--json", "all.json"]) == 0
    shown = capsys.readouterr().out
    assert "emulated, no result of an NPU: Ascend910B3, which gives infinities above 65504" in shown
    assert "force_fp16: ReduceSum(t) (ReduceSum) float16: " in shown
    assert "proposed: --precision_mode=force_fp16 --keep_dtype=FILE" in shown
    assert "kept in float32: ReduceSum, Sqrt (no cheaper list holds" in shown
    assert "drawn at random" not in shown
    assert json.loads((place / "ops.json").read_text()) == {"black-list": {"to-add": ["Sqrt"]}, "white-list": {"to-add": ["Mul"]}}
    assert companions({"modify_mixlist": "ops.json"}, str(place)) == [], "lint takes what is written"
    assert (place / "keep.cfg").read_text() == "OpType::ReduceSum\nOpType::Sqrt\n"
    data = json.loads((place / "all.json").read_text())
    assert data["label"] == "emulated"
    drift = {mode["mode"]: mode["drift"]["y"] for mode in data["modes"]}
    assert drift["force_fp16"] == "inf"
    assert drift["allow_mix_precision_fp16"] < 1e-6
    assert list(drift) == [
        "force_fp16", "allow_mix_precision_fp16", "allow_mix_precision_bf16", "allow_fp32_to_fp16", "allow_fp32_to_bf16", "force_fp32",
        "must_keep_origin_dtype",
    ]  # fmt: skip
    assert data["proposal"]["keep"] == ["ReduceSum", "Sqrt"]


def test_single_nodes_are_kept_where_asked(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.ascend.graphs import parsed, with_weights

    body = "a = Mul(x, x) b = ReduceSum(a, axes) c = Sqrt(b) d = Abs(x) e = ReduceSum(d, axes) f = Sqrt(e) y = Div(c, f)"
    model = with_weights(parsed(body), axes=np.array([-1], np.int64))
    for node in model.graph.node:
        node.name = f"/n/{node.output[0]}"
    onnx.save(model, str(place / "squares.onnx"))
    assert main([*FROM, "--tolerance", "0.001", "--nodes", "--mode", "force_fp16", "--keep-dtype", "keep.cfg", "--json", "all.json"]) == 0
    assert (place / "keep.cfg").read_text() == "/n/b\n/n/c\n", "the other sum, 6400, and its root fit into float16"
    assert json.loads((place / "all.json").read_text())["proposal"]["nodes"] is True
    assert "kept in float32: /n/b, /n/c (none can be left out" in capsys.readouterr().out


def test_where_nothing_holds_it_ends_with_1(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FROM, "--mode", "fp16", "--tolerance", "1e-12", "--trials", "4", "--mixlist", "ops.json"]) in (0, 1)
    random = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    np.savez(place / "small.npz", x=random)
    asked = [*FROM[:-1], "small.npz", "--mode", "fp16", "--tolerance", "1e-12", "--mixlist", "none.json"]
    assert main(asked) == 1
    assert "no mode, and no list of types kept in float32, holds 1e-12" in capsys.readouterr().out
    assert not (place / "none.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--soc", "Ascend910"], "soc 'Ascend910' is no exact soc_version"),
        (["--mode", "allow_fp16"], "unknown precision mode 'allow_fp16'; did you mean"),
        (["--tolerance", "0"], "--tolerance 0.0; expected a share above 0"),
        (["--layers", "-1"], "--layers -1; expected a whole number >= 0"),
        (["--soc", "Ascend310P3", "--mode", "mixed_bfloat16"], "needs bfloat16, which Ascend310P3 lacks"),
        (["--soc", "Ascend310P3", "--overflow", "inf_nan"], "Ascend310P3 only saturates"),
    ],
)
def test_what_cannot_be_is_a_usage_error(arguments: list[str], said: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FROM, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_model_that_is_not_there_is_a_usage_error(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "precision", "absent.onnx", "--soc", "Ascend910B3"]) == 2
    assert "absent.onnx" in capsys.readouterr().err


def test_inputs_that_were_drawn_are_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "precision", "squares.onnx", "--soc", "Ascend310P3", "--mode", "fp16"]) == 0
    shown = capsys.readouterr().out
    assert "inputs were drawn at random; overflow depends on them" in shown
    assert "Ascend310P3, which saturates above 65504" in shown


def test_as_a_target_it_is_labelled_and_blames_the_node(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = "ascend.emulated[mode=force_fp16],ascend.emulated[mode=mixed_float16]"
    assert main(["check", "squares.onnx", "--inputs", "large.npz", "--to", to, "--json", "out.jsonl"]) == 1
    forced, mixed = map(json.loads, (place / "out.jsonl").read_text().splitlines())
    assert [one["outcome"] for one in (forced, mixed)] == ["mismatch", "match"]
    assert [one["label"] for one in (forced, mixed)] == ["emulated"] * 2
    assert forced["culprit"]["layer"] == "ReduceSum(t)"
    assert mixed["provenance"]["precision"] == "mixed_float16"
    shown = capsys.readouterr().out
    assert "mismatch (emulated)" in shown
    assert "emulated: 1 cell: mismatch" in shown


def test_an_unknown_mode_or_chip_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "squares.onnx", "--to", "ascend.emulated[mode=force_fp15]"]) == 2
    assert "option mode='force_fp15'; expected one of force_fp16" in capsys.readouterr().err
    assert main(["check", "squares.onnx", "--to", "ascend.emulated[soc=Ascend910]"]) == 2
    assert "is no exact soc_version" in capsys.readouterr().out


def test_it_takes_part_only_where_it_is_named() -> None:
    def found(given: dict[str, object], *named: str) -> list[str]:
        return [str(route) for route in routes_for(settings_from({}, Path.cwd(), given), registry(), named) if "emulated" in str(route)]

    assert found({}) == []
    assert found({"full": True}) == []
    assert found({"routes": ["onnx>onnx*"]}) == []
    assert found({"targets": ["ascend.emulated"], "sources": ["onnx"]}) == ["onnx>ascend.emulated@cpu"]
    assert found({"routes": ["onnx>ascend.emulated[mode=origin]@cpu"]}) == ["onnx>ascend.emulated[mode=origin]@cpu"]
    assert "onnx>ascend.emulated@cpu" in found({}, "*ascend.emulated*")
