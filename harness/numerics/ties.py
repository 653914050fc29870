"""Ids that are picked by score, as top-k, argsort and non-maximum suppression pick them: equal scores may change places."""

from __future__ import annotations

from typing import Any

import numpy as np


def wrong_ids(actual: Any, expected: Any, scores: Any, axis: int = -1, window: float = 0.0) -> Any:
    """Return where an id is wrong: a boolean mask, all arguments have one shape.

    ``scores`` are the expected ones, sorted along ``axis`` either way. Neighbours no more than ``window`` apart are a tie:
    of a tie the ids may come in any order. A tie at the end of the list may go on beyond it, so there any id is right that
    occurs nowhere else in the list. NaN ties with nothing.
    """
    a, e, s = (np.moveaxis(np.atleast_1d(array), axis if np.ndim(array) else 0, -1) for array in (actual, expected, scores))
    wrong = a != e
    for row in map(tuple, np.argwhere(np.any(wrong, -1))):
        wrong[row] = _wrong_in_row(a[row], e[row], s[row].astype(np.float64), window)
    return np.moveaxis(wrong, -1, axis if np.ndim(actual) else 0).reshape(np.shape(actual))


def _wrong_in_row(a: Any, e: Any, scores: Any, window: float) -> Any:
    with np.errstate(invalid="ignore"):
        tied = (scores[1:] == scores[:-1]) | (np.abs(np.diff(scores)) <= window)
    edges = [0, *(np.flatnonzero(~tied) + 1), len(scores)]
    wrong = np.zeros(len(scores), bool)
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        got, want = a[start:stop], e[start:stop]
        if stop == len(scores):
            elsewhere = np.concatenate([e[:start], [] if len(set(got.tolist())) == len(got) else got]).tolist()
            wrong[start:stop] = [item in elsewhere for item in got.tolist()]
        elif sorted(got.tolist()) != sorted(want.tolist()):
            wrong[start:stop] = ~np.isin(got, want) | (len(set(got.tolist())) != len(got))
    return wrong
