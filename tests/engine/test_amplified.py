"""The search on a cell: rungs first, then moves, then the slopes of a source that can differentiate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.registry import registry
from harness.core.route import parse_route
from harness.core.tolerance import default_tolerance
from harness.engine.amplified import opened, search
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import DECLARING, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.trace import Trace
from harness.engine.worker import Worker
from harness.exam.mutants import prepared

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

CASES = """
from harness import Case, TensorSpec

def gate():
    import torch
    return torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Hardswish())

CASE = Case(id="gate", level="unit", weights="random", inputs=(TensorSpec(name="x", dtype="float32", shape=(3, 6)),), build={"torch": gate})
"""
CLEAN = "torch>onnx.dynamo>onnxruntime@cpu"
WRONG = "torch>onnx.dynamo>onnx.mutate[operator=hardswish-unclipped]>onnxruntime@cpu"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits()) as workers:
        yield workers


@pytest.fixture(scope="module")
def engine(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(pool, Cache(root=tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def cells(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Cell]:
    folder = tmp_path_factory.mktemp("cases")
    (folder / "parity_gate.py").write_text(CASES)
    worker = Worker(DECLARING, pool.scratch / "d", pool.scratch / "de", threads=1, memory_limit=0)
    try:
        found = manifest(
            folder / "parity_gate.py", folder, folder,
            lambda file, roots: worker.call("describe", {"file": file, "roots": roots}, timeout=120.0),
        )  # fmt: skip
    finally:
        worker.kill()
    return {
        text: Cell(id=text, case=found.cases[0], route=parse_route(text, registry()), file=found.file, digest=found.digest)
        for text in (CLEAN, WRONG)
    }


def usual(_: str, dtype: str) -> Any:
    return default_tolerance(dtype)


def test_the_slopes_of_the_source_come_through(engine: Engine, cells: Mapping[str, Cell], tmp_path: Path) -> None:
    clean = prepared(cells[CLEAN], engine.steps, ())
    with opened(cells[CLEAN], engine.steps, clean.artifact, clean.samples[0], usual) as pair:
        slopes = pair.slopes(clean.samples[0].feeds, {})
    assert {name: array.shape for name, array in slopes.items()} == {"x": (3, 6)}
    assert np.count_nonzero(slopes["x"].any(axis=1)) == 1, "one element of the output hangs on one row"


def test_a_hidden_fault_is_found_and_a_right_model_is_left_alone(engine: Engine, cells: Mapping[str, Cell]) -> None:
    scores = {}
    for text, cell in cells.items():
        clean = prepared(cells[CLEAN], engine.steps, ())
        trace = Trace(toolchains=("torch", "onnx", "onnxruntime"))
        artifact = clean.artifact
        for hop in cell.route.converters[1:]:
            artifact = engine.steps.convert(cell, trace, hop, artifact, clean.samples[0])
        found, revealed = search(cell, engine.steps, trace, artifact, clean.samples[0], usual, 40)
        assert found is not None
        scores[text] = found.score, bool(revealed), bool(trace.notes)
    assert scores[CLEAN][0] < 1.0
    assert scores[CLEAN][1:] == (False, False)
    assert scores[WRONG][0] > 100.0
    assert scores[WRONG][1:] == (True, True)
