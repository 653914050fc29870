"""Convolution, pooling and interpolation in plain NumPy: the independent meaning of the operators that slide a window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def windows(x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    """Return (N, C, out..., kernel...) from (N, C, in...): every window, nothing padded."""
    axes = tuple(range(2, 2 + len(kernel)))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    found = np.lib.stride_tricks.sliding_window_view(x, reach, axis=axes)
    steps = [slice(None, None, s) for s in stride]
    return found[(slice(None), slice(None), *steps, *(slice(None, None, d) for d in dilation))]


def convolve(
    x: Any, weight: Any, bias: Any | None, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int
) -> Any:
    """Return the cross-correlation of (N, C, in...) with (M, C/groups, kernel...), zeros around it."""
    kernel = weight.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    seen = windows(padded, kernel, stride, dilation)
    rank, n = len(kernel), x.shape[0]
    out = seen.shape[2 : 2 + rank]
    seen = seen.reshape(n, groups, x.shape[1] // groups, *seen.shape[2:])
    split = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    spots, inner = "uvw"[:rank], "xyz"[:rank]
    result = np.einsum(f"ngc{spots}{inner},gmc{inner}->ngm{spots}", seen, split).reshape(n, weight.shape[0], *out)
    return result if bias is None else result + bias.reshape(-1, *[1] * rank)


def pooled_length(length: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """Return how many windows there are: one that begins in the padding on the right does not count (PyTorch, ONNX opset 19)."""
    room = length + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if ceil else room // stride) + 1
    return count - 1 if ceil and (count - 1) * stride >= length + padding else count


def pool(
    x: Any, kind: str, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], ceil: bool,
    count_pad: bool = True,
) -> Any:  # fmt: skip
    """Return max or mean over windows. ``count_pad``: cells of the padding count in a mean; those beyond it never do."""
    sizes = list(zip(x.shape[2:], kernel, stride, padding, dilation, strict=True))
    out = [pooled_length(*size, ceil) for size in sizes]
    if min(out) < 1:
        raise ValueError("no window fits")
    # What is needed to the right: up to the end of the last window.
    right = [max(0, (o - 1) * s + d * (k - 1) + 1 - n - p) for o, (n, k, s, p, d) in zip(out, sizes, strict=True)]
    around = [(0, 0), (0, 0), *((p, r) for p, r in zip(padding, right, strict=True))]
    crop = (slice(None), slice(None), *(slice(o) for o in out))
    axes = tuple(range(-len(kernel), 0))
    if kind == "max":
        return windows(np.pad(x, around, constant_values=-np.inf), kernel, stride, dilation)[crop].max(axis=axes)
    inside = np.pad(np.ones_like(x), [(0, 0), (0, 0), *((p, p) for p in padding)], constant_values=1.0 if count_pad else 0.0)
    inside = np.pad(inside, [(0, 0), (0, 0), *((0, max(0, r - p)) for p, r in zip(padding, right, strict=True))])
    total = windows(np.pad(x, around), kernel, stride, dilation)[crop].sum(axis=axes)
    return total / windows(inside, kernel, stride, dilation)[crop].sum(axis=axes)


def resize(x: Any, scale: float, mode: str, align: bool) -> Any:
    """Return (N, C, floor(H * scale), floor(W * scale)): nearest by floor, or linear with half-pixel or aligned corners."""
    for axis in (2, 3):
        length = x.shape[axis]
        out = math.floor(length * scale)
        places = np.arange(out)
        if mode == "nearest":
            x = np.take(x, np.minimum(np.floor(places / scale).astype(int), length - 1), axis=axis)
            continue
        at = places * (length - 1) / max(1, out - 1) if align else np.maximum((places + 0.5) / scale - 0.5, 0)
        left = np.minimum(np.floor(at).astype(int), length - 1)
        right = np.minimum(left + 1, length - 1)
        share = (at - left).reshape([-1 if i == axis else 1 for i in range(4)])
        x = np.take(x, left, axis=axis) * (1 - share) + np.take(x, right, axis=axis) * share
    return x
