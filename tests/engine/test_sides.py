"""What a search for blame does to the target it looks into: nothing that would move the result, and never more than its budget at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact, Port
from harness.core.case import Case
from harness.core.registry import registry
from harness.core.route import Hop, parse_route
from harness.core.spec import TensorSpec
from harness.engine import sides
from harness.engine.blame import Step, layers
from harness.engine.blame_words import told
from harness.engine.cell import Cell
from harness.engine.sides import MOVED, Shelf, TargetSide
from harness.numerics.sampling import Sample

X = np.random.default_rng(2).normal(size=(3, 8)).astype(np.float32)
CASE = Case(id="c", inputs=(TensorSpec(name="x", dtype="float32", shape=(3, 8)),), build={"torch": lambda: None})
CELL = Cell(id="c", case=CASE, route=parse_route("torch>onnx.dynamo>onnxruntime@cpu", registry()), file="f", digest="d")
SAMPLE = Sample(feeds={"x": X}, lengths={}, rung="normal")
LAYERS: Mapping[str, Any] = {"first": lambda x: 2 * x, "second": np.sin, "third": lambda x: x + 0.5, "fourth": np.tanh}
PORTS = {"inputs": (Port(name="x", native="x"),), "outputs": (Port(name="y", native="fourth"),)}
ARTIFACT = Artifact(format="onnx", path="p", entry="e", digest="d", maker="", **PORTS)


class Fusing:
    """Stands for the workers: a chain of layers, in a runtime that computes ``second`` and ``third`` in one wrong kernel.

    While it shows what ``second`` made, the two are apart, and right. ``drift``: how much any probing moves the result.
    """

    def __init__(self, drift: float = 0.0) -> None:
        self.asked: list[list[str]] = []
        self.drift = drift

    @property
    def registry(self) -> Any:
        return self

    toolchain, options = "t", ()

    def get(self, kind: str, name: str) -> Any:
        return self

    def ran(self, shown: Sequence[str]) -> dict[str, Any]:
        values, now = {}, X
        for name, layer in LAYERS.items():
            now = layer(now)
            if name == "third" and "second" not in shown:
                now = now * np.float32(1.01)
            values[name] = now
        values["fourth"] = values["fourth"] * np.float32(1 + (self.drift if shown else 0.0))
        return values

    def ask(self, toolchain: str, verb: str, arguments: Mapping[str, Any]) -> Any:
        return getattr(self, verb)(arguments)

    def load(self, _: Any) -> Any:
        return {"session": 1}

    def close(self, _: Any) -> Any:
        return {}

    def run(self, _: Any) -> Any:
        return {"outputs": {"y": self.ran(())["fourth"]}}

    def tensor_names(self, _: Any) -> Any:
        before = ["x", *LAYERS]
        return {"tensors": [{"name": n, "op": n, "scope": "", "inputs": [before[i]]} for i, n in enumerate(LAYERS)]}

    def tensors(self, arguments: Any) -> Any:
        self.asked.append(list(arguments["names"]))
        values = self.ran(arguments["names"])
        return {"tensors": {name: values[name] for name in arguments["names"]}, "outputs": {"fourth": values["fourth"]}}

    def trace(self, arguments: Any) -> Any:
        values, now, before = {"x": X}, X, "x"
        calls = [{"path": "", "type": "net", "input_keys": ["x"], "output_keys": ["fourth"], "leaf": False, "parent": -1,
                  "input_names": ["x"], "output_names": ["y"]}]  # fmt: skip
        for name, layer in LAYERS.items():
            now = values[name] = layer(now)
            calls.append({"path": name, "type": name, "input_keys": [before], "output_keys": [name], "leaf": True, "parent": 0})
            before = name
        wanted = {*arguments["wanted"], *(("x", "fourth") if "" in arguments["wanted"] else ())}
        kept = {key: array for key, array in values.items() if key in wanted}
        return {"calls": [{"config": "", "call": 0, "nbytes": 2 * X.nbytes, **call} for call in calls], "values": kept}

    def replay(self, arguments: Any) -> Any:
        (given,) = arguments["inputs"]
        return {"outputs": [LAYERS[arguments["path"]](np.asarray(given, np.float64 if arguments["double"] else np.float32))]}


def looked_into(steps: Any) -> tuple[Any, Any]:
    step = Step(hop="onnx.dynamo", artifact=ARTIFACT, runtime=Hop(name="onnxruntime", options={}), device="cpu", right=False)
    verdict, _, target, _ = layers(CELL, steps, SAMPLE, step, None)
    return verdict, target


def test_a_tensor_that_undoes_the_error_when_it_is_shown_stays_hidden() -> None:
    steps = Fusing()
    verdict, target = looked_into(steps)
    assert target.hidden == {"second"}
    assert target.moved() == 0.0
    assert (verdict.culprit.name, verdict.culprit.since) == ("third", ("second",))
    assert told("onnx.dynamo", verdict, [], False, [])["layer"] == "between second and third"
    assert len(steps.asked) < 12


def test_what_probing_moves_is_told_where_it_cannot_be_helped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "TRIES", 0)
    verdict, target = looked_into(Fusing())
    assert target.hidden == set()
    assert target.moved() > MOVED
    assert verdict.culprit is None, "every layer is right once all are shown"


def test_what_moves_little_beside_the_error_hides_nothing() -> None:
    steps = Fusing(drift=1e-4)
    verdict, target = looked_into(steps)
    assert target.hidden == {"second"}
    assert MOVED < target.moved() < 2e-4
    assert verdict.culprit.name == "third"


def test_an_output_of_another_shape_says_nothing_of_what_probing_moves() -> None:
    class Cut(Fusing):
        def ran(self, shown: Sequence[str]) -> dict[str, Any]:
            values = super().ran(["second"])
            return {**values, "fourth": values["fourth"][:2]}

    verdict, target = looked_into(Cut())
    assert (target.allowed, target.hidden) == (MOVED, set())
    assert verdict.culprit.name == "fourth"


def test_the_largest_movement_of_all_runs_counts() -> None:
    steps = Fusing()
    with TargetSide(steps, CELL, ARTIFACT, Hop(name="onnxruntime", options={}), "cpu", SAMPLE) as target:
        target.allowed = float("inf")
        steps.drift = 0.1
        target._fetch(["first"])
        steps.drift = 0.0
        target._fetch(["third"])
        assert target.moved() > 0.05


def test_the_first_group_is_small_where_tensors_are_large() -> None:
    asked: list[list[str]] = []

    def fetch(keys: list[str]) -> dict[str, Any]:
        asked.append(keys)
        return {key: np.zeros(100, np.uint8) for key in keys}

    names = [f"t{number}" for number in range(64)]
    Shelf(names, fetch, 1000, {}, typical=250).get("t0")
    Shelf(names, fetch, 1000, {}).get("t0")
    assert [len(keys) for keys in asked] == [2, 16]
