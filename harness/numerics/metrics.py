"""Distances between two arrays, all computed in one pass over values widened to float64."""

from __future__ import annotations

from typing import Any

import numpy as np


def widen(array: Any) -> Any:
    """Return ``array`` as float64; integers and booleans too (64-bit integers above 2**53 round)."""
    return np.asarray(array).astype(np.float64)


def measure(actual: Any, expected: Any) -> dict[str, Any]:
    """Return the metrics of ``actual`` against ``expected``: same shape, any numeric dtype.

    Positions where both hold the same NaN or infinity count as equal; where only one does, the
    difference is infinite. Keys: ``max_abs``, ``mean_abs``, ``max_rel`` (over elements whose
    expected value is not 0), ``scaled`` (max_abs over the root mean square of the expected finite
    values), ``rms_rel`` (relative root mean square error), ``cosine``, ``worst`` (index of max_abs),
    ``actual_at_worst``, ``expected_at_worst``, ``size``. Empty arrays give zero distances.
    """
    if not actual.size:
        return {"max_abs": 0.0, "mean_abs": 0.0, "max_rel": 0.0, "scaled": 0.0, "rms_rel": 0.0, "cosine": 1.0, "worst": [], "size": 0}
    a, e = widen(actual), widen(expected)
    difference = distance(a, e)
    worst = np.unravel_index(int(np.argmax(difference)), difference.shape)
    finite = np.isfinite(a) & np.isfinite(e)
    af, ef = a[finite], e[finite]
    rms = float(np.sqrt(np.mean(np.square(ef)))) if ef.size else 0.0
    peak = float(difference[worst])
    nonzero = e != 0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        relative = difference[nonzero] / np.abs(e[nonzero])
    relative = relative[~np.isnan(relative)]
    return {
        "max_abs": peak,
        "mean_abs": float(np.mean(difference)),
        "max_rel": float(np.max(relative)) if relative.size else 0.0,
        "scaled": peak / rms if rms else (0.0 if peak == 0 else float("inf")),
        "rms_rel": _root_mean_square(difference) / rms if rms else (0.0 if peak == 0 else float("inf")),
        "cosine": cosine(af, ef),
        "worst": [int(i) for i in worst],
        "actual_at_worst": float(a[worst]),
        "expected_at_worst": float(e[worst]),
        "size": int(a.size),
    }


def distance(a: Any, e: Any) -> Any:
    """Return ``|a - e|`` elementwise: 0 where both are the same NaN or infinity, inf where only one is."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(a - e)
    same = (a == e) | (np.isnan(a) & np.isnan(e))
    difference = np.where(same, 0.0, difference)
    return np.where(np.isnan(difference), np.inf, difference)


def cosine(a: Any, e: Any) -> float:
    """Return the cosine similarity of two flattened arrays; 1.0 when both are zero, 0.0 when one is."""
    a, e = widen(a).reshape(-1), widen(e).reshape(-1)
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(e))
    if 0.0 in norms:
        return 1.0 if norms == (0.0, 0.0) else 0.0
    return float(np.dot(a / norms[0], e / norms[1]))


def _root_mean_square(values: Any) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
