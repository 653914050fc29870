"""The order of a measurement: launches of all sides, warm-up of each, then rounds in which each has a turn while the others rest."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from harness.core.value import value
from harness.latency.steady import WINDOW, Steady, steady

SHORTEST = 20e-6
"""Seconds below which several calls are timed together: the clock itself takes up to a tenth of a microsecond."""
LEAST, MOST = 3, 20_000
"""Calls in one turn."""


@value
class Plan:
    """How much is measured.

    ``launches``: how often every side gets a new process. ``rounds``: turns of each side in a launch, each of about ``block``
    seconds, fewer (but ``enough``) where ``seconds`` are over. ``warmup``: seconds after which a side that has not settled is
    measured all the same, and said to be unsteady.
    """

    launches: int = 5
    rounds: int = 60
    enough: int = 20
    block: float = 0.01
    seconds: float = 30.0
    warmup: float = 5.0
    seed: int = 0


class Failed(Exception):
    """A side cannot go on; ``failure`` says why, as plain data. The other sides do."""

    def __init__(self, failure: Mapping[str, Any]) -> None:
        super().__init__(failure.get("message", ""))
        self.failure = dict(failure)


class Lane(Protocol):
    """One side of a measurement in a process of its own. Every method may raise `Failed`."""

    def open(self) -> Mapping[str, Any]:
        """Start, load, make the first call; return ``load`` and ``first`` in seconds, and what else is known."""

    def block(self, calls: int, inner: int, copy: bool) -> Any:
        """Return the seconds of one call, for each of ``calls`` times ``inner`` calls."""

    def close(self) -> Mapping[str, Any]:
        """End; return what is known at the end. Called once, also after a failure, and then returns nothing."""


@dataclasses.dataclass
class Launch:
    """What one process of a side showed: facts, times of warm-up turns (medians), times of calls by round."""

    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    warmup: list[float] = dataclasses.field(default_factory=list)
    steady: Steady | None = None
    inner: int = 1
    calls: int = LEAST
    rounds: list[Any] = dataclasses.field(default_factory=list)
    copies: list[Any] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Side:
    """All launches of a side, and what ended them early."""

    launches: list[Launch] = dataclasses.field(default_factory=list)
    failure: dict[str, Any] | None = None

    @property
    def rounds(self) -> list[list[Any]]:
        """Times of calls by launch and round; launches without any are empty lists."""
        return [launch.rounds for launch in self.launches]

    @property
    def steady(self) -> bool:
        """Whether every launch had settled before it was measured."""
        return bool(self.launches) and all(launch.steady is not None and launch.steady.found for launch in self.launches)


def measure(
    lanes: Mapping[str, Callable[[], Lane]], plan: Plan, sides: dict[str, Side], *, clock: Callable[[], float] = time.monotonic,
    say: Callable[[str], None] = lambda text: None,
) -> None:  # fmt: skip
    """Measure the ``lanes``, each made anew for every launch; ``sides`` is filled as it goes, so that an interruption loses nothing.

    The order of turns is drawn (``plan.seed``) for every other round and turned round for the next, so that no side always follows
    the same one, and what drifts evenly meets all alike.
    """
    sides.update({name: sides.get(name) or Side() for name in lanes})
    rng = np.random.default_rng(plan.seed)
    for number in range(plan.launches):
        alive = [name for name in lanes if sides[name].failure is None]
        if not alive:
            return
        say(f"launch {number + 1} of {plan.launches}: {', '.join(alive)}")
        _launch({name: lanes[name] for name in rng.permutation(alive).tolist()}, plan, sides, rng, clock)


def _launch(
    lanes: Mapping[str, Callable[[], Lane]], plan: Plan, sides: Mapping[str, Side], rng: np.random.Generator, clock: Callable[[], float]
) -> None:
    opened: dict[str, Lane] = {}
    try:
        for name, make in lanes.items():
            launch = Launch()
            sides[name].launches.append(launch)
            opened[name] = make()
            _guarded(sides[name], lambda lane=opened[name], launch=launch: _begin(lane, launch, plan, clock))  # type: ignore[misc]
        order: list[str] = []
        start = clock()
        for number in range(plan.rounds):
            if number >= plan.enough and clock() - start > plan.seconds:
                break
            order = order[::-1] if number % 2 else rng.permutation(list(lanes)).tolist()
            for name in order:
                _guarded(sides[name], lambda name=name: _turn(opened[name], sides[name].launches[-1]))  # type: ignore[misc]
    finally:
        for name, lane in opened.items():
            sides[name].launches[-1].facts.update(lane.close())


def _guarded(side: Side, step: Callable[[], None]) -> None:
    """Take a step of a side that has not failed; note where it does."""
    if side.failure is None:
        try:
            step()
        except Failed as failed:
            side.failure = failed.failure


def _begin(lane: Lane, launch: Launch, plan: Plan, clock: Callable[[], float]) -> None:
    """Open a lane and call it until its times have settled, or the seconds for that are over."""
    launch.facts.update(lane.open())
    took = launch.facts["first"]
    start = clock()
    while True:
        calls, inner = _sized(took, plan.block / 2.0, 1)
        took = float(np.median(lane.block(calls, inner, False)))
        launch.warmup.append(took)
        launch.steady = steady(launch.warmup)
        if launch.steady.found or (len(launch.warmup) >= WINDOW and clock() - start > plan.warmup):
            break
    launch.calls, launch.inner = _sized(float(np.median(launch.warmup[-WINDOW:])), plan.block, LEAST)


def _sized(took: float, seconds: float, least: int) -> tuple[int, int]:
    """Return how many times how many calls take so many seconds, where one takes ``took``."""
    took = max(took, 1e-9)
    inner = 1 if took >= SHORTEST else math.ceil(SHORTEST / took)
    return min(MOST, max(least, math.ceil(seconds / (took * inner)))), inner


def _turn(lane: Lane, launch: Launch) -> None:
    launch.rounds.append(np.asarray(lane.block(launch.calls, launch.inner, False)))
    if launch.facts.get("copies"):
        launch.copies.append(np.asarray(lane.block(max(LEAST, launch.calls // 4), launch.inner, True)))


def calls_of(rounds: Sequence[Sequence[Any]]) -> Any:
    """Return the times of all calls as one array, empty for none."""
    each = [times for launch in rounds for times in launch]
    return np.concatenate(each) if each else np.empty(0)
