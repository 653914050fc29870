"""Elementwise operators: functions, activations with their attributes, arithmetic and comparisons with broadcasting."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from harness.generate.programs.op import Attributes, Kind, Op, Span, Take, weight

INFINITE = math.inf
erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x: Any) -> Any:
    """The logistic function, without overflow."""
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _over(function: Callable[..., Any]) -> Callable[..., Span]:
    """Return the range of a continuous function of one variable: over a grid of its operand's, with some room."""

    def span(attributes: Attributes, kind: Kind) -> Span:
        values = function(attributes, np.array([*np.linspace(kind.low, kind.high, 257), min(max(0.0, kind.low), kind.high)]))
        room = 0.02 * float(values.max() - values.min())
        positive = values.min() >= 0 and values.min() < room  # a lower bound of 0 or little above it is none to lose
        return float(values.min() - (0 if positive else room)), float(values.max() + room)

    return span


def _unary(
    name: str, function: Callable[[Any], Any], low: float = -INFINITE, high: float = INFINITE, *, step: bool = False,
    atoms: bool | None = None, family: str = "math",
) -> Op:  # fmt: skip
    def meaning(_: Attributes, x: Any) -> Any:
        return function(x)

    return Op(
        name=name, family=family, takes=(Take(low=low, high=high, clear=step),), meaning=meaning, span=_over(meaning),
        atoms=True if step else atoms,
    )  # fmt: skip


def _tuned(
    name: str, function: Callable[[Attributes, Any], Any], choices: dict[str, tuple[Any, ...]], low: float = -INFINITE,
    high: float = INFINITE, *, step: bool = False, atoms: bool | None = None, family: str = "activation",
    span: Callable[..., Span] | None = None,
) -> Op:  # fmt: skip
    """Return an operator whose attributes are drawn from ``choices``; the first of each is its default."""

    def draw(rng: Random, _: Kind) -> dict[str, Any]:
        return {key: rng.choice(entries) for key, entries in choices.items()}

    return Op(
        name=name, family=family, takes=(Take(low=low, high=high, clear=step),), meaning=function, draw=draw, span=span or _over(function),
        atoms=True if step else atoms, defaults={key: entries[0] for key, entries in choices.items()},
    )  # fmt: skip


def slopes(a: Attributes) -> Any:
    """Return the slopes of a PReLU, one for each channel."""
    return weight(a, "scale", (a["channels"],))


def _prelu(a: Attributes, x: Any) -> Any:
    return np.where(x >= 0, x, slopes(a).astype(np.float64).reshape(-1, *[1] * (x.ndim - 2)) * x)


def _channels(rng: Random, kind: Kind) -> dict[str, Any] | None:
    return {"channels": kind.fixed(1), "seed": rng.randrange(1000)} if kind.fixed(1) else None


def _clip(a: Attributes, x: Any) -> Any:
    return np.clip(x, a["low"], a["high"])


def _below_divisor(a: Attributes, _: Kind) -> Span:
    return -abs(a["divisor"]), abs(a["divisor"])


# What saturates has atoms: in float32 sigmoid(20) is 1, where rounding toward zero finds a difference of one in the last bit.
FUNCTIONS = (
    _unary("neg", np.negative), _unary("abs", np.abs), _unary("exp", np.exp, -60, 6, atoms=True), _unary("log", np.log, 0.05),
    _unary("sqrt", np.sqrt, 0.01), _unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.05), _unary("reciprocal", lambda x: 1 / x, 0.1),
    _unary("sin", np.sin, -200, 200), _unary("cos", np.cos, -200, 200), _unary("atan", np.arctan), _unary("square", np.square),
    _unary("expm1", np.expm1, -60, 6, atoms=True), _unary("log1p", np.log1p, -0.9), _unary("erf", erf, atoms=True),
    _unary("tanh", np.tanh, atoms=True),
    _unary("floor", np.floor, step=True), _unary("ceil", np.ceil, step=True), _unary("round", np.round, step=True),
    _unary("trunc", np.trunc, step=True), _unary("sign", np.sign, step=True),
    _tuned("affine", lambda a, x: x * a["scale"] + a["shift"], {"scale": (1.0, 0.5, -2.0, 3.0, -0.25), "shift": (0.0, 1.0, -0.5, 2.0)}),
    _tuned("clip", _clip, {"low": (-1.0, 0.0, -0.5, 0.25), "high": (1.0, 2.5, 6.0)}, atoms=True),
    _tuned("power", lambda a, x: x ** a["exponent"], {"exponent": (2.0, 3.0)}, -30, 30, family="math"),
    _tuned("power_positive", lambda a, x: x ** a["exponent"], {"exponent": (2.0, 0.5, -1.0, 1.5, -0.5)}, 0.05, 30, family="math"),
    _tuned("remainder", lambda a, x: np.remainder(x, a["divisor"]), {"divisor": (1.0, -1.5, 0.7, -0.3)}, step=True, family="integer",
           span=_below_divisor),
    _tuned("fmod", lambda a, x: np.fmod(x, a["divisor"]), {"divisor": (1.0, -1.5, 0.7)}, step=True, family="integer", span=_below_divisor),
    _tuned("floor_divide", lambda a, x: np.floor(x / a["divisor"]), {"divisor": (1.0, -1.5, 0.7)}, step=True, family="integer"),
)  # fmt: skip
_SELU = (1.0507009873554804934193349852946, 1.6732632423543772848170429916717)
ACTIVATIONS = (
    _unary("relu", lambda x: np.maximum(x, 0), atoms=True, family="activation"),
    _unary("relu6", lambda x: np.clip(x, 0, 6), atoms=True, family="activation"),
    _unary("sigmoid", sigmoid, family="activation", atoms=True),
    _unary("logsigmoid", lambda x: -softplus(-x), family="activation", atoms=True),
    _unary("silu", lambda x: x * sigmoid(x), family="activation", atoms=True),
    _unary("mish", lambda x: x * np.tanh(softplus(x)), family="activation", atoms=True),
    _unary("softsign", lambda x: x / (1 + np.abs(x)), family="activation"),
    _unary("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, atoms=True, family="activation"),
    _unary("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6, atoms=True, family="activation"),
    _unary("selu", lambda x: _SELU[0] * np.where(x > 0, x, _SELU[1] * np.expm1(np.minimum(x, 0))), family="activation", atoms=True),
    _unary("gelu", lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))), family="activation", atoms=True),
    _unary("gelu_tanh", lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), family="activation", atoms=True),
    _tuned("leaky_relu", lambda a, x: np.where(x >= 0, x, a["slope"] * x), {"slope": (0.01, 0.3, -0.5)}),
    _tuned("elu", lambda a, x: np.where(x > 0, x, a["alpha"] * np.expm1(np.minimum(x, 0))), {"alpha": (1.0, 0.4, 1.7)}, atoms=True),
    _tuned("celu", lambda a, x: np.maximum(x, 0) + a["alpha"] * np.expm1(np.minimum(x, 0) / a["alpha"]), {"alpha": (1.0, 0.4, 1.7)},
           atoms=True),
    _tuned("softplus", lambda a, x: softplus(x * a["beta"]) / a["beta"], {"beta": (1.0, 2.0, 0.5)}, atoms=True),
    _tuned("softshrink", lambda a, x: np.sign(x) * np.maximum(np.abs(x) - a["lambd"], 0), {"lambd": (0.5, 0.2, 1.0)}, atoms=True),
    _tuned("hardshrink", lambda a, x: np.where(np.abs(x) > a["lambd"], x, 0), {"lambd": (0.5, 0.2, 1.0)}, step=True),
    Op(name="threshold", family="activation", takes=(Take(clear=True),), meaning=lambda a, x: np.where(x > a["at"], x, a["other"]),
       draw=lambda rng, x: {"at": rng.choice((1.0, 0.1, -0.3)), "other": rng.choice((0.0, -0.7, 2.0))}, atoms=True,
       span=lambda a, x: (min(x.low, a["other"]), max(x.high, a["other"])), defaults={"at": 1.0, "other": 0.0}),
    Op(name="prelu", family="activation", takes=(Take(ranks=(2, 4)),), meaning=_prelu, draw=_channels,
       span=lambda a, x: (min(x.low, 1.5 * x.low), max(x.high, 0.0))),
)  # fmt: skip


def fits(first: Kind, other: Kind) -> bool:
    """Return whether two values broadcast together at all lengths: axis by axis the same, or 1 on one side."""
    axes = range(-1, -1 - min(first.rank, other.rank), -1)
    return all(first.axis(i) == other.axis(i) or 1 in (first.fixed(i), other.fixed(i)) for i in axes)


def broadcasts(first: Kind, other: Kind) -> bool:
    """Return whether two values of one dtype broadcast together at all lengths."""
    return first.dtype == other.dtype and fits(first, other)


def part(rng: Random, first: Kind) -> tuple[int | str, ...]:
    """Return the shape of an input that broadcasts to ``first``."""
    shape = [1 if (said := first.said(axis)) is None or rng.random() < 0.35 else said for axis in range(first.rank)]
    return tuple(shape[rng.randrange(first.rank) :] if first.rank > 1 and rng.random() < 0.3 else shape)


def _corners(function: Callable[[Any, Any], Any]) -> Callable[..., Span]:
    """Return the range of a function that is monotone in each operand: it is attained at the corners."""

    def span(_: Attributes, x: Kind, y: Kind) -> Span:
        found = [float(function(np.float64(a), np.float64(b))) for a in (x.low, x.high) for b in (y.low, y.high)]
        return min(found), max(found)

    return span


def _binary(
    name: str, function: Callable[[Any, Any], Any], first: Take | None = None, second: Take | None = None, of: str = "f", **more: Any
) -> Op:
    takes = (first or Take(of=of), second or Take(of=of))
    more = {"span": _corners(function), "family": "integer" if of == "i" else "math", **more}
    return Op(name=name, takes=takes, meaning=lambda _, x, y: function(x, y), pairs=broadcasts, mate=part, **more)


def _bits(_: Attributes, *__: Kind) -> Span:
    return 0.0, 1.0


ARITHMETIC = (
    _binary("add", np.add), _binary("sub", np.subtract), _binary("mul", np.multiply),
    _binary("div", np.divide, second=Take(low=0.2)), _binary("maximum", np.maximum, repeats=True), _binary("minimum", np.minimum,
        repeats=True),
    _binary("pow", np.power, first=Take(low=0.1, high=8), second=Take(low=-3, high=3)),
)  # fmt: skip
LOGIC = (
    *(_binary(name, function, of="f", first=Take(of="fi", clear=True), second=Take(of="fi", clear=True), span=_bits, atoms=True,
    family="logic")
      for name, function in (("less", np.less), ("greater_equal", np.greater_equal))),
    *(_binary(name, function, of="i", span=_bits, family="logic") for name, function in (("equal", np.equal), ("greater", np.greater))),
    *(_binary(name, function, of="b", span=_bits, family="logic")
      for name, function in (("logical_and", np.logical_and), ("logical_or", np.logical_or), ("logical_xor", np.logical_xor))),
    Op(name="logical_not", family="logic", takes=(Take(of="b"),), meaning=lambda _, x: np.logical_not(x), span=_bits),
    Op(
        name="where", family="logic", takes=(Take(of="b"), Take(), Take()), meaning=lambda _, c, x, y: np.where(c, x, y),
        span=lambda _, c, x, y: (min(x.low, y.low), max(x.high, y.high)), pairs=fits, mate=part,
        repeats=True,
    ),
)  # fmt: skip
OPS = (*FUNCTIONS, *ACTIVATIONS, *ARITHMETIC, *LOGIC)
