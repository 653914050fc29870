"""Planted shape bugs in real ONNX files: found through ONNX Runtime, shrunk to the true minimum, told with region and cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.core.outcome import Outcome
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.fuzzing import Fuzzing
from harness.engine.manifest import DECLARING, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.worker import Worker

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

CASES = '''
import numpy as np
from harness import Case, Dim, TensorSpec

def graph(text, **constants):
    from onnx import numpy_helper, parser
    model = parser.parse_model('<ir_version: 9, opset_import: ["" : 17]>\\n' + text)
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items())
    return model

POOL = """g (float[batch, 3, W] x) => (float[batch, 3, V] y) {
    y = MaxPool<kernel_shape = [2], strides = [2], ceil_mode = %d>(x) }"""
FLAT = "g (float[batch, 3, 4] x) => (float[batch, 12] y) { y = Reshape(x, shape) }"
PLACES = """g (float[batch, length, 4] x) => (float[batch, length, 4] y) {
    s = Shape(x)
    n = Gather(s, one)
    p = Range(zero, n, one)
    q = Min(p, last)
    t = Gather(table, q)
    y = Add(x, t) }"""
TABLE = np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32)
LAST = {"zero": np.int64(0), "one": np.int64(1), "table": TABLE}

RIGHT = {
    "pool": lambda: graph(POOL % 1),
    "flat": lambda: graph(FLAT, shape=np.array([-1, 12])),
    "places": lambda: graph(PLACES, last=np.int64(63), **LAST),
}
WRONG = {
    "pool": lambda: graph(POOL % 0),
    "flat": lambda: graph(FLAT, shape=np.array([2, -1])),
    "places": lambda: graph(PLACES, last=np.int64(31), **LAST),
}
BATCH = Dim("batch", 1, 8, example=2)
SHAPES = {"pool": (BATCH, 3, Dim("W", 4, 40, example=8)), "flat": (BATCH, 3, 4), "places": (BATCH, Dim("length", 1, 64, example=12), 4)}
CASES = [
    Case(id=name, level="unit", inputs=(TensorSpec(name="x", dtype="float32", shape=SHAPES[name]),), build={"onnx": build},
         artifacts=() if name == "clean" else (name + ".onnx",))
    for name, build in RIGHT.items()
]
CASES.append(Case(id="mutated", level="unit", inputs=(TensorSpec(name="x", dtype="float32", shape=SHAPES["flat"]),),
                  build={"onnx": RIGHT["flat"]}))
'''
# Smallest shape, region and cause of each.
PLANTED: dict[str, tuple[Mapping[str, int], str, str]] = {
    "pool": ({"batch": 1, "W": 5}, "W is odd", ""),
    "flat": ({"batch": 1}, "batch != 2 (the export sample)", "output 'y' keeps the length 2 of the export sample along batch"),
    "places": ({"batch": 1, "length": 33}, "length >= 33", ""),
}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits()) as workers:
        yield workers


@pytest.fixture(scope="module")
def cells(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    import onnx

    folder = tmp_path_factory.mktemp("cases")
    path = folder / "parity_planted.py"
    path.write_text(CASES)
    named: dict[str, Any] = {}
    exec(compile(CASES, str(path), "exec"), named)
    for name, build in named["WRONG"].items():
        onnx.save(build(), folder / f"{name}.onnx")
    worker = Worker(DECLARING, pool.scratch / "d", pool.scratch / "de", threads=1, memory_limit=0)
    try:
        found = manifest(
            path, folder, folder, lambda file, roots: worker.call("describe", {"file": file, "roots": roots}, timeout=120.0)
        )  # fmt: skip
    finally:
        worker.kill()
    return {"file": found.file, "digest": found.digest, "folder": folder, **{case.id: case for case in found.cases}}


def run(pool: Pool, cells: Mapping[str, Any], name: str, route: str) -> Any:
    """Return the record of a case on a route."""
    engine = Engine(pool, Cache(root=Path(cells["folder"]) / "cache"), fuzzing=Fuzzing(examples={"unit": 12}, seconds=60.0))
    cell = Cell(id=name, case=cells[name], route=parse_route(route, registry()), file=cells["file"], digest=cells["digest"])
    record = engine.run_cell(cell)
    return engine.blame(cell, record)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_in_a_file_is_found_and_shrunk(pool: Pool, cells: Mapping[str, Any], name: str) -> None:
    least, region, cause = PLANTED[name]
    record = run(pool, cells, name, f"onnx>given.onnx[file={name}.onnx]>onnxruntime@cpu")
    assert record.outcome is Outcome.MISMATCH, record.error
    assert record.shapes["smallest"]["lengths"] == least
    assert record.shapes["region"].startswith(f"fails when {region}; holds on ")
    assert record.shapes["causes"] == ([cause] if cause else [])
    assert record.culprit is not None, "the smallest shape is what blame looks into"


@pytest.mark.parametrize("name", PLANTED)
def test_the_right_file_is_a_match(pool: Pool, cells: Mapping[str, Any], name: str) -> None:
    record = run(pool, cells, name, "onnx>onnxruntime@cpu")
    assert record.outcome is Outcome.MATCH, record.comparisons
    assert record.shapes["session"]["uses"] >= 9
    assert record.shapes["session"]["refused"] == ["float64 fed for float32"]


def test_a_length_that_an_operator_bakes_is_found(pool: Pool, cells: Mapping[str, Any]) -> None:
    record = run(pool, cells, "mutated", "onnx>onnx.mutate[operator=shape-baked]>onnxruntime@cpu")
    assert record.outcome is Outcome.MISMATCH, record.error
    assert record.shapes["smallest"]["lengths"] == {"batch": 1}
    assert record.shapes["region"].startswith("fails when batch != 2 (the export sample);")
