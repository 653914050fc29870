"""Arithmetic as the units of an Ascend chip do it: float32 arrays that only hold what a narrower type holds.

A result of one operation on float16 or bfloat16 is the float32 result rounded once more; for +, -, *, / and the square root that is
exactly the correctly rounded one, since 24 bits are more than twice 11 and two (Figueroa, When is double rounding innocuous?, 1995).
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.ascend.precision import BRAIN, FULL, HALF

LARGEST = 65504.0
LANES = 128
"""Float16 numbers that a vector unit takes at once."""


class Rounder:
    """Rounds to one type, and counts what was finite and lies above its largest number."""

    def __init__(self, kind: str, saturate: bool) -> None:
        self._kind = kind
        self._saturate = saturate
        self.over = 0

    def __call__(self, array: Any) -> Any:
        """Return ``array`` as float32 with the values of the type; too large ones are infinite or, saturated, the largest number."""
        array = np.asarray(array, np.float32)
        if self._kind == FULL:
            return array
        if self._kind == BRAIN:
            return self._brain(array)
        with np.errstate(all="ignore"):
            made = array.astype(np.float16).astype(np.float32)
        return self._above(array, made)

    def clipped(self, array: Any) -> Any:
        """Return a constant in the type: the compiler clips what float16 cannot hold (``--is_weight_clip=1``, its default)."""
        array = np.asarray(array, np.float32)
        if self._kind != HALF:
            return self(array)
        self.over += int(np.count_nonzero(np.abs(array) > LARGEST))
        with np.errstate(all="ignore"):
            return np.clip(array, -LARGEST, LARGEST).astype(np.float16).astype(np.float32)

    def _brain(self, array: Any) -> Any:
        bits = np.ascontiguousarray(array).view(np.uint32)
        even = (bits >> np.uint32(16)) & np.uint32(1)
        made = ((bits + np.uint32(0x7FFF) + even) & np.uint32(0xFFFF0000)).view(np.float32).reshape(array.shape)
        return self._above(array, np.where(np.isnan(array), array, made))

    def _above(self, array: Any, made: Any) -> Any:
        infinite = np.isinf(made)
        if not infinite.any():
            return made
        self.over += int(np.count_nonzero(infinite & np.isfinite(array)))
        if self._saturate and self._kind == HALF:
            return np.where(infinite, np.copysign(np.float32(LARGEST), made), made)
        return made


def total(array: Any, axes: Sequence[int], step: Rounder, keep: bool = True) -> Any:
    """Return the sum over ``axes`` with each addition rounded: `LANES` numbers side by side, block by block, then in a tree."""
    axes = sorted(axis % array.ndim for axis in axes)
    rest = [axis for axis in range(array.ndim) if axis not in axes]
    shape = [array.shape[axis] for axis in rest]
    flat = np.transpose(array, [*rest, *axes]).reshape([*shape, -1])
    blocks = max(1, -(-flat.shape[-1] // LANES))
    padded = np.zeros([*shape, blocks * LANES], np.float32)
    padded[..., : flat.shape[-1]] = flat
    parts = padded.reshape([*shape, blocks, LANES])
    lanes = parts[..., 0, :]
    for block in range(1, blocks):
        lanes = step(lanes + parts[..., block, :])
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = step(lanes[..., :half] + lanes[..., half:])
    made = lanes[..., 0]
    return made.reshape([1 if axis in axes else length for axis, length in enumerate(array.shape)]) if keep else made


def mean(array: Any, axes: Sequence[int], step: Rounder) -> Any:
    """Return the mean over ``axes``, which stay: each number is scaled before it is added, so that the sum does not overflow."""
    count = 1
    for axis in axes:
        count *= array.shape[axis]
    return total(step(array * step(np.float32(1.0 / max(1, count)))), axes, step)


def _reduced(body: Callable[[Any, Sequence[int], Rounder], Any]) -> Callable[[Any, Sequence[Any], Rounder], Sequence[Any]]:
    """Return the operator that reduces by ``body``, with axes from an attribute or the second input."""

    def run(node: Any, inputs: Sequence[Any], step: Rounder) -> Sequence[Any]:
        array = inputs[0]
        given = inputs[1] if len(inputs) > 1 and inputs[1] is not None else getattr(node, "axes", None)
        if given is None or not np.size(given):
            if getattr(node, "noop_with_empty_axes", 0):
                return (array,)
            given = range(array.ndim)
        axes = sorted({int(axis) % array.ndim for axis in np.ravel(np.asarray(list(given)))})
        made = body(array, axes, step)
        return (made if getattr(node, "keepdims", 1) else made.reshape([n for axis, n in enumerate(array.shape) if axis not in axes]),)

    return run


def _softmax(node: Any, inputs: Sequence[Any], step: Rounder) -> Sequence[Any]:
    array, axis = inputs[0], int(node.axis) % inputs[0].ndim
    powers = step(np.exp(step(array - array.max(axis=axis, keepdims=True))))
    return (step(powers / total(powers, [axis], step)),)


def _log_softmax(node: Any, inputs: Sequence[Any], step: Rounder) -> Sequence[Any]:
    array, axis = inputs[0], int(node.axis) % inputs[0].ndim
    moved = step(array - array.max(axis=axis, keepdims=True))
    return (step(moved - step(np.log(total(step(np.exp(moved)), [axis], step)))),)


def _standard(array: Any, axes: Sequence[int], epsilon: float, step: Rounder) -> Sequence[Any]:
    """Return the standardised array, the mean and the inverse deviation over ``axes``."""
    middle = mean(array, axes, step)
    moved = step(array - middle)
    variance = mean(step(moved * moved), axes, step)
    inverse = step(1.0 / step(np.sqrt(step(variance + step(np.float32(epsilon))))))
    return step(moved * inverse), middle, inverse


def _layer_norm(node: Any, inputs: Sequence[Any], step: Rounder) -> Sequence[Any]:
    array = inputs[0]
    made, middle, inverse = _standard(array, range(int(node.axis) % array.ndim, array.ndim), float(node.epsilon), step)
    made = step(made * inputs[1])
    return (made if len(inputs) < 3 or inputs[2] is None else step(made + inputs[2]), middle, inverse)


def _instance_norm(node: Any, inputs: Sequence[Any], step: Rounder) -> Sequence[Any]:
    array, scale, bias = inputs
    wide = [1, -1] + [1] * (array.ndim - 2)
    made, _, _ = _standard(array, range(2, array.ndim), float(node.epsilon), step)
    return (step(step(made * scale.reshape(wide)) + bias.reshape(wide)),)


def _sum(node: Any, inputs: Sequence[Any], step: Rounder) -> Sequence[Any]:
    made = inputs[0]
    for array in inputs[1:]:
        made = step(made + array)
    return (made,)


STEPWISE: Mapping[str, Callable[[Any, Sequence[Any], Rounder], Sequence[Any]]] = {
    "Softmax": _softmax, "LogSoftmax": _log_softmax, "LayerNormalization": _layer_norm, "InstanceNormalization": _instance_norm,
    "Sum": _sum, "ReduceSum": _reduced(total), "ReduceMean": _reduced(mean),
    "ReduceSumSquare": _reduced(lambda array, axes, step: total(step(array * array), axes, step)),
    "ReduceL1": _reduced(lambda array, axes, step: total(np.abs(array), axes, step)),
    "ReduceL2": _reduced(lambda array, axes, step: step(np.sqrt(total(step(array * array), axes, step)))),
    "GlobalAveragePool": lambda node, inputs, step: (mean(inputs[0], range(2, inputs[0].ndim), step),),
}  # fmt: skip
"""Operators of the vector unit that take several steps, each rounded: it accumulates in the type it computes in."""


def drift(actual: Any, exact: Any) -> float:
    """Return how far ``actual`` is from ``exact``, as a share of it: the larger of the relative errors in the 2-norm and the maximum norm.

    Infinite where NaN or infinities come or go. For arrays that are no floats, the share of elements that differ.
    """
    actual, exact = np.asarray(actual), np.asarray(exact)
    if actual.shape != exact.shape:
        return float("inf")
    if exact.dtype.kind != "f":
        return float(np.mean(actual != exact)) if exact.size else 0.0
    actual, exact = actual.astype(np.float64).ravel(), exact.astype(np.float64).ravel()
    finite = np.isfinite(exact)
    with np.errstate(invalid="ignore"):
        same = (actual == exact) | (np.isnan(actual) & np.isnan(exact))
    if not np.all(np.where(finite, np.isfinite(actual), same)):
        return float("inf")
    actual, exact = actual[finite], exact[finite]
    if not exact.size:
        return 0.0
    apart, largest = np.abs(actual - exact), float(np.max(np.abs(exact)))
    if largest == 0.0:
        return float("inf") if apart.any() else 0.0
    # Scaled first: squares of what float64 holds may not be.
    norms = float(np.linalg.norm(apart / largest) / np.linalg.norm(exact / largest))
    return max(norms, float(np.max(apart)) / largest)
