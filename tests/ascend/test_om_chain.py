"""The whole way from a model to an answer of an NPU, with the stand-ins for CANN in CANN's place."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import pytest
from om_models import FIXED, with_weights

from harness.cli import main
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import Manifest, manifest
from harness.engine.pool import Limits, Pool, ended
from harness.engine.serve import Serve

FILE = Path(__file__).with_name("om_models.py")
KEEP = "precision_mode=must_keep_origin_dtype"
ONNX = f"onnx>om.atc[soc=Ascend310P3,{KEEP}]>acl@npu"
Run = Callable[..., Record]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    place = tmp_path_factory.mktemp("described")
    return manifest(FILE, FILE.parent, place, lambda file, roots: Serve().describe(file, roots))


@pytest.fixture
def run(described: Manifest, tmp_path: Path) -> Iterator[Run]:
    with Pool(Limits(timeout=240.0)) as pool:

        def ran(case_id: str, route: str = ONNX, blame: bool = False) -> Record:
            case = next(case for case in described.cases if case.id == case_id)
            cell = Cell(id=case_id, case=case, route=parse_route(route, registry()), file=described.file, digest=described.digest)
            engine = Engine(pool, Cache(tmp_path / "cache"))
            record = engine.run_cell(cell)
            return engine.blame(cell, record) if blame else record

        yield ran


def facts(record: Record) -> object:
    return record.error, [(c.output, c.facts, c.metrics.get("ratio")) for c in record.comparisons if not c.match]


def gone(pids: list[int]) -> bool:
    """Return whether processes end, given a moment."""
    for _ in range(100):
        if all(map(ended, pids)):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("case_id", ["static", "batches", "any-batch", "images", "tokens", "many-batches"])
def test_a_good_model_matches_from_onnx_to_the_npu(case_id: str, cann: Path, run: Run) -> None:
    record = run(case_id)
    assert record.outcome is Outcome.MATCH, facts(record)
    assert (record.provenance or {})["device"] == "npu"
    assert (record.provenance or {})["soc"] == "Ascend310P3"
    assert (record.provenance or {})["precision"] == "float32"
    assert (record.versions or {})["CANN"] == "8.0.0"


def test_a_torch_model_matches_in_atc_s_own_precision_judged_as_float16(cann: Path, run: Run) -> None:
    record = run("batches", "torch>onnx.dynamo[opset=18]>om.atc[soc=Ascend310P3]>acl@npu")
    assert record.outcome is Outcome.MATCH, facts(record)
    assert (record.provenance or {})["precision"] == "float16"
    apart = max(c.metrics["max_abs"] for c in record.comparisons if "max_abs" in c.metrics)
    assert 1e-6 < apart < 1e-2, "computed in float16"


@pytest.mark.parametrize(
    "way", ["tensorflow>savedmodel.keras>frozen.tf", "tensorflow>onnx.tf2onnx[opset=15]", "paddle>paddle.static>onnx.paddle2onnx"]
)
def test_models_of_other_frameworks_match_too(way: str, cann: Path, run: Run) -> None:
    record = run("frameworks", f"{way}>om.atc[soc=Ascend310P3,{KEEP}]>acl@npu")
    assert record.outcome is Outcome.MATCH, facts(record)


def test_mindspore_without_ascend_says_that_it_writes_no_air(cann: Path, run: Run) -> None:
    record = run("frameworks", "mindspore>air.mindspore>om.atc[soc=Ascend310P3]>acl@npu")
    if "managed environment is not built" in str((record.error or {}).get("message")):
        pytest.skip("parity env build mindspore")
    assert (record.outcome, str(record.stage)) == (Outcome.UNAVAILABLE, "convert")
    assert "writes AIR with its Ascend backend only" in (record.error or {})["message"]


def test_what_keeps_float32_is_not_allowed_the_errors_of_float16(cann: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_FAKE_ATC", "always-half")
    record = run("batches")
    assert record.outcome is Outcome.MISMATCH, "the compiler was asked to keep float32 and did not"


def test_a_fault_of_the_device_is_caught_and_the_hop_to_it_is_blamed(cann: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_FAKE_BUG", "scaled")
    record = run("static", blame=True)
    assert record.outcome is Outcome.MISMATCH
    assert "om.atc" in str((record.culprit or {})["hop"]) or "acl" in str((record.culprit or {})["hop"]), record.culprit


def test_an_operator_set_without_plugins_is_unsupported_by_name(cann: Path, run: Run) -> None:
    record = run("too-new")
    assert (record.outcome, str(record.stage)) == (Outcome.UNSUPPORTED, "convert")
    assert "ai.onnx::19::MatMul" in (record.error or {})["message"]
    assert "E16002" in (record.error or {})["message"]


def test_a_length_outside_the_gears_is_told_with_the_gears(cann: Path, run: Run) -> None:
    record = run("any-batch", f"onnx>om.atc[soc=Ascend310P3,{KEEP},shapes=profiles,gears=2]>acl@npu")
    assert (record.outcome, str(record.stage)) == (Outcome.ERROR, "run")
    assert "3 is none of the profiles 2; " in (record.error or {})["message"]


def test_a_chip_other_than_the_one_compiled_for_is_told(cann: Path, run: Run) -> None:
    record = run("static", "onnx>om.atc[soc=Ascend910B3]>acl@npu")
    assert (record.outcome, str(record.stage)) == (Outcome.ERROR, "load")
    assert "compiled for Ascend910B3, and this device is Ascend310P3" in (record.error or {})["message"]


@pytest.mark.parametrize(
    ("soc", "said"),
    [("", "needs the chip: write om.atc[soc="), ("Ascend910", "ambiguous"), ("Ascend310P9", "is no chip"), ("310P3", "Ascend310P3")],
)
def test_a_chip_is_named_exactly_and_never_guessed(soc: str, said: str, cann: Path, run: Run) -> None:
    record = run("static", f"onnx>om.atc[soc={soc}]>acl@npu" if soc else "onnx>om.atc>acl@npu")
    assert (record.outcome, (record.error or {})["kind"]) == (Outcome.ERROR, "usage")
    assert said in (record.error or {})["message"]


def test_a_conversion_that_takes_too_long_leaves_nothing_behind(
    cann: Path, described: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "pids.json"
    monkeypatch.setenv("ASCEND_FAKE_ATC", "sleep")
    monkeypatch.setenv("ASCEND_FAKE_PIDS", str(told))
    case = next(case for case in described.cases if case.id == "static")
    cell = Cell(id="static", case=case, route=parse_route(ONNX, registry()), file=described.file, digest=described.digest)
    with Pool(Limits(timeout=15.0)) as pool:
        record = Engine(pool, Cache(tmp_path / "cache")).run_cell(cell)
    assert (record.outcome, str(record.stage)) == (Outcome.TIMEOUT, "convert")
    left = json.loads(told.read_text())
    assert gone(left["pids"])
    assert not Path(left["folder"]).exists()
    assert not list((tmp_path / "cache").rglob("*.om"))
    assert not list((tmp_path / "cache").glob("making-*"))


def test_without_cann_it_is_unavailable_with_the_way_to_get_it(no_cann: None, run: Run) -> None:
    record = run("static")
    assert record.outcome is Outcome.UNAVAILABLE
    assert "CANN is not installed" in (record.error or {})["message"]
    assert "hiascend.com" in (record.error or {})["how"]
    assert "pip install" not in (record.error or {})["how"]


def test_with_a_compiler_and_no_driver_the_npu_is_unavailable(cann: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(cann))
    record = run("static")
    assert (record.outcome, str(record.stage)) == (Outcome.UNAVAILABLE, "load")
    assert "pyACL cannot be imported" in (record.error or {})["message"]


def test_without_a_device_what_the_driver_s_tool_says_is_told(cann: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_FAKE_COUNT", "0")
    record = run("static")
    assert record.outcome is Outcome.UNAVAILABLE
    assert "pyACL finds no NPU; npu-smi is not on the PATH" in (record.error or {})["message"]


def test_a_list_of_operators_beside_the_case_file_reaches_atc(cann: Path, run: Run) -> None:
    record = run("static", "onnx>om.atc[soc=Ascend310P3,precision_mode=allow_mix_precision,modify_mixlist=no-such.json]>acl@npu")
    assert (record.outcome, (record.error or {})["kind"]) == (Outcome.ERROR, "usage")
    assert str(FILE.parent / "no-such.json") in (record.error or {})["message"]


def test_what_is_in_a_file_that_an_option_names_counts(cann: Path, run: Run, described: Manifest, tmp_path: Path) -> None:
    listed = tmp_path / "list.json"
    route = f"onnx>om.atc[soc=Ascend310P3,precision_mode=allow_mix_precision,modify_mixlist={listed}]>acl@npu"
    compiled = []
    for name in ("MatMul", "MatMul", "SoftmaxV2"):
        listed.write_text(json.dumps({"black-list": {"to-add": [name]}}))
        record = run("static", route)
        assert record.outcome is Outcome.MATCH, facts(record)
        compiled.append(len(list((tmp_path / "cache" / "entries").rglob("model.om"))))
    assert compiled == [1, 1, 2], "the same list compiles once, another one anew"


def test_an_om_file_made_elsewhere_is_judged_and_a_wrong_one_is_seen(
    cann: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    for name, seed in (("right", 3), ("wrong", 4)):
        onnx.save(with_weights(FIXED, seed), f"{name}.onnx")
        words = [f"--model={name}.onnx", "--framework=5", f"--output={name}", "--soc_version=Ascend310P3"]
        subprocess.run(["atc", *words], check=True, capture_output=True)
    assert main(["check", "right.onnx", "--artifact", "right.om", "--to", "acl@npu"]) == 0
    assert main(["check", "right.onnx", "--artifact", "wrong.om", "--to", "acl@npu"]) == 1
    assert "mismatch" in capsys.readouterr().out
