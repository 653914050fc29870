"""Reductions over several axes, cumulative operators, and what picks by rank."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from harness.generate.programs.op import Attributes, Kind, Op, Span, Take


def _draw_axes(rng: Random, x: Kind) -> dict[str, Any]:
    axes = sorted(rng.sample(range(x.rank), rng.randint(1, min(2, x.rank))))
    return {"axes": [i - x.rank if rng.random() < 0.4 else i for i in axes], "keep": rng.random() < 0.5}


def counted(a: Attributes, x: Kind) -> int:
    """Return how many numbers become one, at most."""
    return max(int(math.prod(shape[i] for i in a["axes"])) for shape in x.shapes)


def _reduce(
    name: str,
    function: Callable[..., Any],
    span: Callable[..., Span],
    take: Take | None = None,
    atoms: bool | None = None,
    family: str = "reduce",
) -> Op:
    return Op(
        name=name, family=family, takes=(take or Take(ranks=(1, 5)),), draw=_draw_axes, span=span, atoms=atoms,
        meaning=lambda a, x: function(x, axis=tuple(a["axes"]), keepdims=a["keep"]), defaults={"keep": False},
    )  # fmt: skip


def _sum(a: Attributes, x: Kind) -> Span:
    count = counted(a, x)
    return min(x.low, x.low * count), max(x.high, x.high * count)


def _same(_: Attributes, x: Kind) -> Span:
    return x.low, x.high


def logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    """log(sum(exp(x))), without overflow."""
    top = x.max(axis=axis, keepdims=True)
    found = top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True))
    return found if keepdims else found.squeeze(axis)


def _draw_variance(rng: Random, x: Kind) -> dict[str, Any] | None:
    found = _draw_axes(rng, x)
    return {**found, "unbiased": rng.random() < 0.5} if min(math.prod(shape[i] for i in found["axes"]) for shape in x.shapes) > 1 else None


def _draw_axis(rng: Random, x: Kind) -> dict[str, Any]:
    return {"axis": rng.randrange(-x.rank, x.rank)}


def _along(a: Attributes, x: Kind) -> Span:
    reach = x.reach * max(x.axis(a["axis"]))
    return -reach, reach


def _draw_arg(rng: Random, x: Kind) -> dict[str, Any]:
    return {**_draw_axis(rng, x), "keep": rng.random() < 0.5}


def _arg(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, x: function(x, axis=a["axis"], keepdims=a["keep"])


def _places(a: Attributes, x: Kind) -> Span:
    return 0.0, float(max(x.axis(a["axis"])) - 1)


def _draw_top(rng: Random, x: Kind) -> dict[str, Any]:
    axis = rng.randrange(-x.rank, x.rank)
    return {"k": rng.randint(1, min(3, x.least(axis))), "axis": axis, "largest": rng.random() < 0.7}


def top(a: Attributes, x: Any) -> Any:
    """Return the k largest or smallest values in order."""
    found = np.sort(x, axis=a["axis"])
    found = np.flip(found, axis=a["axis"]) if a["largest"] else found
    return np.take(found, range(a["k"]), axis=a["axis"])


_SMALL = Take(ranks=(1, 5), low=-2, high=2)
OPS = (
    _reduce("reduce_sum", np.sum, _sum), _reduce("reduce_mean", np.mean, _same), _reduce("reduce_max", np.max, _same),
    _reduce("reduce_min", np.min, _same), _reduce("reduce_prod", np.prod, lambda a, x: (-(max(1, x.reach) ** counted(a, x)),
                                                                                         max(1, x.reach) ** counted(a, x)), _SMALL),
    _reduce("reduce_l1", lambda x, **kw: np.abs(x).sum(**kw), lambda a, x: (0.0, x.reach * counted(a, x))),
    _reduce("reduce_l2", lambda x, **kw: np.sqrt((x * x).sum(**kw)), lambda a, x: (0.0, x.reach * math.sqrt(counted(a, x))),
        Take(ranks=(1, 5), low=0.05)),
    _reduce("reduce_logsumexp", logsumexp, lambda a, x: (x.low, x.high + math.log(counted(a, x))), Take(ranks=(1, 5), low=-40,
        high=40), False),
    _reduce("int_reduce_sum", lambda x, **kw: x.sum(dtype=x.dtype, **kw), _sum, Take(of="i", ranks=(1, 5))), _reduce("int_reduce_max",
        np.max, _same, Take(of="i", ranks=(1, 5))),
    Op(name="variance", family="reduce", takes=(Take(ranks=(1, 5)),), draw=_draw_variance, defaults={"keep": False, "unbiased": True},
       meaning=lambda a, x: np.var(x, axis=tuple(a["axes"]), keepdims=a["keep"], ddof=int(a["unbiased"])),
       span=lambda a, x: (0.0, (x.high - x.low) ** 2)),
    Op(name="cumsum", family="cumulative", takes=(Take(ranks=(1, 5)),), draw=_draw_axis, span=_along, defaults={"axis": -1},
       meaning=lambda a, x: np.cumsum(x, axis=a["axis"])),
    Op(name="int_cumsum", family="cumulative", takes=(Take(of="i", ranks=(1, 5)),), draw=_draw_axis, span=_along, defaults={"axis": -1},
       meaning=lambda a, x: np.cumsum(x, axis=a["axis"], dtype=x.dtype)),
    Op(name="argmax", family="pick", takes=(Take(ranks=(1, 5), clear=True, distinct=True),), draw=_draw_arg, span=_places,
       meaning=_arg(np.argmax)),
    Op(name="argmin", family="pick", takes=(Take(ranks=(1, 5), clear=True, distinct=True),), draw=_draw_arg, span=_places,
       meaning=_arg(np.argmin)),
    Op(name="top_k", family="pick", takes=(Take(ranks=(1, 5)),), draw=_draw_top, meaning=top, defaults={"largest": True}),
    Op(name="sort", family="pick", takes=(Take(ranks=(1, 5)),), meaning=lambda a, x: (-np.sort(-x, axis=a["axis"]) if a["descending"]
       else np.sort(x, axis=a["axis"])), draw=lambda rng, x: {**_draw_axis(rng, x), "descending": rng.random() < 0.5}),
)  # fmt: skip
