"""Ids picked by score: ties may change places, nothing else may."""

from __future__ import annotations

import numpy as np
import pytest

from harness.numerics.ties import wrong_ids

SCORES = np.array([5.0, 3.0, 3.0, 1.0, 0.5, 0.5])
IDS = np.array([7, 2, 9, 4, 1, 8])


@pytest.mark.parametrize(
    ("got", "wrong"),
    [
        ([7, 2, 9, 4, 1, 8], []),
        ([7, 9, 2, 4, 1, 8], []),
        ([7, 2, 9, 4, 8, 1], []),
        ([7, 2, 9, 4, 1, 6], []),  # a third one with 0.5 may lie beyond the end
        ([7, 2, 9, 4, 1, 9], [5]),
        ([7, 2, 9, 4, 1, 1], [4, 5]),
        ([2, 7, 9, 4, 1, 8], [0, 1]),
        ([7, 2, 2, 4, 1, 8], [1, 2]),
        ([7, 2, 6, 4, 1, 8], [2]),
        ([7, 2, 9, 5, 1, 8], [3]),
    ],
)
def test_ties_may_change_places_and_nothing_else(got: list[int], wrong: list[int]) -> None:
    assert np.flatnonzero(wrong_ids(np.array(got), IDS, SCORES)).tolist() == wrong


def test_the_window_and_the_axis_are_declared() -> None:
    close = SCORES + np.array([0, 1e-7, 0, 0, 0, 0])
    got = np.array([7, 9, 2, 4, 1, 8])
    assert wrong_ids(got, IDS, close).any()
    assert not wrong_ids(got, IDS, close, window=1e-6).any()
    table = [np.stack([part, part], 1)[None] for part in (got, IDS, SCORES)]
    assert not wrong_ids(*table, axis=1).any()
    assert wrong_ids(*table, axis=2).any()


def test_nan_ties_with_nothing_and_a_lone_id_is_judged() -> None:
    assert wrong_ids(np.array([2, 1, 3]), np.array([1, 2, 3]), np.array([np.nan, np.nan, 0.0])).tolist() == [True, True, False]
    assert not wrong_ids(np.array(3), np.array(3), np.array(1.0)).any()
