"""Layers in a few lines of NumPy and float64, with the variants that converters mix up. Images are (batch, channels, height, width)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Array = Any
_ERF = np.vectorize(math.erf, otypes=[np.float64])


def erf(x: Array) -> Array:
    """Return the error function."""
    return _ERF(x) if x.size else x


def sigmoid(x: Array) -> Array:
    """Return the logistic function without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def softmax(x: Array, axis: int) -> Array:
    """Return the softmax along an axis."""
    raised = np.exp(x - x.max(axis=axis, keepdims=True))
    return raised / raised.sum(axis=axis, keepdims=True)


def gelus(x: Array) -> Iterator[tuple[str, Array]]:
    """Yield the three forms of GELU."""
    yield "exact (erf)", 0.5 * x * (1 + erf(x / math.sqrt(2)))
    yield "approximated by tanh", 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    yield "approximated by sigmoid(1.702 x)", x * sigmoid(1.702 * x)


def along(vector: Array, axis: int, ndim: int) -> Array:
    """Return a vector that broadcasts along one axis."""
    return np.reshape(vector, [-1 if place == axis % ndim else 1 for place in range(ndim)])


def windows(
    x: Array, kernel: Sequence[int], stride: Sequence[int], pads: Sequence[tuple[int, int]], fill: float, ceil: bool = False
) -> Array:
    """Return the windows of an image: (batch, channels, rows, columns, kernel height, kernel width).

    ``pads`` gives before and after for height and width. ``ceil`` adds the windows that lie only partly inside.
    """
    wide = list(pads)
    for place in (0, 1):
        size = x.shape[2 + place] + sum(pads[place])
        rest = (size - kernel[place]) % stride[place]
        starts_inside = size - kernel[place] - rest + stride[place] < x.shape[2 + place] + pads[place][0]
        if ceil and rest and starts_inside:
            wide[place] = (pads[place][0], pads[place][1] + stride[place] - rest)
    padded = np.pad(x, [(0, 0), (0, 0), *wide], constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(padded, tuple(kernel), axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1]]


def average_pools(x: Array, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int]) -> Iterator[tuple[str, Array]]:
    """Yield average pooling with padding counted or not, and with the last partial windows or without."""
    for ceil in (False, True):
        pads = [(pad[0], pad[0]), (pad[1], pad[1])]
        values = windows(x, kernel, stride, pads, 0.0, ceil).sum(axis=(4, 5))
        inside = windows(np.ones_like(x), kernel, stride, pads, 0.0, ceil).sum(axis=(4, 5))
        padded = np.pad(np.ones_like(x), [(0, 0), (0, 0), *pads], constant_values=1.0)
        counted = windows(padded, kernel, stride, [(0, 0), (0, 0)], 0.0, ceil).sum(axis=(4, 5))
        tail = ", partial windows kept (ceil_mode)" if ceil else ""
        yield f"padding not counted{tail}", values / np.maximum(inside, 1)
        if counted.shape == values.shape:
            yield f"padding counted{tail}", values / np.maximum(counted, 1)


def max_pools(x: Array, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int]) -> Iterator[tuple[str, Array]]:
    """Yield maximum pooling with the padding on either side, of either value, with or without partial windows."""
    for ceil, fill in itertools.product((False, True), (-np.inf, 0.0)):
        for name, pads in sides(pad):
            words = [name, "padded with 0" if fill == 0 else "", "partial windows kept (ceil_mode)" if ceil else ""]
            yield ", ".join(filter(None, words)) or "as declared", windows(x, kernel, stride, pads, fill, ceil).max(axis=(4, 5))


def sides(pad: Sequence[int]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield the ways to place twice ``pad`` rows and columns, or one less: even, and shifted to one side."""
    yield "", [(pad[0], pad[0]), (pad[1], pad[1])]
    if max(pad):
        yield "padding at the end only", [(0, 2 * pad[0]), (0, 2 * pad[1])]
        yield "padding at the start only", [(2 * pad[0], 0), (2 * pad[1], 0)]
        yield "padding one less at the start, one more at the end", [(max(0, p - 1), p + 1) for p in pad]
        yield "padding one more at the start, one less at the end", [(p + 1, max(0, p - 1)) for p in pad]
        yield "padding one less at the start", [(max(0, p - 1), p) for p in pad]
        yield "padding one less at the end", [(p, max(0, p - 1)) for p in pad]


def convolve(x: Array, weight: Array, stride: Sequence[int], pads: Sequence[tuple[int, int]], groups: int) -> Array:
    """Return a convolution without bias; ``weight`` is (out, in / groups, height, width)."""
    view = windows(x, weight.shape[2:], stride, pads, 0.0)
    parts = [
        np.einsum("bcijhw,ochw->boij", part, kernel, optimize=True)
        for part, kernel in zip(np.split(view, groups, axis=1), np.split(weight, groups, axis=0), strict=True)
    ]
    return np.concatenate(parts, axis=1)


def resizes(x: Array, size: Sequence[int]) -> Iterator[tuple[str, Array]]:
    """Yield an image at another size by every rule for coordinates, bilinear and nearest."""
    rules: dict[str, Callable[[Array, int, int], Array]] = {
        "half_pixel": lambda at, new, old: (at + 0.5) * old / new - 0.5,
        "align_corners": lambda at, new, old: at * (old - 1) / max(new - 1, 1),
        "asymmetric": lambda at, new, old: at * old / new,
    }
    for name, rule in rules.items():
        places = [rule(np.arange(new, dtype=float), new, old) for new, old in zip(size, x.shape[2:], strict=True)]
        yield f"bilinear, {name}", _bilinear(x, places)
        for rounding, function in (
            ("floor", np.floor),
            ("round half down", lambda v: np.ceil(v - 0.5)),
            ("round half up", lambda v: np.floor(v + 0.5)),
        ):
            near = [np.clip(function(place), 0, old - 1).astype(int) for place, old in zip(places, x.shape[2:], strict=True)]
            yield f"nearest, {name}, {rounding}", x[:, :, near[0]][:, :, :, near[1]]


def _bilinear(x: Array, places: Sequence[Array]) -> Array:
    for axis, place in enumerate(places, 2):
        at = np.clip(place, 0, x.shape[axis] - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = along(at - low, axis, x.ndim)
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def lstm(x: Array, weights: tuple[Array, Array, Array, Array], order: Sequence[int]) -> Array:
    """Return the hidden states (time, batch, units) of an LSTM; ``order`` says where i, f, g and o lie among the blocks of the weights."""
    w, r, b, rb = weights
    units = r.shape[1]
    h = c = np.zeros((x.shape[1], units))
    states = []
    for step in x:
        blocks = np.split(step @ w.T + b + h @ r.T + rb, 4, axis=1)
        i, f, g, o = (blocks[place] for place in order)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states)


def gru(x: Array, weights: tuple[Array, Array, Array, Array], order: Sequence[int], reset_after: bool) -> Array:
    """Return the hidden states (time, batch, units) of a GRU; ``order`` says where r, z and n lie.

    ``reset_after`` applies the reset gate after the recurrent product (linear_before_reset), else before it.
    """
    w, r, b, rb = weights
    h = np.zeros((x.shape[1], r.shape[1]))
    recurrent, biases = np.split(r, 3), np.split(rb, 3)
    states = []
    for step in x:
        fed = np.split(step @ w.T + b, 3, axis=1)
        back = [h @ part.T + bias for part, bias in zip(recurrent, biases, strict=True)]
        reset, update = (sigmoid(fed[order[n]] + back[order[n]]) for n in (0, 1))
        new = order[2]
        inner = reset * back[new] if reset_after else (reset * h) @ recurrent[new].T + biases[new]
        n = np.tanh(fed[new] + inner)
        h = (1 - update) * n + update * h
        states.append(h)
    return np.stack(states)


def attention(q: Array, k: Array, v: Array, mask: Array | None, scale: float) -> Array:
    """Return scaled dot-product attention over (batch, heads, length, size); ``mask`` is True where a key is seen."""
    scores = q @ np.swapaxes(k, -1, -2) * scale
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    return softmax(scores, -1) @ v
