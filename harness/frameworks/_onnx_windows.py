"""Pooling of the ONNX reference evaluator, put right; see `harness.frameworks._onnx_operators`.

With ``ceil_mode`` "sliding windows that would start in the right padded region are ignored" (ONNX operators, MaxPool and
AveragePool), cells beyond the padding are none that a mean counts, and padding is none that a maximum sees. Of its own
pools some keep such windows, some leave a window out, and some answer in another shape than they should.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def max_pool(_: Any) -> Any:
    """Return ``MaxPool`` with one output. Indices, which nobody here compares, are left to the evaluator's own."""
    from onnx.reference.ops.op_max_pool import MaxPool as Own

    class MaxPool(Own):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, auto_pad: Any = None, ceil_mode: Any = None, dilations: Any = None, kernel_shape: Any = None, pads: Any = None,
            storage_order: Any = None, strides: Any = None,
        ) -> tuple[Any, ...]:  # fmt: skip
            if len(self.onnx_node.output) > 1 or (auto_pad or "NOTSET") not in ("NOTSET", "VALID"):
                given = (auto_pad, ceil_mode, dilations, kernel_shape, pads, storage_order, strides)
                return tuple(super()._run(x, *given))
            least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
            around, out = _around(x, kernel_shape, strides, dilations, None if auto_pad == "VALID" else pads, bool(ceil_mode))
            seen = _windows(np.pad(x, around, constant_values=least), out, kernel_shape, strides, dilations)
            return (seen.max(axis=tuple(range(-len(kernel_shape), 0))).astype(x.dtype),)

    return MaxPool


def average_pool(_: Any) -> Any:
    """Return ``AveragePool``; automatic padding is left to the evaluator's own."""
    from onnx.reference.ops.op_average_pool import AveragePool_19 as Own

    class AveragePool(Own):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, auto_pad: Any = None, ceil_mode: Any = None, count_include_pad: Any = None, dilations: Any = None,
            kernel_shape: Any = None, pads: Any = None, strides: Any = None,
        ) -> tuple[Any, ...]:  # fmt: skip
            if (auto_pad or "NOTSET") not in ("NOTSET", "VALID"):
                return tuple(super()._run(x, auto_pad, ceil_mode, dilations, kernel_shape, pads, strides, count_include_pad))
            pads = None if auto_pad == "VALID" else pads
            around, out = _around(x, kernel_shape, strides, dilations, pads, bool(ceil_mode))
            axes = tuple(range(-len(kernel_shape), 0))
            counted = np.pad(np.ones(x.shape, x.dtype), _declared(x, pads), constant_values=1 if count_include_pad else 0)
            counted = np.pad(counted, [(0, a + b + n - m) for (a, b), n, m in zip(around, x.shape, counted.shape)])
            total = _windows(np.pad(x, around), out, kernel_shape, strides, dilations).sum(axis=axes)
            return ((total / _windows(counted, out, kernel_shape, strides, dilations).sum(axis=axes)).astype(x.dtype),)

    return AveragePool


def _declared(x: Any, pads: Any) -> list[tuple[int, int]]:
    half = x.ndim - 2
    pads = pads or [0] * (2 * half)
    return [(0, 0), (0, 0), *((int(pads[i]), int(pads[i + half])) for i in range(half))]


def _around(x: Any, kernel: Any, strides: Any, dilations: Any, pads: Any, ceil: bool) -> tuple[list[tuple[int, int]], list[int]]:
    """Return what to pad each axis with so that the last window is whole, and how many windows there are."""
    around, out = _declared(x, pads)[:2], []
    for i, (begin, end) in enumerate(_declared(x, pads)[2:]):
        length, stride, step = x.shape[i + 2], (strides or [1] * 9)[i], (dilations or [1] * 9)[i]
        reach = step * (kernel[i] - 1) + 1
        room = length + begin + end - reach
        count = (-(-room // stride) if ceil else room // stride) + 1
        if ceil and (count - 1) * stride >= length + begin:
            count -= 1
        out.append(count)
        around.append((begin, max(end, (count - 1) * stride + reach - length - begin)))
    return around, out


def _windows(x: Any, out: list[int], kernel: Any, strides: Any, dilations: Any) -> Any:
    """Return (N, C, out..., kernel...): the windows of a padded array."""
    rank = len(kernel)
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations)]
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, 2 + rank)))
    seen = seen[(slice(None), slice(None), *(slice(None, None, s) for s in strides), *(slice(None, None, d) for d in dilations))]
    return seen[(slice(None), slice(None), *(slice(n) for n in out))]
