"""Models that come with ONNX, a part of them: none breaks the prediction, and what a repair makes of one computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.ascend.preflight import preflight
from harness.ascend.repair import REPAIRS, repair

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
MODELS = sorted(path.parent for path in DATA.glob("node/*/model.onnx"))[::11]


def repaired(path: Path, folder: Path) -> Path:
    """Return the model after every repair that its findings name."""
    tried: set[str] = set()
    for number in range(len(REPAIRS) + 2):
        named = {one["fix"] for one in preflight(str(path), "Ascend310P3")["findings"]} - tried
        name = next((name for name in REPAIRS if name in named), None)
        if name is None:
            break
        made = repair(str(path), name, str(folder / str(number) / "m.onnx"))
        if made["done"]:
            path = folder / str(number) / "m.onnx"
        else:
            tried.add(name)
    return path


def run(path: Path, feeds: dict[str, Any]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {one.name: feeds[one.name] for one in session.get_inputs()}))


def test_there_is_a_corpus() -> None:
    assert len(MODELS) > 50


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_repairs_keep_what_a_model_computes(model: Path, tmp_path: Path) -> None:
    after = repaired(model / "model.onnx", tmp_path)
    if after == model / "model.onnx":
        return  # looked at, and nothing that could be repaired
    feeds = {}
    for number, info in enumerate(onnx.load(model / "model.onnx").graph.input):
        tensor = onnx.TensorProto.FromString((model / "test_data_set_0" / f"input_{number}.pb").read_bytes())
        feeds[info.name] = onnx.numpy_helper.to_array(tensor)
    try:
        expected = run(model / "model.onnx", feeds)
    except Exception as error:
        pytest.skip(f"ONNX Runtime does not run the model as it is: {type(error).__name__}")
    for made, wanted in zip(run(after, feeds), expected, strict=True):
        if wanted.dtype.kind in "OUS":
            assert made.tolist() == wanted.tolist()
        else:
            close = 5e-3 if wanted.dtype == np.float16 else 1e-5
            np.testing.assert_allclose(made, wanted, rtol=close, atol=close)
