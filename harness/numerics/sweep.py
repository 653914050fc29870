"""What one block of two arrays adds to the metrics, with buffers made once; the inner loop of `measure`.

All arithmetic is that of float64 on widened values; where float32 is used it only screens, and
whatever it cannot decide is computed again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.numerics.blocks import BLOCK, Whole
from harness.numerics.tally import Tally, dot, products
from harness.numerics.widening import gap, identical, is_exact, is_wide, precision, widened

CHUNK = 16
"""Blocks of one task of a thread. Part of the definition of the sums: they are added block by block, chunk by chunk."""

SLACK = 1e-6  # more than what a few float32 roundings lose: 2**-24 each
LEAST = 1e-270  # sums of squares below this have lost digits to denormal squares
SHARE = 1e-3  # of the actual's squares that must be left for them to be derived from those of the difference

_EXPONENT = np.int64(0x7FF0000000000000)


class Sweep:
    """A worker with its own buffers: ``sweep(number)`` is the `Tally` of one chunk of two arrays."""

    def __init__(self, whole: Whole, actual: Any, expected: Any, bound: tuple[float, float] | None) -> None:
        """Take two arrays, the dtype of each, and rtol and atol where elements outside of them are to be counted."""
        self.whole, self.bound = whole, bound
        self.single = actual == expected == np.dtype(np.float32) and actual.isnative
        self.exact = is_exact(actual, expected)
        self.wide = is_wide(actual) or is_wide(expected)
        self.precision = precision(expected) if actual.name == expected.name else None
        length = min(BLOCK, whole.size)
        # Each buffer some cache lines further than a whole page: at the same offset in every page, loads wait for stores.
        step = -(-length // 512) * 512 + 40
        arena = np.empty(4 * step)
        self.e8, self.d8, self.t8, halves = (arena[k * step :][:length] for k in range(4))
        self.d4, self.r4 = halves.view(np.float32)[:length], halves.view(np.float32)[length:]
        self.mask = np.empty(length, bool)
        self.tally = Tally()

    def __call__(self, number: int) -> Tally:
        """Return the tally of chunk ``number``."""
        # What is beaten by an earlier chunk of this worker need not be worked out.
        self.tally = tally = Tally(rel=self.tally.rel, ulp=self.tally.ulp)
        first = number * CHUNK * BLOCK
        # Overflow, 0/0 and NaN are expected here, and looked for.
        with np.errstate(all="ignore"):
            for start in range(first, min(first + CHUNK * BLOCK, self.whole.size), BLOCK):
                self._block(start, *self.whole.piece(start, min(start + BLOCK, self.whole.size)))
        return tally

    def _block(self, start: int, a: Any, e: Any) -> None:
        tally = self.tally
        if identical(a, e, self.mask):
            e8 = widened(e, self.e8)
            ee = dot(e8, e8)
            if ee < math.inf and (ee > LEAST or not self.wide):
                tally.finite += a.size
                tally.ee, tally.aa, tally.ae = tally.ee + ee, tally.aa + ee, tally.ae + ee
                return
        # First what reads both arrays from memory, two streams at once; all else finds them in the cache.
        top4 = self._quotients(a, e) if self.single else None
        e8 = widened(e, self.e8)
        d8 = self._difference(a, e, e8, top4)
        ee, de, dd = products(e8, d8)
        if math.isfinite(ee + dd):
            tally.finite += a.size
        else:
            a, e8, d8 = self._cleaned(start, a, e)
            ee, de, dd = products(e8, d8)
            top4 = None
        self._sums(a, e8, d8, ee, de, dd)
        np.abs(d8, out=d8)
        top = float(np.maximum.reduce(d8))
        if top > 0:
            self._distances(start, d8, e8, top, top4)

    def _distances(self, start: int, d8: Any, e8: Any, top: float, top4: float | None) -> None:
        """Add what depends on the distances ``d8``, of which ``top`` is the largest."""
        tally = self.tally
        tally.total += float(np.einsum("i->", d8))
        if top > tally.peak:
            tally.peak, tally.at = top, start + int(np.argmax(d8))
        # A quotient is at least half a unit in the last place of 1, so that it is only large ones that float32 cannot hold.
        rel, stray = self._largest(d8, e8, top4) if top4 and 0 < top4 < math.inf else self._ratio(d8, e8)
        if self.precision and (stray or rel * 2.0 ** self.precision[0] > tally.ulp):
            tally.ulp = max(tally.ulp, self._ulp(d8, e8, *self.precision))
        if self.bound:
            tally.outside += self._outside(d8, e8, top, rel, stray, *self.bound)

    def _quotients(self, a: Any, e: Any) -> float:
        """Fill ``d4`` with a - e and ``r4`` with (a - e) / e, and return the largest magnitude of a quotient.

        0/0, an expected zero that was met, is passed over; NaN where there is nothing else.
        """
        difference, ratio = self.d4[: a.size], self.r4[: a.size]
        np.subtract(a, e, out=difference)
        np.divide(difference, e, out=ratio)
        return max(float(np.fmax.reduce(ratio)), -float(np.fmin.reduce(ratio)))

    def _difference(self, a: Any, e: Any, e8: Any, top4: float | None) -> Any:
        """Return a - e in float64. Where no element is off by half, float32 has subtracted exactly (Sterbenz, 1974)."""
        d8 = self.d8[: a.size]
        if top4 is not None and top4 < 0.49:
            np.copyto(d8, self.d4[: a.size])
        elif self.exact:
            gap(a, e, d8)
        else:
            np.subtract(widened(a, d8), e8, out=d8)
        return d8

    def _sums(self, a: Any, e8: Any, d8: Any, ee: float, de: float, dd: float) -> None:
        """Add the sums of squares and products. Those of the actual follow from a = e + d, unless most of it cancels."""
        tally, aa, ae = self.tally, ee + 2 * de + dd, ee + de
        if not aa > SHARE * (ee + dd):
            a8 = widened(a, self.t8)
            aa, ae = dot(a8, a8), dot(a8, e8)
        tally.ee, tally.aa, tally.ae, tally.dd = tally.ee + ee, tally.aa + aa, tally.ae + ae, tally.dd + dd
        if self.wide and not (min(ee, aa, dd) > LEAST and max(ee, aa, dd) < math.inf):
            odd = ((total, values) for total, values in ((ee, e8), (dd, d8), (aa, a)) if not LEAST < total < math.inf)
            tally.beyond |= any(values.any() for _, values in odd)

    def _cleaned(self, start: int, a: Any, e: Any) -> tuple[Any, Any, Any]:
        """Count NaN and infinities and return actual, expected and difference with zeros in all such places."""
        a8, e8 = self.t8[: a.size], self.e8[: a.size]
        np.copyto(a8, a, casting="unsafe")
        np.copyto(e8, e, casting="unsafe")
        odd = np.flatnonzero(~(np.isfinite(a8) & np.isfinite(e8)))
        if odd.size:
            self._special(start + odd, a8[odd], e8[odd])
            a8[odd] = e8[odd] = 0
        self.tally.finite += a8.size - odd.size
        return a8, e8, np.subtract(a8, e8, out=self.d8[: a.size])

    def _special(self, places: Any, a: Any, e: Any) -> None:
        """Count pairs of which at least one is NaN or infinite."""
        tally = self.tally
        for word, test in (("NaN", np.isnan), ("+inf", np.isposinf), ("-inf", np.isneginf)):
            x, y = test(a), test(e)
            differ = x != y
            actual, expected, count = (int(np.count_nonzero(mask)) for mask in (x, y, differ))
            if actual or expected:
                tally.seen(word, actual, expected, count, int(places[np.argmax(differ)]))
        wrong = ~((a == e) | (np.isnan(a) & np.isnan(e)))
        tally.infinite += int(np.count_nonzero(wrong & (np.isinf(a) | np.isinf(e))))
        if wrong.any():
            tally.ulp = math.inf
            tally.outside += int(np.count_nonzero(wrong))
            if tally.peak < math.inf:
                tally.peak, tally.at = math.inf, int(places[np.argmax(wrong)])
            if np.any(wrong & np.isfinite(e) & (e != 0)):
                tally.rel = math.inf

    def _largest(self, d8: Any, e8: Any, top4: float) -> tuple[float, float]:
        """Do the work of `_ratio` from the float32 quotients, of which ``top4`` is the largest; the first number is an upper bound.

        The float64 quotient is taken only of elements near the largest, and only where it can matter.
        """
        most = top4 * (1 + SLACK)
        if most > self.tally.rel:
            near = np.flatnonzero(np.abs(self.r4[: d8.size]) >= top4 * (1 - SLACK))
            self.tally.rel = max(self.tally.rel, float(np.max(d8[near] / np.abs(e8[near]))))
        return most, 0.0

    def _ratio(self, d8: Any, e8: Any) -> tuple[float, float]:
        """Return the largest relative error where the expected value is not 0, and the largest error where it is."""
        ratio, mask = self.t8[: d8.size], self.mask[: d8.size]
        np.divide(d8, e8, out=ratio)
        top, stray = max(float(np.fmax.reduce(ratio)), -float(np.fmin.reduce(ratio))), 0.0
        if not top < math.inf:
            np.equal(e8, 0, out=mask)
            stray = float(np.max(d8[mask], initial=0.0))
            np.copyto(ratio, 0, where=mask)
            top = max(float(np.maximum.reduce(ratio)), -float(np.minimum.reduce(ratio)))
        self.tally.rel = max(self.tally.rel, top)
        return top, stray

    def _ulp(self, d8: Any, e8: Any, bits: int, normal: float) -> float:
        """Return the largest error in units in the last place of the expected value: the exponent bits, as a power of two."""
        unit = self.t8[: d8.size]
        np.bitwise_and(e8.view(np.int64), _EXPONENT, out=unit.view(np.int64))
        np.maximum(unit, normal, out=unit)
        np.divide(d8, unit, out=unit)
        return float(np.maximum.reduce(unit)) * 2.0 ** (bits - 1)

    def _outside(self, d8: Any, e8: Any, top: float, rel: float, stray: float, rtol: float, atol: float) -> int:
        """Return how many elements lie outside the bound; no element does where the largest errors do not."""
        if top <= atol or (stray <= atol and rel * (1 + SLACK) <= rtol):
            return 0
        allowed = np.abs(e8, out=self.t8[: d8.size])
        allowed *= rtol
        allowed += atol
        return int(d8.size) - int(np.count_nonzero(np.less_equal(d8, allowed, out=self.mask[: d8.size])))
