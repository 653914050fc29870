"""Lengths as exporters write them: ``times * root + plus`` over independent roots (``T = 2*S + 1``, ``H = 32*_H``)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.core.dims import MOST, Dim, DimExpr
from harness.core.expr import factors
from harness.core.value import value

if TYPE_CHECKING:
    from harness.core.space import Space


@value
class Form:
    """A length that is ``times * root + plus`` with ``times`` >= 1.

    ``root`` runs from ``low`` to ``high``; it is a dimension where ``stepped`` is False, else what counts the steps of one.
    """

    root: str
    times: int
    plus: int
    low: int
    high: int
    stepped: bool


def form_of(space: Space, length: Dim | DimExpr) -> Form | None:
    """Return the form of a length, None where it has none: ``S + T``, ``S//2``, ``9 - S``.

    Equalities between two dimensions are followed (``T == 2*S + 1``), and where the admissible lengths of the root have a step in
    common, it is divided out: a multiple of 4 is ``4 * root``.
    """
    parts = factors(length.node)
    named = [(name, times) for name, times in (parts or {}).items() if name and times]
    if parts is None or len(named) != 1 or named[0][1] < 1:
        return None
    (name, times), plus = named[0], parts.get("", 0)
    seen = {name}
    while True:
        made = _made_of(space, name, seen)
        if made is None:
            break
        name, plus, times = made[0], plus + times * made[2], times * made[1]
        seen.add(name)
    step, rest = _step(space, name)
    low, high = space.ends(space.dims[name])
    return Form(
        root=name, times=times * step, plus=plus + times * rest, low=(low - rest) // step, high=(high - rest) // step, stepped=step > 1
    )


def _made_of(space: Space, name: str, seen: set[str]) -> tuple[str, int, int] | None:
    """Return ``(other, times, plus)`` where an equality says that ``name`` is ``times * other + plus``, ``times`` >= 1."""
    for one in space.relations:
        if one.compare != "==" or one.factors is None or len(one.names) != 2 or name not in one.names:
            continue
        other = next(n for n in one.names if n != name)
        # own * name + its * other + rest == 0
        own, its, rest = one.factors[name], one.factors[other], one.factors.get("", 0)
        forward = abs(own) == 1 and -its * own >= 1
        if not forward or other in seen:
            continue
        # Of two lengths that are the same, or a number apart, the one declared first is the root.
        if abs(its) == 1 and list(space.dims).index(name) < list(space.dims).index(other):
            continue
        return other, -its * own, -rest * own
    return None


def _step(space: Space, name: str) -> tuple[int, int]:
    """Return step and remainder that all admissible lengths of a dimension have in common; (1, 0) where they have none."""
    lengths = space.choices(name, {})
    if len(lengths) >= MOST:  # not all of them are listed, so only what is declared is certain
        return space.dims[name].multiple, 0
    step = 0
    for before, after in zip(lengths, lengths[1:]):
        step = math.gcd(step, after - before)
    rest = lengths[0] % step if step else 0
    # Any two lengths are a progression; one that starts anywhere needs three to be meant.
    even = len(lengths) >= 3 and tuple(range(lengths[0], lengths[-1] + 1, step or 1)) == lengths
    return (step, rest) if step > 1 and (rest == 0 or even) else (1, 0)
