"""Where the source itself means something: numbers that leave that domain are named, and not counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.errors import UsageError
from harness.core.value import value
from harness.numerics.metrics import distance, widen

NEAR = 1e-2
"""The share of an element's own size, or of the tensor's, that the source may be off by and still mean something."""


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
    (optional) the output in float64 after the inputs and weights moved by a few units in the last place; all of one
    shape, any numeric dtype. Real numbers: an element means something when reference and oracle (and spread) hold
    NaN, +inf and -inf at the same places and ``|reference - oracle| <= NEAR * max(|oracle|, scale)`` (the same for
    spread), where ``scale`` is the root mean square of the oracle's finite values. Infinities and NaN that all agree
    on mean something: the source stands by them. Integers and booleans mean something where all are equal, as
    whatever was rounded or picked there depends on less than the source's own error otherwise. Values are judged as
    float64, integers above 2**53 thus rounded. Raises `UsageError` when the shapes differ.
    """
    want, exact = np.asarray(reference), np.asarray(oracle)
    others = [want] if spread is None else [want, np.asarray(spread)]
    for other in others:
        if other.shape != exact.shape:
            raise UsageError(f"reference or spread has shape {other.shape}, its oracle {exact.shape}; the outputs must correspond")
    wide = widen(exact)
    pattern, near = np.ones(exact.shape, bool), np.ones(exact.shape, bool)
    allowed = 0.0 if want.dtype.kind in "iub" else NEAR * np.maximum(np.abs(np.where(np.isfinite(wide), wide, 0.0)), _scale(wide))
    for other in others:
        narrow = widen(other)
        for test in (np.isnan, np.isposinf, np.isneginf):
            pattern &= test(narrow) == test(wide)
        near &= distance(narrow, wide) <= allowed
    mask = pattern & near
    return Meaning(mask=mask, words=_words(mask, pattern, want, wide))


def _scale(wide: Any) -> float:
    """Return the root mean square of the finite values, 0.0 without any; squares neither overflow nor underflow."""
    finite = np.abs(wide[np.isfinite(wide)])
    peak = float(np.max(finite, initial=0.0))
    return peak * float(np.sqrt(np.mean(np.square(finite / peak)))) if peak else 0.0


def _words(mask: Any, pattern: Any, want: Any, wide: Any) -> str:
    lost = int(np.count_nonzero(~mask))
    if not lost:
        return ""
    other = int(np.count_nonzero(~pattern))
    index = tuple(int(i) for i in np.argwhere(~mask)[0])
    kinds = [f"{other} in NaN or infinity"] if other else []
    kinds += [f"{lost - other} in value"] if lost > other else []
    return (
        f"{lost} of {mask.size} elements are not counted: the source itself is not meaningful there, its float64 twin differs "
        f"({', '.join(kinds)}); first at {list(index)}: {widen(want)[index]:.6g}, in float64 {wide[index]:.6g}"
    )
