"""The cheap tiers of judging never accept what the full judge rejects; they do accept what is plainly right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.spec import TensorSpec
from harness.engine.judging import declared, judge_one
from harness.engine.tiers import NEAR, Run, Tiers, trustworthy
from harness.engine.trace import Reference
from harness.numerics.oracle import scales
from harness.numerics.sampling import Sample

CASE = Case(id="c", inputs=(TensorSpec(name="x", dtype="float32", shape=(4,)),), build={"torch": None})
ARTIFACT = Artifact(format="onnx", path="", entry="", digest="", inputs=(), outputs=())
UNIT = 2.0**-24
SAMPLE = Sample(feeds={"x": np.zeros(4, np.float32)}, lengths={})


class Known:
    """Stands for both sides of a cell whose reference is known."""

    class cell:
        """The cell."""

        case = CASE

    artifact = ARTIFACT

    def __init__(self, reference: Reference) -> None:
        self.known = reference
        self.asked = {"twin": 0, "all": 0}

    def twins(self, samples: Any, end: float) -> list[Any]:
        """Return the float64 answer."""
        self.asked["twin"] += len(samples)
        return [self.known.oracle] * len(samples)

    def reference(self, sample: Any, precision: str) -> Reference:
        """Return everything."""
        self.asked["all"] += 1
        return self.known


def judged(actual: Any, reference: Reference, *, quick: bool = True, precision: str = "") -> tuple[bool, bool, Known]:
    """Return what the tiers say, what the full judge says, and who was asked."""
    known = Known(reference)
    run = Run(sample=SAMPLE, source=reference.outputs, target={"y": actual})
    (tiers,) = Tiers(known, declared(CASE), precision, quick=quick).judged([run], float("inf"))  # type: ignore[arg-type]
    full = judge_one(CASE, ARTIFACT, SAMPLE, reference, {"y": actual}, declared(CASE), precision, {}, ordinary=False)
    return all(c.match for c in tiers), all(c.match for c in full), known


def reference_of(reference: Any, exact: Any, spread: Any, wobble: float = 0.0, emulated: Any = None) -> Reference:
    """Return a reference of one output."""
    return Reference(
        outputs={"y": reference}, oracle={"y": exact}, spread={"y": spread}, emulated={} if emulated is None else {"y": emulated},
        wobble={"y": wobble},
    )  # fmt: skip


@st.composite
def situations(draw: Any) -> tuple[Any, Reference]:
    """Draw an answer near the source's, and a reference that knows more than the tiers: spread, jumps, wobble, errors of the source."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.sampled_from([(), (1,), (7,), (40,), (3, 33), (2, 9, 11)]))
    exact = rng.standard_normal(shape) * 10.0 ** rng.uniform(-3, 3, shape[:-1] + (1,) if shape else ())
    if draw(st.booleans()):
        exact = exact * (rng.random(shape) < 0.5)
    size = np.abs(exact) + scales(exact)
    error = draw(st.sampled_from([0.0, 1e-8, 1e-6, 1e-3, 0.03]))
    reference = (exact + error * size * rng.standard_normal(shape)).astype(np.float32)
    # In parts of the narrow bound, on few elements or on all.
    step = draw(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.95, 1.1, 3.0, 100.0]))
    sparse = rng.random(shape) < draw(st.sampled_from([0.05, 1.0]))
    bound = UNIT * (6 * np.abs(exact) + 64 * scales(exact))
    actual = (reference + step * bound * rng.choice([-1.0, 1.0], shape) * sparse).astype(np.float32)
    spread = size * 10.0 ** rng.uniform(-3, 1, shape) * draw(st.sampled_from([0.0, 1e-7, 1e-3])) * (rng.random(shape) < 0.7)
    match draw(st.sampled_from(["none", "some", "all but those that differ"])):
        case "some":
            spread = np.where(rng.random(shape) < 0.3, np.inf, spread)
        case "all but those that differ":
            spread = np.where(sparse, spread, np.inf)
    if draw(st.booleans()) and shape:
        for array in (exact, reference, actual):
            array[..., 0] = np.nan if draw(st.booleans()) else np.inf
    return np.asarray(actual), reference_of(np.asarray(reference), np.asarray(exact), np.asarray(spread, np.float32))


@settings(max_examples=600, deadline=None, derandomize=True, database=None)
@given(situations())
def test_the_tiers_never_accept_what_the_full_judge_rejects(situation: tuple[Any, Reference]) -> None:
    actual, reference = situation
    tiers, full, known = judged(actual, reference, quick=trustworthy([reference]))
    assert full or not tiers
    if known.asked["all"]:
        assert tiers == full, "the last tier is the full judge"


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 3]), st.booleans())
def test_whole_numbers_neither(seed: int, wrong: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    exact = rng.integers(0, 9, 20)
    reference = exact.copy()
    if ties:
        reference[:3] = rng.integers(0, 40, 3)
    actual = reference.copy()
    actual[:wrong] += rng.integers(0, 2, wrong)
    spread = (rng.random(20) < 0.2).astype(np.float32)
    tiers, full, _ = judged(actual, reference_of(reference, exact, spread))
    assert full or not tiers


def test_the_source_s_own_answer_is_right_wherever_its_twin_says_otherwise() -> None:
    """A near tie: the twin picks another index, and no other element of it has the source's."""
    reference, exact = np.array([7, 1, 2]), np.array([3, 1, 2])
    assert judged(reference, reference_of(reference, exact, np.zeros(3, np.float32)))[1]
    assert not judged(np.array([8, 1, 2]), reference_of(reference, exact, np.zeros(3, np.float32)))[1]


def test_few_elements_among_many_that_nothing_determines_are_no_average() -> None:
    """Each within its bound, and all that count at four fifths of it: as a whole that is no rounding."""
    exact = np.random.default_rng(0).standard_normal(400)
    counts = np.arange(400) < 10
    reference = exact.astype(np.float32)
    bound = UNIT * (6 * np.abs(exact) + 64 * scales(exact))
    actual = (reference + 0.8 * bound * counts).astype(np.float32)
    spread = np.where(counts, 0.0, np.inf).astype(np.float32)
    match, full, _ = judged(actual, reference_of(reference, reference.astype(np.float64), spread))
    assert (match, full) == (False, False)


def test_what_is_plainly_right_asks_nobody() -> None:
    exact = np.random.default_rng(0).standard_normal((4, 50))
    reference = exact.astype(np.float32)
    actual = np.nextafter(reference, np.float32(9))
    match, _, known = judged(actual, reference_of(reference, exact, np.full((4, 50), 1e-9, np.float32)))
    assert match
    assert known.asked == {"twin": 0, "all": 0}


def test_what_the_twin_settles_asks_no_more() -> None:
    exact = np.random.default_rng(0).standard_normal((4, 50))
    reference = (exact + 2e-6 * np.random.default_rng(1).standard_normal((4, 50))).astype(np.float32)
    actual = exact.astype(np.float32)
    match, full, known = judged(actual, reference_of(reference, exact, np.zeros((4, 50), np.float32)))
    assert (match, full) == (True, True)
    assert known.asked == {"twin": 1, "all": 0}


@pytest.mark.parametrize("actual", [np.zeros((4, 50), np.float32), np.zeros((4, 49), np.float32)])
def test_a_mismatch_is_one_of_the_full_judge_or_a_hard_fact(actual: Any) -> None:
    exact = np.random.default_rng(0).standard_normal((4, 50))
    match, full, known = judged(actual, reference_of(exact.astype(np.float32), exact, np.zeros((4, 50), np.float32)))
    assert (match, full) == (False, False)
    assert known.asked["all"] == (actual.shape == exact.shape), "a wrong shape is wrong whatever the twin says"


def test_without_trust_the_first_tier_decides_nothing() -> None:
    exact = np.random.default_rng(0).standard_normal((4, 50))
    reference = exact.astype(np.float32)
    _, _, known = judged(reference, reference_of(reference, exact, np.zeros((4, 50), np.float32)), quick=False)
    assert known.asked["twin"] == 1


def test_a_source_that_is_plainly_wrong_is_not_trusted() -> None:
    exact = np.random.default_rng(0).standard_normal((9, 50))
    near = reference_of(exact.astype(np.float32), exact, np.zeros((9, 50), np.float32))
    assert trustworthy([near])
    vanished = exact.copy()
    vanished[3] *= NEAR / 2
    assert not trustworthy([near, reference_of(exact.astype(np.float32), vanished, np.zeros((9, 50), np.float32))])
    assert trustworthy([reference_of(np.arange(9), np.arange(9) + 5, np.zeros(9, np.float32))]), "whole numbers have no scale"


def test_a_source_without_a_twin_is_asked_for_everything_it_has() -> None:
    reference = np.random.default_rng(0).standard_normal((4, 50)).astype(np.float32)
    alone = Reference(outputs={"y": reference}, oracle={}, spread={"y": np.full((4, 50), 1e-6, np.float32)}, emulated={}, wobble={"y": 0.0})
    actual = reference + np.float32(3e-5)
    match, full, known = judged(actual, alone)
    assert match == full
    assert known.asked == {"twin": 1, "all": 1}
