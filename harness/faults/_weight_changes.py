"""What can happen to a weight: which weights a change fits, and the change itself."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.core.value import value


@value
class Weight:
    """A tensor and its place in a model.

    ``role``: linear, conv, bias, scale, mean, variance, embedding, positions, rnn, rnn-bias or "" for anything else.
    ``out``: the axis of output channels. ``gates``: for recurrent tensors the gates in order along ``gate_axis``.
    ``recurrent``: the part of a recurrent bias, along that axis, that belongs to the recurrent product.
    ``partners``: role to name of tensors of the same layer (mean, variance, scale, bias; for a convolution those of the
    normalisation behind it). ``node`` and ``layer`` say where it is used.
    """

    name: str
    array: Any
    role: str = ""
    out: int = 0
    gates: tuple[str, ...] = ()
    gate_axis: int = 0
    recurrent: tuple[int, int] = (0, 0)
    partners: Mapping[str, str] | None = None
    eps: float = 1e-5
    node: str = ""
    layer: str = ""

    def partner(self, role: str) -> str:
        """Return the name of another tensor of the layer, "" for none."""
        return (self.partners or {}).get(role, "")


Set = Mapping[str, Weight]
Change = Callable[[Set, Weight, Any], Mapping[str, Any]]


@value
class Fault:
    """One way to break a weight: ``fits(weight)`` says whether it applies, ``change`` returns the changed tensors by name."""

    name: str
    tells: str
    needs: str
    fits: Callable[[Weight], bool]
    change: Change


def _alone(change: Callable[[Any, Weight, Any], Any]) -> Change:
    """Return the change of the tensor itself."""
    return lambda weights, weight, rng: {weight.name: change(np.array(weight.array), weight, rng)}


def _any(weight: Weight) -> bool:
    # What reaches towards infinity is a mask, and no weight.
    return bool(weight.array.size > 1 and np.any(weight.array) and np.max(np.abs(weight.array)) < 1e9)


def _square(weight: Weight) -> bool:
    return weight.role == "linear" and weight.array.shape[0] == weight.array.shape[1] > 1


def _conv(least: int) -> Callable[[Weight], bool]:
    return lambda weight: weight.role == "conv" and weight.array.ndim >= 3 and max(weight.array.shape[2:]) >= least


def _square_kernel(weight: Weight) -> bool:
    shape = weight.array.shape
    return weight.role == "conv" and len(shape) == 4 and shape[2] == shape[3] > 1


def _square_channels(weight: Weight) -> bool:
    return weight.role == "conv" and weight.array.shape[0] == weight.array.shape[1] > 1


def _flipped(array: Any, *_: Any) -> Any:
    return array[(slice(None), slice(None)) + (slice(None, None, -1),) * (array.ndim - 2)]


def _has_gates(first: str, second: str, count: int) -> Callable[[Weight], bool]:
    return lambda weight: {first, second} <= set(weight.gates) and len(set(weight.gates)) == count


def _gates_swapped(first: str, second: str) -> Change:
    def change(array: Any, weight: Weight, _: Any) -> Any:
        parts = np.split(array, len(weight.gates), axis=weight.gate_axis)
        period = len(set(weight.gates))
        order = list(range(len(parts)))
        for base in range(0, len(parts), period):
            a, b = (base + weight.gates[:period].index(gate) for gate in (first, second))
            order[a], order[b] = b, a
        return np.concatenate([parts[i] for i in order], axis=weight.gate_axis)

    return _alone(change)


def _recurrent(factor: float) -> Change:
    def change(array: Any, weight: Weight, _: Any) -> Any:
        array[(slice(None),) * weight.gate_axis + (slice(*weight.recurrent),)] *= factor
        return array

    return _alone(change)


def _has_recurrent(weight: Weight) -> bool:
    return weight.recurrent[1] > weight.recurrent[0] and bool(np.any(weight.array))


def _forget(weight: Weight) -> bool:
    return weight.role == "rnn-bias" and "f" in weight.gates


def _forget_lowered(array: Any, weight: Weight, _: Any) -> Any:
    parts = np.split(array, len(weight.gates), axis=weight.gate_axis)
    parts[weight.gates.index("f")] = parts[weight.gates.index("f")] - array.dtype.type(1)
    return np.concatenate(parts, axis=weight.gate_axis)


def _channel(array: Any, weight: Weight, rng: Any) -> Any:
    """Return an index of one output channel, away from those that are zero already."""
    rows = np.moveaxis(array, weight.out % array.ndim, 0).reshape(array.shape[weight.out], -1)
    alive = np.flatnonzero(np.any(rows, axis=1))
    return (slice(None),) * (weight.out % array.ndim) + (int(rng.choice(alive)),)


def _bias(weight: Weight) -> bool:
    return weight.role == "bias" and _any(weight)


def _matrix(weight: Weight) -> bool:
    return weight.role in ("linear", "conv") and weight.array.shape[weight.out] > 1 and _any(weight)


def _one_channel(factor: float) -> Change:
    def change(array: Any, weight: Weight, rng: Any) -> Any:
        array[_channel(array, weight, rng)] *= array.dtype.type(factor)
        return array

    return _alone(change)


def _rolled(array: Any, weight: Weight, _: Any) -> Any:
    return np.roll(array, 1, axis=weight.out if weight.role == "bias" else 0)


def _permuted(weights: Set, weight: Weight, rng: Any) -> Mapping[str, Any]:
    array = np.array(weight.array)
    view = np.moveaxis(array, weight.out, 0)
    first, second = sorted(int(i) for i in rng.choice(view.shape[0], 2, replace=False))
    view[[first, second]] = view[[second, first]]
    return {weight.name: array}


def _element(change: Callable[[Any], Any]) -> Change:
    """Return the change of one element above the median; ``change`` takes the whole array, scales of 8 bits come from it."""

    def one(array: Any, weight: Weight, rng: Any) -> Any:
        size, after = np.abs(array), np.asarray(change(array), array.dtype)
        moved = np.flatnonzero(((after != array) & (size >= np.median(size[size > 0]))).reshape(-1))
        moved = moved if moved.size else np.flatnonzero((after != array).reshape(-1))
        index = np.unravel_index(int(rng.choice(moved)), array.shape)
        array[index] = after[index]
        return array

    return _alone(one)


def _moved_by(change: Callable[[Any], Any]) -> Callable[[Weight], bool]:
    """Return whether a change of values changes any: a tensor of small whole numbers passes every rounding unharmed."""
    return lambda weight: _any(weight) and bool(np.any(np.asarray(change(weight.array), weight.array.dtype) != weight.array))


def _bit(number: int) -> Callable[[Any], Any]:
    return lambda held: (np.asarray(held, np.float32).view(np.uint32) ^ np.uint32(1 << number)).view(np.float32)


def bfloat16(array: Any) -> Any:
    """Return ``array`` rounded to bfloat16, to nearest and ties to even, as float32."""
    bits = np.asarray(array, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)).view(np.float32)


def float16(array: Any) -> Any:
    """Return ``array`` rounded to float16, as float32."""
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32).astype(np.float16).astype(np.float32)


def _eighth(array: Any) -> Any:
    scale = np.float32(np.max(np.abs(array)) / 127)
    return (np.round(array / scale) * scale).astype(np.float32) if scale else array


def _noise(strength: float) -> Change:
    return _alone(lambda array, weight, rng: (array * (1 + strength * rng.standard_normal(array.shape))).astype(array.dtype))


def _tiny(weight: Weight) -> bool:
    size = np.abs(weight.array)
    return bool(np.any((size > 0) & (size < 1e-3 * np.max(size)))) if size.size else False


def _flushed(array: Any, *_: Any) -> Any:
    array[np.abs(array) < 1e-3 * np.max(np.abs(array))] = 0
    return array


def _with(*roles: str) -> Callable[[Weight], bool]:
    return lambda weight: all(map(weight.partner, roles))


def _statistics_default(weights: Set, weight: Weight, _: Any) -> Mapping[str, Any]:
    other = weights[weight.partner("variance")]
    return {weight.name: np.zeros_like(weight.array), other.name: np.ones_like(other.array)}


def _exchanged(role: str, positive: bool) -> Change:
    def change(weights: Set, weight: Weight, _: Any) -> Mapping[str, Any]:
        other = weights[weight.partner(role)]
        # A negative variance would be NaN at once; its absolute value keeps the mistake silent.
        mine = np.abs(weight.array) if positive else weight.array
        return {weight.name: np.array(other.array), other.name: np.array(mine)}

    return change


def _factor(weights: Set, weight: Weight) -> Any:
    scale, variance = (weights[weight.partner(role)].array.astype(np.float64) for role in ("bn-scale", "bn-variance"))
    return scale / np.sqrt(variance + weight.eps)


def _folded(weights: Set, weight: Weight, _: Any) -> Mapping[str, Any]:
    factor = _factor(weights, weight).reshape((-1,) + (1,) * (weight.array.ndim - 1))
    return {weight.name: (weight.array * factor).astype(weight.array.dtype)}


def _folded_without_bias(weights: Set, weight: Weight, _: Any) -> Mapping[str, Any]:
    # Folding that forgets the convolution's own bias is the same as that bias being zero.
    name = weight.partner("conv-bias")
    return {name: np.zeros_like(weights[name].array)}


def _qkv(order: Sequence[int]) -> Change:
    def change(array: Any, weight: Weight, _: Any) -> Any:
        parts = np.split(array, 3, axis=weight.out)
        return np.concatenate([parts[i] for i in order], axis=weight.out)

    return _alone(change)


def _packed(weight: Weight) -> bool:
    low, shape = weight.name.lower(), weight.array.shape
    if weight.role not in ("linear", "bias") or shape[weight.out] % 3 or shape[weight.out] < 6:
        return False
    named = any(part in low for part in ("qkv", "in_proj", "c_attn", "query_key_value"))
    return named or (weight.role == "linear" and shape[weight.out] == 3 * shape[1 - weight.out])


def _interleaved(array: Any, weight: Weight, _: Any) -> Any:
    moved = np.moveaxis(array, weight.out, 0)
    order = np.arange(moved.shape[0]).reshape(3, -1).T.reshape(-1)
    return np.ascontiguousarray(np.moveaxis(moved[order], 0, weight.out))


def _row_lost(array: Any, weight: Weight, rng: Any) -> Any:
    view = np.moveaxis(array, 1 - weight.out if array.ndim > 1 and weight.role == "linear" else 0, 0)
    view[int(rng.integers(view.shape[0]))] = 0
    return array


def _directions(weight: Weight) -> bool:
    return weight.role in ("rnn", "rnn-bias") and weight.array.ndim >= 2 and weight.gate_axis == 1 and weight.array.shape[0] == 2


def _role(*roles: str) -> Callable[[Weight], bool]:
    return lambda weight: weight.role in roles and weight.array.shape[0] > 1
