"""Arithmetic in narrower types: against NumPy's own float16, and against sums known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ascend.precision import BRAIN, FULL, HALF
from harness.runtimes._ascend_numbers import LARGEST, Rounder, drift, mean, total

RANDOM = np.random.default_rng(7)
BITS = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


@pytest.mark.parametrize("operator", [np.add, np.subtract, np.multiply, np.divide])
def test_one_operation_is_rounded_as_float16_rounds_it(operator: np.ufunc) -> None:
    left, right = RANDOM.choice(BITS, 4000), RANDOM.choice(BITS, 4000)
    with np.errstate(all="ignore"):
        expected = operator(left, right).astype(np.float32)
        actual = Rounder(HALF, saturate=False)(operator(left.astype(np.float32), right.astype(np.float32)))
    np.testing.assert_array_equal(actual, expected)


def test_every_number_of_a_type_stays_as_it_is() -> None:
    finite = BITS[np.isfinite(BITS)].astype(np.float32)
    np.testing.assert_array_equal(Rounder(HALF, saturate=True)(finite), finite)
    brain = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    brain = brain[np.isfinite(brain)]
    np.testing.assert_array_equal(Rounder(BRAIN, saturate=False)(brain), brain)


def test_bfloat16_rounds_to_nearest_and_halves_to_even() -> None:
    step = 2.0**-7
    given = np.array([1 + step / 2, 1 + 3 * step / 2, 1 + 0.51 * step, -1 - step / 2, 3.3e38, np.nan, np.inf, 3.4e38], np.float32)
    narrow = Rounder(BRAIN, saturate=False)
    made = narrow(given)
    np.testing.assert_array_equal(made[:4], np.array([1, 1 + 2 * step, 1 + step, -1], np.float32))
    assert np.isfinite(made[4])
    assert np.isnan(made[5])
    assert np.isinf(made[6:]).all()
    assert narrow.over == 1, "infinity came as such, 3.4e38 became one"


@pytest.mark.parametrize("saturate", [False, True])
def test_what_is_too_large_is_infinite_or_the_largest_number_and_counted(saturate: bool) -> None:
    narrow = Rounder(HALF, saturate)
    made = narrow(np.array([65504, 65519, 65520, -1e10, np.inf, np.nan], np.float32))
    assert narrow.over == 2
    assert made[:2].tolist() == [LARGEST, LARGEST]
    assert made[2:5].tolist() == ([LARGEST, -LARGEST, LARGEST] if saturate else [np.inf, -np.inf, np.inf])
    assert np.isnan(made[5])


def test_constants_are_clipped_whatever_the_chip_does() -> None:
    narrow = Rounder(HALF, saturate=False)
    assert narrow.clipped(np.float32([-1e10, 1e-12, 2.0])).tolist() == [-LARGEST, 0.0, 2.0]
    assert narrow.over == 1
    assert Rounder(BRAIN, saturate=False).clipped(np.float32([-1e10]))[0] == pytest.approx(-1e10, rel=2**-8)


@pytest.mark.parametrize("length", [1, 127, 128, 129, 1000])
@pytest.mark.parametrize("axes", [[1], [0, 2], [-1]])
def test_a_sum_in_float32_is_the_sum(length: int, axes: list[int]) -> None:
    array = RANDOM.normal(size=(3, 4, length)).astype(np.float32)
    np.testing.assert_allclose(total(array, axes, Rounder(FULL, False)), array.sum(tuple(axes), keepdims=True), rtol=2e-5, atol=2e-5)


def test_a_sum_in_float16_loses_digits_and_overflows() -> None:
    array = RANDOM.uniform(0, 1, (1, 20000)).astype(np.float16).astype(np.float32)
    exact = float(array.astype(np.float64).sum())
    apart = abs(float(total(array, [1], Rounder(HALF, False), keep=False)[0]) - exact)
    assert apart > 0.1, "half a unit of float16 at 10000 is 4"
    assert apart < 40
    with np.errstate(over="ignore"):
        assert np.isinf(total(np.full((1, 64), 2000, np.float32), [1], Rounder(HALF, False)))
    assert total(np.full((1, 64), 2000, np.float32), [1], Rounder(HALF, True))[0, 0] == LARGEST


def test_a_mean_does_not_overflow_on_the_way() -> None:
    assert mean(np.full((1, 64), 2000, np.float32), [1], Rounder(HALF, False))[0, 0] == 2000


def test_drift_is_a_share_of_what_is_right() -> None:
    exact = np.array([3.0, 4.0])
    assert drift(exact, exact) == 0.0
    assert drift(np.array([3.0, 4.4]), exact) == pytest.approx(0.1)
    assert drift(exact * 1e200, exact * 1e200 * (1 + 1e-3)) == pytest.approx(1e-3, rel=1e-2)
    lone = np.zeros(10000)
    lone[0], other = 1.0, np.ones(10000)
    assert drift(other + lone, other) == pytest.approx(1.0), "one wrong element among many counts"
    assert drift(np.array([np.inf, 4.0]), exact) == np.inf
    assert drift(np.array([3.0, 4.0]), np.array([3.0, np.inf])) == np.inf
    assert drift(np.array([3.0, np.inf]), np.array([3.0, np.inf])) == 0.0
    assert drift(np.array([3.0, -np.inf]), np.array([3.0, np.inf])) == np.inf
    assert drift(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 5])) == 0.25
    assert drift(np.array([1.0]), np.array([0.0])) == np.inf
    assert drift(np.zeros(3), np.zeros(4)) == np.inf
