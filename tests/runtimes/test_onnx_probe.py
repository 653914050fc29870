"""Copies of ONNX files that show more: the weights are linked, never copied, wherever temporary files lie."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.runtimes._onnx_probe import probed

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx.reference")


def chain(folder: Path) -> str:
    """Write two products, their weights in a file beside the model."""
    folder.mkdir(parents=True)
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[1, 4] x) => (float[1, 4] y) { h = MatMul(x, w)  y = MatMul(h, w) }'
    proto = onnx.parser.parse_model(text)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.eye(4, dtype=np.float32), "w"))
    onnx.save(proto, folder / "m.onnx", save_as_external_data=True, location="m.bin", size_threshold=0)
    return str(folder / "m.onnx")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_weights_are_linked(elsewhere: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = chain(tmp_path / "entry" / "content")
    if elsewhere:
        if not Path("/dev/shm").is_dir() or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("there is no second file system to keep temporary files on")
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
    seen: list[str] = []

    def execute(file: str, feeds: Mapping[str, Any]) -> dict[str, Any]:
        seen.append(file)
        assert os.stat(os.path.join(os.path.dirname(file), "m.bin")).st_ino == os.stat(tmp_path / "entry" / "content" / "m.bin").st_ino
        session = onnx.reference.ReferenceEvaluator(onnx.load(file))
        return dict(zip(session.output_names, session.run(None, dict(feeds))))

    x = np.ones((1, 4), np.float32)
    inner, final = probed(path, {"x": x}, ["h"], execute)
    np.testing.assert_array_equal(inner["h"], x)
    assert set(final) == {"y"}
    assert not os.path.exists(seen[0])
    assert sorted(os.listdir(tmp_path / "entry")) == ["content"]
