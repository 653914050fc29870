"""From any dtype to float64, and what a dtype promises: its precision, its range, whether it is exact."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_real(dtype: Any) -> bool:
    """Return whether ``dtype`` holds real floating-point numbers; the kinds of ml_dtypes count, those for integers do not."""
    return dtype.kind == "f" or (dtype.kind == "V" and "float" in dtype.name)


def precision(dtype: Any) -> tuple[int, float] | None:
    """Return significant bits and the least normal number of a float dtype; None for others and beyond float64.

    The unit in the last place of x is then ``2**(max(exponent of x, least exponent) + 1 - bits)``.
    """
    if not is_real(dtype) or dtype.itemsize > 8:
        return None
    finfo: Any = np.finfo
    if dtype.kind == "V":
        import ml_dtypes

        finfo = ml_dtypes.finfo
    info = finfo(dtype)
    return int(info.nmant) + 1, float(info.smallest_normal)


def is_wide(dtype: Any) -> bool:
    """Return whether squares of numbers of ``dtype`` can leave the range of float64."""
    return dtype.kind in "fc" and dtype.itemsize >= 8


def is_exact(actual: Any, expected: Any) -> bool:
    """Return whether both dtypes are integers of which one is beyond float64, so that they are subtracted as integers."""
    return actual.kind in "iub" and expected.kind in "iub" and 8 in (actual.itemsize, expected.itemsize)


def widened(piece: Any, out: Any) -> Any:
    """Return a 1-D piece as native float64: itself where it is that, else copied to the start of ``out``."""
    if piece.dtype == np.float64 and piece.dtype.isnative:
        return piece
    out = out[: piece.size]
    np.copyto(out, piece, casting="unsafe")
    return out


def gap(a: Any, e: Any, out: Any) -> None:
    """Write ``a - e`` to ``out`` (float64) for integers of up to 64 bits: exact, then rounded once."""
    common = np.result_type(a, e)
    if common.kind == "f":  # int64 and uint64: what is below zero is far from anything unsigned
        below = [np.minimum(x, 0).astype(np.float64) if x.dtype.kind == "i" else 0.0 for x in (a, e)]
        a, e = (np.maximum(x, 0).astype(np.uint64) for x in (a, e))
        gap(a, e, out)
        out += below[0]
        out -= below[1]
        return
    a, e = a.astype(common), e.astype(common)
    more = a >= e
    high, low = np.where(more, a, e), np.where(more, e, a)
    # Modular arithmetic: the difference of two 64-bit integers fits 64 bits without a sign.
    np.copyto(out, high.astype(np.uint64) - low.astype(np.uint64))
    np.negative(out, out=out, where=~more)


def identical(a: Any, e: Any, mask: Any) -> bool:
    """Return whether two pieces hold the same bits; a look at the first few spares most of the cost where they do not."""
    if a.dtype != e.dtype or a.itemsize not in (1, 2, 4, 8) or a[:16].tobytes() != e[:16].tobytes():
        return False
    bits = np.dtype(f"u{a.itemsize}")
    return bool(np.equal(a.view(bits), e.view(bits), out=mask[: a.size]).all())
