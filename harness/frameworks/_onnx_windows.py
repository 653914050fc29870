"""Pooling of the ONNX reference evaluator, put right; see `harness.frameworks._onnx_operators`.

With ``ceil_mode`` "sliding windows that would start in the right padded region are ignored" (ONNX operators, MaxPool and
AveragePool), cells beyond the padding are none that a mean counts, and padding is none that a maximum sees. With ``auto_pad``
of SAME there are ``ceil(length / stride)`` windows, and as much padding as these, dilated, reach beyond the input (the formula of
``pad_shape`` there). Of its own pools some keep windows that start in the padding, some leave a window out, some do not count
dilations, and some answer in another shape than they should.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Windows:
    """Where the windows of a convolution or a pool lie: ``pads`` (begin and end per axis), ``counts`` and their ``steps``.

    ``x``: array (N, C, D1, ..., Dn); ``kernel``: n lengths. The other attributes are those of the operators, None for their default.
    """

    def __init__(
        self, x: Any, kernel: Any, auto_pad: Any = None, ceil: Any = None, dilations: Any = None, pads: Any = None, strides: Any = None
    ) -> None:  # fmt: skip
        self.kernel = list(kernel)
        rank = len(self.kernel)
        self.steps, self.dilations = list(strides or [1] * rank), list(dilations or [1] * rank)
        lengths = x.shape[2:]
        reaches = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations)]
        if (auto_pad or "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
            self.counts = [-(-n // step) for n, step in zip(lengths, self.steps)]
            whole = [max(0, (m - 1) * s + r - n) for m, s, r, n in zip(self.counts, self.steps, reaches, lengths)]
            self.pads = [split(total, auto_pad == "SAME_LOWER") for total in whole]
        else:
            pads = pads if pads and auto_pad != "VALID" else [0] * (2 * rank)
            self.pads = [(int(pads[i]), int(pads[i + rank])) for i in range(rank)]
            self.counts = []
            for (begin, end), n, step, reach in zip(self.pads, lengths, self.steps, reaches):
                room = n + begin + end - reach
                count = (-(-room // step) if ceil else room // step) + 1
                self.counts.append(count - 1 if ceil and (count - 1) * step >= n + begin else count)
        # What a window reaches over beyond the padding, where lengths are rounded up.
        self.beyond = [
            max(0, (m - 1) * s + r - n - a - b) for m, s, r, n, (a, b) in zip(self.counts, self.steps, reaches, lengths, self.pads)
        ]

    def padded(self, x: Any, fill: Any, beyond: Any) -> Any:
        """Return ``x`` with ``fill`` as its padding, and ``beyond`` where windows reach over that."""
        around = np.pad(x, [(0, 0), (0, 0), *self.pads], constant_values=fill)
        return np.pad(around, [(0, 0), (0, 0), *((0, n) for n in self.beyond)], constant_values=beyond)

    def offset(self, padded: Any, place: Any) -> Any:
        """Return (N, C, counts...): of each window the element at ``place``, an index for each axis of the kernel."""
        starts = [p * d for p, d in zip(place, self.dilations)]
        return padded[
            (slice(None), slice(None), *(slice(a, a + max(0, (m - 1) * s + 1), s) for a, m, s in zip(starts, self.counts, self.steps)))
        ]  # fmt: skip

    def seen(self, padded: Any) -> Any:
        """Return (K, N, C, counts...): the K elements of each window, row by row."""
        return np.stack([self.offset(padded, place) for place in np.ndindex(*self.kernel)])


def split(total: int, lower: bool) -> tuple[int, int]:
    """Return what is padded before and after; an odd one goes to the end, or with ``lower`` to the beginning."""
    less = total // 2
    return (total - less, less) if lower else (less, total - less)


def max_pool(base: Any) -> Any:
    """Return ``MaxPool``. Of equal values the first in the window gives the index."""

    class MaxPool(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, auto_pad: Any = None, ceil_mode: Any = None, dilations: Any = None, kernel_shape: Any = None, pads: Any = None,
            storage_order: Any = None, strides: Any = None,
        ) -> tuple[Any, ...]:  # fmt: skip
            windows = Windows(x, kernel_shape, auto_pad, ceil_mode, dilations, pads, strides)
            least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
            seen = windows.seen(windows.padded(x, least, least))
            top = seen.max(axis=0).astype(x.dtype)
            if len(self.onnx_node.output) < 2:
                return (top,)
            places = windows.seen(windows.padded(_numbered(x.shape, bool(storage_order)), -1, -1))
            first = np.argmax((places >= 0) & ((seen == top) | (seen != seen)), axis=0)
            return top, np.take_along_axis(places, first[None], axis=0)[0]

    return MaxPool


def _numbered(shape: tuple[int, ...], by_column: bool) -> Any:
    """Return the place of each element in the flattened tensor; ``by_column``: as if images were stored column by column."""
    places = np.arange(np.prod(shape, dtype=np.int64), dtype=np.int64)
    if not by_column:
        return places.reshape(shape)
    return np.moveaxis(places.reshape(*shape[:2], *shape[:1:-1]), range(2, len(shape)), range(len(shape) - 1, 1, -1))


def average_pool(base: Any) -> Any:
    """Return ``AveragePool``."""

    class AveragePool(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, auto_pad: Any = None, ceil_mode: Any = None, count_include_pad: Any = None, dilations: Any = None,
            kernel_shape: Any = None, pads: Any = None, strides: Any = None,
        ) -> tuple[Any, ...]:  # fmt: skip
            windows = Windows(x, kernel_shape, auto_pad, ceil_mode, dilations, pads, strides)
            counted = windows.padded(np.ones((1, 1, *x.shape[2:]), x.dtype), 1 if count_include_pad else 0, 0)
            total = windows.seen(windows.padded(x, 0, 0)).sum(axis=0)
            return ((total / windows.seen(counted).sum(axis=0)).astype(x.dtype),)

    return AveragePool


def lp_pool(base: Any) -> Any:
    """Return ``LpPool``: the norm of what a window holds."""

    class LpPool(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, auto_pad: Any = None, ceil_mode: Any = None, dilations: Any = None, kernel_shape: Any = None, p: Any = 2,
            pads: Any = None, strides: Any = None,
        ) -> tuple[Any, ...]:  # fmt: skip
            windows = Windows(x, kernel_shape, auto_pad, ceil_mode, dilations, pads, strides)
            seen = windows.seen(windows.padded(np.abs(x), 0, 0))
            return (np.linalg.norm(seen, ord=p, axis=0).astype(x.dtype),)

    return LpPool
