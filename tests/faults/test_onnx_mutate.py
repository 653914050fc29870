"""The converter that plants faults into ONNX files, called directly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from harness.converters import onnx_mutate  # noqa: E402
from harness.core import external  # noqa: E402
from harness.core.artifact import Artifact, Port  # noqa: E402
from harness.core.protocols import Source  # noqa: E402
from harness.faults.zoo import ZOO  # noqa: E402


def planted(folder: Path, name: str, batch: int = 2, **options: Any) -> tuple[Any, Any]:
    """Return what the converter says and the model it wrote."""
    onnx.save(ZOO[name].build(), folder / "source.onnx")
    made = folder / "made"
    made.mkdir()
    port = Port(name="x", native="x")
    artifact = Artifact(format="onnx", path=str(folder), entry=str(folder / "source.onnx"), digest="", inputs=(port,), outputs=())
    source = Source(artifact=artifact, feeds={"x": np.zeros((batch, 5, 6), np.float32)}, dynamic={"x": {0: ("batch", 1, 4)}})
    converted = onnx_mutate.OnnxMutate().convert(source, str(made), {"site": 0, "seed": 0, **options})
    return converted, onnx.load(made / converted.entry)


def test_the_message_names_node_tensor_and_layer(tmp_path: Path) -> None:
    converted, _ = planted(tmp_path, "conv-net", operator="bias-shifted")
    assert converted.messages == ("planted bias-shifted at site 0 of 5: node=c tensor=c1.bias layer=conv-net",)
    assert converted.inputs is None, "names are kept"


def test_weights_of_a_large_model_lie_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "LARGE", 100)
    monkeypatch.setattr(external, "SMALL", 50)
    _, model = planted(tmp_path, "conv-net", operator="eps-1e-3")
    assert (tmp_path / "made" / "model.onnx.data").stat().st_size > 100
    assert [t.name for t in model.graph.initializer] == [t.name for t in ZOO["conv-net"].build().graph.initializer]
    onnx.checker.check_model(str(tmp_path / "made" / "model.onnx"))


@pytest.mark.parametrize("batch", [2, 3])
def test_a_baked_length_is_the_one_of_the_example(tmp_path: Path, batch: int) -> None:
    converted, model = planted(tmp_path, "dynamic-shapes", batch, operator="length-baked")
    assert f"({batch})" in converted.messages[0]
    assert not model.metadata_props
