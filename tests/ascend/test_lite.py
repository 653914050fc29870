"""MindSpore Lite: its converter and its API, stood in for; the settings it is given, its endings, its absence."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from om_fakes import FAKES
from om_parts import feeds_at, source_of, truth

from harness.converters.mindir_lite import Lite as Converter
from harness.core.errors import Unavailable, Unsupported, UsageError
from harness.core.protocols import Source, option_values
from harness.runtimes.mindspore_lite import Lite as Runtime

SMI = "| 0     910B3 | OK | 96.2 44 0 / 0 |\n| 0 | 0000:C1:00.0 | 0 0 / 0 3161 / 65536 |"


@pytest.fixture
def lite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with MindSpore Lite and an NPU."""
    place = tmp_path / "bin"
    place.mkdir()
    for name, text in (
        ("converter_lite", f'exec "{sys.executable}" "{FAKES / "fake_converter_lite.py"}" "$@"'), ("npu-smi", f"cat <<'END'\n{SMI}\nEND"),
    ):  # fmt: skip
        (place / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    monkeypatch.syspath_prepend(str(FAKES / "site"))
    yield place
    sys.modules.pop("mindspore_lite", None)


def compiled(folder: Path, **given: str) -> Source:
    source = source_of("static", folder / "onnx")
    dest = folder / "lite"
    dest.mkdir()
    made = Converter().convert(source, str(dest), option_values(Converter(), given, "here"))
    assert made.outputs == {"probs": "0", "logits": "1"}
    artifact = dataclasses.replace(source.artifact, format="mindir.ascend", path=str(dest), entry=str(dest / made.entry))
    return dataclasses.replace(source, artifact=artifact)


@pytest.mark.parametrize(("mode", "apart", "precision"), [("enforce_fp32", 1e-6, "float32"), ("enforce_fp16", 1e-2, "float16")])
def test_a_model_is_compiled_and_run(mode: str, apart: float, precision: str, lite: Path, tmp_path: Path) -> None:
    Runtime().probe("npu")
    session = Runtime().load(compiled(tmp_path, precision_mode=mode), "npu", option_values(Runtime(), {}, "here"))
    feeds = feeds_at("static")
    found = session.run({"x": np.asfortranarray(feeds["x"])})
    for place, expected in enumerate(truth("static", tmp_path, feeds)):
        np.testing.assert_allclose(found[str(place)], expected, rtol=apart, atol=apart)
    assert session.provenance == {"device": "npu", "provider": "MindSpore Lite 2.9.0", "precision": precision}
    for wrong in (feeds["x"].astype(np.float64), feeds["x"][:1]):
        with pytest.raises(UsageError, match=r"and the model takes float32 \(2, 6\)"):
            session.run({"x": wrong})
    session.close()


ENDINGS: dict[str, tuple[Any, str]] = {
    "no-success": (RuntimeError, "ended with 0, wrote 1 .mindir files and said: CONVERT RESULT FAILED"),
    "refused": (Unsupported, "NonMaxSuppression"), "atc": (Unsupported, "ai.onnx::20::Gelu"),
}  # fmt: skip


@pytest.mark.parametrize("how", ENDINGS)
def test_every_ending_but_success_is_an_error(how: str, lite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_FAKE_LITE", how)
    kind, said = ENDINGS[how]
    with pytest.raises(kind, match=said):
        compiled(tmp_path)
    assert not list((tmp_path / "lite").iterdir())


def test_without_a_chip_or_the_package_there_is_no_npu(lite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lite / "npu-smi").unlink()
    with pytest.raises(Unavailable, match="npu-smi is not on the PATH"):
        Runtime().probe("npu")
    monkeypatch.setitem(sys.modules, "mindspore_lite", None)
    with pytest.raises(Unavailable, match="mindspore_lite cannot be imported"):
        Runtime().probe("npu")
