"""The `Space` of a case: which combinations of lengths its inputs may have, and which of them are worth trying."""

from __future__ import annotations

import functools
import itertools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from harness.core.contradictions import checked
from harness.core.corners import corners, other
from harness.core.dims import MOST, Dim, DimExpr
from harness.core.errors import UsageError
from harness.core.expr import bounds_of, divisors
from harness.core.relations import Relation, related, relation
from harness.core.solve import STEPS, Domains, Undecided, parts_of, propagate, solve
from harness.core.spec import TensorSpec, dims_of
from harness.core.value import value

if TYPE_CHECKING:
    from harness.core.case import Case

WISHED = 40_000
"""How many steps a wish may cost before it is dropped."""
UNKNOWN = 2**31 - 1
"""The greatest length of an axis about which nothing better is known."""


@value
class Space:
    """Every admissible combination of lengths.

    ``dims``: every named dimension, in order of declaration. ``relations``: those declared, and one ``>= 0`` for each
    axis whose expression could be negative. ``profiles``: where there are any, the only combinations of the
    dimensions they name. ``example``: what models are exported with. ``axes``: the expressions that stand in shapes.
    Made by `space_of`.
    """

    dims: Mapping[str, Dim]
    relations: tuple[Relation, ...]
    profiles: tuple[Mapping[str, int], ...]
    example: Mapping[str, int]
    axes: tuple[DimExpr, ...] = ()

    def holds(self, lengths: Mapping[str, int]) -> bool:
        """Return whether these are lengths of exactly the dimensions there are, and admissible together."""
        return (
            set(lengths) == set(self.dims)
            and all(lengths[name] in dim.lengths for name, dim in self.dims.items())
            and all(one.holds(lengths) for one in self.relations)
            and (not self.profiles or any(_agrees(profile, lengths) for profile in self.profiles))
        )

    def choices(self, name: str, given: Mapping[str, int]) -> tuple[int, ...]:
        """Return the lengths of one dimension that leave an admissible combination with ``given``, at most the first `MOST`.

        Raises `UsageError` for a name that is no dimension.
        """
        self._known((name, *given))
        return tuple(sorted({n for domains in self._open(given) for n in _supported(domains, self.relations, name)}))[:MOST]

    def complete(self, given: Mapping[str, int]) -> dict[str, int] | None:
        """Return an admissible combination that agrees with ``given``, nearest to the example, or None.

        Dimensions that others are made of come first. Raises `UsageError` for a name that is no dimension.
        """
        self._known(given)
        return self.nearest(self.example, given)

    def nearest(
        self,
        wanted: Mapping[str, int],
        given: Mapping[str, int] | None = None,
        also: Sequence[Relation] = (),
        first: str = "",
        steps: int = STEPS,
    ) -> dict[str, int] | None:
        """Return the admissible combination nearest to ``wanted`` that agrees with ``given`` and satisfies ``also``, or None.

        Dimensions are settled one after another, ``first`` before all others, and each is as near as those before it allow.
        One that ``wanted`` does not name wants its example.
        """
        wanted = {name: wanted.get(name, self.example[name]) for name in self.dims}
        relations = (*self.relations, *also)
        order = sorted(order_of(self.dims, self.relations), key=lambda name: name != first)
        found = [one for one in (solve(domains, relations, wanted, order, steps) for domains in self._open(given or {})) if one is not None]
        return min(found, key=lambda one: (abs(one.get(first, 0) - wanted.get(first, 0)), distance(one, wanted))) if found else None

    def softly(
        self, wanted: Mapping[str, int], wishes: Sequence[Sequence[Relation]], given: Mapping[str, int] | None = None
    ) -> dict[str, int] | None:
        """Return what `nearest` returns, with as many wishes as can be; each group is tried at once, then one by one."""
        kept: tuple[Relation, ...] = ()
        best = self.nearest(wanted, given)
        for group in wishes:
            for attempt in (tuple(group), *((one,) for one in group)):
                found = self._wished(wanted, given, (*kept, *attempt)) if best is not None else None
                if found is not None:
                    best, kept = found, (*kept, *attempt)
                if found is not None and len(attempt) == len(group):
                    break
        return best

    def _wished(self, wanted: Mapping[str, int], given: Mapping[str, int] | None, wishes: Sequence[Relation]) -> dict[str, int] | None:
        try:
            return self.nearest(wanted, given, wishes, steps=WISHED)
        except Undecided:
            return None

    def ends(self, length: Dim | DimExpr) -> tuple[int, int]:
        """Return the least and the greatest value of a length over the admissible combinations.

        Exact for a dimension, and for an expression that only rises with the one dimension in it; else never too narrow.
        """
        if isinstance(length, Dim):
            found = [self.nearest({**self.example, length.name: n}, first=length.name) for n in (length.lengths[0], length.lengths[-1])]
            low, high = (one[length.name] if one else length.example for one in found)
            return low, high
        bounds = bounds_of(length.node, {dim.name: self.ends(dim) for dim in length.dims})
        return (max(0, bounds[0]), bounds[1]) if bounds else (0, UNKNOWN)

    @property
    def other(self) -> dict[str, int]:
        """An admissible combination in which every axis has moved that can: odd and small, no two alike where that can be."""
        return other(self)

    def corners(self, limit: int) -> list[dict[str, int]]:
        """Return at most ``limit`` admissible combinations besides the example, each once, what shows most first."""
        return corners(self, limit)

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        return {
            "dims": [dim.to_json() for dim in self.dims.values()], "relations": [one.text for one in self.relations],
            "profiles": [dict(profile) for profile in self.profiles], "axes": [axis.to_json() for axis in self.axes],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Space:
        """Return the space that `to_json` wrote."""
        dims = tuple((dim, dim.explicit) for dim in map(Dim.from_json, data["dims"]))
        rows = tuple(tuple(profile.items()) for profile in data["profiles"])
        return _space(dims, tuple(map(DimExpr.from_json, data["axes"])), tuple(data["relations"]), rows)

    def _open(self, given: Mapping[str, int]) -> Iterator[Domains]:
        """Yield the lengths open to each dimension, once for each profile that agrees with ``given``."""
        for profile in self.profiles or ({},):
            if _agrees(profile, {**profile, **given}):
                fixed = {**profile, **given}
                if all(length in self.dims[name].lengths for name, length in fixed.items()):
                    yield {name: (fixed[name],) if name in fixed else dim.lengths for name, dim in self.dims.items()}

    def _known(self, names: Any) -> None:
        for name in names:
            if name not in self.dims:
                raise UsageError(f"no dimension is called {name!r}; there are {', '.join(self.dims) or 'none'}")


def space_of(case: Case, framework: str) -> Space:
    """Return the space of a case as ``framework`` takes it. Raises `UsageError` for a declaration that contradicts itself."""
    return space_from(case.specs(framework), case.relations, case.profiles)


def space_from(specs: Sequence[TensorSpec], relations: Sequence[str] = (), profiles: Sequence[Mapping[str, int]] = ()) -> Space:
    """Return the space of these inputs, relations and profiles. Raises `UsageError` for what contradicts itself."""
    dims = dims_of(specs)
    axes = dict.fromkeys(n for spec in specs for n in spec.shape if isinstance(n, DimExpr))
    rows = tuple(tuple(profile.items()) if isinstance(profile, Mapping) else profile for profile in profiles)
    return _space(tuple((dim, dim.explicit) for dim in dims.values()), tuple(axes), tuple(relations), rows)


@functools.lru_cache(maxsize=256)
def _space(declared: tuple[tuple[Dim, bool], ...], axes: tuple[DimExpr, ...], texts: tuple[str, ...], profiles: tuple[Any, ...]) -> Space:
    dims = {dim.name: dim for dim, _ in declared}
    implied = [related(axis.node, ">=", ("number", 0)) for axis in axes if _may_fail(axis)]
    relations = tuple(dict.fromkeys((*map(relation, texts), *implied)))
    rows = tuple(MappingProxyType(dict(profile)) for profile in profiles)
    draft = Space(
        dims=MappingProxyType(dims),
        relations=relations,
        profiles=rows,
        example=MappingProxyType({name: dim.example for name, dim in dims.items()}),
        axes=axes,
    )
    return checked(draft)


def _may_fail(axis: DimExpr) -> bool:
    """Return whether some lengths make an expression negative, or a divisor in it 0."""
    ranges = {dim.name: (dim.lengths[0], dim.lengths[-1]) for dim in axis.dims}
    bounds = [bounds_of(node, ranges) for node in divisors(axis.node)]
    return axis.bounds is None or axis.bounds[0] < 0 or any(one is None or one[0] < 1 for one in bounds)


def order_of(dims: Mapping[str, Dim], relations: Sequence[Relation]) -> list[str]:
    """Return the names in the order they are settled: examples that were given first, what another length decides last."""
    derived = {one.left[1] for one in relations if one.compare == "==" and one.left[0] == "name"}
    return sorted(dims, key=lambda name: (name in derived, not dims[name].explicit))


def distance(lengths: Mapping[str, int], wanted: Mapping[str, int]) -> float:
    """Return how far lengths are from those wanted, each in relation to its own."""
    return sum(abs(lengths[name] - length) / max(1, length) for name, length in wanted.items())


def _agrees(profile: Mapping[str, int], lengths: Mapping[str, int]) -> bool:
    return all(lengths[name] == length for name, length in profile.items())


def _supported(domains: Domains, relations: Sequence[Relation], name: str) -> Sequence[int]:
    """Return the lengths of one dimension that leave lengths to all others."""
    open_ = propagate(domains, relations)
    if open_ is None or solve(open_, relations, {n: open_[n][0] for n in open_}, list(open_)) is None:
        return ()
    undecided = [one for one in relations if sum(len(open_[n]) > 1 for n in one.names) > (one.compare != "!=")]
    part = next(names for names in parts_of(list(open_), undecided) if name in names)
    own = [one for one in undecided if one.names[0] in part]
    close = {n: open_[n] for n in part}
    lows = {n: open_[n][0] for n in part}
    fitting = (n for n in open_[name] if not own or solve({**close, name: (n,)}, own, lows, part) is not None)
    return list(itertools.islice(fitting, MOST))
