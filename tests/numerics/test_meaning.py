"""Where the source leaves the domain in which it means something, that is said and not counted."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import UsageError
from harness.numerics.meaning import meaningful


def test_ordinary_rounding_counts_everywhere() -> None:
    exact = np.random.default_rng(0).normal(size=(3, 4))
    found = meaningful(exact.astype(np.float32), exact)
    assert found.mask.all()
    assert (found.mask.shape, found.counted, found.words) == ((3, 4), 12, "")


def test_overflow_of_the_source_alone_is_said_and_not_counted() -> None:
    x = np.array([[1.0, 2.0], [89.0, 3.0]])
    with np.errstate(over="ignore"):
        found = meaningful(np.exp(x.astype(np.float32)), np.exp(x))
    assert not found.mask[1, 0]
    assert "of 4 elements are not counted" in found.words
    assert "1 in NaN or infinity" in found.words
    assert "first at [1, 0]: inf, in float64 4.48961e+38" in found.words


def test_infinities_and_nan_that_both_agree_on_count() -> None:
    same = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert meaningful(same.astype(np.float32), same).mask.all()
    assert meaningful(-same, same).mask.tolist() == [True, False, False, False]


def test_a_source_that_lost_its_digits_means_nothing_there() -> None:
    exact = np.array([1.0, 1.0, 1e-30, 100.0])
    assert meaningful(np.array([1.0, 3.0, 0.0, 100.0]), exact).mask.tolist() == [True, False, True, True], "1e-30 is nothing beside 100"
    alone = meaningful(np.float32([0.0, 0.0]), np.array([1e-30, 1e-30]))
    assert not alone.mask.any()
    assert "2 in value" in alone.words


def test_the_scale_neither_overflows_nor_vanishes() -> None:
    for size in (1e300, 1e-300):
        assert meaningful(np.array([size, size * 1.001]), np.array([size, size])).mask.all()


def test_an_output_that_moves_with_the_last_digits_of_its_input_does_not_count() -> None:
    exact = np.array([1.0, 2.0])
    assert meaningful(exact, exact, spread=np.float32([1e-7, 2e-2])).mask.tolist() == [True, False]
    assert meaningful(exact, exact, spread=np.float32([np.inf, 0.0])).mask.tolist() == [False, True]
    infinite = np.array([np.inf, np.nan])
    assert meaningful(infinite, infinite, spread=np.zeros(2, np.float32)).mask.all()


def test_whole_numbers_count_where_they_are_equal() -> None:
    assert meaningful(np.array([1, 2, 300]), np.array([1, 3, 301])).mask.tolist() == [True, False, False]
    assert meaningful(np.array([1, 2]), np.array([1, 2]), spread=np.float32([0, 1])).mask.tolist() == [True, False]
    assert meaningful(np.array([True, False]), np.array([True, True])).mask.tolist() == [True, False]


def test_scalars_and_empty_outputs() -> None:
    assert meaningful(np.float32(1), np.float64(1)).mask.shape == ()
    assert "first at []: 1, in float64 2" in meaningful(np.float32(1), np.float64(2)).words
    assert meaningful(np.zeros((0, 3), np.float32), np.zeros((0, 3))).words == ""


def test_outputs_that_do_not_correspond_are_refused() -> None:
    with pytest.raises(UsageError, match=r"has shape \(2,\), its oracle \(3,\)"):
        meaningful(np.zeros(2), np.zeros(3))
