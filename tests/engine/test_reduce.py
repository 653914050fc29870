"""The bundle of a failure runs without the harness and fails there too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from harness.core.errors import UsageError
from harness.engine.pool import Limits, Pool
from harness.engine.reduce import bundle
from tests.engine.blamed import Place
from tests.engine.test_blame import GRAPH, TAIL


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


def reduced(place: Place, route: str, layer: str, folder: Path) -> dict[str, object]:
    cell = place.cell(route)
    trace = place.trace(cell)
    place.steps.require(cell, trace)
    sample = place.steps.samples(cell, trace)[0][0]
    artifact = place.steps.source(cell, trace, place.steps.reference(cell, trace, sample))
    return bundle(cell, place.steps, trace, sample, artifact, 0, layer, folder)


@pytest.mark.parametrize(("layer", "nodes"), [("Sigmoid(gate)", 1), ("Log(out)", 2)])
def test_the_smallest_graph_that_fails_is_kept(layer: str, nodes: int, tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, TAIL)
    folder = tmp_path / "bundle"
    found = reduced(place, "onnx>onnxruntime@cpu", layer, folder)
    assert (found["nodes"], found["tries"]) == (nodes, nodes), "the node alone where it fails alone, else with what comes before it"
    assert {file.name for file in folder.iterdir()} == {
        "model.onnx",
        "feeds.npz",
        "expected.npz",
        "versions.json",
        "README.md",
        "reproduce.py",
    }
    onnx.checker.check_model(str(folder / "model.onnx"))
    assert len(onnx.load(folder / "model.onnx").graph.node) == nodes
    assert json.loads((folder / "versions.json").read_text())["onnxruntime"]
    np.load(folder / "feeds.npz", allow_pickle=False)
    script = (folder / "reproduce.py").read_text()
    assert "harness" not in script
    ran = subprocess.run([sys.executable, "-I", str(folder / "reproduce.py")], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stderr
    assert "differs by" in ran.stdout


def test_what_does_not_fail_is_not_bundled(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, GRAPH)
    with pytest.raises(UsageError, match="fails by itself"):
        reduced(place, "onnx>onnxruntime@cpu", "node_soft", tmp_path / "bundle")
    with pytest.raises(UsageError, match="no node 'absent'"):
        reduced(place, "onnx>onnxruntime@cpu", "absent", tmp_path / "bundle")
    with pytest.raises(UsageError, match="stand-alone script"):
        reduced(place, "onnx>onnx.reference@cpu", "node_soft", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
