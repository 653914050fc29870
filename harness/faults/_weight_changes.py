"""What can happen to a weight: which weights a change fits, and the change itself."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.faults._weight import Change, Set, Weight


def alone(change: Callable[[Any, Weight, Any], Any]) -> Change:
    """Return the change of the tensor itself."""
    return lambda weights, weight, rng: {weight.name: change(np.array(weight.array), weight, rng)}


def is_weight(weight: Weight) -> bool:
    """Return whether a tensor holds several numbers that are no mask."""
    # What reaches towards infinity is a mask, and no weight.
    return bool(weight.array.size > 1 and np.any(weight.array) and np.max(np.abs(weight.array)) < 1e9)


def is_square(weight: Weight) -> bool:
    """Return whether it is a square linear weight."""
    return weight.role == "linear" and weight.array.shape[0] == weight.array.shape[1] > 1


def has_kernel(least: int) -> Callable[[Weight], bool]:
    """Return whether it is a convolution with a kernel of at least this length."""
    return lambda weight: weight.role == "conv" and weight.array.ndim >= 3 and max(weight.array.shape[2:]) >= least


def has_square_kernel(weight: Weight) -> bool:
    """Return whether it is a convolution with a square kernel."""
    shape = weight.array.shape
    return weight.role == "conv" and len(shape) == 4 and shape[2] == shape[3] > 1


def has_square_channels(weight: Weight) -> bool:
    """Return whether it is a convolution with as many inputs as outputs."""
    return weight.role == "conv" and weight.array.shape[0] == weight.array.shape[1] > 1


def flipped(array: Any, *_: Any) -> Any:
    """Return kernels rotated by half a turn."""
    return array[(slice(None), slice(None)) + (slice(None, None, -1),) * (array.ndim - 2)]


def has_gates(first: str, second: str, count: int) -> Callable[[Weight], bool]:
    """Return whether it holds these two of so many gates."""
    return lambda weight: {first, second} <= set(weight.gates) and len(set(weight.gates)) == count


def gates_swapped(first: str, second: str) -> Change:
    """Return the change that exchanges two gates, in both halves of a bias."""

    def change(array: Any, weight: Weight, _: Any) -> Any:
        parts = np.split(array, len(weight.gates), axis=weight.gate_axis)
        period = len(set(weight.gates))
        order = list(range(len(parts)))
        for base in range(0, len(parts), period):
            a, b = (base + weight.gates[:period].index(gate) for gate in (first, second))
            order[a], order[b] = b, a
        return np.concatenate([parts[i] for i in order], axis=weight.gate_axis)

    return alone(change)


def recurrent_scaled(factor: float) -> Change:
    """Return the change that scales the recurrent part of a bias."""

    def change(array: Any, weight: Weight, _: Any) -> Any:
        array[(slice(None),) * weight.gate_axis + (slice(*weight.recurrent),)] *= factor
        return array

    return alone(change)


def has_recurrent(weight: Weight) -> bool:
    """Return whether it has a recurrent part that is not zero."""
    return weight.recurrent[1] > weight.recurrent[0] and bool(np.any(weight.array))


def has_forget_bias(weight: Weight) -> bool:
    """Return whether it is the bias of a forget gate."""
    return weight.role == "rnn-bias" and "f" in weight.gates


def forget_lowered(array: Any, weight: Weight, _: Any) -> Any:
    """Return the bias with its forget gate lowered by one."""
    parts = np.split(array, len(weight.gates), axis=weight.gate_axis)
    parts[weight.gates.index("f")] = parts[weight.gates.index("f")] - array.dtype.type(1)
    return np.concatenate(parts, axis=weight.gate_axis)


def _channel(array: Any, weight: Weight, rng: Any) -> Any:
    """Return an index of one output channel, away from those that are zero already."""
    rows = np.moveaxis(array, weight.out % array.ndim, 0).reshape(array.shape[weight.out], -1)
    alive = np.flatnonzero(np.any(rows, axis=1))
    return (slice(None),) * (weight.out % array.ndim) + (int(rng.choice(alive)),)


def is_bias(weight: Weight) -> bool:
    """Return whether it is a bias that is not zero."""
    return weight.role == "bias" and is_weight(weight)


def is_matrix(weight: Weight) -> bool:
    """Return whether it has several output channels."""
    return weight.role in ("linear", "conv") and weight.array.shape[weight.out] > 1 and is_weight(weight)


def one_channel(factor: float) -> Change:
    """Return the change that scales one output channel."""

    def change(array: Any, weight: Weight, rng: Any) -> Any:
        array[_channel(array, weight, rng)] *= array.dtype.type(factor)
        return array

    return alone(change)


def rolled(array: Any, weight: Weight, _: Any) -> Any:
    """Return a bias shifted by one channel."""
    return np.roll(array, 1, axis=weight.out if weight.role == "bias" else 0)


def permuted(weights: Set, weight: Weight, rng: Any) -> Mapping[str, Any]:
    """Return the change that exchanges two output channels."""
    array = np.array(weight.array)
    view = np.moveaxis(array, weight.out, 0)
    first, second = sorted(int(i) for i in rng.choice(view.shape[0], 2, replace=False))
    view[[first, second]] = view[[second, first]]
    return {weight.name: array}


def element(change: Callable[[Any], Any]) -> Change:
    """Return the change of one element above the median; ``change`` takes the whole array, scales of 8 bits come from it."""

    def one(array: Any, weight: Weight, rng: Any) -> Any:
        size, after = np.abs(array), np.asarray(change(array), array.dtype)
        moved = np.flatnonzero(((after != array) & (size >= np.median(size[size > 0]))).reshape(-1))
        moved = moved if moved.size else np.flatnonzero((after != array).reshape(-1))
        index = np.unravel_index(int(rng.choice(moved)), array.shape)
        array[index] = after[index]
        return array

    return alone(one)


def moved_by(change: Callable[[Any], Any]) -> Callable[[Weight], bool]:
    """Return whether a change of values changes any: a tensor of small whole numbers passes every rounding unharmed."""
    return lambda weight: is_weight(weight) and bool(np.any(np.asarray(change(weight.array), weight.array.dtype) != weight.array))


def bit(number: int) -> Callable[[Any], Any]:
    """Return the function that flips one bit of every number; the lowest is 0."""
    return lambda held: (np.asarray(held, np.float32).view(np.uint32) ^ np.uint32(1 << number)).view(np.float32)


def bfloat16(array: Any) -> Any:
    """Return ``array`` rounded to bfloat16, to nearest and ties to even, as float32."""
    bits = np.asarray(array, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)).view(np.float32)


def float16(array: Any) -> Any:
    """Return ``array`` rounded to float16, as float32."""
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32).astype(np.float16).astype(np.float32)


def eighth(array: Any) -> Any:
    """Return ``array`` rounded to 8 bits with one scale."""
    scale = np.float32(np.max(np.abs(array)) / 127)
    return (np.round(array / scale) * scale).astype(np.float32) if scale else array


def noise(strength: float) -> Change:
    """Return the change that multiplies by noise of this relative strength."""
    return alone(lambda array, weight, rng: (array * (1 + strength * rng.standard_normal(array.shape))).astype(array.dtype))


def has_tiny(weight: Weight) -> bool:
    """Return whether some elements are below a thousandth of the largest."""
    size = np.abs(weight.array)
    return bool(np.any((size > 0) & (size < 1e-3 * np.max(size)))) if size.size else False


def flushed(array: Any, *_: Any) -> Any:
    """Return the tensor with those elements at zero."""
    array[np.abs(array) < 1e-3 * np.max(np.abs(array))] = 0
    return array


def has_partners(*roles: str) -> Callable[[Weight], bool]:
    """Return whether the layer has tensors for all of these roles."""
    return lambda weight: all(map(weight.partner, roles))


def statistics_default(weights: Set, weight: Weight, _: Any) -> Mapping[str, Any]:
    """Return mean and variance, at 0 and 1."""
    other = weights[weight.partner("variance")]
    return {weight.name: np.zeros_like(weight.array), other.name: np.ones_like(other.array)}


def exchanged(role: str, positive: bool) -> Change:
    """Return the change that exchanges a tensor with its partner of this role, by size where that must be positive."""

    def change(weights: Set, weight: Weight, _: Any) -> Mapping[str, Any]:
        other = weights[weight.partner(role)]
        # A negative variance would be NaN at once; its absolute value keeps the mistake silent.
        mine = np.abs(weight.array) if positive else weight.array
        return {weight.name: np.array(other.array), other.name: np.array(mine)}

    return change


def _factor(weights: Set, weight: Weight) -> Any:
    scale, variance = (weights[weight.partner(role)].array.astype(np.float64) for role in ("bn-scale", "bn-variance"))
    return scale / np.sqrt(variance + weight.eps)


def folded(weights: Set, weight: Weight, _: Any) -> Mapping[str, Any]:
    """Return the convolution with the normalisation behind a convolution folded in, although that stays."""
    factor = _factor(weights, weight).reshape((-1,) + (1,) * (weight.array.ndim - 1))
    return {weight.name: (weight.array * factor).astype(weight.array.dtype)}


def folded_without_bias(weights: Set, weight: Weight, _: Any) -> Mapping[str, Any]:
    """Return the bias without what folding without the convolution's bias drops."""
    # Folding that forgets the convolution's own bias is the same as that bias being zero.
    name = weight.partner("conv-bias")
    return {name: np.zeros_like(weights[name].array)}


def packed_in(order: Sequence[int]) -> Change:
    """Return the change that puts query, key and value into this order."""

    def change(array: Any, weight: Weight, _: Any) -> Any:
        parts = np.split(array, 3, axis=weight.out)
        return np.concatenate([parts[i] for i in order], axis=weight.out)

    return alone(change)


def is_packed(weight: Weight) -> bool:
    """Return whether it is a packed query-key-value projection."""
    low, shape = weight.name.lower(), weight.array.shape
    if weight.role not in ("linear", "bias") or shape[weight.out] % 3 or shape[weight.out] < 6:
        return False
    named = any(part in low for part in ("qkv", "in_proj", "c_attn", "query_key_value"))
    return named or (weight.role == "linear" and shape[weight.out] == 3 * shape[1 - weight.out])


def interleaved(array: Any, weight: Weight, _: Any) -> Any:
    """Return query, key and value rows interleaved."""
    moved = np.moveaxis(array, weight.out, 0)
    order = np.arange(moved.shape[0]).reshape(3, -1).T.reshape(-1)
    return np.ascontiguousarray(np.moveaxis(moved[order], 0, weight.out))


def row_lost(array: Any, weight: Weight, rng: Any) -> Any:
    """Return the weight without what one input contributes."""
    view = np.moveaxis(array, 1 - weight.out if array.ndim > 1 and weight.role == "linear" else 0, 0)
    view[int(rng.integers(view.shape[0]))] = 0
    return array


def has_directions(weight: Weight) -> bool:
    """Return whether it holds both directions of a recurrent layer."""
    return weight.role in ("rnn", "rnn-bias") and weight.array.ndim >= 2 and weight.gate_axis == 1 and weight.array.shape[0] == 2


def is_role(*roles: str) -> Callable[[Weight], bool]:
    """Return whether it has one of these roles."""
    return lambda weight: weight.role in roles and weight.array.shape[0] > 1
