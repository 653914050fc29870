"""How much error one layer may add, and how far two arrays are apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.numerics.metrics import distance, widen


def layer_bound(reference: Any, exact: Any | None, coarse: float = 0.0) -> Any:
    """Return the error that one layer may add, elementwise: 64 units of round-off, and 8 times what it loses against float64.

    ``reference`` is the layer's output in its own precision, ``exact`` that in float64 or None. ``coarse``: unit round-off of a coarser
    type that the target computes in, 0 for none; 8 of these may go as well.
    """
    if np.asarray(reference).dtype == np.float16:
        coarse = max(coarse, 2**-11)
    wide = widen(reference)
    finite = np.where(np.isfinite(wide), wide, 0.0)
    rms = float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0
    bound = (64 * 2**-24 + 8 * coarse) * np.maximum(np.abs(finite), rms)
    if exact is not None and np.shape(exact) == wide.shape:
        lost = distance(wide, widen(exact))
        bound = bound + 8 * np.where(np.isfinite(lost), lost, 0.0)
    return np.maximum(bound, np.finfo(np.float32).tiny)


def scaled(got: Any, want: Any) -> float:
    """Return the largest difference over the root mean square of what was wanted."""
    wide = widen(want)
    finite = wide[np.isfinite(wide)]
    rms = float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0
    return worst(distance(widen(got), wide)) / (rms or 1.0)


def worst(ratios: Any) -> float:
    """Return the largest of some ratios, 0 for none."""
    return float(np.max(ratios)) if np.size(ratios) else 0.0
