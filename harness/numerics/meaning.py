"""Where the source itself means something: numbers that leave that domain are named, and not counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.errors import UsageError
from harness.core.value import value
from harness.numerics.metrics import distance, widen

NEAR = 1e-2
"""The share of an element's own size, or of the tensor's, that the source may be off by and still mean something."""

NOISE = 16.0
"""How many unit round-offs of its inputs an output that means something has to bear."""


@value
class Meaning:
    """``mask``: boolean, in the shape of the output, True where a difference counts. ``words``: "" when it counts everywhere."""

    mask: Any
    words: str

    @property
    def counted(self) -> int:
        """The number of elements that count."""
        return int(np.count_nonzero(self.mask))


def meaningful(reference: Any, oracle: Any, spread: Any = None) -> Meaning:
    """Return, for each element, whether the source itself is meaningful there, and what to say where it is not.

    ``reference`` is an output of the source in its own precision, ``oracle`` the same output in float64, ``spread``
    (optional) how far the oracle moves for each unit round-off that inputs and weights move, not negative, infinite
    where NaN or infinities come or go; all of one shape, any numeric dtype. Real numbers: an element means something
    when reference and oracle hold NaN, +inf and -inf at the same places, ``|reference - oracle| <= NEAR * size`` and
    ``NOISE * spread <= NEAR * size``, where ``size`` is the greater of ``|oracle|`` and the root mean square of the
    oracle's finite values. Infinities and NaN that both agree on mean something: the source stands by them. Integers
    and booleans mean something where reference and oracle are equal and the spread is 0: whatever was rounded or
    picked elsewhere hangs on the last bits. Values are judged as float64, integers above 2**53 thus rounded. Raises
    `UsageError` when the shapes differ.
    """
    want, exact = np.asarray(reference), np.asarray(oracle)
    noise = np.zeros(exact.shape) if spread is None else NOISE * widen(spread)
    for other in (want, noise):
        if other.shape != exact.shape:
            raise UsageError(f"reference or spread has shape {other.shape}, its oracle {exact.shape}; the outputs must correspond")
    narrow, wide = widen(want), widen(exact)
    pattern = np.isfinite(noise)
    for test in (np.isnan, np.isposinf, np.isneginf):
        pattern &= test(narrow) == test(wide)
    size = 0.0 if want.dtype.kind in "iub" else np.maximum(np.abs(np.where(np.isfinite(wide), wide, 0.0)), _scale(wide))
    mask = pattern & (np.maximum(distance(narrow, wide), noise) <= NEAR * size)
    return Meaning(mask=mask, words=_words(mask, pattern, narrow, wide))


def _scale(wide: Any) -> float:
    """Return the root mean square of the finite values, 0.0 without any; squares neither overflow nor underflow."""
    finite = np.abs(wide[np.isfinite(wide)])
    peak = float(np.max(finite, initial=0.0))
    return peak * float(np.sqrt(np.mean(np.square(finite / peak)))) if peak else 0.0


def _words(mask: Any, pattern: Any, narrow: Any, wide: Any) -> str:
    lost = int(np.count_nonzero(~mask))
    if not lost:
        return ""
    other = int(np.count_nonzero(~pattern))
    index = tuple(int(i) for i in np.argwhere(~mask)[0])
    kinds = [f"{other} in NaN or infinity"] if other else []
    kinds += [f"{lost - other} in value"] if lost > other else []
    return (
        f"{lost} of {mask.size} elements are not counted: the source itself is not meaningful there, it differs from its float64 "
        f"twin, or that hangs on the last bits of the inputs ({', '.join(kinds)}); "
        f"first at {list(index)}: {narrow[index]:.6g}, in float64 {wide[index]:.6g}"
    )
