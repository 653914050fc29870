"""Whether a series of times has settled: warm-up ends by a test, never after a number of calls.

Just-in-time compilers, caches and clock frequencies may settle late, in steps, or never (Barrett, Bolz-Tereick, Killick, Mount and
Tratt, "Virtual machine warmup blows hot and cold", OOPSLA 2017), so a series counts as settled where no change point is left at its
end. Their detector needs thousands of points that are cheap to have; here the end of a warm-up is short and its noise is skewed, for
which the rank test of Pettitt is made ("A non-parametric approach to the change-point problem", Applied Statistics 28, 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.core.value import value

WINDOW = 16
"""Blocks at the end of a series that are looked at: with fewer, even a steady fall would not be significant."""
LEVEL = 0.2
"""Strict, since the price of a false alarm is one turn more: a step is then seen as soon as a quarter of the window lies after it."""
SAME = 0.01
"""A change of less than this part is none: it is smaller than what is reported."""


@value
class Steady:
    """Whether the end of a series holds no change: its most likely place ``at`` (index in the series), how unlikely that is by chance
    (``p``), and by how much times change there (``shift``, 0.1 for ten per cent slower after it).
    """

    found: bool
    at: int
    p: float
    shift: float


def steady(series: Sequence[float], *, window: int = WINDOW, level: float = LEVEL, same: float = SAME) -> Steady:
    """Return whether the last ``window`` of a series of times > 0 have no change point; never for a shorter series."""
    if len(series) < window:
        return Steady(found=False, at=0, p=0.0, shift=0.0)
    last = np.asarray(series[-window:], float)
    at, p = pettitt(last)
    shift = float(np.median(last[at:]) / np.median(last[:at]) - 1.0)
    return Steady(found=bool(p > level or abs(shift) <= same), at=len(series) - window + at, p=p, shift=shift)


def pettitt(series: Any) -> tuple[int, float]:
    """Return the most likely change point of a series (the first index after it) and its probability if there is none.

    ``U[t] = 2 * sum(ranks[:t]) - t * (n + 1)``, ``p = 2 exp(-6 max|U|^2 / (n^3 + n^2))``; equal values share the mean of their ranks.
    """
    found = np.asarray(series, float)
    n = len(found)
    _, where, counts = np.unique(found, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[where]
    u = np.abs(2.0 * np.cumsum(ranks)[:-1] - np.arange(1, n) * (n + 1))
    at = int(np.argmax(u))
    return at + 1, min(1.0, 2.0 * math.exp(-6.0 * float(u[at]) ** 2 / (n**3 + n**2)))
