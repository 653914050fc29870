"""Root mean squares of a tensor along each of its axes, found in one pass over pieces of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

_BLOCK = 1 << 18
# A slice whose variance is below this share of its mean square is of one value.
_STEADY = 1e-8


def pieces(shape: tuple[int, ...]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yield flat start and index of pieces of at most `_BLOCK` elements, or of one stretch of the last axis."""
    size = math.prod(shape)
    if size <= _BLOCK or not shape:
        yield 0, ()
        return
    row = size // shape[0]
    step = max(1, _BLOCK // row)
    if row <= _BLOCK or len(shape) == 1:
        for start in range(0, shape[0], step):
            yield start * row, (slice(start, min(start + step, shape[0])),)
        return
    for first in range(shape[0]):
        for start, rest in pieces(shape[1:]):
            yield first * row + start, (first, *rest)


class Local:
    """Root mean squares of a tensor, as a whole and along each axis of its slices of at least eight elements.

    A slice of one value, as rows that are all alike have, is one element and not many: it counts as the whole does. ``constant``
    tells these by axis; they are found where they are not given.
    """

    def __init__(
        self, shape: tuple[int, ...], values: Callable[[tuple[Any, ...]], Any], constant: Mapping[int, Any] | None = None
    ) -> None:
        self._shape, size = shape, math.prod(shape)
        axes = [axis for axis, length in enumerate(shape) if length > 1 and size // length >= 8]
        sums = {axis: np.zeros((2, shape[axis])) for axis in axes}
        total = 0.0
        for _, piece in pieces(shape):
            found = finite_or_zero(values(piece))
            squares = np.square(found)
            total += float(np.sum(squares))
            fixed = sum(not isinstance(part, slice) for part in piece)
            for axis in axes:
                part = piece[axis] if axis < len(piece) else slice(None)
                rest = None if axis < fixed else tuple(a for a in range(squares.ndim) if a != axis - fixed)
                sums[axis][0][part] += np.sum(squares, axis=rest)
                sums[axis][1][part] += np.sum(found, axis=rest)
        self.whole = math.sqrt(total / size) if size else 0.0
        means = {axis: sums[axis] * shape[axis] / size for axis in axes}
        self.constant = {a: s - np.square(m) <= _STEADY * s for a, (s, m) in means.items()} if constant is None else constant
        self._slices = {axis: np.where(self.constant[axis], self.whole, np.sqrt(means[axis][0])) for axis in axes}

    def at(self, piece: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
        """Return the smallest of them at each element of ``piece``, which has that shape."""
        local = np.full((1,) * len(shape), self.whole)
        fixed = sum(not isinstance(part, slice) for part in piece)
        for axis, values in self._slices.items():
            part = values[piece[axis]] if axis < len(piece) else values
            local = np.minimum(local, part if axis < fixed else part.reshape(-1, *(1,) * (len(shape) - axis + fixed - 1)))
        return np.broadcast_to(local, shape)


    def floored(self, piece: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
        """Return the same, but nowhere a vanishing part of the whole."""
        return np.maximum(self.at(piece, shape), self.whole / 4096.0)


def finite_or_zero(array: Any) -> Any:
    """Return the array as float64, with 0 for what is NaN or infinite."""
    wide = np.asarray(array, np.float64)
    return np.where(np.isfinite(wide), wide, 0.0)
