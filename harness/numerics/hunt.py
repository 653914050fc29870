"""A hunt for shapes that fail: a planned batch first, then the smallest failing one, then runs that decide where the failing ones lie.

Knows no worker and no framework: whoever hunts brings ``ask``, which judges examples.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.core.value import value
from harness.numerics.region import Point, deciding, rules, sentence
from harness.numerics.strategies import Example, Space, drawn, smallest

HOLDS, WRONG, REFUSES, DOMAIN, UNJUDGED = "holds", "wrong", "refuses", "source refuses", "not judged"
"""Kinds of verdicts: both sides agree; the target computes something else; the target fails; the source itself does; more than this
machine could run."""

_SHRINKING, _FLOOR, _ROUNDS, _A_ROUND = 96, 40, 4, 4
_SPARE = 6


@value
class Verdict:
    """What became of one example; ``words`` say what went wrong."""

    kind: str
    words: str = ""


Ask = Callable[[Sequence[Example]], Sequence[Verdict]]
"""Judges examples in order; gives fewer verdicts than examples where its time is up."""


@value
class Hunted:
    """What a hunt found: every example tried with its verdict, the smallest that fails, and the region in words.

    ``planned``: how many the plan had; ``unrun``: how many of these no time was left for.
    """

    tried: tuple[tuple[Example, Verdict], ...]
    smallest: Example | None
    region: str
    planned: int
    unrun: int


def plan(
    space: Space, rungs: Sequence[str], count: int, *, first: Sequence[Example], corners: Sequence[Mapping[str, int]], seed: int,
    known: Sequence[Example], affordable: Callable[[Example], bool],
) -> list[Example]:  # fmt: skip
    """Return what to try: all of ``first``, then at most ``count`` corners and draws, each once and none of those ``known``.

    A function of the arguments alone. What is not ``affordable`` is left out, but for ``first``.
    """
    taken = {example.key for example in known}
    found: list[Example] = []

    def take(examples: Sequence[Example], most: int) -> None:
        for example in examples:
            if example.key not in taken and most > 0:
                taken.add(example.key)
                found.append(example)
                most -= 1

    take(first, len(first))
    wanted = len(found) + count
    # Corners may be many; draws combine what they do not.
    at_corners = [Example(lengths=dict(lengths), rung=rungs[0]) for lengths in corners]
    take([example for example in at_corners if affordable(example)], max(1, count * 3 // 4))
    if wanted > len(found):
        more = [example for example in drawn(space, rungs, _SPARE + 3 * (wanted - len(found)) // 2, seed) if affordable(example)]
        shapes = {tuple(sorted(example.lengths.items())) for example in (*found, *known)}
        new = [example for example in more if tuple(sorted(example.lengths.items())) not in shapes]
        take([*new, *(example for example in more if example not in new)], wanted - len(found))
    return found


def hunt(
    space: Space, rungs: Sequence[str], planned: Sequence[Example], ask: Ask, *, exported: Mapping[str, int],
    known: Sequence[Example] = (), affordable: Callable[[Example], bool] = lambda _: True, failing: Callable[[], None] = lambda: None,
) -> Hunted:  # fmt: skip
    """Try what is planned; where something fails, shrink it and find out where the rest of it lies.

    ``exported``: the lengths of the export sample. ``known``: examples that held before. ``failing`` is called once something has
    failed, before more is asked. Wrong numbers are shrunk before refusals: they are the worse.
    """
    memo = _Memo(ask, known)
    memo.ask(planned)
    asked = {example.key for example in planned}
    unrun = len(asked - set(memo.verdicts))
    if memo.of(WRONG) or memo.of(REFUSES):
        memo.over = False
        failing()
    least: Example | None = None
    told: list[str] = []
    for kind in (WRONG, REFUSES):
        start = min(memo.of(kind), key=lambda example: _size(space, example), default=None)
        if start is None:
            continue
        least_of_kind = _shrunk(space, rungs, start, memo, kind) if least is None else start
        least = least or least_of_kind
        told.append(_region(space, memo, kind, least_of_kind, exported, affordable))
    return Hunted(tried=tuple(memo.verdicts.values()), smallest=least, region="; ".join(told), planned=len(asked), unrun=unrun)


class _Memo:
    """Every verdict so far: no example is asked about twice."""

    def __init__(self, ask: Ask, known: Sequence[Example]) -> None:
        self._ask = ask
        self.verdicts: dict[tuple[Any, ...], tuple[Example, Verdict]] = {e.key: (e, Verdict(kind=HOLDS)) for e in known}
        self.over = False

    def ask(self, examples: Sequence[Example]) -> None:
        """Ask about those that are unknown. Once an answer is short, time is up and nobody is asked any more."""
        new = list({example.key: example for example in examples if example.key not in self.verdicts}.values())
        if new and not self.over:
            answers = self._ask(new)
            self.over = len(answers) < len(new)
            self.verdicts.update({example.key: (example, answer) for example, answer in zip(new, answers, strict=False)})

    def of(self, kind: str) -> list[Example]:
        """Return the examples with this verdict."""
        return [example for example, verdict in self.verdicts.values() if verdict.kind == kind]

    def fails(self, example: Example, kind: str) -> bool:
        """Return whether an example fails in this way; one that nobody can be asked about does not."""
        self.ask([example])
        known = self.verdicts.get(example.key)
        return known is not None and known[1].kind == kind


def _size(space: Space, example: Example) -> tuple[Any, ...]:
    return sum(example.lengths.values()), [example.lengths[name] for name in space.dims], example.rung != "normal", example.seed


def _shrunk(space: Space, rungs: Sequence[str], start: Example, memo: _Memo, kind: str) -> Example:
    """Return the smallest failing example: Hypothesis' own, then one of which no single axis can be shorter, rung plainer or seed 0."""
    left = _SHRINKING

    def fails(example: Example) -> bool:
        nonlocal left
        if example.key not in memo.verdicts:
            left -= 1
        return left >= 0 and memo.fails(example, kind)

    found = smallest(space, rungs, start, fails)
    for _ in range(_FLOOR):
        lower = next((other for group in _simpler(space, rungs, found) if (other := _first(memo, group, kind)) is not None), None)
        if lower is None or memo.over:
            break
        found = lower
    return found


def _first(memo: _Memo, group: Sequence[Example], kind: str) -> Example | None:
    memo.ask(group)
    return next((example for example in group if memo.fails(example, kind)), None)


def _simpler(space: Space, rungs: Sequence[str], example: Example) -> Iterator[list[Example]]:
    """Yield, axis by axis, the examples with a shorter length there, the shortest first; then the plainer rungs and seed 0."""
    for name in space.dims:
        lower = [n for n in space.choices(name, _before(space, example, name)) if n < example.lengths[name]]
        few = lower if len(lower) <= _FLOOR else [*lower[: _FLOOR // 2], *lower[-_FLOOR // 2 :]]
        group = [moved(space, example, name, n) for n in few]
        yield [other for other in group if other is not None]
    yield [Example(lengths=example.lengths, rung=rung, seed=example.seed) for rung in rungs[: list(rungs).index(example.rung)]]
    yield [Example(lengths=example.lengths, rung=example.rung)] if example.seed else []


def moved(space: Space, example: Example, name: str, length: int) -> Example | None:
    """Return the example with another length of one axis; lengths that no longer go with it become the nearest that do. None for none."""
    lengths = {**example.lengths, name: length}
    if not space.holds(lengths):
        lengths = {}
        for other in space.dims:
            choices = space.choices(other, lengths)
            wanted = length if other == name else example.lengths[other]
            if wanted not in choices and (other == name or not choices):
                return None
            lengths[other] = wanted if wanted in choices else min(choices, key=lambda n: abs(n - wanted))
        if not space.holds(lengths):
            return None
    return Example(lengths=lengths, rung=example.rung, seed=example.seed)


def _region(
    space: Space, memo: _Memo, kind: str, least: Example, exported: Mapping[str, int], affordable: Callable[[Example], bool]
) -> str:
    """Return where examples of this kind lie, in words, after a few runs that decide between rival rules.

    Where no rule fits all that was tried, shapes are looked at by themselves, on inputs of the rung of the smallest one.
    """
    pool = [example for example in _around(space, memo, least, exported) if affordable(example)]
    fails, holds = ("is refused", "runs") if kind == REFUSES else ("fails", "holds")
    told = ""
    for rung in ("", least.rung):
        points = _Points(memo, kind, rung)
        near = [example for example in pool if example.rung == rung or not rung]
        _decided(memo, points, near, exported)
        everywhere = [*points.all(), *(example.point for example in near)]
        said = sentence(*points.sides(), exported, everywhere=everywhere, fails=fails, holds=holds)
        if rules(*points.sides(), exported) or not told:
            told = said if not rung else f"on {'ordinary' if rung == 'normal' else rung} inputs {said}"
        if not points.mixed or rules(*points.sides(), exported):
            break
    return told


def _decided(memo: _Memo, points: _Points, near: Sequence[Example], exported: Mapping[str, int]) -> None:
    """Ask about examples that tell rival rules apart, a few rounds of a few."""
    for _ in range(_ROUNDS):
        untested = [example for example in near if example.key not in memo.verdicts]
        chosen = deciding(rules(*points.sides(), exported), [example.point for example in untested], _A_ROUND)
        if not chosen or memo.over:
            break
        memo.ask([example for example in untested if example.point in chosen])


class _Points:
    """The examples tried, as points: what is of one kind against what holds. What the source refuses is on neither side.

    ``rung``: the one whose examples count, "" for all.
    """

    def __init__(self, memo: _Memo, kind: str, rung: str) -> None:
        self._memo, self._kind, self._rung = memo, kind, rung

    def sides(self) -> tuple[list[Point], list[Point]]:
        """Return the failing points and the holding ones, each once; a refusal is told apart from wrong numbers."""
        rest = (HOLDS, WRONG) if self._kind == REFUSES else (HOLDS,)
        return self._once((self._kind,)), self._once(rest)

    def all(self) -> list[Point]:
        """Return every point tried that the source takes."""
        return [point for side in self.sides() for point in side]

    @property
    def mixed(self) -> bool:
        """Whether inputs of several rungs were tried."""
        return len({point["rung"] for point in self.all()}) > 1

    def _once(self, kinds: Sequence[str]) -> list[Point]:
        found: list[Point] = []
        for example in (example for kind in kinds for example in self._memo.of(kind)):
            if example.point not in found and self._rung in ("", example.rung):
                found.append(example.point)
        return found


def _around(space: Space, memo: _Memo, least: Example, exported: Mapping[str, int]) -> list[Example]:
    """Return admissible examples near what is known, small ones first: every pair of axes takes its notable lengths from several bases."""
    failing = [example for kind in (WRONG, REFUSES) for example in memo.of(kind)]
    bases = [least, Example(lengths=exported, rung=least.rung, seed=least.seed), *sorted(failing, key=lambda e: _size(space, e))[-2:]]
    found: dict[tuple[Any, ...], Example] = {}
    for base in {base.key: base for base in bases}.values():
        lengths = {name: _lengths(space, memo, name, base) for name in space.dims}
        for one, other in itertools.combinations(space.dims, 2) if len(lengths) > 1 else [(name, name) for name in lengths]:
            for pair in itertools.product(lengths[one], lengths[other] if other != one else (None,)):
                made = moved(space, base, one, pair[0])
                if made is not None and pair[1] is not None:
                    made = moved(space, made, other, pair[1])
                for rung in dict.fromkeys(("normal", least.rung)):
                    if made is not None:
                        example = Example(lengths=made.lengths, rung=rung, seed=least.seed)
                        found.setdefault(example.key, example)
    return sorted(found.values(), key=lambda example: _size(space, example))


def _before(space: Space, example: Example, name: str) -> dict[str, int]:
    """Return the lengths of the dimensions that come before this one."""
    return {other: example.lengths[other] for other in itertools.takewhile(lambda other: other != name, space.dims)}


def _lengths(space: Space, memo: _Memo, name: str, base: Example) -> list[int]:
    """Return lengths of one axis worth a run: all of few, else small ones and the neighbours of those tried."""
    choices = list(space.choices(name, _before(space, base, name)))
    if len(choices) <= 12:
        return choices
    tried = sorted({example.lengths[name] for example, _ in memo.verdicts.values()})
    middles = [(a + b) // 2 for a, b in itertools.pairwise(tried)]
    wanted = {*choices[:4], *(n + step for n in tried[:4] for step in (-1, 1)), *middles[:4], space.example[name]}
    return [n for n in choices if n in wanted]
