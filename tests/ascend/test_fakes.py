"""The stand-ins are strict: what the documentation forbids has its documented code, and what it lets pass quietly goes wrong quietly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from om_fakes import FAKES, forget
from om_models import dense, newer, tokens
from om_parts import compiled, feeds_at

from harness.ascend.line import reading


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of an open batch, one of fixed shape, one of two inputs, and one of a newer operator set."""
    folder = tmp_path_factory.mktemp("models")
    for name, model in (("open", dense()), ("fixed", dense("2")), ("tokens", tokens()), ("newer", newer())):
        onnx.save(model, folder / f"{name}.onnx")
    return folder


def atc(folder: Path, *words: str) -> tuple[int, str]:
    """Run the stand-in; return status and what it printed."""
    command = [sys.executable, str(FAKES / "fake_atc.py"), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


BASE = {"model": "open.onnx", "framework": "5", "output": "out", "soc_version": "Ascend310P3", "input_shape": "x:-1,6"}
BATCH = {**BASE, "dynamic_batch_size": "1,2,4"}
DIMS = {**BASE, "model": "tokens.onnx", "input_shape": "x_ids:-1,-1;x_mask:-1,-1", "input_format": "ND", "dynamic_dims": "1,3,1,3;2,5,2,5"}
WRONG = {
    "brackets": ({**BASE, "input_shape": "x:[2,6]"}, "E10014"),
    "no name": ({**BASE, "input_shape": "2,6"}, "E10002"),
    "a length of 0": ({**BASE, "input_shape": "x:0,6"}, "E10011"),
    "no framework": ({**BASE, "framework": None}, "E10007"),
    "no chip": ({**BASE, "soc_version": None}, "E10054"),
    "an ambiguous chip": ({**BASE, "soc_version": "Ascend910"}, "E10001"),
    "a mode that is none": ({**BASE, "precision_mode": "allow_mixed_precision"}, "E10001"),
    "both precisions": ({**BASE, "precision_mode": "force_fp16", "precision_mode_v2": "fp16"}, "E10056"),
    "profiles without an open axis": ({**BATCH, "input_shape": "x:2,6"}, "E10040"),
    "profiles with a range": ({**BATCH, "input_shape": "x:1~4,6"}, "E10040"),
    "one profile": ({**BATCH, "dynamic_batch_size": "4"}, "E10035"),
    "the same profile twice": ({**BATCH, "dynamic_batch_size": "4,2,4"}, "E10039"),
    "a profile of 0": ({**BATCH, "dynamic_batch_size": "0,2"}, "E10038"),
    "two kinds": ({**DIMS, "dynamic_batch_size": "1,2"}, "E10009"),
    "too few numbers in a profile": ({**DIMS, "dynamic_dims": "1,3;2,5"}, "E10045"),
    "a batch that is not first": ({**DIMS, "input_format": None, "dynamic_dims": None, "dynamic_batch_size": "1,2"}, "E10018"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_command_has_its_documented_code_and_the_linter_says_the_same(name: str, models: Path) -> None:
    flags, code = WRONG[name]
    words = [f"--{flag}={text}" for flag, text in flags.items() if text is not None]
    status, printed = atc(models, *words)
    assert status == 255
    assert f"{code}: " in printed
    assert not (models / "out.om").exists()
    assert code in [fault.code for fault in reading(words).faults], "read by the harness, without running anything"


MODELS = {
    "an input that is not there": ({**BASE, "input_shape": "y:-1,6"}, "E10016"),
    "another number of axes": ({**BASE, "input_shape": "x:-1,6,1"}, "E10049"),
    "open axes without a word": ({**BASE, "input_shape": None}, "E10001"),
    "an operator set without plugins": ({**BASE, "model": "newer.onnx"}, "E16002"),
    "no model": ({**BASE, "model": "none.onnx"}, "E10041"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_what_only_the_model_shows_has_its_code_too(name: str, models: Path) -> None:
    flags, code = MODELS[name]
    status, printed = atc(models, *[f"--{flag}={text}" for flag, text in flags.items() if text is not None])
    assert (status, f"{code}: " in printed) == (255, True), printed


def test_what_getopt_lets_pass_goes_wrong_quietly(models: Path) -> None:
    words = [f"--{flag}={text}" for flag, text in {**BASE, "output": "twice.om"}.items()]
    status, _ = atc(models, *words, "--input_shape=x:2,6", "--dynamic_ba=1,2")
    assert status == 255, "the last of repeated flags counts, and a prefix is the flag"
    status, _ = atc(models, *words, "--input_shape=x:2,6")
    assert status == 0
    assert (models / "twice.om.om").exists(), "the ending is appended whatever the name"


@pytest.fixture
def acl(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(FAKES / "site"))
    forget("acl")
    import acl

    yield acl
    forget("acl")


def test_the_order_of_calls_is_held_to(acl: Any, tmp_path: Path) -> None:
    assert acl.mdl.load_from_file(str(tmp_path))[1] == 100001
    assert (acl.init(), acl.init()) == (0, 100002)
    assert acl.mdl.load_from_file(str(tmp_path))[1] == 107002
    assert acl.rt.malloc(8, 0)[1] == 107002
    assert acl.rt.create_context(0)[1] == 107000
    assert acl.rt.set_device(0) == 0
    assert acl.rt.create_context(0)[1] == 0
    assert acl.mdl.load_from_file(str(tmp_path))[1] == 100003


def test_memory_is_held_to_its_size_its_side_and_its_users(acl: Any) -> None:
    acl.init(), acl.rt.set_device(0)
    context, _ = acl.rt.create_context(0)
    pointer, _ = acl.rt.malloc(8, 0)
    raw = bytes(16)
    assert acl.rt.memcpy(pointer, 8, acl.util.bytes_to_ptr(raw), 16, 1) == 100000
    assert acl.rt.memcpy(pointer, 16, acl.util.bytes_to_ptr(raw), 16, 1) == 100000
    assert acl.rt.memcpy(pointer, 8, acl.util.bytes_to_ptr(raw), 8, 2) == 100000
    buffer = acl.create_data_buffer(pointer, 8)
    assert acl.rt.free(pointer) == 100000
    assert acl.rt.destroy_context(context) == 100000
    assert (acl.destroy_data_buffer(buffer), acl.destroy_data_buffer(buffer)) == (0, 100000)
    assert (acl.rt.free(pointer), acl.rt.free(pointer)) == (0, 100000)
    assert (acl.rt.destroy_context(context), acl.rt.reset_device(0), acl.finalize()) == (0, 0, 0)
    assert acl.left() == {}


def opened(acl: Any, entry: str) -> tuple[int, int]:
    """Return a model and its description."""
    acl.init(), acl.rt.set_device(0), acl.rt.create_context(0)
    model, _ = acl.mdl.load_from_file(entry)
    desc = acl.mdl.create_desc()
    acl.mdl.get_desc(desc, model)
    return model, desc


def dataset(acl: Any, *arrays: Any) -> int:
    made = acl.mdl.create_dataset()
    for array in arrays:
        pointer, _ = acl.rt.malloc(array.nbytes, 0)
        raw = array.tobytes()
        acl.rt.memcpy(pointer, array.nbytes, acl.util.bytes_to_ptr(raw), len(raw), 1)
        acl.mdl.add_dataset_buffer(made, acl.create_data_buffer(pointer, array.nbytes))
    return int(made)


def test_profiles_are_held_to(acl: Any, cann: Path, tmp_path: Path) -> None:
    model, desc = opened(acl, compiled("batches", tmp_path).artifact.entry)
    index, _ = acl.mdl.get_input_index_by_name(desc, "ascend_mbatch_shape_data")
    largest, extra = np.zeros((4, 6), np.float32), np.zeros(1, np.int64)
    whole = dataset(acl, largest, extra)
    assert acl.mdl.set_dynamic_batch_size(model, whole, index, 3) == 145013
    assert acl.mdl.set_dynamic_batch_size(model, whole, 0, 2) == 145012
    assert acl.mdl.set_dynamic_batch_size(model, dataset(acl, largest), index, 2) == 145012
    assert acl.mdl.set_dynamic_batch_size(99, whole, index, 2) == 145003
    assert acl.mdl.set_dynamic_hw_size(model, whole, index, 2, 2) == 100019
    room = dataset(acl, np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32))
    assert acl.mdl.execute(model, dataset(acl, largest), room) == 100017
    assert acl.mdl.execute(model, dataset(acl, largest[:2], extra), room) == 100017, "without a choice the largest profile is used"
    assert acl.mdl.execute(model, whole, dataset(acl, np.zeros(1, np.float32))) == 100018


def test_a_type_is_not_looked_at(acl: Any, cann: Path, tmp_path: Path) -> None:
    model, _ = opened(acl, compiled("static", tmp_path).artifact.entry)
    feed = (feeds_at("static")["x"] * 10).astype(np.int32)
    room = dataset(acl, np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32))
    assert acl.mdl.execute(model, dataset(acl, feed), room) == 0


def test_a_model_of_another_chip_is_not_loaded(acl: Any, cann: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = compiled("static", tmp_path).artifact.entry
    monkeypatch.setenv("ASCEND_FAKE_SOC", "Ascend910B3")
    acl.init(), acl.rt.set_device(0), acl.rt.create_context(0)
    assert acl.mdl.load_from_file(entry) == (0, 145000)


def test_the_stand_ins_are_no_part_of_the_harness() -> None:
    package = Path(__file__).parents[2] / "harness"
    assert not [path for path in package.rglob("*.py") if "ASCEND_FAKE" in path.read_text() or "fakes" in path.read_text()]
