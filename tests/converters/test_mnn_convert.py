"""MNN's converter answers True whatever happens: what it writes and prints is what counts. A stand-in takes its place here."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.converters._mnn import failure, printed
from harness.converters.mnn_convert import ADAPTERS
from harness.core.artifact import Artifact, Port
from harness.core.errors import Unsupported
from harness.core.protocols import Source, option_values

CONVERT = ADAPTERS[0]


def source(tmp_path: Path) -> Source:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"model")
    outputs = (Port(name="y", native="y", dtype="bool"), Port(name="z", native="z", dtype="float32"))
    artifact = Artifact(
        format="onnx", path=str(tmp_path), entry=str(path), digest="d",
        inputs=(Port(name="x", native="x", dtype="int64"),), outputs=outputs,
    )  # fmt: skip
    return Source(artifact=artifact, feeds={"x": np.zeros(1, np.int64)}, dynamic={})


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put a converter in the place of MNN's; ``prints`` it prints as native code does, ``writes`` it writes."""
    told: dict[str, Any] = {"prints": b"", "writes": True, "words": []}

    def convert(words: list[str]) -> bool:
        told["words"] = words
        os.write(1, told["prints"])
        if told["writes"]:
            Path(words[words.index("--MNNModel") + 1]).write_bytes(b"file")
        return True

    monkeypatch.setitem(sys.modules, "_tools", types.SimpleNamespace(mnnconvert=convert))
    return told


def test_types_that_mnn_does_not_have_are_told(tmp_path: Path, said: dict[str, Any]) -> None:
    made = CONVERT.convert(source(tmp_path), str(tmp_path), option_values(CONVERT, {}, "here"))
    assert made.entry == "model.mnn"
    assert made.casts == {"x": "int32", "y": "int32"}
    assert made.inputs is None
    assert "--useOriginRNNImpl" in said["words"]
    assert "--fp16" not in said["words"]


def test_options_reach_the_command(tmp_path: Path, said: dict[str, Any]) -> None:
    CONVERT.convert(source(tmp_path), str(tmp_path), option_values(CONVERT, {"precision": "fp16", "recurrent": "loop"}, "here"))
    assert "--fp16" in said["words"]
    assert "--useOriginRNNImpl" not in said["words"]


def test_true_without_a_file_is_no_success(tmp_path: Path, said: dict[str, Any]) -> None:
    said.update(writes=False, prints=b"[17:40:07] :220: These Op Not Support: ONNX::Mish | ONNX::Col2Im \nConverted Failed!\n")
    with pytest.raises(Unsupported, match="MNN refuses in mnnconvert: Col2Im, Mish$"):
        CONVERT.convert(source(tmp_path), str(tmp_path), option_values(CONVERT, {}, "here"))
    said.update(prints=b"[17:39:42] :293: Model File Does Not Exist! ==> none.onnx\n")
    with pytest.raises(RuntimeError, match="MNN failed in mnnconvert: Model File Does Not Exist! ==> none.onnx"):
        CONVERT.convert(source(tmp_path), str(tmp_path), option_values(CONVERT, {}, "here"))


def test_what_always_is_printed_is_left_out() -> None:
    lines: list[str] = []
    with printed(lines):
        os.write(1, b"Start to Convert Other Model Format\n[17:39:42] :46: ONNX Model ir version: 8\nReshape error: 24 -> 6\n")
    assert lines == ["Reshape error: 24 -> 6"]
    os.write(1, b"")  # standard output is whole again


def test_a_failure_without_a_word_says_so() -> None:
    assert str(failure([], "loading")) == "MNN failed in loading: it gives no reason"
    assert isinstance(failure(["Pool type not supported!"], "the run"), Unsupported)
