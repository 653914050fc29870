"""Planted faults between right layers: blame must name the very layer, the hop, and what is wrong where that can be tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.engine.pool import Limits, Pool
from tests.engine.blamed import Place, set_attribute, set_weight

GRAPH = '''
def graph():
    import numpy as np
    import onnx
    from onnx import numpy_helper

    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
    g (float[3, 8] x) => (float[3, 8] out)
    <float[8, 8] w1, float[8] b1, float[8] s, float[8] b, float[8, 8] w2, float[8] scale, float[8] bias> {
        first = Gemm(x, w1, b1)
        active = Relu(first)
        small = Mul(active, s)
        norm = LayerNormalization<axis = 1, epsilon = 0.00001>(small, scale, bias)
        second = MatMul(norm, w2)
        summed = Add(second, first)
        soft = Softmax<axis = 1>(summed)
        out = Add(soft, b)
    }""")
    rng = np.random.default_rng(1)
    del model.graph.initializer[:]
    for name, shape in (("w1", (8, 8)), ("b1", (8,)), ("b", (8,)), ("w2", (8, 8)), ("scale", (8,)), ("bias", (8,))):
        model.graph.initializer.append(numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name))
    model.graph.initializer.append(numpy_helper.from_array(np.full(8, 0.02, np.float32), "s"))
    for node in model.graph.node:
        node.name = "node_" + node.output[0]
    return model

X = TensorSpec(name="x", dtype="float32", shape=(3, 8))
planted = Case(id="planted", inputs=(X,), build={"onnx": graph})
'''

NET = """
def net():
    import torch

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(8, 8)
            self.norm = torch.nn.LayerNorm(8)

        def forward(self, x):
            return x + torch.tanh(self.norm(self.inner(x)))

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(8, 8)
            self.blocks = torch.nn.ModuleList([Block(), Block(), Block()])
            self.last = torch.nn.Linear(8, 4)

        def forward(self, x):
            x = torch.relu(self.first(x))
            for block in self.blocks:
                x = block(x)
            return self.last(x)

    return Net()

X = TensorSpec(name="x", dtype="float32", shape=(Dim("n", 1, 9, example=3), 8))
planted = Case(id="planted", inputs=(X,), build={"torch": net}, weights="random")
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


def suspects(found: dict[str, Any]) -> set[str]:
    return {item["name"] for item in found["suspects"]}


@pytest.mark.parametrize(
    ("node", "change", "suspect"),
    [
        ("norm", lambda m: set_attribute(m, "norm", "epsilon", 1e-3), "epsilon"),
        ("soft", lambda m: set_attribute(m, "soft", "axis", 0), "softmax axis"),
        ("second", lambda m: set_weight(m, "w2", lambda w: w.T), "transposed weight"),
        ("first", lambda m: set_weight(m, "b1", lambda b: 0 * b), "missing bias"),
    ],
)
def test_the_wrong_node_of_a_graph_is_named(node: str, change: Any, suspect: str, tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, GRAPH)
    place.convert("onnx>onnxruntime@cpu", change)
    found = place.blame("onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    assert (found["hop"], found["layer"]) == ("given.onnx[file=wrong.onnx]", f"node_{node}"), found
    assert found["inputs_agree"]
    assert found["own_error"] > 1
    assert found["inherited_error"] < 1
    assert suspect in suspects(found), found["suspects"]
    assert f"node_{node}" in found["sentence"]
    assert not found["probing_changed_result"]
    assert [item["path"] for item in found["curve"]][0] == "node_first"


@pytest.mark.parametrize("exporter", ["onnx.dynamo", "onnx.torchscript"])
@pytest.mark.parametrize("layer", ["first", "blocks.1.inner", "blocks.1.norm", "last"])
def test_the_wrong_layer_of_an_export_is_named(exporter: str, layer: str, tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, NET)
    what = "bias" if layer == "last" else "weight"

    def change(proto: Any) -> None:
        names = [item.name for item in proto.graph.initializer if item.name.endswith(f"{layer}.{what}")]
        set_weight(proto, names[0], lambda w: 0 * w if what == "bias" else w[::-1])

    place.convert(f"torch>{exporter}>onnxruntime@cpu", change)
    found = place.blame("torch>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    assert found["layer"] == layer, found
    assert found["inputs_agree"]
    assert [item for item in found["guilty"] if item != layer] == [], "the residual carries the error on; those after it are innocent"
    assert "missing bias" in suspects(found) or what == "weight"
