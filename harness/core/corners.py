"""Which lengths of a `Space` show most: all axes moved, ends of ranges, 0 and 1, primes, even and odd, equal and distinct."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Iterator, Mapping, Sequence

from harness.core.relations import Relation, related

if TYPE_CHECKING:
    from harness.core.space import Space

_REACH = 256
"""Among how many of its shortest lengths a prime, even or odd one is looked for."""


def other(space: Space) -> dict[str, int]:
    """Return lengths unlike the example everywhere: above 1, no two alike, odd, as far as each of these can be."""
    wanted: dict[str, int] = {}
    for name, dim in space.dims.items():
        used, example = set(wanted.values()), space.example[name]
        lengths = [n for n in dim.admissible() if n != example] or [example]
        wanted[name] = min(lengths, key=lambda n: (n < 2, n in used, n % 2 == 0, n < example, n))
    moved = [_beside(name, "!=", space.example[name]) for name in space.dims]
    return space.softly(wanted, (moved, _above(space, 2), _distinct(space), _odd(space))) or dict(space.example)


def corners(space: Space, limit: int) -> list[dict[str, int]]:
    """Return at most ``limit`` admissible combinations besides the example, each once, what shows most first."""
    found: list[dict[str, int]] = []
    for lengths in _candidates(space):
        if len(found) >= limit:
            break
        if lengths is not None and lengths != space.example and lengths not in found:
            found.append(lengths)
    return found


def _candidates(space: Space) -> Iterator[dict[str, int] | None]:
    ends = {name: space.ends(dim) for name, dim in space.dims.items()}
    lows, highs = ({name: ends[name][side] for name in ends} for side in (0, 1))
    yield space.other
    yield space.softly(primes(space), (_distinct(space), _above(space, 3)))
    # Exporters specialise each axis by itself: 1, then 0.
    for length in (1, 0):
        yield from (space.complete({name: length}) for name, dim in space.dims.items() if length in dim.lengths)
    yield space.nearest(dict.fromkeys(space.dims, 1))
    even = {name: next((n for n in dim.lengths[:_REACH] if n >= 4 and n % 2 == 0), dim.example) for name, dim in space.dims.items()}
    yield space.softly(even, (_above(space, 2), _remainders(space, 0)))
    yield space.softly({name: n + 1 for name, n in even.items()}, (_above(space, 2), _remainders(space, 1)))
    yield space.softly(_common(space), (_equal(space), _above(space, 2)))
    yield from _tight(space)
    yield space.nearest(lows)
    yield space.nearest(highs)
    for side in (highs, lows):
        yield from (space.complete({name: side[name]}) for name in space.dims)
    for name, dim in space.dims.items():
        yield from (space.complete({name: n}) for n in (lows[name] + 1, highs[name] - 1) if n in dim.lengths)
    for profile in space.profiles:
        yield space.complete(profile)


def primes(space: Space) -> dict[str, int]:
    """Return a small prime above 2 for each dimension that has one, no two alike where that can be."""
    found: dict[str, int] = {}
    for name, dim in space.dims.items():
        prime = [n for n in dim.lengths[:_REACH] if n > 2 and all(n % k for k in range(2, int(n**0.5) + 1))]
        found[name] = next((n for n in prime if n not in found.values()), prime[0] if prime else dim.other())
    return found


def _common(space: Space) -> Mapping[str, int]:
    """Return a length above 2 that every dimension has, for each of them; the example where there is none."""
    shared = set.intersection(*(set(dim.lengths[:_REACH]) for dim in space.dims.values())) if space.dims else set()
    length = min((n for n in shared if n > 2), default=max(shared, default=0))
    return dict.fromkeys(space.dims, length) if length > 1 else space.example


def _tight(space: Space) -> Iterator[dict[str, int] | None]:
    """Yield lengths at which an inequality is just satisfied."""
    for one in space.relations:
        slack = {"<=": one.right, ">=": one.right, "<": ("-", one.right, ("number", 1)), ">": ("+", one.right, ("number", 1))}
        if one.compare in slack:
            yield space.nearest(space.example, also=(related(one.left, "==", slack[one.compare]),))


def _beside(name: str, compare: str, number: int) -> Relation:
    return related(("name", name), compare, ("number", number))


def _above(space: Space, least: int) -> list[Relation]:
    return [_beside(name, ">=", least) for name in space.dims]


def _distinct(space: Space) -> list[Relation]:
    return [related(("name", a), "!=", ("name", b)) for a, b in itertools.combinations(space.dims, 2)]


def _equal(space: Space) -> list[Relation]:
    return [related(("name", a), "==", ("name", b)) for a, b in itertools.combinations(space.dims, 2)]


def _odd(space: Space) -> Sequence[Relation]:
    return _remainders(space, 1)


def _remainders(space: Space, rest: int) -> list[Relation]:
    return [related(("%", ("name", name), ("number", 2)), "==", ("number", rest)) for name in space.dims]
