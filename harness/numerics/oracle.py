"""The oracle bound: how far from the source's float64 twin a correct target may be, element by element.

    distance(y) <= (4 + 2 sqrt(K)) u |o| + 64 u scale + (16 + 2 sqrt(K)) spread + 16 error

``y`` is the target's value, ``o`` the float64 twin's, ``r`` the source's own; the distance is that from the interval between ``o``
and ``r``, since either end is a defensible answer. The parts:

- ``u``: unit round-off of the coarsest type the target computes in. ``4 u |o|``: a few roundings of the result itself
  (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 2.2). ``K``: the longest sum, as far as it shows: input
  elements for each output element. Rounding gathers ``sqrt(K)``-fold in the mean when terms are added one by one (section 4.5); in a
  coarse type at most to an eighth.
- ``scale``: root mean square of ``o``, of the whole tensor or of the slice through the element where that is smaller. Summation in
  another order moves a result by a few units of this, whatever the length (Higham, section 4.2); so do the approximations of
  elementary functions in vectorised kernels, and interpolation weights from coordinates of a few dozen units.
- ``spread``: how far ``o`` moves when every input and weight moves by one unit round-off, measured (Monte Carlo arithmetic: Parker,
  1997; Vignes, 1993). It carries the condition of the problem and stands for the rounding inside. What the source's own answer moves
  by when it runs with other threads and another layout of its inputs counts too, as far as rounding explains it.
- ``error``: ``|r - o|``, what the source itself loses; the same yardstick as torch's accuracy benchmarks, which compare with a
  float64 run. It counts only as far as spread and scale explain it, or as most elements share it: a source that is
  plainly wrong somewhere earns its target no room there.

A target in 8 bits has tensors inside of the model in 8 bits as well. The source is run in float64 with these rounded, each by its own
range (all of them for ``int8``, what a product reads for ``int8-dynamic``, weights alone for ``int8-weights``), and eight times the
root mean square of what that changes is allowed, three times for the tensor as a whole: another draw of that size is as right.

A target in a coarser type has, beside the source's, the same parts for that type, with 2 for every constant, and what the source
loses when its weights and inputs are rounded to that type first; the float64 answer to these is as right as that to the given ones.
Two steps between the smallest numbers of the type may go as well, and what is beyond its largest has no part in the scale of the rest.

A source that has no float64 twin is its own oracle. Then both sides carry the rounding that the bound is for, and it counts twice.

The errors of a tensor as a whole may be at most half as large as its bounds, both as root mean squares: a difference everywhere
is no rounding even where each element alone might be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.core.value import value
from harness.numerics.local import Local, finite_or_zero, pieces

FORMULA = "distance to [oracle, reference] <= (4 + 2sqrt(K))u|oracle| + 64u*scale + (16 + 2sqrt(K))*spread + 16*error"
UNITS: Mapping[str, float] = {
    "float64": 2.0**-53, "float32": 2.0**-24, "tfloat32": 2.0**-11, "float16": 2.0**-11, "bfloat16": 2.0**-8, "int8": 2.0**-8,
    "int8-dynamic": 2.0**-8, "int8-weights": 2.0**-8,
}  # fmt: skip
"""Unit round-off by type; for int8 half a step of a symmetric 8-bit scale over its largest value."""
RANGES: Mapping[str, tuple[float, float]] = {"float16": (2.0**-24, 65504.0)}
"""The smallest and the largest positive number of types whose range is narrower than that of float32."""

_OWN, _SCALE, _NOISE, _ERROR = 4.0, 64.0, 16.0, 16.0
# In place of all of these for what a coarser type adds: its rounding outweighs every difference between kernels.
_COARSE = 2.0
_TINY = {"float64": 2.0**-1022, "float16": 2.0**-14}
# How many times the root mean square of the rounding of an emulated run may be in one element, where sqrt(2 ln n) is 5.3 for a million
# Gaussian ones and the tails are heavier; and how many times that of a tensor as a whole.
_DRAWN, _DRAWN_WHOLE = 8.0, 3.0
# One draw of noise may be small by chance: an element has at least this share of what is usual around it.
_USUAL = 0.6
# Beyond this share of its own scale a bound says nothing about a value any more; what rounding alone costs in a coarse type is not held
# against it, up to one half.
_LOOSE, _HALF = 0.01, 0.5
# A long sum in a coarse type loses no more than this by rounding where it is right: more is stagnation, which a source shows itself.
_LONGEST = 0.125


@value
class Yardstick:
    """What one output is held to. All arrays have its shape.

    ``reference``: as the source returned it. ``oracle``: float64. ``spread``: how far the oracle moves per unit round-off of
    the source's type. ``unit``: unit round-off of the source's type. ``terms``: the longest sum. ``wobble``: how far two
    runs of the source on one input were apart, added to the noise. ``coarse``: unit round-off of the
    coarsest type the target computes in, where that is coarser than the source's, else 0; ``emulated`` then is the oracle with
    weights and inputs rounded to that type, and ``least`` and ``most`` are its smallest and largest positive numbers.
    ``inner``: whether tensors inside of the model were rounded for that as well, so that ``emulated`` is one draw of all that such a
    target loses. ``counted``: a mask, where a difference counts; None for everywhere. ``ordinary``: whether the inputs are, so that an
    output of which nothing is determined fails. ``alone``: whether there is no float64 twin, so that ``oracle`` is the reference itself.
    """

    reference: Any
    oracle: Any
    spread: Any
    unit: float = UNITS["float32"]
    terms: float = 1.0
    wobble: float = 0.0
    coarse: float = 0.0
    emulated: Any = None
    inner: bool = False
    least: float = 0.0
    most: float = math.inf
    counted: Any = None
    ordinary: bool = True
    alone: bool = False


@value
class Judged:
    """How one output fared. ``ratio``: the largest distance over its bound; ``tensor_ratio``: the same of the root mean squares,
    over one half; ``undetermined``: how many elements have a bound so wide that only their magnitude was judged; ``worst``: flat
    index of the largest ratio; ``parts``: the bound there.
    """

    ratio: float
    tensor_ratio: float
    outside: int
    undetermined: int
    worst: int
    parts: Mapping[str, float]

    @property
    def match(self) -> bool:
        """Whether every element and the tensor lie within their bounds."""
        return self.outside == 0 and self.tensor_ratio <= 1.0


def judge(actual: Any, yardstick: Yardstick) -> Judged:
    """Judge a float output of the shape of its yardstick. NaN and infinities are judged elsewhere and count as equal here."""
    with np.errstate(invalid="ignore", over="ignore"):
        bound = _Bound(yardstick)
        total = _Total()
        for index, piece in pieces(yardstick.oracle.shape):
            total.add(index, *bound.at(piece, actual))
        return total.judged(bound)


class _Total:
    """What has been seen so far."""

    def __init__(self) -> None:
        self.ratio, self.worst = 0.0, 0
        self.parts: dict[str, float] = {}
        self.outside = self.undetermined = self.size = 0
        self.squares = [0.0, 0.0]

    def add(self, start: int, distance: Any, allowed: Any, loose: Any, share: Any, parts: Mapping[str, Any]) -> None:
        """Take in a block: its distances, its bounds, where they are loose, what each adds to that of the tensor, and its parts."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ratio = np.where(distance > 0, distance / allowed, 0.0)
            self.squares[0] += float(np.sum(np.square(np.where(share > 0.0, distance, 0.0))))
            self.squares[1] += float(np.sum(np.square(share)))
        self.outside += int(np.count_nonzero(~(ratio <= 1.0)))
        self.undetermined += int(np.count_nonzero(loose))
        self.size += ratio.size
        if not ratio.size:
            return
        at = int(np.argmax(ratio))
        if ratio.flat[at] > self.ratio or not self.parts:
            self.ratio, self.worst = float(ratio.flat[at]), start + at
            self.parts = {name: float(np.broadcast_to(part, ratio.shape).flat[at]) for name, part in parts.items()}
            self.parts.update(distance=float(distance.flat[at]), allowed=float(allowed.flat[at]))

    def judged(self, bound: _Bound) -> Judged:
        """Return the sum of it."""
        tensor = bound.whole * math.sqrt(self.squares[0] / self.squares[1]) if self.squares[1] else 0.0
        # Among few elements the mean is no steadier than the largest.
        return Judged(
            ratio=self.ratio, tensor_ratio=tensor if self.size >= 32 else 0.0, outside=self.outside,
            undetermined=self.undetermined, worst=self.worst, parts={**self.parts, "unit": bound.unit, "terms": bound.terms},
        )  # fmt: skip


class _Bound:
    """The bound of one output, evaluated block by block."""

    def __init__(self, yardstick: Yardstick) -> None:
        self._given = yardstick
        self.unit, self.terms, self._coarse = yardstick.unit, yardstick.terms, yardstick.coarse
        self.whole = _DRAWN / _DRAWN_WHOLE if yardstick.inner else 2.0
        self._length = min(2.0 * math.sqrt(yardstick.terms), _LONGEST / yardstick.unit)
        own = min(_HALF, 2.0 * (_SCALE + 2.0 * self._length) * yardstick.unit) * (2.0 if yardstick.alone else 1.0)
        self._limit = max(_LOOSE, 2.0 * _SCALE * max(self._coarse, self.unit), own) * (2.0 if yardstick.inner else 1.0)
        self._arrays = r, o, s = yardstick.reference, yardstick.oracle, yardstick.spread
        shape = o.shape

        # What overflows in the source's own type, or in the target's, has no part in what is usual for the rest.
        def held(array: Any, piece: tuple[Any, ...]) -> Any:
            return np.where(np.isfinite(r[piece]) & ~(np.abs(o[piece]) > yardstick.most), array, 0.0)

        self._scale = Local(shape, lambda piece: held(o[piece], piece))
        # Where there is none of these anywhere, which a look tells at little cost, each stays 0.
        known = self._scale.constant
        self._spread = Local(shape, lambda piece: held(s[piece], piece), known) if np.any(s) else None
        lost = not yardstick.alone
        self._error = Local(shape, lambda piece: held(np.asarray(r[piece], np.float64) - o[piece], piece), known) if lost else None
        e = yardstick.emulated
        self._apart = Local(shape, lambda piece: held(e[piece] - o[piece], piece), self._scale.constant) if yardstick.inner else None
        # What the source loses in most elements is its algorithm's, whatever spread and scale explain.
        self._typical = 4.0 * _median(yardstick.reference, yardstick.oracle) if lost else 0.0
        self._tiny = _TINY.get(yardstick.reference.dtype.name, 2.0**-126) + _COARSE * yardstick.least

    def at(self, piece: tuple[Any, ...], actual: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Return distance, bound, looseness, share in the bound of the tensor and parts of the elements at ``piece``."""
        y, r, o, s = (np.asarray(array[piece], np.float64) for array in (actual, *self._arrays))
        judged = np.isfinite(y) & np.isfinite(o) & np.isfinite(r)
        if self._given.counted is not None:
            judged &= self._given.counted[piece]
        y, r, o = (np.where(judged, array, 0.0) for array in (y, r, o))
        jumps: Any = np.False_ if self._spread is None else ~np.isfinite(s)
        size = np.abs(o)
        spread = 0.0 if self._spread is None else np.maximum(np.where(jumps, 0.0, s), _USUAL * self._spread.at(piece, o.shape))
        scale = self._scale.floored(piece, o.shape)
        noise = (_NOISE + self._length + _COARSE * self._coarse / self.unit) * spread + self._given.wobble
        rounding = self.unit * ((_OWN + self._length) * size + _SCALE * scale) + _COARSE * self._coarse * (size + scale)
        if self._given.alone:
            noise, rounding = 2.0 * noise, 2.0 * rounding
        explained = np.maximum(4.0 * (noise + rounding), self._typical)
        error: Any = 0.0
        if self._error is not None:
            error = _ERROR * np.minimum(np.maximum(np.abs(r - o), self._error.at(piece, o.shape)), explained)
        distance = np.maximum(np.maximum(np.minimum(r, o) - y, y - np.maximum(r, o)), 0.0)
        if self._given.emulated is not None:
            e = np.asarray(self._given.emulated[piece], np.float64)
            apart = np.abs(np.nan_to_num(e, nan=0.0, posinf=0.0, neginf=0.0) - o)
            if self._apart is None:
                error = error + _COARSE * np.minimum(apart, explained)
            else:
                error = error + _DRAWN * np.maximum(apart, self._apart.at(piece, o.shape))
            distance = np.where(np.isfinite(e), np.minimum(distance, np.abs(y - e)), distance)
        allowed = rounding + noise + error + self._tiny
        loose = judged & ((allowed > self._limit * np.maximum(size, scale) + self._tiny * 16) | jumps)
        # Where rounding may go anywhere in an element, the mean over all of them still tells one that is too large.
        share = np.where(jumps if self._given.inner else loose, 0.0, allowed)
        allowed = np.where(loose, np.maximum(allowed, 4.0 * np.maximum(size, self._scale.whole)), allowed)
        parts = {"rounding": rounding, "noise": noise, "error": error, "oracle": o, "reference": r, "scale": scale}
        return np.where(judged, distance, 0.0), allowed, loose, share, parts


def scales(array: Any) -> Any:
    """Return what a rounding error of each element is in proportion to: the ``scale`` of the bound for this answer."""
    finite = finite_or_zero(array)
    return Local(finite.shape, lambda piece: finite[piece]).floored((), finite.shape)


def _median(reference: Any, oracle: Any) -> float:
    """Return the middle of ``|reference - oracle|``, of at most 65,536 elements evenly taken."""
    step = max(1, reference.size >> 16)
    r, o = (np.asarray(np.asarray(array).reshape(-1)[::step], np.float64) for array in (reference, oracle))
    known = np.isfinite(r) & np.isfinite(o)
    return float(np.median(np.abs(r - o)[known])) if known.any() else 0.0


def judge_whole(actual: Any, yardstick: Yardstick) -> tuple[int, int, int]:
    """Judge integers or booleans: return how many are wrong, how many are undetermined, and the flat index of the first wrong one.

    A value that changes when inputs and weights move by a few units in the last place (a near tie) is undetermined; there any
    value is right that occurs in the float64 answer, and the source's own. All others must be equal to the source's, or to the float64
    answer to inputs and weights in the type that the target computes in.
    """
    y, r, o = (np.asarray(array) for array in (actual, yardstick.reference, yardstick.oracle))
    open_ = (np.asarray(yardstick.spread) > 0) | (r != o)
    low, high = (o.min(), o.max()) if o.size else (0, 0)
    wrong = (y != r) & (~open_ | (y < low) | (y > high))
    if yardstick.emulated is not None:
        wrong &= y != np.asarray(yardstick.emulated)
    if yardstick.counted is not None:
        wrong &= yardstick.counted
    return int(np.count_nonzero(wrong)), int(np.count_nonzero(open_)), int(np.argmax(wrong)) if wrong.size else 0
