"""Dynamic axes as profiles: which kind of them ATC needs, which gears cost the least, and what they cost."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Mapping, Sequence, Union

from harness.ascend.atc import AtcCall
from harness.core.dims import Dim, DimExpr
from harness.core.value import value

COUNTS = (2, 4, 8)
"""How many gears each dimension is given, one plan each."""
MOST = 100
"""Profiles that ATC takes at most (256 on the 950, whose plan may still be given by hand)."""
GRAIN = 128
"""A long range is thinned to so many lengths before its gears are chosen."""
EACH = 0.01
"""Extra work that one more profile is worth: each is compiled, and takes room in the .om."""
Lengths = Mapping[str, Sequence[Union[int, Dim, DimExpr]]]  # noqa: UP007 (Python 3.7 evaluates it)


@value
class Plan:
    """Gears for every dimension. ``extra``: mean share of work on padding, each length being equally likely and work following their
    product; ``profiles``: how many combinations are compiled. ``call``: the fields of `AtcCall` that say it.
    """

    gears: Mapping[str, tuple[int, ...]]
    extra: float
    profiles: int
    kind: str
    call: AtcCall


def gears_for(lengths: Sequence[int], count: int) -> tuple[tuple[int, ...], float]:
    """Return at most ``count`` of the lengths, the last among them, so that rounding up to the next costs least; and that extra share.

    Exact, by dynamic programming over the place of each gear, for up to `GRAIN` lengths; longer ranges are thinned evenly.
    """
    known = sorted(set(lengths) - {0})
    if len(known) <= count:
        return tuple(known), 0.0
    tops = known[:: -(len(known) // GRAIN + 1)][::-1]
    below = [sum(1 for one in known if one <= top) for top in tops]
    # For each place: the least sum of all lengths up to it, each rounded up, where the last gear stands there; and these gears.
    best: list[tuple[int, tuple[int, ...]]] = [(top * number, (top,)) for top, number in zip(tops, below)]
    for _ in range(count - 1):
        best = [
            min([best[i], *((best[j][0] + top * (below[i] - below[j]), (*best[j][1], top)) for j in range(i))])
            for i, top in enumerate(tops)
        ]  # fmt: skip
    cost, gears = best[-1]
    return gears, cost / sum(known) - 1.0


def plans(shapes: Lengths, soc: str) -> list[Plan]:
    """Return a plan for each of `COUNTS`, those that differ; none for a model whose lengths are all known."""
    dims = {dim.name: dim for shape in shapes.values() for length in shape if not isinstance(length, int) for dim in length.dims}
    found: list[Plan] = []
    for count in COUNTS:
        gears, extra = {}, 1.0
        for name, dim in dims.items():
            gears[name], share = gears_for(dim.lengths, max(count, len(dim.allowed)))
            extra *= 1.0 + share
        combined = [dict(zip(gears, chosen)) for chosen in itertools.product(*gears.values())]
        open_ = [length for shape in shapes.values() for length in shape if not isinstance(length, int)]
        rows = list(dict.fromkeys(tuple(_at(length, one) for length in open_) for one in combined[: MOST + 1]))
        if not 2 <= len(rows) <= MOST or min(map(min, rows)) < 1 or any(one.gears == gears for one in found):
            continue
        call = _call(shapes, rows, soc)
        kind = next(one for one in ("dynamic_batch_size", "dynamic_image_size", "dynamic_dims") if getattr(call, one))
        found.append(Plan(gears=gears, extra=extra - 1.0, profiles=len(rows), kind=kind, call=call))
    return found


def proposed(found: Sequence[Plan]) -> Plan | None:
    """Return the plan with the least extra work and the fewest profiles, see `EACH`; None where there is none."""
    return min(found, key=lambda one: one.extra + EACH * one.profiles, default=None)


def _call(shapes: Lengths, rows: Sequence[tuple[int, ...]], soc: str) -> AtcCall:
    places = [(name, axis, length) for name, shape in shapes.items() for axis, length in enumerate(shape) if not isinstance(length, int)]
    texts = {name: tuple(length if isinstance(length, int) else -1 for length in shape) for name, shape in shapes.items()}
    base = AtcCall(soc_version=soc, input_shape=texts)
    if all(axis == 0 for _, axis, __ in places) and len({repr(length) for _, __, length in places}) == 1:
        return dataclasses.replace(base, dynamic_batch_size=tuple(row[0] for row in rows))
    if [axis for _, axis, __ in places] == [2, 3] and len({name for name, _, __ in places}) == 1 and len(shapes[places[0][0]]) == 4:
        return dataclasses.replace(base, dynamic_image_size=tuple((row[0], row[1]) for row in rows))
    return dataclasses.replace(base, input_format="ND", dynamic_dims=tuple(rows))


def _at(length: int | Dim | DimExpr, profile: Mapping[str, int]) -> int:
    return length if isinstance(length, int) else profile[length.name] if isinstance(length, Dim) else length.at(profile)
