"""``om.atc``: which command a case becomes, and what every ending of ATC becomes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from om_parts import compiled, options, source_of

from harness.ascend import notes
from harness.ascend.line import parse
from harness.converters.om_atc import Atc
from harness.core.errors import Unavailable, Unsupported, UsageError

SAID = {
    # case, options -> what of the command line says the shapes
    ("static", ()): {"input_shape": "x:2,6"},
    ("batches", ()): {"input_shape": "x:-1,6", "dynamic_batch_size": "1,2,4"},
    ("batches", (("dynamic", "false"),)): {"input_shape": "x:2,6"},
    ("batches", (("shapes", "range"),)): {"input_shape": "x:1~4,6"},
    ("batches", (("shapes", "open"),)): {"input_shape": "x:-1,6"},
    ("any-batch", ()): {"input_shape": "x:1~64,6"},
    ("any-batch", (("soc", "Ascend310B1"),)): {"input_shape": "x:-1,6", "dynamic_batch_size": ",".join(map(str, range(1, 65)))},
    ("any-batch", (("shapes", "profiles"),)): {"input_shape": "x:-1,6", "dynamic_batch_size": ",".join(map(str, range(1, 65)))},
    ("any-batch", (("shapes", "profiles"), ("gears", 4))): {"input_shape": "x:-1,6", "dynamic_batch_size": "2,16,32,48,64"},
    ("many-batches", ()): {"input_shape": "x:1~500,6"},
    ("images", ()): {"input_shape": "x:1,3,-1,-1", "dynamic_image_size": "8,8;8,10;12,8;12,10"},
    ("tokens", ()): {
        "input_shape": "x_ids:-1,-1;x_mask:-1,-1", "input_format": "ND",
        "dynamic_dims": ";".join(f"{b},{s},{b},{s}" for b in (1, 2, 4) for s in (3, 5, 8)),
    },
}  # fmt: skip


@pytest.mark.parametrize(("asked", "said"), SAID.items(), ids=[f"{name} {dict(given)}" for name, given in SAID])
def test_the_shapes_of_a_case_become_what_atc_reads(
    asked: tuple[str, tuple[tuple[str, object], ...]], said: dict[str, str], cann: Path, tmp_path: Path
) -> None:
    made = compiled(asked[0], tmp_path, **dict(asked[1]))
    command = str(notes.beside(made.artifact.entry)["command"])
    given = dict(word.lstrip("-").split("=", 1) for word in shlex.split(command)[1:])
    kinds = ("input_shape", "input_format", "dynamic_batch_size", "dynamic_image_size", "dynamic_dims")
    assert {name: text for name, text in given.items() if name in kinds} == said
    assert parse(command).soc_version == dict(asked[1]).get("soc", "Ascend310P3")


@pytest.mark.parametrize(
    ("case_id", "given", "said"),
    [
        ("many-batches", {"shapes": "profiles"}, "more than 100 combinations of lengths"),
        ("many-batches", {"soc": "Ascend310B1"}, "Ascend310B1 takes no ranges of lengths"),
        ("static", {"soc": "Ascend310P3", "precision_mode": "allow_mix_precision_bf16"}, "has no bfloat16"),
        ("static", {"keep_dtype": "/no/such/file"}, "keep_dtype=/no/such/file is no file"),
    ],
)
def test_what_atc_could_not_do_is_refused_before_it_runs(
    case_id: str, given: dict[str, str], said: str, cann: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        compiled(case_id, tmp_path, **given)


ENDINGS = {
    "no-file": (RuntimeError, "reported success and wrote no .om files"),
    "exit-1-with-file": (RuntimeError, "exit status 1"),
    "kernel": (Unsupported, "atc refuses /act/Relu, Relu: EZ3003"),
    "module": (Unavailable, "the Python package decorator is missing"),
    "driver": (Unavailable, "libascend_hal.so cannot be loaded"),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_every_bad_ending_of_atc_is_a_clear_one_and_leaves_no_file(
    how: str, cann: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASCEND_FAKE_ATC", how)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    kind, said = ENDINGS[how]
    with pytest.raises(kind, match=said):
        compiled("static", tmp_path)
    assert not list((tmp_path / "om").iterdir())
    assert not list((tmp_path / "scratch").iterdir())


def test_a_name_with_system_and_processor_in_it_is_found(cann: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_FAKE_ATC", "suffix")
    assert Path(compiled("static", tmp_path).artifact.entry).name == "model.om"


def test_a_warning_of_atc_is_a_message(cann: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_FAKE_ATC", "warning")
    assert any("W11001" in message for message in compiled("static", tmp_path).artifact.messages)


def test_only_the_model_and_its_notes_are_kept(cann: Path, tmp_path: Path) -> None:
    made = compiled("batches", tmp_path)
    assert sorted(path.name for path in Path(made.artifact.path).iterdir()) == ["model.om", notes.NAME]
    noted = json.loads((Path(made.artifact.path) / notes.NAME).read_text())
    assert noted["profiles"] == [[1], [2], [4]]
    assert str(tmp_path) not in noted["command"], "the same model gives the same file wherever it lies"


def test_the_order_of_outputs_is_that_of_the_file(cann: Path, tmp_path: Path) -> None:
    source = source_of("static", tmp_path / "onnx")
    (tmp_path / "om").mkdir()
    made = Atc().convert(source, str(tmp_path / "om"), options())
    assert made.outputs == {"probs": "0", "logits": "1"}


def test_precision_decides_what_the_result_is_held_to() -> None:
    found = {mode: Atc().coarsest(options(precision_mode=mode)) for mode in ("force_fp16", "must_keep_origin_dtype", "allow_fp32_to_bf16")}
    assert found == {"force_fp16": "float16", "must_keep_origin_dtype": "", "allow_fp32_to_bf16": "bfloat16"}
