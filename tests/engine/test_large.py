"""Models of several times the room there is beside them: judged, and the layer to blame found, within a memory limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from harness.core.outcome import Outcome
from harness.core.registry import registry
from harness.engine.cache import Cache
from harness.engine.cell import Engine
from harness.engine.pool import Limits, Pool
from harness.engine.sides import TargetSide
from tests.engine.blamed import Place

SIZE, LAYERS = 2048, 8
MODEL = LAYERS * SIZE * SIZE * 4
ONNX = f"""
X = TensorSpec(name="x", dtype="float32", shape=(2, {SIZE}))
planted = Case(id="planted", inputs=(X,), build={{"onnx": lambda: "model/large.onnx"}})
"""
TORCH = f"""
def stack():
    import torch
    from harness.frameworks import _torch_twin

    _torch_twin.LARGE = 1 << 20
    return torch.nn.Sequential(*[layer for _ in range({LAYERS}) for layer in (torch.nn.Linear({SIZE}, {SIZE}), torch.nn.Tanh())])

X = TensorSpec(name="input", dtype="float32", shape=(2, {SIZE}))
planted = Case(id="planted", inputs=(X,), build={{"torch": stack}})
"""


def write(folder: Path, wrong: int | None = None) -> None:
    """Write a chain of products with their weights in one file, one element for each of a column's of the layer ``wrong`` changed."""
    folder.mkdir()
    nodes, weights, name = [], [], "x"
    with (folder / "large.onnx.data").open("wb") as stream:
        for number in range(LAYERS):
            array = np.random.default_rng(number).normal(0, SIZE**-0.5, (SIZE, SIZE)).astype(np.float32)
            if number == wrong:
                array[:, 7] *= 1.5
            tensor = onnx.TensorProto(name=f"w{number}", data_type=1, dims=array.shape, data_location=1)
            for key, entry in (("location", "large.onnx.data"), ("offset", stream.tell()), ("length", array.nbytes)):
                tensor.external_data.add(key=key, value=str(entry))
            stream.write(array.tobytes())
            weights.append(tensor)
            nodes.append(onnx.helper.make_node("MatMul", [name, f"w{number}"], [f"m{number}"], name=f"layer{number}.product"))
            name = "y" if number == LAYERS - 1 else f"h{number}"
            nodes.append(onnx.helper.make_node("Tanh", [f"m{number}"], [name], name=f"layer{number}.tanh"))
    x, y = (onnx.helper.make_tensor_value_info(port, 1, [2, SIZE]) for port in "xy")
    graph = onnx.helper.make_graph(nodes, "g", [x], [y], weights)
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(proto, folder / "large.onnx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("large")
    write(place / "model")
    write(place / "wrong", wrong=5)
    return place


def limited(runtimes: tuple[str, ...], share: float) -> Pool:
    """Return a pool whose workers may take ``share`` times the model beside what they are with their packages alone."""
    with Pool(Limits()) as pool:
        sizes = []
        for name in runtimes:
            toolchain = registry().get("runtimes", name).toolchain
            pool.call(toolchain, "probe", {"runtime": name, "device": "cpu"})
            sizes.append(pool._workers[toolchain].memory())
    return Pool(Limits(timeout=240.0, memory=max(sizes) + int(share * MODEL)))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with limited(("onnx.reference", "onnxruntime"), 1.5) as pool:
        yield pool


def test_a_source_is_judged_in_float64_with_one_and_a_half_times_its_room(folder: Path, pool: Pool) -> None:
    place = Place(folder, pool, ONNX)
    cell = place.cell("onnx>onnxruntime@cpu")
    record = Engine(pool, Cache(folder / "cache")).run_cell(cell)
    assert (record.outcome, record.error) == (Outcome.MATCH, None)
    assert not [message for message in record.messages if "float64" in message]
    assert record.comparisons[0].bound["formula"]


def test_the_wrong_layer_is_found_within_the_limit(folder: Path, pool: Pool) -> None:
    place = Place(folder, pool, ONNX)
    cell = place.cell("onnx>given.onnx[file=wrong/large.onnx]>onnxruntime@cpu")
    engine = Engine(pool, Cache(folder / "cache"))
    record = engine.blame(cell, engine.run_cell(cell), 240.0)
    assert record.outcome is Outcome.MISMATCH
    assert record.culprit is not None
    assert record.culprit["layer"] == "layer5.product", record.culprit["note"]
    assert record.culprit["inputs_agree"]


def test_a_runtime_that_shows_its_tensors_holds_the_weights_once(folder: Path, pool: Pool) -> None:
    place = Place(folder, pool, ONNX)
    cell = place.cell("onnx>onnxruntime@cpu")
    trace = place.trace(cell)
    sample = place.steps.samples(cell, trace)[0][0]
    artifact = place.steps.source(cell, trace, place.steps.reference(cell, trace, sample))
    with TargetSide(place.steps, cell, artifact, cell.route.runtime, "cpu", sample) as target:
        np.testing.assert_allclose(target.array("h3"), np.tanh(target.array("m3")), rtol=1e-5)
        assert np.array_equal(target.final["y"], target.judged["y"])


def test_a_closed_session_leaves_the_limit_to_the_next(folder: Path, pool: Pool) -> None:
    place = Place(folder, pool, ONNX)
    cell = place.cell("onnx>onnxruntime@cpu")
    trace = place.trace(cell)
    sample = place.steps.samples(cell, trace)[0][0]
    artifact = place.steps.source(cell, trace, place.steps.reference(cell, trace, sample))
    left = []
    for _ in range(4):
        with TargetSide(place.steps, cell, artifact, cell.route.runtime, "cpu", sample) as target:
            assert set(target.judged) == {"y"}
        left.append(pool._workers["onnxruntime"].memory())
    assert max(left) - min(left) < MODEL / 8


def test_a_fault_is_planted_within_the_limit(folder: Path, pool: Pool) -> None:
    place = Place(folder, pool, ONNX)
    cell = place.cell("onnx>onnx.mutate[operator=transposed,site=3]>onnxruntime@cpu")
    record = Engine(pool, Cache(folder / "cache")).run_cell(cell)
    assert record.outcome is Outcome.MISMATCH, record.error


def test_a_torch_source_is_judged_in_float64_with_twice_its_room(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with limited(("torch",), 2.0) as pool:
        place = Place(tmp_path, pool, TORCH)
        cell = place.cell("torch>torch@cpu")
        trace: Any = place.trace(cell)
        reference = place.steps.reference(cell, trace, place.steps.samples(cell, trace)[0][0])
    assert trace.messages == []
    assert reference.oracle["output"].dtype == np.float64
    assert np.max(reference.spread["output"]) > 0
