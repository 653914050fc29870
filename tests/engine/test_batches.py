"""Cells that share a conversion: what matches in company counts, everything else is found out alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact, Port
from harness.core.case import Case
from harness.core.outcome import Outcome, Stage
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.core.spec import TensorSpec
from harness.engine.batches import Batches, batchable
from harness.engine.cell import Cell
from harness.engine.judging import declared
from harness.engine.trace import Reference, Runs, Stop, Trace
from harness.numerics.sampling import Sample

ROUTE = parse_route("torch>onnx.dynamo>onnxruntime@cpu", registry())
X = np.arange(6, dtype=np.float32)


def cell(name: str, *, has_data: bool = True) -> Cell:
    spec = TensorSpec(name="x", dtype="float32", shape=(6,))
    case = Case(id=name, inputs=(spec,), build={"torch": None}, level="unit", has_data=has_data)
    return Cell(id=f"{name}[{ROUTE}]", case=case, route=ROUTE, file="parity_x.py", digest="d")


class Steps:
    """A toolchain in which every model doubles its input; names say what goes wrong with some."""

    def __init__(self) -> None:
        self.exports: list[tuple[str, ...]] = []
        self.registry = registry()

    def require(self, *_: Any) -> None:
        pass

    def samples(self, one: Cell, *_: Any) -> tuple[list[Sample], None]:
        if "no-sample" in one.case.id:
            raise Stop({"kind": "usage", "message": "data() gave another shape"})
        return [Sample(feeds={"x": X + len(one.case.id)}, lengths={}, rung="real")], None

    def reference(self, one: Cell, trace: Trace, sample: Sample, *_: Any) -> Reference:
        exact = sample.feeds["x"].astype(np.float64) * 2
        return Reference(
            outputs={"y": sample.feeds["x"] * 2}, oracle={"y": exact}, spread={"y": np.abs(exact) * 2**-24}, emulated={}, wobble={"y": 0.0},
        )  # fmt: skip

    def source(self, one: Cell, *_: Any) -> Artifact:
        port = Port(name="x", native="x", dtype="float32"), Port(name="y", native="y", dtype="float32")
        return Artifact(format="torch.module", path="", entry="", digest=one.case.id, inputs=port[:1], outputs=port[1:])

    def convert(self, one: Cell, trace: Trace, hop: Any, artifact: Artifact, sample: Sample) -> Artifact:
        self.exports.append(one.members)
        trace.timing["convert"] = 6.0
        bad = [name for name in one.members if "refused" in name]
        if bad:
            raise Stop({"kind": "unsupported", "message": f"no {bad[0]}"})
        self.artifact = artifact
        return artifact

    def run(self, one: Cell, trace: Trace, artifact: Artifact, samples: Sequence[Sample]) -> Runs:
        assert [port.name for port in artifact.inputs] == list(samples[0].feeds), "inputs keep the order of the ports"
        trace.provenance = {"device": "gpu" if any("elsewhere" in name for name in one.members) else "cpu"}
        outputs = {}
        for number, name in enumerate(one.members):
            wrong = 1.5 if "wrong" in name else 1.0
            if "missing" not in name:
                outputs[f"m{number}.y"] = samples[0].feeds[f"m{number}.x"] * np.float32(2 * wrong)
        if any("dies" in name for name in one.members):
            return Runs(done=(), failure={"kind": "crash", "message": "died", "stage": "run", "sample": 0})
        return Runs(done=((0, outputs, False), (0, outputs, True)), failure=None)


def record(one: Cell, outcome: Outcome, **more: Any) -> Record:
    return Record(
        id=one.id, case=one.case.id, level="unit", route=str(one.route), framework="torch", target=one.route.target,
        stage=Stage.COMPARE, outcome=outcome, **more,
    )  # fmt: skip


def elsewhere(_: Any, provenance: Mapping[str, Any]) -> list[Any]:
    return [] if provenance["device"] == "cpu" else ["ran elsewhere"]


def run(*names: str) -> tuple[dict[str, Record], list[str], Steps]:
    """Return the records, which cells ran alone, and what was exported together."""
    steps, alone = Steps(), []

    def by_itself(one: Cell) -> Record:
        alone.append(one.case.id)
        return record(one, Outcome.UNSUPPORTED if "refused" in one.case.id else Outcome.MISMATCH)

    made: Any = Batches(
        steps=steps, alone=by_itself, bounds=lambda one: declared(one.case), elsewhere=elsewhere, toolchains=("torch",),  # type: ignore[arg-type]
        matched=lambda one, trace, found: record(
            one, Outcome.MATCH, comparisons=found, timing=trace.timing, messages=tuple(trace.messages), shapes=trace.shapes
        ),
    )  # fmt: skip
    cells = [cell(name) for name in names]
    found = made.run(cells)
    assert [one.id for one in found] == [one.id for one in cells], "every cell has its record, in order"
    return {one.case: one for one in found}, alone, steps


def test_one_conversion_for_all_that_match() -> None:
    found, alone, steps = run("a", "b", "c")
    assert alone == []
    assert steps.exports == [("a", "b", "c")]
    assert {one.outcome for one in found.values()} == {Outcome.MATCH}
    assert found["a"].timing == {"convert": 2.0}
    assert found["a"].messages == ("converted in one graph with 2 other cells",)
    assert [(c.output, c.match) for c in found["b"].comparisons] == [("y", True)] * 2, "its own outputs by its own names"
    assert (found["a"].shapes or {})["judged"] == 1


def test_what_is_refused_is_found_by_halves_and_runs_alone() -> None:
    found, alone, steps = run("a", "b", "c", "refused-d")
    assert alone == ["c", "refused-d"]
    assert steps.exports == [("a", "b", "c", "refused-d"), ("a", "b"), ("c", "refused-d")]
    assert found["a"].outcome is Outcome.MATCH
    assert found["refused-d"].outcome is Outcome.UNSUPPORTED


@pytest.mark.parametrize("bad", ["wrong", "missing"])
def test_what_does_not_match_in_company_is_run_alone(bad: str) -> None:
    found, alone, steps = run("a", bad, "c")
    assert alone == [bad]
    assert len(steps.exports) == 1
    assert (found["a"].outcome, found[bad].outcome) == (Outcome.MATCH, Outcome.MISMATCH)


def test_a_batch_that_dies_or_runs_elsewhere_is_no_match_of_its_members() -> None:
    assert run("a", "b", "dies")[1] == ["a", "b", "dies"]
    assert run("a", "elsewhere")[1] == ["a", "elsewhere"]


def test_a_cell_without_inputs_leaves_the_others_together() -> None:
    found, alone, steps = run("a", "no-sample", "c")
    assert alone == ["no-sample"]
    assert steps.exports == [("a", "c")]
    assert found["c"].outcome is Outcome.MATCH


def test_the_same_models_are_the_same_batch_and_others_another_one() -> None:
    first, again, other = (run(*names)[2].artifact for names in (("a", "b"), ("a", "b"), ("a", "c")))
    assert first.digest == again.digest != other.digest
    assert [port.name for port in first.inputs] == ["m0.x", "m1.x"]


def test_only_live_models_with_inputs_of_their_own_share_a_conversion() -> None:
    torch, onnx = (registry().get("frameworks", name) for name in ("torch", "onnx"))
    assert batchable(cell("a"), torch)
    assert not batchable(cell("a", has_data=False), torch)
    assert not batchable(cell("a"), onnx)


