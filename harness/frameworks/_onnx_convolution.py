"""Convolutions of the ONNX reference evaluator, put right; see `harness.frameworks._onnx_operators`.

Its own `Conv` pads for ``auto_pad`` of VALID as for SAME, and for SAME takes the numbers of images and channels for height and width; the
operators on integers share that code. Its own `ConvTranspose` fails on groups, and on ``output_shape`` without
``auto_pad``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.frameworks._onnx_windows import Windows, split


def conv(base: Any) -> Any:
    """Return ``Conv``."""

    class Conv(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, w: Any, b: Any = None, auto_pad: Any = None, dilations: Any = None, group: int = 1, kernel_shape: Any = None,
            pads: Any = None, strides: Any = None,
        ) -> tuple[Any, ...]:  # fmt: skip
            made = convolved(x, w, Windows(x, w.shape[2:], auto_pad, False, dilations, pads, strides), group or 1)
            return ((made if b is None else made + _by_channel(b, x.ndim)).astype(x.dtype),)

    return Conv


def convolved(x: Any, w: Any, windows: Windows, group: int) -> Any:
    """Return (N, M, counts...): the sum over channels and window of ``x`` (N, C, ...) by ``w`` (M, C / group, ...).

    Raises `ValueError` for channels that do not fit the groups.
    """
    if x.shape[1] != w.shape[1] * group or w.shape[0] % group:
        raise ValueError(f"x has {x.shape[1]} channels and w the shape {w.shape}, which do not fit {group} groups")
    kind = np.float32 if x.dtype.itemsize < 4 and x.dtype.kind == "f" else x.dtype
    padded, weights = windows.padded(x, 0, 0).astype(kind), w.reshape(group, w.shape[0] // group, *w.shape[1:]).astype(kind)
    total: Any = 0
    for place in np.ndindex(*windows.kernel):
        part = windows.offset(padded, place).reshape(x.shape[0], group, w.shape[1], -1)
        total = total + np.matmul(weights[(..., *place)], part)
    return total.reshape(x.shape[0], w.shape[0], *windows.counts)


def _by_channel(bias: Any, rank: int) -> Any:
    return bias.reshape(-1, *(1,) * (rank - 2))


def conv_integer(_: Any) -> Any:
    """Return ``ConvInteger``, the evaluator's own with its padding spelt out."""
    from onnx.reference.ops.op_conv_integer import ConvInteger as Own

    class ConvInteger(Own):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, w: Any, *rest: Any, **attributes: Any) -> tuple[Any, ...]:
            return tuple(super()._run(x, w, *rest, **_explicit(x, w, attributes)))

    return ConvInteger


def q_linear_conv(_: Any) -> Any:
    """Return ``QLinearConv``, the evaluator's own with its padding spelt out."""
    from onnx.reference.ops.op_qlinear_conv import QLinearConv as Own

    class QLinearConv(Own):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, x_scale: Any, x_zero: Any, w: Any, *rest: Any, **attributes: Any) -> tuple[Any, ...]:
            return tuple(super()._run(x, x_scale, x_zero, w, *rest, **_explicit(x, w, attributes)))

    return QLinearConv


def _explicit(x: Any, w: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    given = {name: attributes.get(name) for name in ("auto_pad", "dilations", "pads", "strides")}
    pads = Windows(x, w.shape[2:], **given).pads
    return {**attributes, "auto_pad": "NOTSET", "pads": [begin for begin, _ in pads] + [end for _, end in pads]}


def conv_transpose(base: Any) -> Any:
    """Return ``ConvTranspose``."""

    class ConvTranspose(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, w: Any, b: Any = None, auto_pad: Any = None, dilations: Any = None, group: int = 1, kernel_shape: Any = None,
            output_padding: Any = None, output_shape: Any = None, pads: Any = None, strides: Any = None,
        ) -> tuple[Any, ...]:  # fmt: skip
            rank, group = x.ndim - 2, group or 1
            steps, dilations = strides or [1] * rank, dilations or [1] * rank
            more = output_padding or [0] * rank
            spans = [s * (n - 1) + d * (k - 1) + 1 for s, n, d, k in zip(steps, x.shape[2:], dilations, w.shape[2:])]
            spread = _spread(x, w, group, spans, steps, dilations)
            begins, lengths = _cropped(x, [a + b for a, b in zip(spans, more)], auto_pad, output_shape, pads, steps)
            needed = [max(0, begin + n - span) for begin, n, span in zip(begins, lengths, spans)]
            spread = np.pad(spread, [(0, 0), (0, 0), *((0, n) for n in needed)])
            made = spread[(slice(None), slice(None), *(slice(a, a + n) for a, n in zip(begins, lengths)))]
            return ((made if b is None else made + _by_channel(b, x.ndim)).astype(x.dtype),)

    return ConvTranspose


def _spread(x: Any, w: Any, group: int, spans: Any, steps: Any, dilations: Any) -> Any:
    """Return (N, M, spans...): each element of ``x`` (N, C, ...) laid out by ``w`` (C, M / group, ...), without padding."""
    kind = np.float32 if x.dtype.itemsize < 4 and x.dtype.kind == "f" else x.dtype
    rows = x.reshape(x.shape[0], group, x.shape[1] // group, -1).astype(kind)
    weights = w.reshape(group, w.shape[0] // group, *w.shape[1:]).swapaxes(1, 2).astype(kind)
    total: Any = np.zeros((x.shape[0], group * w.shape[1], *spans), kind)
    for place in np.ndindex(*w.shape[2:]):
        part = np.matmul(weights[(..., *place)], rows).reshape(*total.shape[:2], *x.shape[2:])
        starts = [p * d for p, d in zip(place, dilations)]
        total[(..., *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, x.shape[2:], steps)))] += part
    return total


def _cropped(x: Any, whole: Any, auto_pad: Any, shape: Any, pads: Any, steps: Any) -> tuple[list[int], list[int]]:
    """Return where the result begins in each axis of length ``whole``, and its lengths (ONNX operators, ConvTranspose, total_padding)."""
    same = (auto_pad or "NOTSET") in ("SAME_UPPER", "SAME_LOWER")
    if shape or same:
        lengths = [int(n) for n in (list(shape)[-len(steps) :] if shape else [n * s for n, s in zip(x.shape[2:], steps)])]
        # "If (auto_pads == SAME_UPPER)" the smaller half lies before, else after it.
        return [split(max(0, n - m), auto_pad != "SAME_UPPER")[0] for n, m in zip(whole, lengths)], lengths
    around = pads if pads and auto_pad != "VALID" else [0] * (2 * len(steps))
    begins = [int(n) for n in around[: len(steps)]]
    return begins, [n - a - int(b) for n, a, b in zip(whole, begins, around[len(steps) :])]
