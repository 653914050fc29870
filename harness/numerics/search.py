"""A search for the inputs where a suspected difference is largest: deterministic, inside every domain, within a budget.

The score is the caller's: how far the target is from the oracle, over the bound it is held to (`Judged.ratio` of
`harness.numerics.oracle`), so that above 1 is a mismatch. A search is also good at finding where such a bound errs:
inputs whose terms cancel just where the noise was not sampled. Hence ``confirm``, a dearer judgement (more samples of the
noise) that whatever would be the best must pass as well, and `CERTAIN`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.errors import UsageError
from harness.core.spec import TensorSpec
from harness.core.value import value
from harness.numerics import rungs
from harness.numerics.moves import movable, settle, step, sweep
from harness.numerics.rungs_real import span_of
from harness.numerics.sampling import Sample, generator

Feeds = Mapping[str, Any]
Evaluate = Callable[[Feeds], float]
"""Feeds by input name to a score: 0 for no difference, 1 at the bound, inf for another NaN or infinity pattern."""
Gradient = Callable[[Feeds], Feeds]
"""Feeds to the gradient of what should grow, for the real inputs it knows, in their shapes."""
CERTAIN = 4.0
"""A score that a search found tells a difference above this.

Two correct float32 implementations that order their sums (of 64 terms) otherwise stay below it, held to the bound of
`harness.numerics.oracle`, with a ``confirm`` that samples the noise 8 more times with every input value moved; without one they
came as far as 4.2 in 400 evaluations. `tests/numerics/test_search.py` holds the search to it.
"""
KEPT = 6
"""How many of the best inputs the search goes on from."""


@value
class Step:
    """One improvement: the number of evaluations it took until then, the input moved, how, and the score."""

    evaluations: int
    input: str
    move: str
    score: float


@value
class Found:
    """The best feeds (read-only), their score, and every improvement on the way; ``trail[0]`` is the start."""

    feeds: Mapping[str, Any]
    score: float
    trail: tuple[Step, ...]
    evaluations: int
    lengths: Mapping[str, int]

    @property
    def amplification(self) -> float:
        """The score over that of the start: 1.0 when nothing was gained, inf when the start showed nothing."""
        start = self.trail[0].score
        return 1.0 if self.score == start else self.score / start if start > 0 else float("inf")

    @property
    def sample(self) -> Sample:
        """The best feeds as a sample, to be run or searched on from."""
        return Sample(feeds=self.feeds, lengths=self.lengths, rung="found")


class _Hunt:
    """What a search knows: the best feeds so far, the trail to them, and what is left of the budget."""

    def __init__(self, evaluate: Evaluate, start: Sample, budget: int, confirm: Evaluate | None) -> None:
        if budget < 1:
            raise UsageError(f"budget={budget}; expected at least 1 evaluation")
        self._evaluate = evaluate
        self._confirm = confirm
        self._budget = budget
        self._start = start
        self._trail: list[Step] = []
        self.spent = 0
        self.kept: list[tuple[float, Feeds]] = []
        self.look(start.feeds, "", "start")

    @property
    def over(self) -> bool:
        """True when the budget is spent, or nothing larger can be found."""
        return self.spent >= self._budget or self.kept[0][0] == np.inf

    def look(self, feeds: Feeds, name: str, move: str) -> float:
        """Evaluate feeds and return their score; what would be the best is confirmed first."""
        score = self._ask(self._evaluate, feeds)
        best = self._trail[-1].score if self._trail else -1.0
        if score > best and self._confirm is not None:
            if self.spent < self._budget:
                score = min(score, self._ask(self._confirm, feeds))
            elif self._trail:
                score = best  # nothing is left to confirm it with
        if score > best:
            self._trail.append(Step(evaluations=self.spent, input=name, move=move, score=score))
        # Ties keep what came first, so that the order of evaluation alone decides.
        self.kept = sorted([*self.kept, (score, feeds)], key=lambda pair: -pair[0])[:KEPT]
        return score

    def _ask(self, judge: Evaluate, feeds: Feeds) -> float:
        """Return a score; NaN, which tells nothing, counts as 0."""
        self.spent += 1
        score = float(judge(feeds))
        return 0.0 if np.isnan(score) else score

    def found(self) -> Found:
        """Return the result so far."""
        score, feeds = self.kept[0]
        return Found(feeds=dict(feeds), score=score, trail=tuple(self._trail), evaluations=self.spent, lengths=dict(self._start.lengths))


def amplify(
    evaluate: Evaluate, start: Sample, specs: Sequence[TensorSpec],
    *, budget: int = 400, seed: int = 0, confirm: Evaluate | None = None,
) -> Found:  # fmt: skip
    """Return the inputs, near or far from ``start``, where ``evaluate`` scores highest within ``budget`` evaluations.

    At most half of the budget sweeps each input in turn (the finite rungs of the ladder, bands and grids of size, offset
    and value, with the other inputs as at the start), the rest moves on from the best: blocks scaled, shifted,
    flattened, made constant, peaked, mixed, signs flipped. Only finite values inside each declared domain are tried, in
    the shapes of ``start``. ``confirm`` scores again what would be the best; the lower score counts. It ends early at an
    infinite score. A pure function of its arguments when ``evaluate`` is one; what ``evaluate`` raises passes through.
    Raises `UsageError` for a budget below 1 or an input without specification.
    """
    chosen = _specified(start, specs)
    hunt = _Hunt(evaluate, start, budget, confirm)
    rng = generator(f"amplify/{seed}/{start.digest}")
    for name, move, array in itertools.islice(_swept(chosen, start.feeds, rng), max(0, (budget - 1) // 2)):
        if hunt.over:
            break
        hunt.look({**start.feeds, name: array}, name, move)
    while chosen and not hunt.over:
        rank = min(int(rng.geometric(0.5)) - 1, len(hunt.kept) - 1)
        feeds = hunt.kept[rank][1]
        spec = chosen[int(rng.integers(len(chosen)))]
        move, array = step(spec, feeds[spec.name], rng)
        hunt.look({**feeds, spec.name: array}, spec.name, move)
    return hunt.found()


def ascend(
    evaluate: Evaluate, gradient: Gradient, start: Sample, specs: Sequence[TensorSpec],
    *, budget: int = 100, confirm: Evaluate | None = None,
) -> Found:  # fmt: skip
    """Return the inputs that following ``gradient`` from ``start`` leads to, while the score of ``evaluate`` grows.

    The gradient may be that of the source alone (the verb ``gradient`` of a worker): both directions are tried, each by
    its signs and by its size, for all real inputs at once; a step that helps is doubled, one that does not is cut to a
    quarter. Values stay in their domains; ``confirm`` is as for `amplify`. It ends when the budget is spent, the step is
    below a millionth of the ordinary magnitude, or the gradient is zero, empty or not finite everywhere. ``gradient`` is
    called for the start and after each step that helps. Deterministic; raises as `amplify` does.
    """
    chosen = [spec for spec in _specified(start, specs) if rungs.is_real(spec)]
    hunt = _Hunt(evaluate, start, budget, confirm)
    names = ", ".join(spec.name for spec in chosen)
    feeds, length = start.feeds, 0.1
    slopes = {} if hunt.over else gradient(feeds)
    while not hunt.over and length > 1e-6 and any(_direction(slopes.get(spec.name), True) is not None for spec in chosen):
        best = hunt.kept[0][0]
        climbs = _climbs(chosen, feeds, slopes, length)
        if any(not hunt.over and hunt.look(moved, names, f"{name}, {length:.2g}") > best for name, moved in climbs):
            feeds, length = hunt.kept[0][1], length * 2.0
            slopes = gradient(feeds)
        else:
            length *= 0.25
    return hunt.found()


def _specified(start: Sample, specs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """Return the specifications of the inputs that can be moved."""
    missing = set(start.feeds) - {spec.name for spec in specs}
    if missing:
        raise UsageError(f"no specification for input {', '.join(sorted(missing))}; give the specs the sample was drawn from")
    return [spec for spec in specs if spec.name in start.feeds and movable(spec, start.feeds[spec.name].shape)]


def _swept(specs: Sequence[TensorSpec], feeds: Feeds, rng: np.random.Generator) -> Iterator[tuple[str, str, Any]]:
    """Yield (input, move, array), one of each input in turn, so that a small budget reaches all of them."""

    def of(spec: TensorSpec) -> Iterator[tuple[str, str, Any]]:
        return ((spec.name, move, array) for move, array in sweep(spec, feeds[spec.name], rng))

    rounds = itertools.zip_longest(*map(of, specs))
    return (found for row in rounds for found in row if found is not None)


def _climbs(specs: Sequence[TensorSpec], feeds: Feeds, slopes: Feeds, length: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the feeds one step up and down the gradient, by its signs and by its size; nothing where it is flat."""
    for by_sign, sign in ((True, 1.0), (True, -1.0), (False, 1.0), (False, -1.0)):
        moved = {}
        for spec in specs:
            direction = _direction(slopes.get(spec.name), by_sign)
            if direction is not None:
                size = length * max(span_of(spec).scale * 0.1, _magnitude(feeds[spec.name]))
                moved[spec.name] = settle(spec, feeds[spec.name].astype(np.float64) + sign * size * direction)
        if moved:
            yield f"{'up' if sign > 0 else 'down'} the gradient{' by sign' if by_sign else ''}", {**feeds, **moved}


def _direction(slope: Any, by_sign: bool) -> Any:
    """Return the gradient with a greatest size of 1, or its signs; None where it says nothing."""
    if slope is None:
        return None
    wide = np.asarray(slope).astype(np.float64)
    wide = np.where(np.isfinite(wide), wide, 0.0)
    peak = float(np.max(np.abs(wide), initial=0.0))
    return None if peak == 0.0 else np.sign(wide) if by_sign else wide / peak


def _magnitude(array: Any) -> float:
    return float(np.mean(np.abs(array.astype(np.float64))))
