"""pnnx reports success for what ncnn cannot run: the files that it writes are read before they are believed."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.converters import pnnx
from harness.core.artifact import Artifact, Port
from harness.core.dims import Dim
from harness.core.errors import Unsupported
from harness.core.protocols import Source, option_values
from harness.core.space import space_from
from harness.core.spec import TensorSpec

CONVERT = pnnx.ADAPTERS[0]
SCRIPT = """
            ex.input("in0", ncnn.Mat(in0.numpy(), batch_index=0).clone())
            ex.input("in1", ncnn.Mat(in1.numpy(), batch_index=233).clone())
            out.append(torch.from_numpy(out0.numpy(batch_index=1)))
"""


def test_names_and_batch_axes_are_read_from_the_script() -> None:
    assert pnnx.ports_of(SCRIPT) == {"inputs": [("in0", 0), ("in1", None)], "outputs": [("out0", 1)]}


@pytest.mark.parametrize("layer", ["torch.where", "pnnx.Expression", "aten::lift", "nn.InstanceNorm1d"])
def test_a_layer_that_is_none_of_ncnns_is_refused(layer: str) -> None:
    with pytest.raises(Unsupported, match="ncnn has no layer for " + layer):
        pnnx._refuse(f"7767517\n2 2\nInput in0 0 1 in0\n{layer} x 1 1 in0 out0\n")
    pnnx._refuse("7767517\n2 2\nInput in0 0 1 in0\nReLU x 1 1 in0 out0\n")


def source(tmp_path: Path, output: str = "float32", given: Any = np.float32) -> Source:
    path = tmp_path / "source.onnx"
    path.write_bytes(b"model")
    array = np.zeros((2, 6), given)
    ports = (Port(name="x", native="x", dtype=array.dtype.name),), (Port(name="y", native="y", dtype=output),)
    spec = TensorSpec(name="x", dtype=array.dtype.name, shape=(Dim("batch", 1, 8, example=2), 6))
    artifact = Artifact(format="onnx", path=str(tmp_path), entry=str(path), digest="d", inputs=ports[0], outputs=ports[1])
    return Source(artifact=artifact, feeds={"x": array}, dynamic={"x": {0: ("batch", 1, 8)}}, space=space_from([spec]))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program in the place of pnnx that keeps its words and writes three files."""
    path = tmp_path / "pnnx"
    path.write_text(
        f"#!/bin/sh\necho \"$@\" > {tmp_path}/words\nbase=${{1%.onnx}}\n"
        "printf '7767517\\n2 2\\nInput in0 0 1 in0\\nReLU r 1 1 in0 out0\\n' > $base.ncnn.param\n: > $base.ncnn.bin\n"
        "printf '%s\\n' 'ex.input(\"in0\", ncnn.Mat(in0.numpy(), batch_index=0).clone())'"
        " 'out.append(torch.from_numpy(out0.numpy(batch_index=0)))' > ${base}_ncnn.py\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(pnnx, "_program", lambda: str(path))
    return path


def test_both_shapes_and_the_precision_are_asked_for(tmp_path: Path, program: Path) -> None:
    dest = tmp_path / "out"
    dest.mkdir()
    made = CONVERT.convert(source(tmp_path), str(dest), option_values(CONVERT, {}, "here"))
    assert (made.inputs, made.outputs) == ({"x": "in0"}, {"y": "out0"})
    assert sorted(path.name for path in dest.iterdir()) == ["model.bin", "model.json", "model.param"]
    words = (tmp_path / "words").read_text().split()[1:]
    assert words[0] == "inputshape=[2,6]f32"
    assert words[1].startswith("inputshape2=[")
    assert words[1] != "inputshape2=[2,6]f32"
    assert words[2] == "fp16=0"


def test_types_that_ncnn_cannot_give_are_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="ncnn computes in float32: y is int64"):
        CONVERT.convert(source(tmp_path, output="int64"), str(tmp_path), option_values(CONVERT, {}, "here"))
    with pytest.raises(Unsupported, match="x is bool"):
        CONVERT.convert(source(tmp_path, given=bool), str(tmp_path), option_values(CONVERT, {}, "here"))


def test_a_program_that_fails_or_dies_is_told(tmp_path: Path, program: Path) -> None:
    for body, said in (("echo no such; exit 3", "ended with exit code 3: no such"), ("kill -9 $$", "died of signal 9")):
        program.write_text("#!/bin/sh\n" + body + "\n")
        with pytest.raises(RuntimeError, match="pnnx " + said):
            CONVERT.convert(source(tmp_path), str(tmp_path), option_values(CONVERT, {}, "here"))
    program.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(RuntimeError, match="reported success and wrote no ncnn model"):
        CONVERT.convert(source(tmp_path), str(tmp_path), option_values(CONVERT, {}, "here"))


def test_an_output_that_lost_the_batch_is_refused(tmp_path: Path) -> None:
    given = source(tmp_path)
    with pytest.raises(Unsupported, match="pnnx leaves output y without one"):
        pnnx._check({"inputs": [("in0", 0)], "outputs": [("out0", None)]}, given)
    with pytest.raises(Unsupported, match="pnnx keeps 0 of the 1 outputs"):
        pnnx._check({"inputs": [("in0", 0)], "outputs": []}, given)
    pnnx._check({"inputs": [("in0", None)], "outputs": [("out0", None)]}, given)
