"""Operators that move numbers about: reshapes with symbolic lengths, slices, padding, indexing."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from harness.generate.programs.op import Attributes, Kind, Op, Take, weight

ANY = Take(of="fib", ranks=(1, 5))
NUMBERS = Take(of="fi", ranks=(1, 5))


def _axis(rng: Random, rank: int) -> int:
    return rng.randrange(-rank, rank)


def merged(shape: tuple[int, ...], a: Attributes) -> list[int]:
    """Return the shape with the axes ``start`` to ``end`` made one."""
    return [*shape[: a["start"]], int(np.prod(shape[a["start"] : a["end"] + 1])), *shape[a["end"] + 1 :]]


def _draw_merge(rng: Random, x: Kind) -> dict[str, Any]:
    start = rng.randrange(x.rank - 1)
    return {"start": start, "end": rng.randint(start + 1, x.rank - 1)}


def _draw_split_axis(rng: Random, x: Kind) -> dict[str, Any] | None:
    axes = [(i, [f for f in range(2, n) if n % f == 0]) for i in range(x.rank) if (n := x.fixed(i)) and x.rank < 5]
    axes = [(i, factors) for i, factors in axes if factors]
    if not axes:
        return None
    axis, factors = rng.choice(axes)
    return {"axis": axis, "factor": rng.choice(factors)}


def split_shape(shape: tuple[int, ...], a: Attributes) -> list[int]:
    """Return the shape with an axis made two, the first of length ``factor``."""
    return [*shape[: a["axis"]], a["factor"], shape[a["axis"]] // a["factor"], *shape[a["axis"] + 1 :]]


def _draw_squeeze(rng: Random, x: Kind) -> dict[str, Any] | None:
    axes = [i for i in range(x.rank) if x.fixed(i) == 1]
    return {"axis": rng.choice(axes)} if axes and x.rank > 1 else None


def _draw_expand(rng: Random, x: Kind) -> dict[str, Any] | None:
    axes = [i for i in range(x.rank) if x.fixed(i) == 1]
    return {"axis": rng.choice(axes), "count": rng.choice((2, 3)), "rank": x.rank} if axes else None


def expanded(a: Attributes, shape: tuple[int, ...]) -> list[int]:
    """Return the shape with one axis of length 1 made longer."""
    return [a["count"] if i == a["axis"] else n for i, n in enumerate(shape)]


def _draw_slice(rng: Random, x: Kind) -> dict[str, Any] | None:
    axis = _axis(rng, x.rank)
    least = x.least(axis)
    if least < 2:
        return None
    start, step = rng.choice([0, 1, -least, 1 - least]), rng.choice((1, 1, 2, 3))
    # An end that counts from the right moves with the length; "whole" leaves it out.
    left = start % least
    end = rng.choice([e for e in (least - 1, left + 1, -1) if (e % least if e < 0 else e) > left] or [least])
    return {"axis": axis, "start": start, "end": end, "step": step, "whole": rng.random() < 0.35}


def slicing(a: Attributes, rank: int) -> tuple[slice, ...]:
    """Return the index that takes the slice."""
    chosen = slice(a["start"], None if a["whole"] else a["end"], a["step"])
    return tuple(chosen if i == a["axis"] % rank else slice(None) for i in range(rank))


def _steady(a: Attributes, x: Kind) -> bool:
    """Return whether a start or end that counts from one side is on the same side of the other at all lengths."""
    return all(len(range(n)[a["start"] : None if a["whole"] else a["end"]]) > 0 for n in x.axis(a["axis"]))


def _draw_slice_safely(rng: Random, x: Kind) -> dict[str, Any] | None:
    found = _draw_slice(rng, x)
    return found if found and _steady(found, x) else None


def _draw_pad(rng: Random, x: Kind) -> dict[str, Any] | None:
    mode = rng.choice(("constant", "reflect", "edge"))
    # PyTorch reflects and repeats the last axes of three or four only.
    axes = [i for i in range(x.rank) if mode == "constant" or (x.rank in (3, 4) and i == x.rank - 1)]
    if not axes:
        return None
    axis = rng.choice(axes)
    most = x.least(axis) - 1 if mode == "reflect" else 3
    amounts = [rng.randint(0, min(2, most)), rng.randint(0, min(3, most))]
    return {"mode": mode, "axis": axis, "amounts": amounts, "fill": rng.choice((0.0, -1.0, 0.5)), "rank": x.rank} if any(amounts) else None


def _pad(a: Attributes, x: Any) -> Any:
    around = [tuple(a["amounts"]) if i == a["axis"] else (0, 0) for i in range(x.ndim)]
    return np.pad(x, around, mode=a["mode"], **({"constant_values": a["fill"]} if a["mode"] == "constant" else {}))


def _draw_tile(rng: Random, x: Kind) -> dict[str, Any]:
    axis = rng.randrange(x.rank)
    return {"repeats": [rng.choice((2, 3)) if i == axis else rng.choice((1, 1, 2)) for i in range(x.rank)]}


def _alike(first: Kind, other: Kind) -> bool:
    return first.dtype == other.dtype and first.shapes == other.shapes


def _same_shape(_: Random, x: Kind) -> tuple[int | str, ...] | None:
    shape = tuple(x.said(i) for i in range(x.rank))
    return None if None in shape else shape  # type: ignore[return-value]


def _draw_join(rng: Random, x: Kind, _: Kind) -> dict[str, Any]:
    return {"axis": _axis(rng, x.rank)}


def _draw_stack(rng: Random, x: Kind, _: Kind) -> dict[str, Any] | None:
    return {"axis": _axis(rng, x.rank + 1)} if x.rank < 5 else None


def _draw_piece(rng: Random, x: Kind) -> dict[str, Any] | None:
    axes = [i for i in range(x.rank) if (x.fixed(i) or 0) > 1]
    if not axes:
        return None
    axis = rng.choice(axes)
    length = x.fixed(axis) or 0
    first = rng.randint(1, length - 1)
    return {"axis": axis, "sizes": [first, length - first], "index": rng.randrange(2)}


def _piece(a: Attributes, x: Any) -> Any:
    return np.split(x, [a["sizes"][0]], axis=a["axis"])[a["index"]]


def _draw_select(rng: Random, x: Kind) -> dict[str, Any] | None:
    axis = _axis(rng, x.rank)
    return {"axis": axis, "index": rng.randrange(-x.least(axis), x.least(axis))} if x.rank > 1 else None


def _draw_take(rng: Random, x: Kind) -> dict[str, Any]:
    axis = _axis(rng, x.rank)
    return {"axis": axis, "indices": [rng.randrange(x.least(axis)) for _ in range(rng.choice((1, 2, 3)))]}


def _draw_roll(rng: Random, x: Kind) -> dict[str, Any]:
    return {"shift": rng.choice((1, -1, 2)), "axis": _axis(rng, x.rank)}


def _draw_unsqueeze(rng: Random, x: Kind) -> dict[str, Any] | None:
    return {"axis": _axis(rng, x.rank + 1)} if x.rank < 5 else None


def _triangle(a: Attributes, x: Any) -> Any:
    return (np.triu if a["upper"] else np.tril)(x, a["diagonal"])


def _embedding(a: Attributes, x: Any) -> Any:
    return weight(a, "embedding", (a["count"], a["width"])).astype(np.float64)[x]


def _draw_embedding(rng: Random, x: Kind) -> dict[str, Any] | None:
    return {"count": int(x.high) + 1, "width": rng.choice((2, 4)), "seed": rng.randrange(1000)} if x.high < 40 and x.rank < 4 else None


def _along(a: Attributes, x: Any, y: Any) -> Any:
    return np.take_along_axis(x, y, axis=-1)


def _indexes(first: Kind, other: Kind) -> bool:
    lead = [first.axis(i) == other.axis(i) for i in range(first.rank - 1)] if first.rank == other.rank else [False]
    return all(lead) and other.high < first.least(-1)


def _index_shape(rng: Random, x: Kind) -> tuple[int | str, ...] | None:
    lead = tuple(x.said(i) for i in range(x.rank - 1))
    return None if None in lead else (*lead, rng.choice((2, 3)))  # type: ignore[arg-type]


OPS = (
    Op(name="merge", family="reshape", takes=(Take(of="fib", ranks=(2, 5)),), draw=_draw_merge, meaning=lambda a,
       x: x.reshape(merged(x.shape, a))),
    Op(name="split_axis", family="reshape", takes=(ANY,), draw=_draw_split_axis, meaning=lambda a, x: x.reshape(split_shape(x.shape, a))),
    Op(name="transpose", family="reshape", takes=(Take(of="fib", ranks=(2, 5)),), meaning=lambda a, x: x.transpose(a["order"]),
       draw=lambda rng, x: {"order": rng.sample(range(x.rank), x.rank)}),
    Op(name="unsqueeze", family="reshape", takes=(ANY,), draw=_draw_unsqueeze, meaning=lambda a, x: np.expand_dims(x, a["axis"])),
    Op(name="squeeze", family="reshape", takes=(ANY,), draw=_draw_squeeze, meaning=lambda a, x: x.squeeze(a["axis"])),
    Op(name="expand", repeats=True, family="reshape", takes=(ANY,), draw=_draw_expand, meaning=lambda a, x: np.broadcast_to(x,
       expanded(a, x.shape))),
    Op(name="tile", repeats=True, family="reshape", takes=(NUMBERS,), draw=_draw_tile, meaning=lambda a, x: np.tile(x, a["repeats"])),
    Op(name="concat", repeats=True, family="join", takes=(NUMBERS, NUMBERS), draw=_draw_join, pairs=_alike, mate=_same_shape,
       meaning=lambda a, x, y: np.concatenate([x, y], axis=a["axis"])),
    Op(name="stack", repeats=True, family="join", takes=(NUMBERS, NUMBERS), draw=_draw_stack, pairs=_alike, mate=_same_shape,
       meaning=lambda a, x, y: np.stack([x, y], axis=a["axis"])),
    Op(name="piece", family="slice", takes=(NUMBERS,), draw=_draw_piece, meaning=_piece),
    Op(name="slice", family="slice", takes=(NUMBERS,), draw=_draw_slice_safely, meaning=lambda a, x: x[slicing(a, x.ndim)]),
    Op(name="select", family="slice", takes=(NUMBERS,), draw=_draw_select, meaning=lambda a, x: np.take(x, a["index"], axis=a["axis"])),
    Op(name="flip", family="slice", takes=(NUMBERS,), meaning=lambda a, x: np.flip(x, a["axis"]),
       draw=lambda rng, x: {"axis": rng.randrange(x.rank)}),
    Op(name="roll", family="slice", takes=(NUMBERS,), draw=_draw_roll, meaning=lambda a, x: np.roll(x, a["shift"], a["axis"])),
    Op(name="pad", repeats=True, family="pad", takes=(Take(ranks=(1, 4)),), draw=_draw_pad, meaning=_pad, defaults={"fill": 0.0},
       atoms=True,
       span=lambda a, x: (min(x.low, a["fill"]), max(x.high, a["fill"]))),
    Op(name="triangle", repeats=True, family="pad", takes=(Take(ranks=(2, 4)),), meaning=_triangle, atoms=True, defaults={"diagonal": 0},
       draw=lambda rng, x: {"upper": rng.random() < 0.5, "diagonal": rng.choice((0, 0, 1, -1))},
       span=lambda a, x: (min(x.low, 0.0), max(x.high, 0.0))),
    Op(name="take", repeats=True, family="index", takes=(NUMBERS,), draw=_draw_take, meaning=lambda a, x: np.take(x, a["indices"],
       axis=a["axis"])),
    Op(name="gather_along", repeats=True, family="index", takes=(Take(ranks=(2, 4)), Take(of="i", ranks=(2, 4), low=0, high=3)),
       meaning=_along,
       pairs=_indexes, mate=_index_shape, span=lambda a, x, _: (x.low, x.high), atoms=None),
    Op(name="embedding", repeats=True, family="index", takes=(Take(of="i", ranks=(1, 3), low=0, high=39),), draw=_draw_embedding,
       meaning=_embedding,
       span=lambda a, _: (-5.0, 5.0), atoms=False),
)  # fmt: skip
