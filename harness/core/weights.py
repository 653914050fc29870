"""Seeded, non-trivial weights: what makes a dropped bias or a stale statistic visible.

The roles and ranges follow what mutation studies of conversion bugs need: random biases, running
means away from 0 and running variances away from 1, norm scales away from 1, one low-variance
channel so that a wrong epsilon shows.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


def fill(name: str, shape: tuple[int, ...], seed: int, role: str = "") -> Any:
    """Return float64 values for the parameter or buffer ``name``, a pure function of the arguments.

    ``role``: weight, bias, scale, mean, variance, embedding; guessed from the name and rank when
    empty. Weights are Gaussian with standard deviation ``1/sqrt(fan_in)``, fan-in being the size
    over the smaller of the first and last axis: an upper bound, since layouts differ between
    frameworks, so activations never blow up with depth.
    """
    key = hashlib.sha256(f"{seed}/{name}/{shape}".encode()).digest()
    rng = np.random.Generator(np.random.Philox(int.from_bytes(key[:16], "little")))
    role = role or guess_role(name, len(shape))
    if role == "variance":
        values = rng.uniform(0.1, 2.0, shape)
        if values.size > 1:
            values.reshape(-1)[0] = 1e-3
        return values
    if role == "mean":
        return rng.normal(0.0, 0.5, shape)
    if role == "scale":
        return rng.uniform(0.5, 1.5, shape)
    if role == "bias":
        return rng.normal(0.0, 0.2, shape)
    if role == "embedding":
        return rng.normal(0.0, 1.0, shape)
    size = float(np.prod(shape)) if shape else 1.0
    fan_in = max(1.0, size / max(1, min(shape[0], shape[-1]) if len(shape) > 1 else 1))
    return rng.normal(0.0, min(1.0, 1.0 / np.sqrt(fan_in)) if len(shape) > 1 else 0.3, shape)


def guess_role(name: str, rank: int) -> str:
    """Return the role that a parameter's name and rank suggest."""
    low = name.lower()
    last = low.rsplit("/", 1)[-1].rsplit(".", 1)[-1]
    if "var" in last:
        return "variance"
    if "mean" in last:
        return "mean"
    if "embed" in low and rank == 2:
        return "embedding"
    if "bias" in last or last in ("beta", "b_0", "b"):
        return "bias"
    if last in ("gamma", "scale") or (rank == 1 and ("weight" in last or "w_0" in last)):
        return "scale"
    return "weight"
