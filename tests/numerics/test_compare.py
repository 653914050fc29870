"""The judge, with the fault planted first: each must be rejected, its benign twin accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.core.tolerance import default_tolerance
from harness.numerics.compare import compare
from harness.numerics.oracle import Yardstick

GOOD = {"y": np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], np.float32), "ids": np.array([3, 1], np.int64)}


def verdict(actual: dict[str, Any], expected: dict[str, Any], **more: Any) -> bool:
    """Return whether every comparison matched."""
    return all(c.match for c in compare(actual, expected, lambda _, dtype: default_tolerance(dtype), **more))


def changed(**parts: Any) -> dict[str, Any]:
    """Return the good outputs with some replaced; None drops one."""
    return {name: array for name, array in {**GOOD, **parts}.items() if array is not None}


def test_equal_outputs_match() -> None:
    assert verdict(changed(), GOOD)
    assert verdict(changed(y=GOOD["y"] * np.float32(1 + 1e-6)), GOOD)


@pytest.mark.parametrize(
    "actual",
    [
        changed(y=np.full((2, 3), np.nan, np.float32)),
        changed(y=GOOD["y"][:1]),
        changed(y=np.float32(1.0)),
        changed(y=GOOD["y"].astype(np.float64)),
        changed(y=GOOD["y"].astype(np.float16)),
        changed(y=GOOD["y"][..., None]),
        changed(y=None),
        changed(extra=GOOD["y"]),
        {"z": GOOD["y"], "ids": GOOD["ids"]},
        changed(y=np.empty((0, 3), np.float32)),
        changed(y=-GOOD["y"]),
        changed(y=np.where(GOOD["y"] == -2, np.float32(3), GOOD["y"])),
        changed(y=np.where(GOOD["y"] == 0, np.float32(np.inf), GOOD["y"])),
        changed(y=GOOD["y"] + np.float32(1e-3)),
        changed(ids=np.array([3, 2], np.int64)),
        changed(ids=np.array([3, 1], np.int32)),
        {},
    ],
    ids=str,
)
def test_planted_fault_is_rejected(actual: dict[str, Any]) -> None:
    assert not verdict(actual, GOOD)


def test_swapped_outputs_of_one_shape_are_rejected() -> None:
    expected = {"a": np.ones(3, np.float32), "b": np.zeros(3, np.float32)}
    assert not verdict({"a": expected["b"], "b": expected["a"]}, expected)


def test_nothing_to_compare_is_a_failure() -> None:
    assert not verdict({}, {})


def test_same_nan_and_infinity_pattern_matches_and_another_sign_does_not() -> None:
    expected = {"y": np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)}
    assert verdict({"y": expected["y"].copy()}, expected)
    assert not verdict({"y": np.array([np.nan, -np.inf, np.inf, 1.0], np.float32)}, expected)


def test_empty_against_empty_matches() -> None:
    empty = {"y": np.empty((0, 3), np.float32)}
    assert verdict(empty, empty)


def test_large_integers_are_compared_exactly() -> None:
    assert not verdict({"i": np.array([2**60 + 1])}, {"i": np.array([2**60])})


def test_documented_cast_is_accepted_and_an_undocumented_one_is_not() -> None:
    actual = {"i": np.array([1, 2], np.int32)}
    expected = {"i": np.array([1, 2], np.int64)}
    assert verdict(actual, expected, casts={"i": "int32"})
    assert not verdict(actual, expected)


def test_uint8_difference_does_not_wrap() -> None:
    (found,) = compare({"u": np.array([0], np.uint8)}, {"u": np.array([1], np.uint8)}, lambda _, dtype: default_tolerance(dtype))
    assert found.metrics["max_abs"] == 1.0


def test_oracle_distances_are_recorded() -> None:
    stick = Yardstick(reference=GOOD["y"], oracle=GOOD["y"].astype(np.float64), spread=np.zeros(GOOD["y"].shape, np.float32))
    found = compare(changed(), GOOD, lambda *_: None, yardsticks={"y": stick})
    assert found[0].metrics["oracle"]["target_scaled"] == 0.0
