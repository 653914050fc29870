"""Finds lengths that satisfy relations: propagation where one unknown is left, backtracking where more are."""

from __future__ import annotations

import bisect
from typing import Iterator, Mapping, Sequence

from harness.core.errors import UsageError
from harness.core.relations import Relation, left_over, tightened

STEPS = 4_000_000
"""How much a search may cost before it gives up: about the names and numbers it looks at, a few seconds."""

Domains = Mapping[str, Sequence[int]]
"""The lengths still open to each dimension: ascending, a `range` wherever that can say it."""


class Undecided(UsageError):
    """A search gave up: whether any lengths satisfy the relations is not known."""


class _Steps:
    """Counts down, so that no declaration can make a run hang."""

    def __init__(self, relations: Sequence[Relation], steps: int) -> None:
        self._relations, self._steps = relations, steps
        self.left = steps

    def take(self, steps: int) -> None:
        """Take some steps. Raises `Undecided` when none are left."""
        self.left -= steps
        if self.left < 0:
            texts = " and ".join(repr(one.text) for one in self._relations)
            raise Undecided(
                f"relations {texts}: whether any lengths satisfy them was not decided in {self._steps} steps; narrow the ranges"
            )


def propagate(domains: Domains, relations: Sequence[Relation]) -> dict[str, Sequence[int]] | None:
    """Return the domains without what the relations rule out at sight; None where nothing is left of one."""
    return _propagated(dict(domains), relations, _Steps(relations, STEPS))


def _propagated(open_: dict[str, Sequence[int]], relations: Sequence[Relation], steps: _Steps) -> dict[str, Sequence[int]] | None:
    waiting = list(relations)
    while waiting:
        one = waiting.pop()
        steps.take(16 + one.size)
        if not all(len(open_[name]) for name in one.names):
            return None
        unknown = [name for name in one.names if len(open_[name]) > 1]
        lengths = {name: open_[name][0] for name in one.names if name not in unknown}
        if not unknown and not one.holds(lengths):
            return None
        for name in unknown:
            if len(unknown) == 1:
                rest = left_over(one, name, lengths, open_[name], steps.take)
            else:
                rest = tightened(one, name, {n: (open_[n][0], open_[n][-1]) for n in one.names}, open_[name], steps.take)
            if not len(rest):
                return None
            if len(rest) < len(open_[name]):
                open_[name] = rest
                joined = [other for other in relations if name in other.names and (other is not one or len(unknown) > 1)]
                waiting += [other for other in joined if other not in waiting]
    return open_


def solve(
    domains: Domains, relations: Sequence[Relation], wanted: Mapping[str, int], order: Sequence[str], steps: int = STEPS
) -> dict[str, int] | None:
    """Return one length for each name so that all relations hold, None where there are none.

    Names are settled in ``order``; each takes the length nearest to ``wanted`` that leaves a solution for the
    others. Raises `Undecided` where that takes more than ``steps``.
    """
    if not all(len(domain) for domain in domains.values()):
        return None
    found: dict[str, int] = {}
    for names in parts_of(order, relations):
        own = [one for one in relations if one.names[0] in names]
        part = _searched({name: domains[name] for name in names}, own, wanted, names, _Steps(own, steps))
        if part is None:
            return None
        found.update(part)
    return {name: found[name] for name in domains}


def parts_of(names: Sequence[str], relations: Sequence[Relation]) -> list[list[str]]:
    """Return the names in groups that no relation joins, each in the given order."""
    group = {name: name for name in names}
    for one in relations:
        joined = {group[name] for name in one.names}
        group = {name: min(joined) if own in joined else own for name, own in group.items()}
    return [[name for name in names if group[name] == own] for own in dict.fromkeys(group.values())]


def _searched(
    domains: Domains, relations: Sequence[Relation], wanted: Mapping[str, int], order: Sequence[str], steps: _Steps
) -> dict[str, int] | None:
    open_ = _propagated(dict(domains), relations, steps)
    if open_ is None:
        return None
    undecided = [name for name in order if len(open_[name]) > 1]
    if not undecided:
        return {name: open_[name][0] for name in order}
    name = undecided[0]
    for length in nearest(open_[name], wanted[name]):
        found = _searched({**open_, name: (length,)}, relations, wanted, order, steps)
        if found is not None:
            return found
    return None


def nearest(domain: Sequence[int], wanted: int) -> Iterator[int]:
    """Yield every length of a domain, the nearest to ``wanted`` first, the shorter one of two."""
    above = bisect.bisect_left(domain, wanted)
    below = above - 1
    while below >= 0 or above < len(domain):
        if above >= len(domain) or (below >= 0 and wanted - domain[below] <= domain[above] - wanted):
            yield domain[below]
            below -= 1
        else:
            yield domain[above]
            above += 1
