"""Where a fuzzed model fails, in words: the simplest rule over lengths that separates what failed from what held, and no more."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.core.value import value

Point = Mapping[str, Any]
"""One shape that was tried: dimension to length, and ``rung`` to the rung of the input ladder."""

MOST = 3
"""Conditions that a rule may join; more of them explain any handful of points."""
_ALIKE = 3
_RIVALS = 12
_DIVISORS = (3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 64, 128, 256, 512)


@value
class Atom:
    """One condition: what it says, how plain it is (less is plainer), and whether a point meets it."""

    words: str
    cost: float
    test: Callable[[Point], bool]


@value
class Rule:
    """A conjunction of conditions."""

    atoms: tuple[Atom, ...]

    def __call__(self, point: Point) -> bool:
        """Return whether the rule says that this point fails."""
        return all(atom.test(point) for atom in self.atoms)

    @property
    def words(self) -> str:
        """The rule as people say it."""
        return " and ".join(atom.words for atom in self.atoms)

    @property
    def cost(self) -> float:
        """How far the rule is from plain."""
        return sum(atom.cost for atom in self.atoms)


def rules(failing: Sequence[Point], holding: Sequence[Point], example: Mapping[str, int]) -> list[Rule]:
    """Return the rules with the fewest conditions that every failing point meets and no holding one does, the plainest first.

    ``example`` holds the lengths a model was exported with. Empty where nothing failed, nothing held, or no conjunction of at most
    `MOST` conditions separates the two.
    """
    if not failing or not holding:
        return []
    atoms = _told_apart([atom for atom in _atoms(failing, holding, example) if all(map(atom.test, failing))], holding)
    for size in range(1, MOST + 1):
        found = []
        for group in itertools.combinations(atoms, size):
            met = -1
            for _, mask in group:
                met &= mask
            if met == 0:
                found.append(Rule(atoms=tuple(atom for atom, _ in group)))
        if found:
            return sorted(found, key=lambda rule: (rule.cost, rule.words))
    return []


def _told_apart(atoms: Sequence[Atom], holding: Sequence[Point]) -> list[tuple[Atom, int]]:
    """Return the conditions that some holding point does not meet, each with those that do as a bit mask.

    Of conditions that the same points meet the plainest few stay: they are rivals, which other points could tell apart.
    """
    every = (1 << len(holding)) - 1
    alike: dict[int, int] = {}
    found = []
    for atom in sorted(atoms, key=lambda atom: (atom.cost, atom.words)):
        mask = sum(1 << number for number, point in enumerate(holding) if atom.test(point))
        alike[mask] = alike.get(mask, 0) + 1
        if mask != every and alike[mask] <= _ALIKE:
            found.append((atom, mask))
    return found


def _atoms(failing: Sequence[Point], holding: Sequence[Point], example: Mapping[str, int]) -> Iterator[Atom]:
    dims = list(example)
    for dim in dims:
        yield from _of_one(dim, failing, holding, example[dim])
    for one, other in itertools.combinations(dims, 2):
        yield from _of_two(one, other)
    if len(dims) > 1:
        every = f"{_listed(dims)} all differ from the export sample"
        yield Atom(words=every, cost=0.9, test=lambda p: all(p[d] != example[d] for d in dims))
        yield Atom(words="any axis differs from the export sample", cost=1.15, test=lambda p: any(p[d] != example[d] for d in dims))
    rungs = {str(point["rung"]) for point in failing if "rung" in point}
    if len(rungs) == 1:
        (rung,) = rungs
        yield Atom(words=f"the inputs are {rung}", cost=1.05, test=lambda p: p.get("rung") == rung)
    yield Atom(words="the inputs are not ordinary", cost=1.1, test=lambda p: p.get("rung", "normal") != "normal")


def _of_one(dim: str, failing: Sequence[Point], holding: Sequence[Point], exported: int) -> Iterator[Atom]:
    """Yield what may be said of one length. Bounds and divisors are those at which the failing points leave a choice."""
    bad, good = sorted({p[dim] for p in failing}), sorted({p[dim] for p in holding})
    yield Atom(words=f"{dim} != {exported} (the export sample)", cost=1.0, test=lambda p: bool(p[dim] != exported))
    yield Atom(words=f"{dim} is odd", cost=1.0, test=lambda p: p[dim] % 2 == 1)
    yield Atom(words=f"{dim} is even", cost=1.0, test=lambda p: p[dim] % 2 == 0)
    if len(bad) == 1:
        only = bad[0]
        yield Atom(words=f"{dim} == {only}", cost=0.95, test=lambda p: bool(p[dim] == only))
    below = max((n for n in good if n < bad[0]), default=None)
    above = min((n for n in good if n > bad[-1]), default=None)
    # Where points leave a gap, either end of it is a rival: a point between them decides.
    for least in {bad[0], *((below + 1,) if below is not None else ())}:
        yield Atom(words=f"{dim} >= {least}", cost=1.0 + (least != bad[0]) / 8, test=lambda p, n=least: bool(p[dim] >= n))  # type: ignore[misc]
    for most in {bad[-1], *((above - 1,) if above is not None else ())}:
        yield Atom(words=f"{dim} <= {most}", cost=1.0 + (most != bad[-1]) / 8, test=lambda p, n=most: bool(p[dim] <= n))  # type: ignore[misc]
    for k in _DIVISORS:
        yield Atom(words=f"{dim} is a multiple of {k}", cost=1.1 + k / 1024, test=lambda p, k=k: p[dim] % k == 0)  # type: ignore[misc]
        yield Atom(words=f"{dim} is no multiple of {k}", cost=1.2 + k / 1024, test=lambda p, k=k: p[dim] % k != 0)  # type: ignore[misc]


def _of_two(one: str, other: str) -> Iterator[Atom]:
    yield Atom(words=f"{one} == {other}", cost=1.3, test=lambda p: bool(p[one] == p[other]))
    yield Atom(words=f"{one} != {other}", cost=1.35, test=lambda p: bool(p[one] != p[other]))
    yield Atom(words=f"{one} > {other}", cost=1.4, test=lambda p: bool(p[one] > p[other]))
    yield Atom(words=f"{one} < {other}", cost=1.4, test=lambda p: bool(p[one] < p[other]))
    yield Atom(words=f"{one} >= {other}", cost=1.45, test=lambda p: bool(p[one] >= p[other]))
    yield Atom(words=f"{one} <= {other}", cost=1.45, test=lambda p: bool(p[one] <= p[other]))


def deciding(found: Sequence[Rule], untested: Sequence[Point], count: int) -> list[Point]:
    """Return at most ``count`` untested points that tell the rivals among the rules apart, those that divide them best first.

    Where there is one rule, or none of the points divides the rivals, the points put the plainest rule itself to the test: in turn
    one that it says fails, one that it says holds.
    """
    rivals = list(found[:_RIVALS])
    chosen: list[Point] = []
    for _ in range(count if len(rivals) > 1 else 0):
        split = [(min(votes, len(rivals) - votes), point) for point in untested if point not in chosen and (votes := _votes(rivals, point))]
        best = max((score for score, _ in split), default=0)
        if not best:
            break
        point = next(point for score, point in split if score == best)
        chosen.append(point)
        # Go on with those that agree with the plainest: most likely to be right.
        rivals = [rule for rule in rivals if rule(point) == rivals[0](point)]
    if found and len(chosen) < count:
        sides = [[p for p in untested if p not in chosen and found[0](p) == side] for side in (True, False)]
        mixed = [p for pair in itertools.zip_longest(*sides) for p in pair if p is not None]
        chosen += mixed[: count - len(chosen)]
    return chosen


def _votes(rivals: Sequence[Rule], point: Point) -> int:
    return sum(rule(point) for rule in rivals)


def sentence(
    failing: Sequence[Point], holding: Sequence[Point], example: Mapping[str, int], *, everywhere: Sequence[Point] = (),
    fails: str = "fails", holds: str = "holds",
) -> str:  # fmt: skip
    """Return where it fails and how much that rests on: ``fails when H is odd and batch >= 3; holds on 41 others tried``.

    Says no more than was tried: that nothing held, that no rule separates, or which other rule would do as well and yet speaks
    otherwise of a point of ``everywhere``. "" where nothing failed.
    """
    if not failing:
        return ""
    if not holding:
        return f"{fails} on all {len(failing)} tried" if len(failing) > 1 else f"{fails} on the only one tried, {_where(failing[0])}"
    found = rules(failing, holding, example)
    others = "1 other tried" if len(holding) == 1 else f"{len(holding)} others tried"
    if not found:
        shown = "; ".join(map(_where, failing[:3])) + ("; ..." if len(failing) > 3 else "")
        return (
            f"{fails} on {len(failing)} of {len(failing) + len(holding)} tried ({shown}); "
            f"no rule of at most {MOST} conditions separates them"
        )
    told = f"{fails} when {found[0].words}; {holds} on {others}"
    near = [rule for rule in found[1:_RIVALS] if rule.cost <= found[0].cost + 0.25]
    rival = next((rule for rule in near if any(rule(point) != found[0](point) for point in everywhere)), None)
    return f"{told}; as far as tried it might as well be when {rival.words}" if rival else told


def _where(point: Point) -> str:
    return ", ".join(f"{name}={length}" for name, length in point.items() if (name, length) != ("rung", "normal"))


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
