"""Known ways to convert a layer wrongly, each tested by computing it: only one that explains the target is named."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.numerics import formulas, sequences
from harness.numerics.localise import layer_bound
from harness.numerics.metrics import distance, widen

EXPLAINS = 100.0
EPSILONS = (0.0, 1e-12, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
SLOPES = (0.0, 0.01, 0.02, 0.1, 0.125, 0.2, 0.25, 0.3)
LARGE = 2_000_000
"""Layers with more elements than this, in or out, are only tested for what costs nothing."""
_SETTING = re.compile(r"(\w+)=(\([^)]*\)|\[[^\]]*\]|[^,]+)")
Found = Iterator["tuple[str, str, Any]"]
"""Short name, half a sentence, and what the layer would give."""


def suspects_of(
    kind: str, config: str, parameters: Mapping[str, Any], inputs: Sequence[Any], source: Any, target: Any
) -> list[dict[str, Any]]:
    """Return what explains ``target``, the best first: ``name``, ``sentence``, ``before`` and ``after`` (errors over the rms).

    ``source`` is what the layer makes of ``inputs``, ``target`` what the converted one made of them, in the source's
    layout. ``config`` is a list of settings (``eps=1e-05, axis=-1``). A suspect is named when it brings the error
    down 100 times or within the layer's bound.
    """
    got, want = widen(target), widen(source)
    before = float(np.max(distance(want, got))) if got.shape == want.shape and got.size else float("inf")
    bound = layer_bound(target, None)
    scale = float(np.sqrt(np.mean(np.square(np.where(np.isfinite(got), got, 0.0))))) or 1.0 if got.size else 1.0
    found: dict[str, dict[str, Any]] = {}
    for name, sentence, candidate in _all(kind, settings(config), {n: widen(p) for n, p in parameters.items()}, inputs, want, got):
        if np.shape(candidate) != got.shape or np.allclose(candidate, want, rtol=1e-12, atol=1e-9 * scale):
            continue
        error = distance(widen(candidate), got)
        after = float(np.max(error)) if error.size else 0.0
        if (
            before > 0
            and (after * EXPLAINS < before or bool(np.all(error <= bound)))
            and found.get(name, {"after": np.inf})["after"] > after / scale
        ):
            found[name] = {"name": name, "sentence": sentence, "before": before / scale, "after": after / scale}
    return sorted(found.values(), key=lambda item: float(item["after"]))


def settings(config: str) -> dict[str, Any]:
    """Return the settings of a layer as values; texts stay texts."""
    found: dict[str, Any] = {}
    for name, text in _SETTING.findall(config):
        try:
            found[name] = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError):
            found[name] = text.strip()
    return found


def _all(kind: str, said: Mapping[str, Any], weights: Mapping[str, Any], inputs: Sequence[Any], want: Any, got: Any) -> Found:
    """Yield every suspect that applies to a kind of layer; one that cannot be computed is passed over."""
    word = kind.lower().rsplit(".", 1)[-1]
    fed = [widen(array) for array in inputs]
    tests = [test for words, test in _TESTS if any(part in word for part in words)]
    small = max([want.size, *(array.size for array in fed)]) <= LARGE
    for test in (*(tests if small and fed else ()), _anything):
        try:
            yield from test(word, said, weights, fed, want, got)
        except (ValueError, IndexError, KeyError, TypeError, StopIteration, np.exceptions.AxisError):
            continue


def _pick(weights: Mapping[str, Any], *names: str) -> Any | None:
    return next((weights[name] for name in names if name in weights), None)


def _pair(said: Any, default: int) -> list[int]:
    if said is None:
        return [default, default]
    return [int(said)] * 2 if isinstance(said, (int, float)) else [int(n) for n in said][:2]


def _linear(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], fed: list[Any], want: Any, got: Any) -> Found:
    weight = _pick(weights, "weight", "kernel", "1", "0")
    bias = _pick(weights, "bias", "2")
    if weight is None or weight.ndim != 2:
        return
    if weight.shape[0] == weight.shape[1]:
        for turned in (weight, weight.T):
            yield "transposed weight", "the square weight is transposed", fed[0] @ turned + (0.0 if bias is None else bias)
    if bias is not None:
        yield "missing bias", "the bias is missing", want - bias
        yield "bias twice", "the bias is added twice", want + bias


def _convolution(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], fed: list[Any], want: Any, got: Any) -> Found:
    weight, bias = _pick(weights, "weight", "kernel", "1"), _pick(weights, "bias", "2")
    last = said.get("data_format") in ("channels_last", "NHWC")
    if bias is not None:
        shift = formulas.along(bias, -1 if last else 1, want.ndim)
        yield "missing bias", "the bias is missing", want - shift
        yield "bias twice", "the bias is added twice", want + shift
    pad = said.get("padding", said.get("pads", 0))
    if weight is None or weight.ndim != 4 or "transpose" in word or last or isinstance(pad, str):
        return
    stride, groups = _pair(said.get("stride", said.get("strides")), 1), int(said.get("groups", said.get("group", 1)))
    shift = 0.0 if bias is None else formulas.along(bias, 1, 4)
    for name, pads in formulas.sides(_pair(pad, 0)):
        yield "padding side", f"the {name}", formulas.convolve(fed[0], weight, stride, pads, groups) + shift
    even = [(p, p) for p in _pair(pad, 0)]
    variants = {
        "kernel turned": ("height and width of the kernel are swapped", np.swapaxes(weight, 2, 3)),
        "kernel flipped": ("the kernel is turned by 180 degrees", weight[:, :, ::-1, ::-1]),
        "channels swapped": ("input and output channels of the kernel are swapped", np.swapaxes(weight, 0, 1)),
    }
    for name, (sentence, kernel) in variants.items():
        if kernel.shape == weight.shape:
            yield name, sentence, formulas.convolve(fed[0], kernel, stride, even, groups) + shift


def _norm(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], fed: list[Any], want: Any, got: Any) -> Found:
    x = fed[0]
    scale, shift = _pick(weights, "weight", "gamma", "scale", "1"), _pick(weights, "bias", "beta", "2")
    own = float(said.get("eps", said.get("epsilon", 1e-5)))
    normal, middle, spread, channel = _moments(word, said, weights, x)

    def made(middle: Any, root: Any, scale: Any = scale, shift: Any = shift) -> Any:
        plain = ((normal - middle) / root).reshape(x.shape)
        wide = [part if part is None or channel is None else formulas.along(part, channel, x.ndim) for part in (scale, shift)]
        return plain * (1.0 if wide[0] is None else wide[0]) + (0.0 if wide[1] is None else wide[1])

    for eps in EPSILONS:
        if eps != own:
            yield "epsilon", f"epsilon is {eps:g}, declared {own:g}", made(middle, np.sqrt(spread + eps))
        yield "epsilon outside", f"epsilon {eps:g} is added outside the square root", made(middle, np.sqrt(spread) + eps)
    root = np.sqrt(spread + own)
    yield "missing bias", "the bias is missing", made(middle, root, shift=None)
    yield "missing scale", "the scale is missing", made(middle, root, scale=None)
    yield "scale and bias swapped", "scale and bias are swapped", made(middle, root, scale=shift, shift=scale)
    if "batch" in word and channel is not None:
        yield "stale statistics", "running mean and variance are 0 and 1", made(0.0, np.sqrt(1 + own))
        yield "statistics swapped", "mean and variance are swapped", made(spread, np.sqrt(np.abs(middle) + own))
        axes = tuple(axis for axis in range(x.ndim) if axis != channel % x.ndim)
        yield (
            "batch statistics",
            "the statistics of the batch are used",
            made(x.mean(axes, keepdims=True), np.sqrt(x.var(axes, keepdims=True) + own)),
        )
    elif "rms" not in word:
        n = normal.size / middle.size
        yield "unbiased variance", "the variance is the unbiased one", made(middle, np.sqrt(spread * n / max(n - 1, 1) + own))


def _moments(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], x: Any) -> tuple[Any, Any, Any, int | None]:
    """Return the input in the shape it is normalised in, mean, variance, and the axis of its channels (None: weights fit the last axes)."""
    mean = _pick(weights, "running_mean", "moving_mean", "_mean", "3")
    var = _pick(weights, "running_var", "moving_variance", "_variance", "4")
    axis = said.get("axis", None)
    if "batch" in word and mean is not None and var is not None:
        at = axis if isinstance(axis, int) else 1
        return x, formulas.along(mean, at, x.ndim), formulas.along(var, at, x.ndim), at
    groups = int(said.get("num_groups", said.get("groups", 0)) or 0) if "group" in word else 0
    normal = x.reshape(x.shape[0], groups, -1) if groups else x
    scale = _pick(weights, "weight", "gamma", "scale", "1")
    channel = 1 if groups or "instance" in word else None
    axes: Any = -1 if groups or scale is None else tuple(range(x.ndim - scale.ndim, x.ndim))
    axes = tuple(range(2, x.ndim)) if "instance" in word else axes
    middle = np.zeros((1,) * normal.ndim) if "rms" in word else normal.mean(axes, keepdims=True)
    return normal, middle, np.square(normal - middle).mean(axes, keepdims=True), channel


def _activation(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], fed: list[Any], want: Any, got: Any) -> Found:
    x = fed[0]
    for name, value in formulas.gelus(x) if "gelu" in word else ():
        yield "gelu form", f"GELU is {name}", value
    if "relu" in word:
        yield "relu6", "the result is cut off at 6", np.clip(x, 0, 6)
        yield "relu", "the result is not cut off at 6", np.maximum(x, 0)
        negative = x < -1e-6
        fitted = float(np.median(got[negative] / x[negative])) if negative.any() and x.shape == got.shape else 0.0
        for slope in (*SLOPES, fitted):
            yield "slope", f"the slope for negative values is {slope:.4g}", np.where(x < 0, slope * x, x)
    if "sig" in word or "swish" in word or "silu" in word:
        for name, gate in (
            ("relu6(x + 3) / 6", np.clip(x + 3, 0, 6) / 6),
            ("0.2 x + 0.5, cut off", np.clip(0.2 * x + 0.5, 0, 1)),
            ("the exact sigmoid", formulas.sigmoid(x)),
        ):
            yield "sigmoid form", f"the sigmoid is {name}", gate if "sig" in word else x * gate


def _softmax(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], fed: list[Any], want: Any, got: Any) -> Found:
    x = fed[0]
    for axis in range(x.ndim):
        plain = formulas.softmax(x, axis)
        yield "softmax axis", f"the softmax runs along axis {axis}", np.log(plain) if "log" in word else plain
    flat = x.reshape(x.shape[0], -1) if x.ndim > 1 else x
    yield "softmax axis", "the softmax runs along all axes but the first together", formulas.softmax(flat, -1).reshape(x.shape)
    yield "missing softmax", "there is no softmax", x


def _pool(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], fed: list[Any], want: Any, got: Any) -> Found:
    kernel = _pair(said.get("kernel_size", said.get("kernel_shape", said.get("ksize"))), 1)
    stride = _pair(said.get("stride", said.get("strides", kernel)) or kernel, 1)
    pad = _pair(said.get("padding", said.get("pads", 0)), 0)
    pools = formulas.average_pools if "av" in word else formulas.max_pools
    for name, value in pools(fed[0], kernel, stride, pad):
        yield "pooling", f"pooling is done with {name}", value


def _resize(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], fed: list[Any], want: Any, got: Any) -> Found:
    for name, value in formulas.resizes(fed[0], got.shape[2:]):
        yield "resize coordinates", f"the image is resized by {name}", value


def _anything(word: str, said: Mapping[str, Any], weights: Mapping[str, Any], fed: list[Any], want: Any, got: Any) -> Found:
    """What may happen to any layer: axes turned, a factor, an offset, another precision, nothing done at all."""
    if want.shape != got.shape:
        return
    for order in itertools.permutations(range(want.ndim)) if 1 < want.ndim <= 5 else ():
        if list(order) != sorted(order):
            yield "layout", f"axes are turned {order} and read as before", np.transpose(want, order).reshape(got.shape)
    finite = np.isfinite(want) & np.isfinite(got)
    norm = float(np.sum(want[finite] ** 2))
    if want.size > 3 and norm:
        factor = float(np.sum(want[finite] * got[finite])) / norm
        yield "factor", f"the result is multiplied by {factor:.6g}", want * factor
        offset = float(np.mean(got[finite] - want[finite]))
        yield "offset", f"{offset:.6g} is added to the result", want + offset
    for array in fed:
        if array.shape == got.shape:
            yield "identity", "the layer does nothing", array
    with np.errstate(over="ignore"):
        narrow = want.astype(np.float16).astype(np.float64)
    yield "float16", "the result is rounded to float16", narrow


_TESTS = (
    (("linear", "dense", "gemm", "matmul", "fullyconnected"), _linear),
    (("conv",), _convolution),
    (("norm",), _norm),
    (("relu", "gelu", "sigmoid", "swish", "silu", "activation"), _activation),
    (("softmax",), _softmax),
    (("pool",), _pool),
    (("resize", "upsampl", "interpol"), _resize),
    (("lstm", "gru"), sequences.recurrent),
    (("multiheadattention",), sequences.attention),
)
