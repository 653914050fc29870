"""Faults in named weights, of state dicts and ONNX initializers alike.

A `Weight` says what a tensor is for; `WEIGHTS` holds what can go wrong with it. A change takes the whole set, because
some mistakes exchange two tensors, and returns the tensors that changed.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.core.value import value
from harness.faults.operator import Operator, Site

LSTM, GRU = "lstm", "gru"


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
    return bool(weight.array.size > 1 and np.any(weight.array))


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


_MATRIX, _FLOATS = "a linear or convolution weight with several output channels", "a float tensor with several elements"
_CONV_BN = "a convolution followed by a batch normalisation"

FAULTS: tuple[Fault, ...] = (
    Fault(name="transposed", tells="a square weight is transposed", needs="a square linear weight", fits=_square, change=_alone(lambda a, *_: a.T.copy())),
    Fault(name="kernel-transposed", tells="height and width of kernels are exchanged", needs="a convolution with a square kernel",
          fits=_square_kernel, change=_alone(lambda a, *_: np.swapaxes(a, 2, 3).copy())),
    Fault(name="channels-exchanged", tells="input and output channels are exchanged", needs="a convolution with as many inputs as outputs",
          fits=_square_channels, change=_alone(lambda a, *_: np.swapaxes(a, 0, 1).copy())),
    Fault(name="kernel-rotated", tells="convolution for correlation", needs="a convolution with a kernel above 1", fits=_conv(2),
          change=_alone(lambda a, *_: _flipped(a).copy())),
    Fault(name="lstm-gates-if", tells="input and forget gate exchanged", needs="an LSTM weight", fits=_has_gates("i", "f", 4), change=_gates_swapped("i", "f")),
    Fault(name="lstm-gates-fc", tells="forget and cell gate exchanged", needs="an LSTM weight", fits=_has_gates("f", "c", 4), change=_gates_swapped("f", "c")),
    Fault(name="lstm-gates-co", tells="cell and output gate exchanged", needs="an LSTM weight", fits=_has_gates("c", "o", 4), change=_gates_swapped("c", "o")),
    Fault(name="gru-gates-rz", tells="reset and update gate exchanged", needs="a GRU weight", fits=_has_gates("r", "z", 3), change=_gates_swapped("r", "z")),
    Fault(name="recurrent-bias-dropped", tells="the recurrent bias is dropped", needs="a non-zero recurrent bias", fits=_has_recurrent, change=_recurrent(0.0)),
    Fault(name="recurrent-bias-doubled", tells="the recurrent bias is added twice", needs="a non-zero recurrent bias", fits=_has_recurrent, change=_recurrent(2.0)),
    Fault(name="forget-bias-lowered", tells="the one that is added to the forget gate's bias is dropped", needs="an LSTM bias", fits=_forget, change=_alone(_forget_lowered)),
    Fault(name="directions-exchanged", tells="forward and backward weights are exchanged", needs="a tensor of both directions", fits=_directions,
          change=_alone(lambda a, *_: a[::-1].copy())),
    Fault(name="bias-channel-zeroed", tells="the bias of one channel is dropped", needs="a non-zero bias", fits=_bias, change=_one_channel(0.0)),
    Fault(name="bias-shifted", tells="the bias is shifted by one channel", needs="a non-zero bias", fits=_bias, change=_alone(_rolled)),
    Fault(name="channels-permuted", tells="two output channels are exchanged", needs=_MATRIX, fits=_matrix, change=_permuted),
    Fault(name="channel-scaled", tells="one output channel is scaled by 1.01", needs=_MATRIX, fits=_matrix, change=_one_channel(1.01)),
    Fault(name="row-lost", tells="what one input contributes is dropped", needs=_MATRIX, fits=_matrix, change=_alone(_row_lost)),
    Fault(name="sign-flipped", tells="the sign of one element", needs=_FLOATS, fits=_any, change=_element(lambda held: -held)),
    Fault(name="bit-low", tells="the lowest mantissa bit of one element", needs=_FLOATS, fits=_any, change=_element(_bit(0))),
    Fault(name="bit-middle", tells="a middle mantissa bit of one element", needs=_FLOATS, fits=_any, change=_element(_bit(12))),
    Fault(name="bit-high", tells="the highest mantissa bit of one element", needs=_FLOATS, fits=_any, change=_element(_bit(22))),
    Fault(name="bit-exponent", tells="the lowest exponent bit of one element", needs=_FLOATS, fits=_any, change=_element(_bit(23))),
    Fault(name="weight-fp16", tells="one tensor passed through float16", needs=_FLOATS, fits=_moved_by(float16), change=_alone(lambda a, *_: float16(a))),
    Fault(name="weight-bf16", tells="one tensor passed through bfloat16", needs=_FLOATS, fits=_moved_by(bfloat16), change=_alone(lambda a, *_: bfloat16(a))),
    Fault(name="weight-int8", tells="one tensor passed through 8 bits", needs=_FLOATS, fits=_moved_by(_eighth), change=_alone(lambda a, *_: _eighth(a))),
    Fault(name="element-fp16", tells="one element passed through float16", needs=_FLOATS, fits=_moved_by(float16), change=_element(float16)),
    Fault(name="element-bf16", tells="one element passed through bfloat16", needs=_FLOATS, fits=_moved_by(bfloat16), change=_element(bfloat16)),
    Fault(name="element-int8", tells="one element passed through 8 bits", needs=_FLOATS, fits=_moved_by(_eighth), change=_element(_eighth)),
    *(Fault(name=f"noise-{text}", tells=f"relative noise of {text}", needs=_FLOATS, fits=_any, change=_noise(float(text)))
      for text in ("1e-6", "1e-5", "1e-4", "1e-3")),
    Fault(name="tiny-flushed", tells="elements below a thousandth of the largest are zero", needs="a tensor with such elements", fits=_tiny, change=_alone(_flushed)),
    Fault(name="statistics-default", tells="running statistics are 0 and 1", needs="a batch normalisation", fits=_with("variance", "is-mean"), change=_statistics_default),
    Fault(name="mean-variance-exchanged", tells="running mean and variance are exchanged", needs="a batch normalisation",
          fits=_with("variance", "is-mean"), change=_exchanged("variance", True)),
    Fault(name="scale-shift-exchanged", tells="scale and shift of a normalisation are exchanged", needs="a normalisation with both",
          fits=_with("bias", "is-scale"), change=_exchanged("bias", False)),
    Fault(name="folded-twice", tells="a batch normalisation is folded and applied as well", needs=_CONV_BN, fits=_with("bn-scale", "bn-variance"), change=_folded),
    Fault(name="folded-without-bias", tells="folding forgets the bias of the convolution", needs=_CONV_BN + ", with a bias",
          fits=_with("bn-scale", "bn-variance", "conv-bias"), change=_folded_without_bias),
    Fault(name="embedding-shifted", tells="an embedding is off by one row", needs="an embedding", fits=_role("embedding"), change=_alone(lambda a, *_: np.roll(a, 1, 0))),
    Fault(name="positions-shifted", tells="the table of positions is off by one", needs="a table of positions", fits=_role("positions"),
          change=_alone(lambda a, *_: np.roll(a, 1, a.ndim - 2))),
    Fault(name="qkv-reordered", tells="keys, queries, values for queries, keys, values", needs="a packed query-key-value projection", fits=_packed, change=_qkv((1, 0, 2))),
    Fault(name="qkv-interleaved", tells="query, key and value rows lie interleaved", needs="a packed query-key-value projection", fits=_packed, change=_alone(_interleaved)),
)  # fmt: skip


def operators(
    weights_of: Callable[[Any], Set], stored: Callable[[Any, Mapping[str, Any]], Any], faults: Sequence[Fault] = FAULTS
) -> Iterator[Operator]:
    """Yield the faults as operators on models: ``weights_of(model)`` reads the weights, ``stored(model, changed)`` gives a changed copy."""
    for fault in faults:
        yield Operator(
            name=fault.name, family="weights", tells=fault.tells, needs=fault.needs,
            sites=_sites(fault, weights_of), change=_stored(fault, weights_of, stored),
        )  # fmt: skip


def _sites(fault: Fault, weights_of: Callable[[Any], Set]) -> Callable[[Any], Sequence[Site]]:
    def sites(model: Any) -> Sequence[Site]:
        fitting = [weight for weight in weights_of(model).values() if weight.array.size and fault.fits(weight)]
        return [Site(index=i, node=w.node, tensor=w.name, layer=w.layer) for i, w in enumerate(fitting)]

    return sites


def _stored(fault: Fault, weights_of: Callable[[Any], Set], stored: Callable[[Any, Mapping[str, Any]], Any]) -> Callable[[Any, Site, int], Any]:
    def change(model: Any, site: Site, seed: int) -> Any:
        weights = weights_of(model)
        rng = np.random.Generator(np.random.Philox(seed))
        changed = fault.change(weights, weights[site.tensor], rng)
        for name, array in changed.items():
            if array.shape != weights[name].array.shape:
                raise UsageError(f"fault operator {fault.name!r} would change the shape of {name!r}; exchange tensors of one shape only")
        return stored(model, {name: np.asarray(array, weights[name].array.dtype) for name, array in changed.items()})

    return change
