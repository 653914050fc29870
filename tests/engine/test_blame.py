"""Planted faults between right layers: blame must name the very layer, the hop, and what is wrong where that can be tested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from harness.core.outcome import Outcome
from harness.core.record import record_from
from harness.engine import blame, sides
from harness.engine.cache import Cache
from harness.engine.cell import Engine
from harness.engine.pool import Limits, Pool
from harness.engine.worker import WorkerFailure
from tests.engine.blamed import Place, set_attribute, set_weight, weights

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
    assert found["layer"] == layer, found["note"] + found["sentence"]
    assert found["inputs_agree"]
    assert [item for item in found["guilty"] if item != layer] == [], "the residual carries the error on; those after it are innocent"
    assert "missing bias" in suspects(found) or what == "weight"


KERAS = """
def net():
    import keras

    x = keras.Input((8, 8, 3), name="x")
    y = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = keras.layers.BatchNormalization()(y)
    z = keras.layers.Conv2D(4, 3, padding="same")(y)
    y = keras.layers.Add()([y, z])
    y = keras.layers.GlobalAveragePooling2D()(y)
    return keras.Model(x, keras.layers.Dense(5)(y))

X = TensorSpec(name="x", dtype="float32", shape=(2, 8, 8, 3))
planted = Case(id="planted", inputs=(X,), build={"tensorflow": net}, weights="random")
"""

PADDLE = """
def net():
    import paddle

    class Net(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.first = paddle.nn.Linear(6, 6)
            self.norm = paddle.nn.LayerNorm(6)
            self.second = paddle.nn.Linear(6, 4)

        def forward(self, x):
            return self.second(x + self.norm(paddle.nn.functional.relu(self.first(x))))

    return Net()

planted = Case(id="planted", inputs=(TensorSpec(name="x", dtype="float32", shape=(2, 6)),), build={"paddle": net}, weights="random")
"""

TAIL = '''
def graph():
    import onnx

    return onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
    g (float[3, 8] x) => (float[3, 8] out) <float far = {30.0}> {
        low = Sub(x, far)
        gate = Sigmoid(low)
        out = Log(gate)
    }""")

planted = Case(id="planted", inputs=(TensorSpec(name="x", dtype="float32", shape=(3, 8)),), build={"onnx": graph})
'''


def test_layers_of_a_net_with_channels_last_are_found_in_a_graph_with_channels_first(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, KERAS)

    def change(proto: Any) -> None:
        kernels = [item for item in proto.graph.initializer if tuple(item.dims) == (4, 4, 3, 3)]
        assert len(kernels) == 1
        set_weight(proto, kernels[0].name, lambda w: w[:, :, ::-1])

    place.convert("tensorflow>onnx.tf2onnx>onnxruntime@cpu", change)
    found = place.blame("tensorflow>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    assert (found["layer"], found["type"]) == ("conv2d_1", "Conv2D"), found
    assert found["inputs_agree"]


@pytest.mark.parametrize(
    ("shape", "layer", "suspect"),
    # What ``first`` makes is read by code of no module only, and Paddle's exporter writes no module down: a range is all there is.
    [((6, 4), "second", set()), ((6, 6), "between first and norm", set())],
)
def test_the_wrong_layer_of_a_paddle_model_is_named(
    shape: tuple[int, ...], layer: str, suspect: set[str], tmp_path: Path, pool: Pool
) -> None:
    pool.retire("onnx")  # a given artifact's worker builds the source too, and Paddle faults in a process that holds TensorFlow
    place = Place(tmp_path, pool, PADDLE)

    def change(proto: Any) -> None:
        fitting = [name for name, tensor in weights(proto) if tuple(tensor.dims) == shape]
        set_weight(proto, fitting[0], lambda w: w[::-1])

    place.convert("paddle>paddle.static>onnx.paddle2onnx>onnxruntime@cpu", change)
    found = place.blame("paddle>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    assert found["layer"] == layer, found["note"] + found["sentence"]
    assert suspects(found) == suspect


def test_code_of_no_module_is_named_by_its_neighbours(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, NET)

    def change(proto: Any) -> None:
        relu = next(item for item in proto.graph.node if item.op_type == "Relu")
        relu.op_type = "Abs"

    place.convert("torch>onnx.dynamo>onnxruntime@cpu", change)
    found = place.blame("torch>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    assert found["layer"] == "between first and blocks.0.inner", found


def test_the_hop_to_blame_is_the_first_that_errs_not_the_last(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, NET)
    place.convert("torch>onnx.dynamo>onnxruntime@cpu", lambda m: set_weight(m, "module.blocks.0.inner.bias", lambda b: 0 * b))
    found = place.blame("torch>given.onnx[file=wrong.onnx]>openvino.convert>openvino@cpu")
    assert (found["hop"], found["layer"]) == ("given.onnx[file=wrong.onnx]", "blocks.0.inner"), found
    assert suspects(found) == {"missing bias"}


def test_a_runtime_is_to_blame_where_another_gets_the_same_file_right(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, TAIL)
    found = place.blame("onnx>onnxruntime@cpu")
    assert found["hop"] == "onnxruntime@cpu"
    assert (found["layer"], found["type"]) == ("Sigmoid(gate)", "Sigmoid"), found


def test_a_file_with_its_weights_beside_it_is_probed_too(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, GRAPH)
    place.convert("onnx>onnxruntime@cpu", lambda m: set_weight(m, "w2", lambda w: w.T))
    proto = onnx.load(tmp_path / "wrong.onnx")
    (tmp_path / "wrong.onnx").unlink()
    onnx.save(proto, tmp_path / "wrong.onnx", save_as_external_data=True, location="wrong.onnx.data", size_threshold=0)
    found = place.blame("onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    assert found["layer"] == "node_second", found
    assert not found["probing_changed_result"]


def test_the_record_says_when_probing_changed_the_result(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, pool, GRAPH)
    place.convert("onnx>onnxruntime@cpu", lambda m: set_attribute(m, "soft", "axis", 0))
    plain = place.steps.ask

    def ask(toolchain: str, verb: str, arguments: Any) -> Any:
        answer = plain(toolchain, verb, arguments)
        if verb == "tensors":
            answer["outputs"] = {name: array * 1.001 for name, array in answer["outputs"].items()}
        return answer

    monkeypatch.setattr(place.steps, "ask", ask)
    found = place.blame("onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    assert (found["layer"], found["probing_changed_result"]) == ("node_soft", True)
    assert "showing inner tensors moved the result by" in found["note"]


def test_tensors_beyond_the_budget_come_in_groups(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "BUDGET", 400)  # four tensors of 3x8 numbers
    place = Place(tmp_path, pool, GRAPH)
    place.convert("onnx>onnxruntime@cpu", lambda m: set_attribute(m, "soft", "axis", 0))
    asked: list[int] = []
    plain = place.steps.ask

    def ask(toolchain: str, verb: str, arguments: Any) -> Any:
        asked.extend([len(arguments["names"])] if verb == "tensors" else [])
        return plain(toolchain, verb, arguments)

    monkeypatch.setattr(place.steps, "ask", ask)
    assert place.blame("onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu")["layer"] == "node_soft"
    assert len(asked) > 3
    assert max(asked) <= 4


def test_a_right_cell_has_no_culprit_and_costs_nothing(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, pool, GRAPH)
    cell = place.cell("onnx>onnx.reference@cpu")
    trace = place.trace(cell)
    assert blame.culprit(cell, place.steps, trace, place.steps.samples(cell, trace)[0][0]) is None
    monkeypatch.setattr(blame, "of_cell", lambda *_: pytest.fail("a cell that matches is not looked into"))
    engine = Engine(pool, Cache(tmp_path / "cache"))
    record = engine.blame(cell, engine.run_cell(cell))
    assert (record.outcome, record.culprit) == (Outcome.MATCH, None)


def test_the_record_of_a_mismatch_names_the_culprit(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, GRAPH)
    place.convert("onnx>onnxruntime@cpu", lambda m: set_attribute(m, "soft", "axis", 0))
    cell = place.cell("onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    engine = Engine(pool, Cache(tmp_path / "cache"))
    plain = engine.run_cell(cell)
    record = engine.blame(cell, plain)
    assert (plain.outcome, plain.culprit) == (Outcome.MISMATCH, None)
    assert record.culprit is not None
    assert record.culprit["layer"] == "node_soft"
    assert record_from(json.loads(record.line())).culprit == record.culprit


@pytest.mark.parametrize("verb", ["tensors", "tensor_names", "trace", "load"])
def test_what_a_worker_does_while_it_is_probed_becomes_a_note(
    verb: str, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, pool, GRAPH)
    place.convert("onnx>onnxruntime@cpu", lambda m: set_attribute(m, "soft", "axis", 0))
    plain = place.steps.ask

    def ask(toolchain: str, asked: str, arguments: Any) -> Any:
        if asked == verb:
            raise WorkerFailure("crash", {"message": "the worker died of SIGSEGV"})
        return plain(toolchain, asked, arguments)

    monkeypatch.setattr(place.steps, "ask", ask)
    found = place.blame("onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu")
    assert found["hop"] == "given.onnx[file=wrong.onnx]"
    assert "died of SIGSEGV" in found["note"]
    assert found["layer"] == ""
    assert found["sentence"]
