"""Whole numbers: arithmetic with negative operands, division both ways, and casts between kinds of dtype."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from harness.generate.programs.op import Attributes, Kind, Op, Span, Take
from harness.generate.programs.ops_elementwise import broadcasts, part

_DIVISORS = (2, 3, -2, -3, 5, 7)


def truncated(x: Any, y: Any) -> Any:
    """Whole-number division that rounds toward zero, as C has it."""
    quotient = np.abs(x) // np.abs(y)
    return np.where((x < 0) != (np.asarray(y) < 0), -quotient, quotient).astype(x.dtype)


def _scalar(name: str, function: Callable[[Any, Any], Any]) -> Op:
    """Return a division by a constant."""

    def span(a: Attributes, x: Kind) -> Span:
        reach = max(x.reach, abs(a["divisor"])) + 1
        return -reach, reach

    def draw(rng: Random, _: Kind) -> dict[str, Any]:
        return {"divisor": rng.choice(_DIVISORS)}

    def meaning(a: Attributes, x: Any) -> Any:
        return function(x, np.array(a["divisor"], x.dtype))

    return Op(name=name, family="integer", takes=(Take(of="i"),), meaning=meaning, draw=draw, span=span, defaults={"divisor": 2})


def _wide(grow: Callable[[float, float], float]) -> Callable[..., Span]:
    def span(_: Attributes, *kinds: Kind) -> Span:
        reach = grow(kinds[0].reach, kinds[-1].reach)
        return -reach, reach

    return span


def _pair(name: str, function: Callable[[Any, Any], Any], grow: Callable[[float, float], float], positive: bool = False) -> Op:
    """Return an operator on two tensors; the second is at least 1 where it divides."""
    takes = (Take(of="i"), Take(of="i", low=1) if positive else Take(of="i"))
    return Op(
        name=name, family="integer", takes=takes, meaning=lambda _, x, y: np.asarray(function(x, y), x.dtype), span=_wide(grow),
        pairs=broadcasts, mate=part,
    )  # fmt: skip


def _to(dtype: str) -> Callable[..., Any]:
    return lambda _, x: np.asarray(x).astype(dtype)


def _whole(_: Attributes, x: Kind) -> Span:
    return float(np.trunc(x.low)), float(np.trunc(x.high))


OPS = (
    _pair("int_add", np.add, lambda x, y: x + y), _pair("int_sub", np.subtract, lambda x, y: x + y),
    _pair("int_mul", np.multiply, lambda x, y: x * y), _pair("int_max", np.maximum, max), _pair("int_min", np.minimum, max),
    _pair("int_floor_divide", np.floor_divide, lambda x, y: x + 1, positive=True),
    _pair("int_remainder", np.remainder, lambda x, y: y, positive=True),
    _scalar("int_floor_divide_by", np.floor_divide), _scalar("int_truncate_divide_by", truncated),
    _scalar("int_remainder_by", np.remainder), _scalar("int_fmod_by", np.fmod),
    Op(name="int_neg", family="integer", takes=(Take(of="i"),), meaning=lambda _, x: -x, span=_wide(max)),
    Op(name="int_abs", family="integer", takes=(Take(of="i"),), meaning=lambda _, x: np.abs(x), span=lambda _, x: (0.0, x.reach)),
    Op(name="to_float", family="cast", takes=(Take(of="ib"),), meaning=_to("float64"), atoms=True),
    Op(name="to_int64", family="cast", takes=(Take(of="f", low=-1e6, high=1e6, clear=True),), meaning=_to("int64"), span=_whole,
       atoms=False),
    Op(name="to_int32", family="cast", takes=(Take(of="f", low=-1e6, high=1e6, clear=True),), meaning=_to("int32"), span=_whole,
       atoms=False),
    Op(name="bool_to_int64", family="cast", takes=(Take(of="b"),), meaning=_to("int64")),
    Op(name="int_to_bool", family="cast", takes=(Take(of="i"),), meaning=_to("bool"), span=lambda _, x: (0.0, 1.0)),
)  # fmt: skip
