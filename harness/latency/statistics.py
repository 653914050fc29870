"""What may be said of times: percentiles, the ratio of two sides with its interval, and whether one has become slower.

Two sides are compared within a round, in which each has a turn, so that what slows the whole machine slows both. A round gives the
logarithm of the ratio of two medians; a launch (a new process) gives the median of its quieter rounds, those in which both sides
together took least: what else runs on a processor slows two programs by different parts, and a choice that treats both alike favours
neither. The estimate is the mean of the launches. Processes of one program differ in speed for as long as they live (Kalibera and
Jones, "Rigorous benchmarking in reasonable time", ISMM 2013), so the error is that of a bootstrap which draws launches and
keeps their rounds: drawing these as well would count their noise twice (Davison and Hinkley, "Bootstrap methods and their
application", 1997, section 3.8). A single launch has only its rounds to draw.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.core.value import value

CONFIDENCE = 0.95
POWER = 0.95
LEVEL = 0.01
"""How often a gate may call a side slower that is not."""
QUIET = 0.5
"""The part of the rounds of a launch that counts."""
RESAMPLES = 1000


@value
class Effect:
    """The logarithm of a ratio: its ``estimate``, its standard ``error``, the degrees of freedom that this is known with, and from what."""

    estimate: float
    error: float
    freedom: float
    launches: int
    rounds: int

    @property
    def ratio(self) -> float:
        """The ratio itself."""
        return math.exp(self.estimate)

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Return the ends of the interval of the ratio."""
        reach = t_quantile(0.5 + confidence / 2.0, self.freedom) * self.error
        return math.exp(self.estimate - reach), math.exp(self.estimate + reach)

    @property
    def detectable(self) -> float:
        """The smallest difference that such a run tells from none with `CONFIDENCE`, and misses only once in twenty (`POWER`)."""
        reach = t_quantile(0.5 + CONFIDENCE / 2.0, self.freedom) + t_quantile(POWER, self.freedom)
        return math.exp(min(reach * self.error, 700.0)) - 1.0


def percentiles(times: Any) -> dict[str, float]:
    """Return p50, p90 and p99 of the times of calls; one that fewer calls lie above than one is left out."""
    found = np.asarray(times, float)
    return {f"p{q}": float(np.percentile(found, q)) for q in (50, 90, 99) if len(found) and len(found) * (100 - q) >= 100 * (q > 50)}


def effect_of(target: Sequence[Sequence[Any]], source: Sequence[Sequence[Any]], *, seed: int = 0) -> Effect | None:
    """Return how many times the time of the source the target takes, None without a round that both had a turn in.

    Both hold, by launch and round, the times of the calls of that turn.
    """
    launches = []
    for one, other in zip(target, source, strict=False):
        pairs = [(np.median(a), np.median(b)) for a, b in zip(one, other, strict=False) if len(a) and len(b)]
        if pairs:
            launches.append(_quiet(np.log(np.asarray(pairs, float))))
    return _effect(launches, seed) if launches else None


def _quiet(logs: Any) -> Any:
    """Return the logarithms of the ratios of the quieter rounds; ``logs`` holds those of the times of both sides, by round."""
    kept = np.argsort(logs.sum(axis=1), kind="stable")[: max(1, math.ceil(QUIET * len(logs)))]
    return (logs[:, 0] - logs[:, 1])[kept]


def _effect(launches: Sequence[Any], seed: int) -> Effect:
    rng = np.random.default_rng(seed)
    count, rounds = len(launches), sum(map(len, launches))
    medians = np.asarray([np.median(logs) for logs in launches])
    if count > 1:
        means = medians[rng.integers(0, count, (RESAMPLES, count))].mean(axis=1)
    else:
        means = np.median(launches[0][rng.integers(0, rounds, (RESAMPLES, rounds))], axis=1)
    # A bootstrap of n gives the spread of n, not of n - 1 (Hesterberg, "What teachers should know about the bootstrap", 2015).
    known = count if count > 1 else rounds
    error = float(np.std(means)) * math.sqrt(known / (known - 1.0)) if known > 1 else math.inf
    return Effect(estimate=float(np.mean(medians)), error=error, freedom=max(known - 1.0, 1.0), launches=count, rounds=rounds)


@value
class Slowdown:
    """How much slower one run is than an earlier one (0.1: ten per cent), at least ``low`` of it with confidence 1 - `LEVEL`.

    ``slower``: whether the gate says so. ``detectable``: the slow-down it would find in nineteen of twenty such runs.
    """

    slower: bool
    estimate: float
    low: float
    detectable: float


def slowdown(before: Effect, now: Effect, *, above: float, level: float = LEVEL) -> Slowdown:
    """Return how ``now`` compares with ``before``: slower where the estimate exceeds ``above`` and, one-sided, 0 with confidence.

    Welch's test: the two runs need not be equally noisy.
    """
    error = math.hypot(before.error, now.error)
    parts = [(before.error**2, before.freedom), (now.error**2, now.freedom)]
    spread = sum(part**2 / freedom for part, freedom in parts if math.isfinite(part))
    freedom = error**4 / spread if spread and math.isfinite(error) else 1.0
    certain, power = t_quantile(1.0 - level, round(freedom, 2)), t_quantile(POWER, round(freedom, 2))
    estimate = now.estimate - before.estimate
    low = estimate - certain * error if error else estimate
    least = max(math.log1p(above), certain * error) + power * error
    return Slowdown(
        slower=estimate > math.log1p(above) and low > 0, estimate=math.expm1(estimate), low=math.expm1(low),
        detectable=math.expm1(min(least, 700.0)),
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def t_quantile(probability: float, freedom: float) -> float:
    """Return the quantile (0.5 <= probability < 1) of Student's t distribution.

    With ``t = sqrt(v) tan(a)`` its density is proportional to ``cos(a)^(v - 1)``, which is summed up from 0 on.
    """
    freedom = min(max(freedom, 1.0), 1e4)
    angle = np.linspace(0.0, math.pi / 2.0, 40001)
    density = np.cos(angle) ** (freedom - 1.0)
    total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0)])
    return math.sqrt(freedom) * math.tan(float(np.interp(2.0 * probability - 1.0, total / total[-1], angle)))
