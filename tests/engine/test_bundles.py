"""A mismatch leaves a folder that fails without the harness, or a message that says why there is none; neither costs the verdict."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.outcome import Outcome
from harness.core.record import BUNDLE, Record
from harness.engine import bundles
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.pool import Limits, OutOfTime, Pool
from harness.engine.worker import WorkerFailure
from tests.engine.blamed import Place, set_attribute
from tests.engine.test_blame import GRAPH, NET, TAIL

WRONG = "onnx>given.onnx[file=wrong.onnx]>onnxruntime@cpu"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


def judged(place: Place, route: str, *, blame: bool = True) -> tuple[Engine, Cell, Record]:
    """Return an engine, a cell that must mismatch and its record, looked into or not."""
    cell = place.cell(route)
    engine = Engine(place.pool, Cache(place.folder / "cache"))
    record = engine.run_cell(cell)
    assert record.outcome is Outcome.MISMATCH
    return engine, cell, engine.blame(cell, record) if blame else record


def planted(tmp_path: Path, pool: Pool) -> Place:
    place = Place(tmp_path, pool, GRAPH)
    place.convert("onnx>onnxruntime@cpu", lambda m: set_attribute(m, "soft", "axis", 0))
    return place


def ran(folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "reproduce.py"
    assert "harness" not in script.read_text()
    return subprocess.run([sys.executable, "-I", str(script)], cwd=folder.parent, capture_output=True, text=True)


def test_the_smallest_part_where_its_node_is_known(tmp_path: Path, pool: Pool) -> None:
    engine, cell, record = judged(Place(tmp_path, pool, TAIL), "onnx>onnxruntime@cpu")
    said = engine.bundle(cell, record, tmp_path / "out").messages[-1]
    (folder,) = (tmp_path / "out").iterdir()
    assert said == f"{BUNDLE}{folder}: 1 node that still fails; run reproduce.py there"
    found = ran(folder)
    assert found.returncode == 1, found.stderr


@pytest.mark.parametrize(("blame", "reason"), [(True, "no stand-alone script is known for given.onnx"), (False, "no layer could be named")])
def test_else_the_whole_model_with_the_reason(blame: bool, reason: str, tmp_path: Path, pool: Pool) -> None:
    engine, cell, record = judged(planted(tmp_path, pool), WRONG, blame=blame)
    said = engine.bundle(cell, record, tmp_path / "out").messages[-1]
    (folder,) = (tmp_path / "out").iterdir()
    assert said.startswith(f"{BUNDLE}{folder}: the whole model, since {reason}")
    assert reason in (folder / "README.md").read_text()
    assert {"wrong.onnx", "feeds.npz", "expected.npz", "versions.json", "README.md", "reproduce.py"} <= {f.name for f in folder.iterdir()}
    with np.load(folder / "expected.npz", allow_pickle=False) as arrays:
        assert arrays["out"].shape == (3, 8)
    found = ran(folder)
    assert (found.returncode, "differs by" in found.stdout) == (1, True), found.stderr


def test_the_script_ends_with_0_once_the_model_is_mended(tmp_path: Path, pool: Pool) -> None:
    place = planted(tmp_path, pool)
    engine, cell, record = judged(place, WRONG, blame=False)
    engine.bundle(cell, record, tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    place.convert("onnx>onnxruntime@cpu", lambda m: None, name="right.onnx")
    (folder / "wrong.onnx").write_bytes((tmp_path / "right.onnx").read_bytes())
    assert ran(folder).returncode == 0


def test_a_runtime_without_a_script_still_gets_model_feeds_and_answer(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "RUNNING", {})
    engine, cell, record = judged(planted(tmp_path, pool), WRONG, blame=False)
    said = engine.bundle(cell, record, tmp_path / "out").messages[-1]
    (folder,) = (tmp_path / "out").iterdir()
    assert said.endswith("no script runs it as onnxruntime does")
    assert "There is no script" in (folder / "README.md").read_text()
    assert not (folder / "reproduce.py").exists()
    assert (folder / "wrong.onnx").exists()


def test_an_earlier_bundle_of_the_cell_is_replaced(tmp_path: Path, pool: Pool) -> None:
    engine, cell, record = judged(planted(tmp_path, pool), WRONG, blame=False)
    engine.bundle(cell, record, tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    (folder / "stale").write_text("")
    engine.bundle(cell, record, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == [folder]
    assert not (folder / "stale").exists()


def test_what_goes_wrong_becomes_the_message(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, cell, record = judged(planted(tmp_path, pool), WRONG, blame=False)

    def fail(*_: Any) -> Any:
        raise WorkerFailure("crash", {"message": "the worker died of SIGSEGV"})

    monkeypatch.setattr(bundles, "_chain", fail)
    after = engine.bundle(cell, record, tmp_path / "out")
    assert after.messages[-1] == f"{BUNDLE}none, since it could not be made: WorkerFailure: crash: the worker died of SIGSEGV"
    assert (after.outcome, after.comparisons) == (record.outcome, record.comparisons)
    (tmp_path / "file").write_text("")
    assert engine.bundle(cell, record, tmp_path / "file").messages[-1].startswith(f"{BUNDLE}none, since it could not be made: ")


def test_a_match_has_neither_culprit_nor_bundle(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, NET)
    cell = place.cell("torch>onnx.dynamo>onnxruntime@cpu")
    engine = Engine(pool, Cache(tmp_path / "cache"))
    record = engine.run_cell(cell)
    assert record.outcome is Outcome.MATCH
    assert engine.bundle(cell, engine.blame(cell, record), tmp_path / "out") == record
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "other"), [("a/b[x>y]", "a b[x>y]"), ("../../etc", "../etc"), ("x" * 300, "x" * 301)])
def test_a_folder_name_is_safe_and_no_two_cells_share_one(name: str, other: str) -> None:
    assert bundles.name_of(name) != bundles.name_of(other)
    assert "/" not in bundles.name_of(name)
    assert not bundles.name_of(name).startswith(".")
    assert len(bundles.name_of(name)) < 120


def test_a_search_ends_with_its_seconds_and_says_so(tmp_path: Path, pool: Pool) -> None:
    engine, cell, record = judged(planted(tmp_path, pool), WRONG, blame=False)
    found = engine.blame(cell, record, seconds=0.0).culprit
    assert found is not None
    assert (found["layer"], "the 0 s for this are spent" in found["note"]) == ("", True)
    assert engine.blame(cell, record).culprit["layer"] == "node_soft", "another search has its own seconds"  # type: ignore[index]


def test_time_that_runs_out_among_the_layers_leaves_the_hop(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, cell, record = judged(planted(tmp_path, pool), WRONG, blame=False)
    plain = pool.call

    def call(toolchain: str, verb: str, arguments: Any) -> Any:
        if verb == "trace":
            monkeypatch.setattr(pool, "_budget", (time.monotonic() - 1, 60.0))
        return plain(toolchain, verb, arguments)

    monkeypatch.setattr(pool, "call", call)
    found = engine.blame(cell, record).culprit
    assert found is not None
    assert found["hop"] == "given.onnx[file=wrong.onnx]"
    assert (found["layer"], "its layers were not compared: the 60 s" in found["note"]) == ("", True)


def test_the_budget_holds_inside_only(pool: Pool) -> None:
    with pytest.raises(OutOfTime, match="2 s"), pool.within(2.0):
        pool._budget = (time.monotonic() - 1, 2.0)
        assert pool._seconds("close") == pool.limits.seconds("close"), "a session is closed at any time"
        pool.call("onnx", "trace", {})
    assert pool._seconds("trace") == pool.limits.seconds("trace")


SMALL = """
def keras_net():
    import keras

    x = keras.Input((6,), name="x")
    return keras.Model(x, keras.layers.Dense(3, activation="relu")(x))

def torch_net():
    import torch

    return torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.ReLU())

X = TensorSpec(name="x", dtype="float32", shape=(2, 6))
planted = Case(id="planted", inputs=(X,), build={"tensorflow": keras_net, "torch": torch_net}, weights="random")
"""


@pytest.mark.parametrize(
    "route",
    [
        "torch>torchscript.trace>torchscript@cpu", "tensorflow>tflite.keras>litert@cpu",
        "torch>onnx.dynamo>openvino.convert>openvino@cpu", "torch>onnx.dynamo>onnxruntime@cpu",
    ],
)  # fmt: skip
def test_every_script_runs_what_its_runtime_opens(route: str, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in {"torchscript": ["torch"], "litert": ["ai_edge_litert", "tensorflow"]}.get(route.split(">")[-1][:-4], []):
        pytest.importorskip(module)
    place = Place(tmp_path, pool, SMALL)
    cell = place.cell(route)
    record = Engine(pool, Cache(tmp_path / "cache")).run_cell(cell)
    assert record.outcome is Outcome.MATCH, record.error
    monkeypatch.setattr(bundles, "_error", lambda *_: 1.0)
    trace = place.trace(cell)
    trace.shapes["failing"] = [place.steps.samples(cell, trace)[0][0].where]
    said = bundles.write(cell, place.steps, trace, {}, tmp_path / "out")
    assert said.endswith("run reproduce.py there"), said
    (folder,) = (tmp_path / "out").iterdir()
    found = ran(folder)
    assert (found.returncode, "differs by" in found.stdout) == (0, True), found.stderr + found.stdout
