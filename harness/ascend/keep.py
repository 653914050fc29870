"""Which operators must stay in float32: the cheapest list that meets a tolerance, searched for with few trials."""

from __future__ import annotations

import itertools
from typing import Callable, Mapping, Sequence

from harness.core.value import value

TRIALS = 160
"""Emulated runs that one search may take."""


@value
class Trial:
    """What a list of kept operators gives: the largest drift at an output, and the share of the work done in float32."""

    drift: float
    cost: float


@value
class Kept:
    """The answer: the list, its trial, how many trials it took, and what is known of it.

    ``proof``: ``smallest`` (every cheaper list was tried and fails, or has nothing to leave out) or ``irreducible`` (nothing can be left
    out of it; cheaper lists of other members were not all tried) or ``met`` (it holds, and that is all).
    """

    names: Sequence[str]
    trial: Trial
    trials: int
    proof: str


def cheapest(
    names: Sequence[str], run: Callable[[frozenset[str]], Trial], tolerance: float, order: Mapping[str, float], most: int = TRIALS
) -> Kept | None:
    """Return the cheapest of the lists made of ``names`` whose drift is within ``tolerance``; None where even all of them are not enough.

    Greedy first: names are added by their own drift (``order``, largest first) until it is met, then those that can be left out are,
    the most expensive first. Then every other list that may cost less is tried, the shortest first, as far as ``most`` trials go: a list
    never costs less than a part of it, so that what is dear alone is passed over.
    """
    known: dict[frozenset[str], Trial] = {}

    def tried(chosen: frozenset[str]) -> Trial:
        if chosen not in known:
            known[chosen] = run(chosen)
        return known[chosen]

    best = _grown(sorted(names, key=lambda name: (-order.get(name, 0.0), name)), tried, tolerance)
    if best is None:
        return None
    if not best:
        return Kept(names=(), trial=known[best], trials=len(known), proof="smallest")
    best = _pruned(best, tried, tolerance)
    complete, bound = True, known[best].cost
    for chosen in _subsets(names):
        if chosen in known or any(part in known and known[part].cost >= bound for part in _parts(chosen)):
            continue
        if len(known) >= most:
            complete = False
            break
        if tried(chosen).drift <= tolerance:
            bound = min(bound, known[chosen].cost)
    met = [chosen for chosen, trial in known.items() if trial.drift <= tolerance]
    best = min(met, key=lambda chosen: (known[chosen].cost, len(chosen), sorted(chosen)))
    best = _pruned(best, tried, tolerance)
    return Kept(
        names=tuple(sorted(best)), trial=known[best], trials=len(known),
        proof="smallest" if complete else "irreducible",
    )  # fmt: skip


def narrowed(
    names: Sequence[str], run: Callable[[frozenset[str]], Trial], tolerance: float, order: Mapping[str, float], most: int = TRIALS
) -> Kept | None:
    """Return a part of ``names`` that still meets the tolerance and of which, with trials enough, nothing can be left out.

    Halves are left out first, then quarters, down to single names, those with the least drift of their own first (delta debugging:
    Zeller and Hildebrandt, 2002). None where all of them together are not enough. ``proof`` is ``met`` where trials ran out.
    """
    best = sorted(names, key=lambda name: (order.get(name, 0.0), name))
    trial, trials = run(frozenset(best)), 1
    if trial.drift > tolerance:
        return None
    size, done = max(1, len(best) // 2), False
    while not done and best:
        start, before = 0, len(best)
        while start < len(best) and trials < most:
            rest = best[:start] + best[start + size :]
            less, trials = run(frozenset(rest)), trials + 1
            if less.drift <= tolerance:
                best, trial = rest, less
            else:
                start += size
        done = trials >= most or (size == 1 and len(best) == before)
        size = max(1, size // 2)
    return Kept(names=tuple(sorted(best)), trial=trial, trials=trials, proof="irreducible" if trials < most else "met")


def _grown(names: Sequence[str], tried: Callable[[frozenset[str]], Trial], tolerance: float) -> frozenset[str] | None:
    for count in range(len(names) + 1):
        chosen = frozenset(names[:count])
        if tried(chosen).drift <= tolerance:
            return chosen
    return None


def _pruned(best: frozenset[str], tried: Callable[[frozenset[str]], Trial], tolerance: float) -> frozenset[str]:
    """Leave out what can be left out, the dearest first, until nothing can."""
    going = True
    while going:
        going = False
        without = [best - {name} for name in sorted(best)]
        for less in sorted(without, key=lambda chosen: tried(chosen).cost):
            if tried(less).drift <= tolerance:
                best, going = less, True
                break
    return best


def _parts(chosen: frozenset[str]) -> Sequence[frozenset[str]]:
    """Return the lists of one name of ``chosen``, and those of all but one."""
    return [*(frozenset((name,)) for name in chosen), *(chosen - {name} for name in chosen)]


def _subsets(names: Sequence[str]) -> itertools.chain[frozenset[str]]:
    ordered = sorted(names)
    return itertools.chain.from_iterable(
        (frozenset(chosen) for chosen in itertools.combinations(ordered, size)) for size in range(len(ordered) + 1)
    )
