"""Faults in named weights, of state dicts and ONNX initializers alike.

A `Weight` says what a tensor is for; `FAULTS` holds what can go wrong with it. A change takes the whole set, because
some mistakes exchange two tensors, and returns the tensors that changed.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.faults import _weight_changes as c
from harness.faults._weight import Fault, Set, Weight
from harness.faults.operator import Operator, Site

__all__ = ["FAULTS", "Fault", "Set", "Weight", "operators"]

_MATRIX, _FLOATS = "a linear or convolution weight with several output channels", "a float tensor with several elements"
_CONV_BN = "a convolution followed by a batch normalisation"

FAULTS: tuple[Fault, ...] = (
    Fault(name="transposed", tells="a square weight is transposed", needs="a square linear weight", fits=c.is_square,
          change=c.alone(lambda a, *_: a.T.copy())),
    Fault(name="kernel-transposed", tells="height and width of kernels are exchanged", needs="a convolution with a square kernel",
          fits=c.has_square_kernel, change=c.alone(lambda a, *_: np.swapaxes(a, 2, 3).copy())),
    Fault(name="channels-exchanged", tells="input and output channels are exchanged", needs="a convolution with as many inputs as outputs",
          fits=c.has_square_channels, change=c.alone(lambda a, *_: np.swapaxes(a, 0, 1).copy())),
    Fault(name="kernel-rotated", tells="convolution for correlation", needs="a convolution with a kernel above 1", fits=c.has_kernel(2),
          change=c.alone(lambda a, *_: c.flipped(a).copy())),
    Fault(name="lstm-gates-if", tells="input and forget gate exchanged", needs="an LSTM weight", fits=c.has_gates("i", "f", 4),
          change=c.gates_swapped("i", "f")),
    Fault(name="lstm-gates-fc", tells="forget and cell gate exchanged", needs="an LSTM weight", fits=c.has_gates("f", "c", 4),
          change=c.gates_swapped("f", "c")),
    Fault(name="lstm-gates-co", tells="cell and output gate exchanged", needs="an LSTM weight", fits=c.has_gates("c", "o", 4),
          change=c.gates_swapped("c", "o")),
    Fault(name="gru-gates-rz", tells="reset and update gate exchanged", needs="a GRU weight", fits=c.has_gates("r", "z", 3),
          change=c.gates_swapped("r", "z")),
    Fault(name="recurrent-bias-dropped", tells="the recurrent bias is dropped", needs="a non-zero recurrent bias", fits=c.has_recurrent,
          change=c.recurrent_scaled(0.0)),
    Fault(name="recurrent-bias-doubled", tells="the recurrent bias is added twice", needs="a non-zero recurrent bias",
          fits=c.has_recurrent, change=c.recurrent_scaled(2.0)),
    Fault(name="forget-bias-lowered", tells="the one that is added to the forget gate's bias is dropped", needs="an LSTM bias",
          fits=c.has_forget_bias, change=c.alone(c.forget_lowered)),
    Fault(name="directions-exchanged", tells="forward and backward weights are exchanged", needs="a tensor of both directions",
          fits=c.has_directions,
          change=c.alone(lambda a, *_: a[::-1].copy())),
    Fault(name="bias-channel-zeroed", tells="the bias of one channel is dropped", needs="a non-zero bias", fits=c.is_bias,
          change=c.one_channel(0.0)),
    Fault(name="bias-shifted", tells="the bias is shifted by one channel", needs="a non-zero bias", fits=c.is_bias,
          change=c.alone(c.rolled)),
    Fault(name="channels-permuted", tells="two output channels are exchanged", needs=_MATRIX, fits=c.is_matrix, change=c.permuted),
    Fault(name="channel-scaled", tells="one output channel is scaled by 1.01", needs=_MATRIX, fits=c.is_matrix, change=c.one_channel(1.01)),
    Fault(name="row-lost", tells="what one input contributes is dropped", needs=_MATRIX, fits=c.is_matrix, change=c.alone(c.row_lost)),
    Fault(name="sign-flipped", tells="the sign of one element", needs=_FLOATS, fits=c.is_weight, change=c.element(lambda held: -held)),
    Fault(name="bit-low", tells="the lowest mantissa bit of one element", needs=_FLOATS, fits=c.is_weight, change=c.element(c.bit(0))),
    Fault(name="bit-middle", tells="a middle mantissa bit of one element", needs=_FLOATS, fits=c.is_weight, change=c.element(c.bit(12))),
    Fault(name="bit-high", tells="the highest mantissa bit of one element", needs=_FLOATS, fits=c.is_weight, change=c.element(c.bit(22))),
    Fault(name="bit-exponent", tells="the lowest exponent bit of one element", needs=_FLOATS, fits=c.is_weight,
          change=c.element(c.bit(23))),
    Fault(name="weight-fp16", tells="one tensor passed through float16", needs=_FLOATS, fits=c.moved_by(c.float16),
          change=c.alone(lambda a, *_: c.float16(a))),
    Fault(name="weight-bf16", tells="one tensor passed through bfloat16", needs=_FLOATS, fits=c.moved_by(c.bfloat16),
          change=c.alone(lambda a, *_: c.bfloat16(a))),
    Fault(name="weight-int8", tells="one tensor passed through 8 bits", needs=_FLOATS, fits=c.moved_by(c.eighth),
          change=c.alone(lambda a, *_: c.eighth(a))),
    Fault(name="element-fp16", tells="one element passed through float16", needs=_FLOATS, fits=c.moved_by(c.float16),
          change=c.element(c.float16)),
    Fault(name="element-bf16", tells="one element passed through bfloat16", needs=_FLOATS, fits=c.moved_by(c.bfloat16),
          change=c.element(c.bfloat16)),
    Fault(name="element-int8", tells="one element passed through 8 bits", needs=_FLOATS, fits=c.moved_by(c.eighth),
          change=c.element(c.eighth)),
    *(Fault(name=f"noise-{text}", tells=f"relative noise of {text}", needs=_FLOATS, fits=c.is_weight, change=c.noise(float(text)))
      for text in ("1e-6", "1e-5", "1e-4", "1e-3")),
    Fault(name="tiny-flushed", tells="elements below a thousandth of the largest are zero", needs="a tensor with such elements",
          fits=c.has_tiny, change=c.alone(c.flushed)),
    Fault(name="statistics-default", tells="running statistics are 0 and 1", needs="a batch normalisation",
          fits=c.has_partners("variance", "is-mean"), change=c.statistics_default),
    Fault(name="mean-variance-exchanged", tells="running mean and variance are exchanged", needs="a batch normalisation",
          fits=c.has_partners("variance", "is-mean"), change=c.exchanged("variance", True)),
    Fault(name="scale-shift-exchanged", tells="scale and shift of a normalisation are exchanged", needs="a normalisation with both",
          fits=c.has_partners("bias", "is-scale"), change=c.exchanged("bias", False)),
    Fault(name="folded-twice", tells="a batch normalisation is folded and applied as well", needs=_CONV_BN,
          fits=c.has_partners("bn-scale", "bn-variance"), change=c.folded),
    Fault(name="folded-without-bias", tells="folding forgets the bias of the convolution", needs=_CONV_BN + ", with a bias",
          fits=c.has_partners("bn-scale", "bn-variance", "conv-bias"), change=c.folded_without_bias),
    Fault(name="embedding-shifted", tells="an embedding is off by one row", needs="an embedding", fits=c.is_role("embedding"),
          change=c.alone(lambda a, *_: np.roll(a, 1, 0))),
    Fault(name="positions-shifted", tells="the table of positions is off by one", needs="a table of positions", fits=c.is_role("positions"),
          change=c.alone(lambda a, *_: np.roll(a, 1, a.ndim - 2))),
    Fault(name="qkv-reordered", tells="keys, queries, values for queries, keys, values", needs="a packed query-key-value projection",
          fits=c.is_packed, change=c.packed_in((1, 0, 2))),
    Fault(name="qkv-interleaved", tells="query, key and value rows lie interleaved", needs="a packed query-key-value projection",
          fits=c.is_packed, change=c.alone(c.interleaved)),
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


def _stored(fault: Fault, weights_of: Callable[[Any], Set], stored: Callable[[Any, Mapping[str, Any]], Any]) -> Callable[[Any, Site, int],
    Any]:
    def change(model: Any, site: Site, seed: int) -> Any:
        weights = weights_of(model)
        rng = np.random.Generator(np.random.Philox(seed))
        changed = fault.change(weights, weights[site.tensor], rng)
        for name, array in changed.items():
            if array.shape != weights[name].array.shape:
                raise UsageError(f"fault operator {fault.name!r} would change the shape of {name!r}; exchange tensors of one shape only")
        return stored(model, {name: np.asarray(array, weights[name].array.dtype) for name, array in changed.items()})

    return change
