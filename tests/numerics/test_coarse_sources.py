"""A source that answers in float16 or bfloat16 is judged, however long its sums are: the coarse type is no reason to give up."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from harness.core.tolerance import default_tolerance
from harness.numerics.compare import compare
from harness.numerics.oracle import UNITS, Yardstick, judge

KINDS = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}


def means(kind: str, length: int, *, alone: bool = False) -> tuple[np.ndarray, Yardstick]:
    """Return the means of 64 long rows of that type, and what they are held to."""
    rows = np.random.default_rng(3).uniform(0.1, 1.0, (64, length)).astype(np.float32).astype(KINDS[kind])
    exact = rows.astype(np.float64).mean(1)
    answer = exact.astype(KINDS[kind])
    oracle = answer.astype(np.float64) if alone else exact
    stick = Yardstick(reference=answer, oracle=oracle, spread=np.zeros(64), unit=UNITS[kind], terms=float(length), alone=alone)
    return answer, stick


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [4, 1024, 4096, 1 << 16])
@pytest.mark.parametrize("alone", [False, True])
def test_the_mean_of_a_long_row_is_determined(kind: str, length: int, alone: bool) -> None:
    answer, stick = means(kind, length, alone=alone)
    found = judge(answer, stick)
    assert found.match
    assert found.undetermined == 0
    (whole,) = compare({"y": answer}, {"y": answer}, lambda _, dtype: default_tolerance(dtype), yardsticks={"y": stick})
    assert whole.match, whole.facts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [4, 4096, 1 << 16])
def test_what_is_missing_or_of_another_row_fails(kind: str, length: int) -> None:
    answer, stick = means(kind, length)
    assert not judge(np.zeros_like(answer), stick).match
    assert not judge((answer.astype(np.float64) * 2).astype(answer.dtype), stick).match
    one = answer.copy()
    one[5] = 0
    assert not judge(one, stick).match


@pytest.mark.parametrize("length", [4, 4096, 1 << 16])
def test_a_fifth_less_is_no_rounding_of_float16(length: int) -> None:
    answer, stick = means("float16", length)
    assert not judge((answer.astype(np.float64) * 0.8).astype(np.float16), stick).match


def test_a_sum_of_float16_in_its_own_type_one_by_one_matches() -> None:
    rows = np.random.default_rng(4).normal(size=(64, 512)).astype(np.float16)
    exact = rows.astype(np.float64).sum(1)
    naive = np.cumsum(rows, axis=1, dtype=np.float16)[:, -1]
    stick = Yardstick(reference=exact.astype(np.float16), oracle=exact, spread=np.zeros(64), unit=UNITS["float16"], terms=512.0)
    assert judge(naive, stick).match


def test_the_limits_of_float32_are_what_they_were() -> None:
    """One percent, whatever the length: in a type as fine as this, a wider bound comes from the problem."""
    exact = np.full(64, 3.0)
    held = {"reference": exact.astype(np.float32), "oracle": exact, "terms": 1e6}
    assert judge(exact, Yardstick(**held, spread=np.full(64, 1e-6))).undetermined == 0
    assert judge(exact, Yardstick(**held, spread=np.full(64, 1e-4))).undetermined == 64
