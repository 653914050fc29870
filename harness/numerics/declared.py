"""Declared limits applied to one output: the numbers they are about, and in words which of them do not hold.

A metric that is not a number never passes: each limit is asked as "does it hold", not as "is it exceeded".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.core.tolerance import FORMULA, Tolerance
from harness.numerics.metrics import distance, measure, widen

ELEMENTS = "elements"
"""The name in the facts of a plain bound that some element is outside of."""
_NEAR_ZERO = 1e-7


def judge_declared(
    actual: Any, expected: Any, tolerance: Tolerance, measured: Mapping[str, Any] | None = None, *, elements: bool = True
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the metrics the limits are about, and the limits that do not hold, by name, in words.

    ``actual`` and ``expected`` have one shape; any numeric dtype. ``measured`` is what `measure` gave for them, when it was
    asked already; an ``outside`` in it must be about the same rtol and atol. Always there: ``outside`` (elements that do
    not satisfy the formula), and for a declared rtol and atol ``used``: the factor on both at which the output would just pass.
    The others are there when a limit asks for them: ``fraction``, ``ulp``, ``sqnr_db``, ``rmse``, ``mean_rel``,
    ``kl``, ``top_k_agreement`` (and ``cosine``, ``rms_rel`` where ``measured`` lacks them).
    An empty output satisfies every limit; shapes are judged elsewhere. Without ``elements`` single elements are left to
    another bound: rtol, atol and min_fraction are not looked at, and there is neither ``outside`` nor ``used``.
    """
    metrics: dict[str, Any] = {"outside": 0} if elements else {}
    facts: dict[str, str] = {}
    if not actual.size:
        return metrics, facts
    if elements and tolerance.elementwise:
        _elementwise(actual, expected, tolerance, measured or {}, metrics, facts)
    if set(tolerance.limits) - {"rtol", "atol", "min_fraction"}:
        _others(actual, expected, tolerance, measured or {}, metrics, facts)
    return metrics, facts


def _others(
    actual: Any, expected: Any, tolerance: Tolerance, measured: Mapping[str, Any], metrics: dict[str, Any], facts: dict[str, str]
) -> None:
    """Apply the limits on whole tensors and rows."""
    lost = int(np.count_nonzero(np.isinf(distance(widen(actual), widen(expected)))))
    for limit, (key, word, unit, metric) in _METRICS.items():
        bound = getattr(tolerance, limit)
        if bound is None:
            continue
        if lost:
            facts[limit] = f"{word} means nothing: {lost} of {actual.size} elements are NaN or infinite on one side only"
            continue
        number = measured.get(key)
        if not isinstance(number, (int, float)):
            metrics[key] = number = float(metric(actual, expected, tolerance))
        least = limit.startswith("min")
        if not (number >= bound if least else number <= bound):
            facts[limit] = f"{word} {number:.6g}{unit} {'is below' if least else 'exceeds'} {bound:g}{unit}"
    if tolerance.min_top_k is not None:
        _top_k(actual, expected, tolerance, metrics, facts)


def _elementwise(
    actual: Any, expected: Any, tolerance: Tolerance, measured: Mapping[str, Any], metrics: dict[str, Any], facts: dict[str, str]
) -> None:
    """Apply the one formula to single elements, and the share of them that must satisfy it."""
    rtol, atol, size = tolerance.rtol or 0.0, tolerance.atol or 0.0, int(actual.size)
    outside = measured.get("outside")
    if outside is None or tolerance.mode == "declared":
        ratio = _ratio(actual, expected, rtol, atol)
        outside = int(np.count_nonzero(~(ratio <= 1)))
        last = min(size, int(np.ceil(tolerance.min_fraction * size - 1e-9))) - 1
        metrics["used"] = float(np.partition(ratio.reshape(-1), last)[last] if last < size - 1 else np.max(ratio))
    metrics["outside"] = outside
    held = f"{FORMULA} with rtol={rtol:g}, atol={atol:g}"
    if tolerance.min_fraction < 1:
        metrics["fraction"] = share = (size - outside) / size
        if not share >= tolerance.min_fraction:
            facts["min_fraction"] = f"only {share:.6g} of {size} elements satisfy {held}; expected {tolerance.min_fraction:g}"
    elif outside:
        facts[ELEMENTS] = f"{outside} of {size} elements are outside {held}"


def _ratio(actual: Any, expected: Any, rtol: float, atol: float) -> Any:
    """Return each difference over what is allowed there; above 1 only outside. Integers that must be equal are compared as integers."""
    if actual.dtype.kind in "iub" and expected.dtype.kind in "iub" and rtol == atol == 0:
        return np.where(actual != expected, np.inf, 0.0)
    a, e = widen(actual), widen(expected)
    difference = distance(a, e)
    allowed = atol + rtol * np.abs(np.where(np.isfinite(e), e, 0.0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(difference == 0, 0.0, difference / allowed)
    # A division may round to 1 what is just outside, or the other way round; the formula itself decides.
    return np.where(difference <= allowed, np.minimum(ratio, 1.0), np.maximum(ratio, np.nextafter(1.0, 2.0)))


def ulp(actual: Any, expected: Any) -> Any:
    """Return ``|actual - expected| / ulp(expected)`` for each pair, as float64; same shape.

    ``ulp(e)`` is the gap above ``|e|`` in the dtype of ``actual``, the smallest subnormal at and near 0 (Muller et al.,
    Handbook of Floating-Point Arithmetic, 2.3). 0 for the same NaN or infinity, inf where only one
    side is NaN or infinite. Integers differ by their difference.
    """
    if actual.dtype.kind in "iub":
        a, e = (part.astype(np.uint64 if part.dtype.kind == "u" else np.int64) for part in (actual, expected))
        # Modulo 2**64 the difference is exact on either side of zero.
        return (np.maximum(a, e).astype(np.uint64) - np.minimum(a, e).astype(np.uint64)).astype(np.float64)
    finfo: Any = np.finfo
    if actual.dtype.kind == "V":  # bfloat16 and its kin; who has such an array has the package
        import ml_dtypes

        finfo = ml_dtypes.finfo
    about = finfo(actual.dtype)
    a, e = widen(actual), widen(expected.astype(actual.dtype))
    exponent = np.frexp(np.abs(np.where(np.isfinite(e), e, 0.0)))[1] - 1
    exponent = np.where(e == 0, about.minexp, np.maximum(exponent, about.minexp))
    with np.errstate(over="ignore"):
        return np.ldexp(distance(a, e), about.nmant - exponent)


def _max_ulp(actual: Any, expected: Any, _: Tolerance) -> Any:
    return np.max(ulp(actual, expected))


def _sqnr_db(actual: Any, expected: Any, _: Tolerance) -> Any:
    """Signal to noise in decibels over the finite expected values; inf without any error, -inf without any signal."""
    e = widen(expected)
    noise = float(np.sum(np.square(distance(widen(actual), e))))
    signal = float(np.sum(np.square(e[np.isfinite(e)])))
    if noise == 0:
        return np.inf
    return 10 * np.log10(signal / noise) if signal and noise < np.inf else -np.inf


def _cosine(actual: Any, expected: Any, _: Tolerance) -> Any:
    return measure(actual, expected)["cosine"]


def _rms_rel(actual: Any, expected: Any, _: Tolerance) -> Any:
    return measure(actual, expected)["rms_rel"]


def _rmse(actual: Any, expected: Any, _: Tolerance) -> Any:
    return np.sqrt(np.mean(np.square(distance(widen(actual), widen(expected)))))


def _mean_rel(actual: Any, expected: Any, _: Tolerance) -> Any:
    """Mean relative error with the floor that the operator standard of Ascend's opbase puts under the expected value."""
    e = widen(expected)
    return np.mean(distance(widen(actual), e) / (np.abs(np.where(np.isfinite(e), e, 0.0)) + _NEAR_ZERO))


def _kl(actual: Any, expected: Any, tolerance: Tolerance) -> Any:
    """Return the largest divergence over rows, in nats; NaN where rows are no probabilities.

    For probabilities ``sum(p log(p/q) - p + q)``: the usual divergence for rows that sum to 1, and larger than 0
    also for rows that differ in nothing but their sum.
    """
    q, p = (np.atleast_1d(widen(part)) for part in (actual, expected))
    if tolerance.kl_of == "range":
        return _kl_of_ranges(q, p)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if tolerance.kl_of == "logits":
            log_p, log_q = _log_softmax(p), _log_softmax(q)
            terms = np.where(np.exp(log_p) == 0, 0.0, np.exp(log_p) * (log_p - log_q))
        else:
            terms = np.where(p == 0, 0.0, p * (np.log(p) - np.log(q))) - p + q
            terms = np.where((p < 0) | (q < 0) | np.isnan(p) | np.isnan(q), np.nan, terms)
        return np.max(np.sum(terms, -1))


def _log_softmax(scores: Any) -> Any:
    shifted = scores - np.max(scores, -1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), -1, keepdims=True))


def _kl_of_ranges(q: Any, p: Any) -> Any:
    """Divergence of the actual from the expected tensor, each rescaled as a whole (msaccucmp of the CANN toolkit)."""
    parts = []
    for part in (q, p):
        with np.errstate(invalid="ignore", over="ignore"):
            width = np.max(part) - np.min(part)
            scaled = (part - np.min(part)) / width if width != 0 else part
        scaled = np.maximum(scaled, np.finfo(np.float32).eps)
        parts.append(scaled / np.sum(scaled))
    return np.sum(parts[0] * np.log(parts[0] / parts[1]))


def _top_k(actual: Any, expected: Any, tolerance: Tolerance, metrics: dict[str, Any], facts: dict[str, str]) -> None:
    """Hold the share of rows whose ``top_k`` largest are the same set. A set that cannot differ proves nothing and fails."""
    k = tolerance.top_k or 1
    a, e = (np.atleast_1d(widen(part)) for part in (actual, expected))
    if k >= a.shape[-1]:
        facts["min_top_k"] = f"top_k={k} needs more than {k} scores in the last axis, got {a.shape[-1]}"
        return
    metrics["top_k_agreement"] = share = float(np.mean(same_top_k(a, e, k, tolerance.tie_window)))
    if not share >= (tolerance.min_top_k or 0.0):
        facts["min_top_k"] = f"top-{k} sets agree in only {share:.6g} of the rows, expected {tolerance.min_top_k:g}"


def same_top_k(a: Any, e: Any, k: int, window: float) -> Any:
    """Return for each row of the last axis whether its ``k`` largest are the same set on both sides; ``k`` below its length.

    What is larger than the best one left out by more than ``window`` must be among those that
    could be chosen on the other side, and the other way round. A row with a NaN does not agree.
    """
    sure, possible = [], []
    for scores in (a, e):
        ordered = -np.sort(-scores, -1)
        with np.errstate(invalid="ignore"):
            sure.append(scores > ordered[..., k : k + 1] + window)
            possible.append(scores >= ordered[..., k - 1 : k] - window)
    agree = np.all(possible[1] | ~sure[0], -1) & np.all(possible[0] | ~sure[1], -1)
    return agree & ~np.any(np.isnan(a) | np.isnan(e), -1)


_Metric = Callable[[Any, Any, Tolerance], Any]
# Limit to: its metric's key, its word, its unit, and the function for where `measure` does not give it.
_METRICS: Mapping[str, tuple[str, str, str, _Metric]] = {
    "max_ulp": ("ulp", "greatest distance", " ULP", _max_ulp),
    "min_cosine": ("cosine", "cosine", "", _cosine),
    "min_sqnr_db": ("sqnr_db", "signal to noise", " dB", _sqnr_db),
    "max_rms_rel": ("rms_rel", "relative root mean square error", "", _rms_rel),
    "max_rmse": ("rmse", "root mean square error", "", _rmse),
    "max_mean_rel": ("mean_rel", "mean relative error", "", _mean_rel),
    "max_kl": ("kl", "Kullback-Leibler divergence", "", _kl),
}
