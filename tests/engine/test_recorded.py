"""Outputs on record hold target and source; a source that fails by itself leaves the verdict to them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact, Port
from harness.core.case import Case
from harness.core.spec import TensorSpec
from harness.core.tolerance import Tolerance
from harness.engine.judging import Judged, declared
from harness.engine.recorded import Real, judge_real, reference_of
from harness.engine.trace import Reference, Runs, Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.sampling import Sample

CASE = Case(id="scale", inputs=(TensorSpec(name="x", dtype="float32", shape=(40,)),), build={"onnx": None})
X = np.linspace(0.3, 7.7, 40, dtype=np.float32)
RIGHT = X * np.float32(3.1)
PORT = Port(name="y", native="y", dtype="float32")
ARTIFACT = Artifact(format="onnx", path="", entry="", digest="", inputs=(), outputs=(PORT,))
SAMPLE = Sample(feeds={"x": X}, lengths={}, rung="real")


def source(outputs: Any) -> Reference:
    exact = outputs.astype(np.float64)
    return Reference(outputs={"y": outputs}, oracle={"y": exact}, spread={"y": np.abs(exact) * 2**-24}, emulated={}, wobble={"y": 0.0})


def judged(target: Any, of_source: Any, real: Real, precision: str = "") -> Judged:
    runs = Runs(done=((0, {"y": target}, False), (0, {"y": target}, True)), failure=None)
    alone = Reference(outputs=real.outputs, oracle={}, spread={}, emulated={}, wobble={})
    reference = alone if of_source is None else source(of_source)
    return judge_real(CASE, ARTIFACT, [SAMPLE], [reference], runs, declared(CASE), precision, real)


def on_record(outputs: Any) -> Real:
    return Real(outputs={"y": outputs}, tolerance=Tolerance(rtol=1e-3, atol=1e-7))


def verdicts(found: Judged) -> dict[str, bool]:
    return {against: all(c.match for c in found.comparisons if c.against == against) for against in {c.against for c in found.comparisons}}


def test_target_and_source_as_on_record() -> None:
    found = judged(RIGHT, RIGHT, on_record(RIGHT))
    assert verdicts(found) == {"reference": True, "recorded": True}
    assert found.notes == ()
    assert found.failing == ()


def test_a_target_that_repeats_the_mistake_of_its_source_fails_by_the_record() -> None:
    found = judged(RIGHT * np.float32(1.1), RIGHT * np.float32(1.1), on_record(RIGHT))
    assert verdicts(found)["recorded"] is False
    assert found.failing == ({},)
    assert found.notes[0].startswith("the source itself is not what is on record: output 'y': differs by ")


def test_a_right_target_of_a_wrong_source_fails_against_it_and_the_record_tells_who_is_wrong() -> None:
    found = judged(RIGHT, RIGHT * np.float32(1.1), on_record(RIGHT))
    assert verdicts(found) == {"reference": False, "recorded": True}
    assert found.notes


def test_an_output_that_is_missing_by_the_record_fails() -> None:
    found = judged(RIGHT, RIGHT, Real(outputs={"y": RIGHT, "z": RIGHT}))
    assert [c.output for c in found.comparisons if not c.match] == ["z"]


def test_whole_numbers_are_held_exactly_whatever_the_tolerance_says() -> None:
    assert on_record(RIGHT).bounds("n", "int64").rtol == 0.0
    assert on_record(RIGHT).bounds("y", "float16").rtol == 1e-3


def test_without_a_source_the_record_alone_decides() -> None:
    assert verdicts(judged(RIGHT, None, on_record(RIGHT))) == {"recorded": True}
    assert verdicts(judged(RIGHT * np.float32(1.01), None, on_record(RIGHT))) == {"recorded": False}


def test_a_coarser_target_answers_to_the_source_alone() -> None:
    rough = RIGHT.astype(np.float16).astype(np.float32)
    reference = dataclasses.replace(source(RIGHT), emulated={"y": rough.astype(np.float64)})
    runs = Runs(done=((0, {"y": rough * np.float32(1.002)}, False),), failure=None)
    found = judge_real(CASE, ARTIFACT, [SAMPLE], [reference], runs, declared(CASE), "float16", on_record(RIGHT))
    assert "recorded" not in verdicts(found)


class Steps:
    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def reference(self, *_: Any) -> Reference:
        raise self.problem


@pytest.mark.parametrize(
    ("problem", "kept"),
    [
        (Stop({"kind": "unsupported", "message": "no Scatter"}), True),
        (WorkerFailure("error", {"type": "TypeError", "message": "no Range"}), True),
        (Stop({"kind": "error", "type": "NotDeterministic", "message": "two answers"}), False),
        (WorkerFailure("usage", {"message": "no builder"}), False),
        (WorkerFailure("crash", {"message": "died"}), False),
    ],
)
def test_what_a_source_may_fail_with(problem: Exception, kept: bool) -> None:
    trace = Trace()
    asked: Any = (Steps(problem), None, trace, SAMPLE, "")
    if kept:
        real = on_record(RIGHT)
        assert reference_of(*asked, real).outputs is real.outputs
        assert trace.messages[0].startswith("judged by the outputs on record alone, for want of the source: no ")
    else:
        with pytest.raises(type(problem)):
            reference_of(*asked, on_record(RIGHT))
    with pytest.raises(type(problem)):
        reference_of(*asked, Real())
