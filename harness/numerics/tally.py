"""Sums and maxima over the elements of two arrays, and the sums again where float64 cannot hold the squares."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.numerics.blocks import blocks

_DOT = 8192  # below the length from which BLAS libraries use threads of their own, which would fight with ours


@dataclass(slots=True)
class Tally:
    """Sums and maxima over elements, e the expected, a the actual and d their distance.

    ``finite`` counts those finite on both sides; sums of squares, of products and of distances
    (``total``) are over these. ``infinite`` counts those where an infinity is on one side only.
    ``beyond``: squares left the range of float64, and the sums mean nothing.
    """

    finite: int = 0
    ee: float = 0.0
    aa: float = 0.0
    ae: float = 0.0
    dd: float = 0.0
    total: float = 0.0
    peak: float = 0.0
    at: int = 0
    rel: float = 0.0
    ulp: float = 0.0
    outside: int = 0
    infinite: int = 0
    beyond: bool = False
    patterns: dict[str, list[int]] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add what was found in the elements that follow."""
        for name in ("finite", "ee", "aa", "ae", "dd", "total", "outside", "infinite"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.peak > self.peak:
            self.peak, self.at = other.peak, other.at
        self.rel, self.ulp = max(self.rel, other.rel), max(self.ulp, other.ulp)
        self.beyond |= other.beyond
        for word, (actual, expected, differ, first) in other.patterns.items():
            self.seen(word, actual, expected, differ, first)

    def seen(self, word: str, actual: int, expected: int, differ: int, first: int) -> None:
        """Count special values: in the actual, in the expected, where only one has it, and the first such place."""
        mine = self.patterns.setdefault(word, [0, 0, 0, first])
        if not mine[2]:
            mine[3] = first
        mine[0], mine[1], mine[2] = mine[0] + actual, mine[1] + expected, mine[2] + differ


def dot(x: Any, y: Any) -> float:
    """Return the sum of products of two contiguous float64 vectors."""
    return _added(np.matmul(_rows(x), _columns(y)), x, y)


def products(e: Any, d: Any) -> tuple[float, float, float]:
    """Return the sums of e * e, e * d and d * d of two contiguous float64 vectors."""
    rows, column = _rows(e), _columns(d)
    ee, de = np.matmul(rows, _columns(e)), np.matmul(rows, column)
    return _added(ee, e, e), _added(de, e, d), _added(np.matmul(_rows(d), column), d, d)


def _rows(x: Any) -> Any:
    return x[: x.size - x.size % _DOT].reshape(-1, 1, _DOT)


def _columns(x: Any) -> Any:
    return x[: x.size - x.size % _DOT].reshape(-1, _DOT, 1)


def _added(sums: Any, x: Any, y: Any) -> float:
    """Return the sum of the rows' sums, and of the products of what is left of the vectors after the last whole row."""
    total: float = sum(sums.ravel().tolist())
    left = x.size % _DOT
    return total + float(np.dot(x[-left:], y[-left:])) if left else total


def rescaled(tally: Tally, a: Any, e: Any) -> tuple[int, int]:
    """Take the sums again over values times powers of two; return the exponents of expected and difference.

    Two more passes, for values that all but no model has: magnitudes above 1e154 or below 1e-135.
    """
    peaks = [0.0, 0.0, 0.0]
    with np.errstate(over="ignore", under="ignore"):
        for _, pieces in blocks(a, e):
            peaks = [max(peak, float(np.max(np.abs(part)))) for peak, part in zip(peaks, _parts(*pieces), strict=True)]
        exponents = [math.frexp(peak)[1] if math.isfinite(peak) else 0 for peak in peaks]
        tally.aa = tally.ee = tally.dd = tally.ae = tally.total = 0.0
        for _, pieces in blocks(a, e):
            x, y, d = (np.ldexp(part, -k) for part, k in zip(_parts(*pieces), exponents, strict=True))
            tally.aa, tally.ee, tally.dd = tally.aa + dot(x, x), tally.ee + dot(y, y), tally.dd + dot(d, d)
            tally.ae, tally.total = tally.ae + dot(x, y), tally.total + float(np.sum(np.abs(d)))
    return exponents[1], exponents[2]


def _parts(a: Any, e: Any) -> tuple[Any, Any, Any]:
    """Return actual, expected and difference in float64, with zeros where either side is not finite."""
    a, e = a.astype(np.float64), e.astype(np.float64)
    good = np.isfinite(a) & np.isfinite(e)
    a, e = np.where(good, a, 0.0), np.where(good, e, 0.0)
    return a, e, a - e
