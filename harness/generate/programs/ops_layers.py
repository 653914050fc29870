"""Layers: products, convolutions, pooling, normalisation, softmax and interpolation, with attributes other than the defaults."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np

from harness.generate.programs import windows
from harness.generate.programs.op import Attributes, Kind, Op, Span, Take, weight

EPS = (1e-5, 1e-3, 1e-2)


def _bound(w: Any, x: Kind, bias: Any | None) -> Span:
    """Return the range of a product with the weight ``w``, whose first axis is that of the results."""
    total = np.abs(np.asarray(w, np.float64)).reshape(w.shape[0], -1).sum(axis=1) * x.reach
    reach = float((total + (0 if bias is None else np.abs(bias))).max())
    return -reach, reach


def linear_weights(a: Attributes) -> tuple[Any, Any | None]:
    """Return the weight (out, in) and the bias (out,) of a linear layer."""
    return weight(a, "weight", (a["out"], a["into"])), weight(a, "bias", (a["out"],)) if a["bias"] else None


def _linear(a: Attributes, x: Any) -> Any:
    w, b = linear_weights(a)
    return x @ w.T.astype(np.float64) + (0 if b is None else b)


def _draw_linear(rng: Random, x: Kind) -> dict[str, Any] | None:
    into = x.fixed(-1)
    return {"into": into, "out": rng.choice((1, 3, 5, 8)), "bias": rng.random() < 0.7, "seed": rng.randrange(1000)} if into else None


def _matmul_pairs(x: Kind, y: Kind) -> bool:
    if x.axis(-1) != y.axis(-2):
        return False
    lead = range(-3, -1 - min(x.rank, y.rank), -1)
    return all(x.axis(i) == y.axis(i) or 1 in (x.fixed(i), y.fixed(i)) for i in lead)


def _matmul_mate(rng: Random, x: Kind) -> tuple[int | str, ...] | None:
    inner = x.said(-1)
    if inner is None:
        return None
    lead = [said if (said := x.said(i)) is not None and rng.random() < 0.5 else 1 for i in range(x.rank - 2)]
    return (*(lead if rng.random() < 0.6 else ()), inner, rng.choice((1, 3, 4)))


def _matmul_span(_: Attributes, x: Kind, y: Kind) -> Span:
    reach = max(x.axis(-1)) * x.reach * y.reach
    return -reach, reach


def conv_weights(a: Attributes) -> tuple[Any, Any | None]:
    """Return the weight (out, in/groups, kernel...) and the bias (out,) of a convolution."""
    shape = (a["out"], a["into"] // a["groups"], *a["kernel"])
    return weight(a, "weight", shape), weight(a, "bias", (a["out"],)) if a["bias"] else None


def _conv(a: Attributes, x: Any) -> Any:
    w, b = conv_weights(a)
    return windows.convolve(x, w.astype(np.float64), b, a["stride"], a["padding"], a["dilation"], a["groups"])


def _draw_conv(rng: Random, x: Kind) -> dict[str, Any] | None:
    into = x.fixed(1)
    if not into:
        return None
    axes = range(2, x.rank)
    kernel = [rng.choice([k for k in (1, 2, 3) if k <= x.least(i)] or [1]) for i in axes]
    dilation = [rng.choice([d for d in (1, 1, 2) if d * (k - 1) < x.least(i)]) for k, i in zip(kernel, axes, strict=True)]
    groups = rng.choice([g for g in (1, 1, 2, into) if into % g == 0])
    return {
        "into": into, "out": groups * rng.choice((1, 2, 3)), "kernel": kernel, "stride": [rng.choice((1, 1, 2, 3)) for _ in axes],
        "padding": [rng.choice((0, 1, 2)) for _ in axes], "dilation": dilation, "groups": groups, "bias": rng.random() < 0.7,
        "seed": rng.randrange(1000),
    }  # fmt: skip


def _draw_pool(rng: Random, x: Kind) -> dict[str, Any]:
    axes = range(2, x.rank)
    kernel = [rng.choice([k for k in (2, 3, 4) if k <= x.least(i)] or [1]) for i in axes]
    return {
        "kernel": kernel, "stride": [rng.choice((1, 2, 3)) for _ in axes], "padding": [rng.randint(0, k // 2) for k in kernel],
        "ceil": rng.random() < 0.5,
    }  # fmt: skip


def _draw_max(rng: Random, x: Kind) -> dict[str, Any]:
    found = _draw_pool(rng, x)
    room = zip(found["kernel"], range(2, x.rank), strict=True)
    return {**found, "dilation": [rng.choice([d for d in (1, 1, 2) if d * (k - 1) < x.least(i)]) for k, i in room]}


def _draw_mean(rng: Random, x: Kind) -> dict[str, Any]:
    return {**_draw_pool(rng, x), "count_pad": rng.random() < 0.5}


def _mean_pool(a: Attributes, x: Any) -> Any:
    ones = [1] * len(a["kernel"])
    return windows.pool(x, "mean", a["kernel"], a["stride"], a["padding"], ones, a["ceil"], a["count_pad"])


def _with_zero(_: Attributes, x: Kind) -> Span:
    return min(0.0, x.low), max(0.0, x.high)


def norm_weights(a: Attributes) -> tuple[Any, Any]:
    """Return scale and bias of a normalisation, over its ``shape``."""
    return weight(a, "scale", a["shape"]), weight(a, "bias", a["shape"])


def statistics(a: Attributes) -> tuple[Any, Any]:
    """Return running mean and variance of a batch normalisation."""
    return weight(a, "mean", a["shape"]), weight(a, "variance", a["shape"])


def _normalised(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    return (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)


def _layer_norm(a: Attributes, x: Any) -> Any:
    scale, bias = norm_weights(a)
    return _normalised(x, tuple(range(-len(a["shape"]), 0)), a["eps"]) * scale + bias


def _draw_layer_norm(rng: Random, x: Kind) -> dict[str, Any] | None:
    count = rng.choice((1, 1, 2))
    if x.rank <= count or not all(x.fixed(-i) for i in range(1, count + 1)) or math.prod(x.fixed(-i) or 0 for i in range(1, count + 1)) < 3:
        return None
    return {"shape": [x.fixed(i) for i in range(-count, 0)], "eps": rng.choice(EPS), "seed": rng.randrange(1000)}


def _normed(a: Attributes, x: Kind) -> Span:
    """Return the range of a normalisation: n numbers reach at most sqrt(n - 1) standard deviations."""
    count = math.prod(a["shape"]) if "groups" not in a else x.size
    reach = 1.6 * math.sqrt(count) + 1
    return -reach, reach


def _per_channel(values: Any, x: Any) -> Any:
    return values.astype(np.float64).reshape(-1, *[1] * (x.ndim - 2))


def _batch_norm(a: Attributes, x: Any) -> Any:
    (scale, bias), (mean, variance) = norm_weights(a), statistics(a)
    scale, bias, mean, variance = (_per_channel(v, x) for v in (scale, bias, mean, variance))
    return (x - mean) / np.sqrt(variance + a["eps"]) * scale + bias


def _draw_channels(rng: Random, x: Kind) -> dict[str, Any] | None:
    channels = x.fixed(1)
    return {"shape": [channels], "eps": rng.choice(EPS), "seed": rng.randrange(1000)} if channels else None


def _group_norm(a: Attributes, x: Any) -> Any:
    scale, bias = norm_weights(a)
    flat = x.reshape(x.shape[0], a["groups"], -1)
    return _normalised(flat, (2,), a["eps"]).reshape(x.shape) * _per_channel(scale, x) + _per_channel(bias, x)


def _draw_group_norm(rng: Random, x: Kind) -> dict[str, Any] | None:
    found = _draw_channels(rng, x)
    if not found or math.prod(x.shapes[0][1:]) < 8:
        return None
    channels = found["shape"][0]
    groups = [g for g in range(1, channels + 1) if channels % g == 0 and math.prod(x.shapes[0][1:]) // g >= 3]
    return {**found, "groups": rng.choice(groups)} if groups else None


def _softmax(a: Attributes, x: Any) -> Any:
    raised = np.exp(x - x.max(axis=a["axis"], keepdims=True))
    return raised / raised.sum(axis=a["axis"], keepdims=True)


def _draw_axis(rng: Random, x: Kind) -> dict[str, Any]:
    return {"axis": rng.randrange(-x.rank, x.rank)}


SMALL = 1500
"""Elements that an image to be resized may have: the ONNX reference evaluator goes through them one by one."""


def _draw_nearest(rng: Random, x: Kind) -> dict[str, Any] | None:
    return {"scale": rng.choice((2.0, 1.5, 3.0, 0.5))} if x.size <= SMALL else None


def _draw_resize(rng: Random, x: Kind) -> dict[str, Any] | None:
    return {"scale": rng.choice((2.0, 1.5, 3.0)), "align": rng.random() < 0.4} if x.size <= SMALL else None


_IMAGE = Take(ranks=(3, 4))
OPS = (
    Op(name="matmul", family="linear", takes=(Take(ranks=(2, 4)), Take(ranks=(2, 4))), meaning=lambda _, x, y: np.matmul(x, y),
       pairs=_matmul_pairs, mate=_matmul_mate, span=_matmul_span),
    Op(name="linear", family="linear", takes=(Take(ranks=(1, 4)),), meaning=_linear, draw=_draw_linear,
       span=lambda a, x: _bound(linear_weights(a)[0], x, linear_weights(a)[1])),
    Op(name="conv", family="conv", takes=(_IMAGE,), meaning=_conv, draw=_draw_conv,
       span=lambda a, x: _bound(conv_weights(a)[0], x, conv_weights(a)[1]), defaults={"stride": [1, 1], "padding": [0, 0],
           "dilation": [1, 1]}),
    Op(name="max_pool", repeats=True, family="pool", takes=(_IMAGE,), draw=_draw_max,
       meaning=lambda a, x: windows.pool(x, "max", a["kernel"], a["stride"], a["padding"], a["dilation"], a["ceil"]),
       defaults={"ceil": False, "padding": [0, 0], "dilation": [1, 1], "stride": [1, 1]}),
    Op(name="avg_pool", family="pool", takes=(_IMAGE,), draw=_draw_mean, meaning=_mean_pool, span=_with_zero,
       defaults={"ceil": False, "padding": [0, 0], "count_pad": True, "stride": [1, 1]}),
    Op(name="layer_norm", family="norm", takes=(Take(ranks=(2, 4)),), meaning=_layer_norm, draw=_draw_layer_norm, span=_normed),
    Op(name="batch_norm", family="norm", takes=(Take(ranks=(2, 4)),), meaning=_batch_norm, draw=_draw_channels,
       span=lambda a, x: (-(x.reach + 2) * 50, (x.reach + 2) * 50)),
    Op(name="group_norm", family="norm", takes=(Take(ranks=(3, 4)),), meaning=_group_norm, draw=_draw_group_norm, span=_normed),
    Op(name="softmax", family="softmax", takes=(Take(ranks=(1, 5)),), meaning=_softmax, draw=_draw_axis, span=lambda *_: (0.0, 1.0),
       defaults={"axis": -1}, atoms=True),
    Op(name="log_softmax", family="softmax", takes=(Take(ranks=(1, 5), low=-40, high=40),), meaning=lambda a, x: np.log(_softmax(a, x)),
       draw=_draw_axis, span=lambda a, x: (x.low - x.high - math.log(max(x.axis(a["axis"]))) - 1, 0.0), defaults={"axis": -1}, atoms=True),
    Op(name="resize_nearest", repeats=True, family="resize", takes=(Take(ranks=(4, 4)),), draw=_draw_nearest, defaults={"scale": 2.0},
       meaning=lambda a, x: windows.resize(x, a["scale"], "nearest", False)),
    Op(name="resize_linear", repeats=True, family="resize", takes=(Take(ranks=(4, 4)),), draw=_draw_resize, defaults={"scale": 2.0,
       "align": False},
       meaning=lambda a, x: windows.resize(x, a["scale"], "linear", a["align"])),
)  # fmt: skip
