"""The evaluator that keeps little: the results of the plain one, with one weight at a time, in its own types and in float64."""

from __future__ import annotations

import functools
import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core import external
from harness.core.weights import jitter

onnx = pytest.importorskip("onnx")
from onnx import numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

RNG = np.random.default_rng(5)
# A subgraph that uses outer weights and values, a function, a Loop, a dropped output, a constant output and a weight used twice.
GRAPH = """
<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
g (float[2, 8] x, bool flag) => (float[2, 8] y, float[2, 8] twice, float[8, 8] w, float[n, 2, 8] steps)
<float[8, 8] w, float[8] b, int64 three = {3}, bool go = {1}> {
    first = MatMul(x, w)
    hidden = own.shift(first, b)
    kept = If (flag) <
        then_branch = yes () => (float[2, 8] a) { a = MatMul(hidden, w) },
        else_branch = no () => (float[2, 8] c) { d = Mul(hidden, b)  c = Add(d, first) }
    >
    last, steps = Loop (three, go, kept) <
        body = step (int64 i, bool on, float[2, 8] u) => (bool out, float[2, 8] v, float[2, 8] copy)
        { out = Identity(on)  z = MatMul(u, w)  v = Tanh(z)  copy = Identity(v) }
    >
    twice = MatMul(last, w)
    y, mask = Dropout(last)
}
<domain: "own", opset_import: ["" : 17]> shift (v, b) => (s) { s = Add(v, b) }
"""
FEEDS = {"x": RNG.normal(size=(2, 8)).astype(np.float32)}


def model(text: str = GRAPH, **weights: Any) -> Any:
    """Return the model with its weights filled in."""
    proto = onnx.parser.parse_model(text)
    kept = [tensor for tensor in proto.graph.initializer if tensor.name in ("three", "go")]
    held = weights or {"w": RNG.normal(size=(8, 8)).astype(np.float32) / 3, "b": RNG.normal(size=8).astype(np.float32)}
    del proto.graph.initializer[:]
    proto.graph.initializer.extend([*kept, *(numpy_helper.from_array(array, name) for name, array in held.items())])
    return proto


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("small", [0, 1 << 16])
def test_results_are_those_of_the_plain_evaluator(flag: bool, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.frameworks import _onnx_lean

    monkeypatch.setattr(_onnx_lean, "SMALL", small)
    proto, feeds = model(), {**FEEDS, "flag": np.array(flag)}
    before = proto.SerializeToString(deterministic=True)
    wanted = ReferenceEvaluator(proto).run(None, feeds)
    session = _onnx_lean.lean()(proto)
    for _ in range(2):
        got = session.run(None, feeds)
        assert [array.dtype for array in got] == [array.dtype for array in wanted]
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(one, other)
    every = ReferenceEvaluator(proto).run(None, feeds, intermediate=True)
    inner = session.walk(feeds, ["hidden", "w", "kept"])
    assert set(inner) >= {"hidden", "w", "kept"}
    for name in ("hidden", "w", "kept"):
        np.testing.assert_array_equal(inner[name], every[name])
    assert proto.SerializeToString(deterministic=True) == before


def test_an_unknown_input_is_a_refusal() -> None:
    from harness.frameworks._onnx_evaluator import evaluator, refusal

    proto = model()
    proto.graph.node[0].input[1] = "gone"
    with pytest.raises(RuntimeError, match="Unable to find input 'gone'") as error:
        evaluator()(proto).run(None, {**FEEDS, "flag": np.array(True)})
    assert refusal(error.value) is not None


CHAIN = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[2, 200] x) => (float[2, 200] y) <float[200, 200] w0, float[200, 200] w1, float[200, 200] w2, float[200, 200] w3> {{
    {constant}
    a = MatMul(x, w0)  b = Tanh(a)  c = MatMul(b, w1)  d = Tanh(c)  e = MatMul(d, w2)  f = Tanh(e)  h = MatMul(f, w3)  y = Tanh(h)
}}
"""
WEIGHTS = {f"w{n}": (RNG.normal(size=(200, 200)) / 14).astype(np.float32) for n in range(4)}
X = {"x": RNG.normal(size=(2, 200)).astype(np.float32)}


def chain(folder: Path, where: str) -> Any:
    """Return four layers with their weights in memory, in a file, or the last as a node that holds it."""
    text = CHAIN.format(constant="")
    if where != "constants":
        proto = model(text, **WEIGHTS)
        if where == "file":
            onnx.save(proto, folder / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
            return external.load(str(folder / "m.onnx"))
        return proto
    proto = model(text, **{name: array for name, array in WEIGHTS.items() if name != "w3"})
    node = onnx.helper.make_node("Constant", [], ["w3"], value=numpy_helper.from_array(WEIGHTS["w3"]))
    nodes = [node, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return proto


@pytest.mark.parametrize("where", ["memory", "file", "constants"])
@pytest.mark.parametrize("kind", ["own", "float64", "moved"])
def test_one_weight_is_there_at_a_time_and_a_value_until_its_last_use(where: str, kind: str, tmp_path: Path) -> None:
    from harness.frameworks._onnx_evaluator import double_evaluator, evaluator

    made: list[weakref.ref[Any]] = []
    live: list[int] = []

    class Counting(evaluator() if kind == "own" else double_evaluator()):  # type: ignore[misc]
        def value_of(self, tensor: Any) -> Any:
            gc.collect()
            live.append(sum(ref() is not None for ref in made))
            array = super().value_of(tensor)
            made.append(weakref.ref(array))
            return array

    proto = chain(tmp_path, where)
    move = {"move": functools.partial(jitter, seed=1)} if kind == "moved" else {}
    session = Counting(proto, **move)
    feeds = X if kind == "own" else {"x": X["x"].astype(np.float64)}
    values: list[weakref.ref[Any]] = []
    most = 0

    def see(_: str, value: Any) -> None:
        nonlocal most
        values.append(weakref.ref(value))
        most = max(most, sum(ref() is not None for ref in values))

    y = session.walk(feeds, ["y"], see=see)["y"]
    assert len(made) == 4, "each weight is read once"
    assert max(live) == 0, "none is there while the next one is read"
    assert most <= 2
    wanted = feeds["x"]
    for name, array in WEIGHTS.items():
        weight = array if kind == "own" else array.astype(np.float64) if kind == "float64" else jitter(name, array, "float32", seed=1)
        if kind == "moved" and where == "constants" and name == "w3":
            weight = array.astype(np.float64)  # what a node holds is no weight to be moved
        wanted = np.tanh(wanted @ weight)
    np.testing.assert_array_equal(y, wanted)


def test_weights_in_bfloat16_mean_what_they_say(tmp_path: Path) -> None:
    from harness.frameworks._onnx_evaluator import double_evaluator, evaluator

    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[2, 4] x) => (float[2, 3] y)
    { v = Cast<to = 1>(w)  y = MatMul(x, v) }"""
    weight = RNG.integers(-8, 8, (4, 3)).astype(np.float32) / 4
    proto = onnx.parser.parse_model(text)
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.BFLOAT16, dims=[4, 3])
    tensor.raw_data = (weight.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    proto.graph.initializer.append(tensor)
    x = RNG.normal(size=(2, 4))
    np.testing.assert_allclose(evaluator()(proto).run(None, {"x": x.astype(np.float32)})[0], x @ weight, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(double_evaluator()(proto).run(None, {"x": x})[0], x @ weight, rtol=1e-14, atol=1e-15)
