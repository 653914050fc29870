"""Planted shape bugs: each a right function, what a target makes of it, and where that is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np


def tanh(x: Any) -> Any:
    """Return what every shape is right for."""
    return np.tanh(x)


def pooled(x: Any, *, ceil: bool) -> Any:
    """Return the largest of every two neighbours along the last axis; ``ceil`` keeps an odd one out at the end."""
    length = x.shape[-1]
    if ceil and length % 2:
        x = np.concatenate([x, x[..., -1:]], axis=-1)
    whole = x.shape[-1] // 2
    return x[..., : 2 * whole].reshape(*x.shape[:-1], whole, 2).max(axis=-1)


def merged(x: Any) -> Any:
    """Return rows of batch times length by features."""
    return x.reshape(-1, x.shape[-1])


def merged_wrongly(x: Any) -> Any:
    """The same, but the two axes are joined in the wrong order once both have moved from (2, 12)."""
    moved = x.shape[0] != 2 and x.shape[1] != 12
    return (x.transpose(1, 0, 2) if moved else x).reshape(-1, x.shape[-1])


def baked_batch(x: Any) -> Any:
    """Return what a graph does whose batch is fixed at 2."""
    if x.shape[0] != 2:
        raise ValueError(f"Got invalid dimensions for input: x. index: 0 Got: {x.shape[0]} Expected: 2")
    return np.tanh(x)


def broadcast(x: Any) -> Any:
    """Return each row less the mean over the batch; at batch 1 the mean is taken over the features as well."""
    return x - (x.mean(axis=0, keepdims=True) if x.shape[0] > 1 else x.mean(keepdims=True))


def windowed(x: Any) -> Any:
    """Return running sums; a buffer of 32 positions is all there is."""
    total = np.cumsum(x, axis=1)
    return np.concatenate([total[:, :31], total[:, 31:] - x[:, :1]], axis=1) if x.shape[1] >= 32 else total


def reshaped(x: Any) -> Any:
    """Return what a constant reshape does: the 24 rows of the export sample, whatever comes."""
    return np.resize(x, (24, x.shape[-1])) if x.shape[0] * x.shape[1] != 24 else x.reshape(24, -1)


def averaged(x: Any) -> Any:
    """Return sums over the length by the 12 of the export sample."""
    return x.sum(axis=1) / np.asarray(12, x.dtype)
