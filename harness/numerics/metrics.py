"""Distances between two arrays, all from one pass in blocks over values widened to float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.numerics.blocks import BLOCK, Whole, cores, spread
from harness.numerics.sweep import CHUNK, Sweep
from harness.numerics.tally import Tally, rescaled
from harness.numerics.widening import precision


def widen(array: Any) -> Any:
    """Return ``array`` as float64; integers and booleans too (64-bit integers above 2**53 round)."""
    return np.asarray(array).astype(np.float64)


def measure(
    actual: Any, expected: Any, *, rtol: float | None = None, atol: float | None = None, threads: int | None = None
) -> dict[str, Any]:
    """Return the metrics of ``actual`` against ``expected``: same shape, any layout and numeric dtype.

    Positions where both hold the same NaN or infinity count as equal; where only one does, the
    difference is infinite. Differences and quotients are those of float64 on widened values; 64-bit
    integers are subtracted as integers. Complex numbers are compared component by component.

    Keys, over all elements: ``max_abs``, ``mean_abs``, ``max_rel`` (over elements whose expected
    value is finite and not 0), ``scaled`` (max_abs over the root mean square of the expected finite values),
    ``rms_rel`` (relative root mean square error), ``sqnr_db`` (10 log10 of the sum of squares of the
    expected over that of the error; inf when equal), ``cosine`` (where both are finite), ``ulp`` (below),
    ``worst`` (index of max_abs, the first in C order), ``actual_at_worst``, ``expected_at_worst``,
    ``size``, ``count_nan_differ`` and ``count_inf_differ`` (elements where only one side has NaN, or
    the infinity of that sign), ``patterns`` (`NaN`, `+inf`, `-inf` that differ: how many in actual and
    expected, how many differ, index of the first), and with a tolerance ``outside``: elements not within
    ``atol + rtol * |expected|``. Empty arrays give zero distances and no values at the worst.

    ``ulp`` is the largest ``|a - e| / ulp(e)`` where both have the same float dtype of p bits, and None
    otherwise: ``ulp(e) = 2**(max(floor(log2 |e|), emin) - p + 1)``, the gap above \\|e\\| (Muller et al.,
    Handbook of Floating-Point Arithmetic, 2.3; ``math.ulp``). It can be a fraction, as the gap below a
    power of two is half as wide, and is inf beyond the range of float64.

    Takes a few MiB of memory for each of ``threads`` (default: as many as this process may run on,
    at most 16); what it returns does not depend on them. Raises `ValueError` for different shapes.
    """
    a, e = _components(actual, expected)
    bound = None if rtol is None and atol is None else (float(rtol or 0), float(atol or 0))
    whole = Whole(a, e)
    chunks = -(-whole.size // (BLOCK * CHUNK))
    tally = Tally()
    for found in spread(chunks, lambda: Sweep(whole, a.dtype, e.dtype, bound), threads or cores()):
        tally.add(found)
    metrics = _distances(tally, whole.size, rescaled(tally, a, e) if tally.beyond else (0, 0))
    metrics["ulp"] = tally.ulp if a.dtype.name == e.dtype.name and precision(e.dtype) else None
    metrics.update(_places(tally, np.asarray(expected).shape, a, e))
    if bound:
        metrics["outside"] = tally.outside
    return metrics


def outside(actual: Any, expected: Any, rtol: float, atol: float) -> int:
    """Return how many elements do not meet ``|actual - expected| <= atol + rtol * |expected|``.

    The formula is applied in float64 to widened values; NaN and infinities meet it only where both
    sides hold the same, and an infinite expected value allows nothing. Same shapes and errors as `measure`.
    """
    return int(measure(actual, expected, rtol=rtol, atol=atol)["outside"])


def distance(a: Any, e: Any) -> Any:
    """Return ``|a - e|`` elementwise: 0 where both are the same NaN or infinity, inf where only one is."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(a - e)
    same = (a == e) | (np.isnan(a) & np.isnan(e))
    difference = np.where(same, 0.0, difference)
    return np.where(np.isnan(difference), np.inf, difference)


def cosine(a: Any, e: Any) -> float:
    """Return the cosine similarity of two flattened arrays, within -1 and 1; 1.0 when both are zero, 0.0 when one is.

    NaN where either holds NaN or an infinity: there is no angle then.
    """
    a, e = _near_one(a), _near_one(e)
    return _cosine(float(np.dot(a, e)), float(np.dot(a, a)), float(np.dot(e, e)))


def _near_one(array: Any) -> Any:
    """Return the array flat, in float64, times a power of two that keeps squares within range."""
    values = widen(array).reshape(-1)
    peak = float(np.max(np.abs(values), initial=0.0))
    return np.ldexp(values, -math.frexp(peak)[1]) if math.isfinite(peak) else np.full_like(values, np.nan)


def _cosine(ae: float, aa: float, ee: float) -> float:
    if 0.0 in (aa, ee):
        return 1.0 if aa == ee else 0.0
    found = ae / math.sqrt(aa) / math.sqrt(ee)
    return found if math.isnan(found) else min(1.0, max(-1.0, found))


def _components(*arrays: Any) -> list[Any]:
    """Return the arrays; where one is complex, all as real views with an axis more: real and imaginary part."""
    plain = [np.asarray(array) for array in arrays]
    if not any(array.dtype.kind == "c" for array in plain):
        return plain
    parts = []
    for array in plain:
        array = array if array.dtype.kind == "c" else array.astype(np.result_type(array, np.complex64))
        real = array.real
        parts.append(np.lib.stride_tricks.as_strided(real, (*real.shape, 2), (*real.strides, real.itemsize), writeable=False))
    return parts


def _distances(tally: Tally, size: int, exponents: tuple[int, int]) -> dict[str, Any]:
    """Return the metrics that are ratios of sums, which are those of ``e / 2**exponents[0]`` and ``d / 2**exponents[1]``."""
    up, shift = exponents[1], exponents[1] - exponents[0]
    peak, ee, dd = tally.peak, tally.ee, tally.dd
    rms = math.sqrt(ee / tally.finite) if tally.finite else 0.0
    none = 0.0 if peak == 0 else math.inf
    lost = peak == math.inf
    with np.errstate(over="ignore", under="ignore"):
        return {
            "max_abs": peak,
            "mean_abs": math.inf if lost else float(np.ldexp(tally.total / max(size, 1), up)),
            "max_rel": tally.rel,
            "scaled": float(np.ldexp(peak, -exponents[0]) / rms) if rms else none,
            "rms_rel": math.inf if lost else float(np.ldexp(math.sqrt(dd / size) / rms, shift)) if rms else none,
            "sqnr_db": _decibels(ee, math.inf if lost else dd, -2 * shift),
            "cosine": _cosine(tally.ae, tally.aa, ee),
        }


def _decibels(signal: float, noise: float, shift: int) -> float:
    """Return 10 log10 of ``2**shift * signal / noise``."""
    if noise == 0:
        return math.inf
    if signal == 0 or noise == math.inf:
        return -math.inf
    return 10 * (math.log10(signal) - math.log10(noise) + shift * math.log10(2))


def _places(tally: Tally, shape: tuple[int, ...], a: Any, e: Any) -> dict[str, Any]:
    """Return the metrics that name elements of the arrays, which have ``shape``."""

    def index(flat: int) -> list[int]:
        return [int(i) for i in np.unravel_index(flat, a.shape)][: len(shape)]

    found: dict[str, Any] = {"worst": [], "size": math.prod(shape)}
    if found["size"]:
        place = np.unravel_index(tally.at, a.shape)
        found.update(worst=index(tally.at), actual_at_worst=_number(a[place]), expected_at_worst=_number(e[place]))
    found["count_nan_differ"] = tally.patterns["NaN"][2] if "NaN" in tally.patterns else 0
    found["count_inf_differ"] = tally.infinite
    found["patterns"] = {
        word: {"actual": actual, "expected": expected, "differ": differ, "first": index(first)}
        for word, (actual, expected, differ, first) in tally.patterns.items()
        if differ
    }
    return found


def _number(value: Any) -> float | int:
    """Return the value as Python's: integers exactly."""
    return int(value) if value.dtype.kind in "iub" else float(value)
