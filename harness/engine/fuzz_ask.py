"""Judges the examples of a hunt on a live cell, cheaply where it can be done for certain, and remembers what is worth showing."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.record import Comparison
from harness.engine.both import Answer, Both
from harness.engine.tiers import Run, Tiers
from harness.engine.trace import lasting
from harness.engine.worker import WorkerFailure
from harness.numerics.compare import Bounds
from harness.numerics.frozen import Seen
from harness.numerics.hunt import DOMAIN, HOLDS, REFUSES, UNJUDGED, WRONG, Verdict
from harness.numerics.sampling import Sample, draw
from harness.numerics.strategies import Example

_AT_ONCE = 16
_SHOWN = 8
_SMALL = 4 * 2**20
_MEMORY = ("memory limit", "out of memory", "MemoryError", "bad_alloc", "bad allocation")


class Asked:
    """Answers `harness.numerics.hunt.hunt` for one cell. ``quick``: see `harness.engine.tiers`.

    ``failing`` lists what failed; ``comparisons`` and ``failures`` hold what was wrong, by example; ``seen`` a few outputs of each kind;
    ``answered`` how often the target gave numbers where the source refused; ``fleeting`` whether something failed that need not again.
    """

    def __init__(self, both: Both, bounds: Bounds, precision: str, *, quick: bool) -> None:
        self._both = both
        self.tiers = Tiers(both, bounds, precision, quick=quick)
        self._end = 0.0
        self._cost = 0.0
        self.failing: list[Example] = []
        self.comparisons: dict[tuple[Any, ...], tuple[Comparison, ...]] = {}
        self.failures: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        self.seen: list[Seen] = []
        self.answered = 0
        self.fleeting = False

    def within(self, seconds: float) -> None:
        """Give so many seconds from now on."""
        self._end = time.monotonic() + seconds

    def __call__(self, examples: Sequence[Example]) -> list[Verdict]:
        """Judge examples in order, at least one; fewer where time is up, or would be long before the next is done."""
        verdicts: list[Verdict] = []
        for start in range(0, len(examples), _AT_ONCE):
            group = examples[start : start + _AT_ONCE]
            samples = [self.sample(example) for example in itertools.takewhile(self._time_for, group)]
            if not start and not samples:
                samples = [self.sample(group[0])]
            began = time.monotonic()
            for answers in self._both.answers(samples, self._end):
                done = len(verdicts) - start
                verdicts += self._judged(group[done:], samples[done : done + len(answers)], answers)
                if len(verdicts) < start + done + len(answers):
                    return verdicts
            self._note_cost(samples[: len(verdicts) - start], time.monotonic() - began)
            if len(verdicts) < start + len(group):
                break
        return verdicts

    def sample(self, example: Example) -> Sample:
        """Return the inputs of an example."""
        cell = self._both.cell
        return draw(cell.case, cell.route.framework, example.lengths, rung=example.rung, seed=example.seed)

    def ignored(self, example: Example, dim: str, length: int, axes: Sequence[tuple[str, int]]) -> list[str]:
        """Return the outputs that take no notice of what lies beyond ``length`` along ``dim``, though the source's do, in words."""
        sample = self.sample(example)
        other = self.sample(Example(lengths=example.lengths, rung=example.rung, seed=example.seed + 1))
        feeds = {name: np.array(array) for name, array in sample.feeds.items()}
        for name, axis in axes:
            beyond = (slice(None),) * axis + (slice(length, None),)
            feeds[name][beyond] = other.feeds[name][beyond]
        changed = Sample(feeds=feeds, lengths=example.lengths, rung=example.rung, seed=example.seed)
        answers = [answer for group in self._both.answers([sample, changed], self._end) for answer in group]
        sides = [(answer.source, answer.target) for answer in answers if answer.source is not None and answer.target is not None]
        if len(sides) < 2:
            return []
        (source, target), (moved, still) = sides
        return [
            f"output {name!r} does not depend on what lies beyond the first {length} along {dim}, the length of the export sample"
            for name in source
            if name in target and not _equal(source[name], moved[name]) and _equal(target[name], still[name])
        ]

    def _time_for(self, example: Example) -> bool:
        left = self._end - time.monotonic()
        return left > 0 and self._cost * elements(self._both.cell, example.lengths) < 2 * left + 1.0

    def _note_cost(self, samples: Sequence[Sample], seconds: float) -> None:
        held = sum(array.size for sample in samples for array in sample.feeds.values())
        self._cost = seconds / held if held else self._cost  # seconds for each element of the inputs

    def _judged(self, examples: Sequence[Example], samples: Sequence[Sample], answers: Sequence[Answer]) -> list[Verdict]:
        """Return the verdicts of a group in order, fewer where time is up."""
        ran = [
            Run(sample=sample, source=answer.source, target=answer.target)
            for sample, answer in zip(samples, answers, strict=True) if answer.source is not None and answer.target is not None
        ]  # fmt: skip
        judged = iter(self._compared(ran))
        verdicts = []
        for example, sample, answer in zip(examples, samples, answers, strict=False):
            if answer.source is None or answer.target is None:
                verdicts.append(self._failed(example, sample, answer))
                continue
            comparisons = next(judged, None)
            if comparisons is None:
                break
            verdicts.append(self._verdict(example, sample, answer, comparisons))
        return verdicts

    def _compared(self, runs: Sequence[Run]) -> list[tuple[Comparison, ...]]:
        """Return the comparisons of runs; () where nobody can say, since the source answers and its twin does not."""
        try:
            return self.tiers.judged(runs, self._end)
        except WorkerFailure:
            self.fleeting = True
            if len(runs) == 1:
                return [()]
            return [judged for run in runs for judged in self._compared([run])]

    def _verdict(self, example: Example, sample: Sample, answer: Answer, judged: tuple[Comparison, ...]) -> Verdict:
        if not judged:
            return Verdict(kind=UNJUDGED, words="the source has no float64 answer there")
        match = all(comparison.match for comparison in judged)
        self._show(sample, answer.target, answer.source, agrees=match)
        if match:
            return Verdict(kind=HOLDS)
        self.failing.append(example)
        self.comparisons[example.key] = judged
        return Verdict(kind=WRONG, words=next(_said(comparison) for comparison in judged if not comparison.match))

    def _failed(self, example: Example, sample: Sample, answer: Answer) -> Verdict:
        failure = answer.refused or answer.failed or {}
        self.fleeting |= not lasting(failure)
        if _too_large(failure):
            return Verdict(kind=UNJUDGED, words=_told(failure))
        if answer.refused is not None:
            self.answered += answer.target is not None
            return Verdict(kind=DOMAIN, words=_told(failure))
        self.failing.append(example)
        self.failures[example.key] = failure
        self._show(sample, None, answer.source, agrees=False)
        return Verdict(kind=REFUSES, words=_told(failure))

    def _show(self, sample: Sample, target: Mapping[str, Any] | None, source: Mapping[str, Any] | None, *, agrees: bool) -> None:
        """Keep the outputs of the first few examples of each kind, as long as these are small."""
        alike = sum(one.agrees == agrees and (one.target is None) == (target is None) for one in self.seen)
        held = sum(np.asarray(array).nbytes for side in (target, source) for array in (side or {}).values())
        if alike < _SHOWN and held <= _SMALL and source is not None:
            self.seen.append(Seen(lengths=sample.lengths, target=target, source=source, agrees=agrees))


def elements(cell: Any, lengths: Mapping[str, int]) -> int:
    """Return how many elements the inputs of a cell hold at these lengths."""
    return sum(math.prod(spec.concrete(lengths)) for spec in cell.case.specs(cell.route.framework))


def _equal(one: Any, other: Any) -> bool:
    return np.shape(one) == np.shape(other) and np.asarray(one).tobytes() == np.asarray(other).tobytes()


def _too_large(failure: Mapping[str, Any]) -> bool:
    """Return whether an example was more than this machine has memory for, which says nothing about the model."""
    told = f"{failure.get('type', '')} {failure.get('message', '')}"
    return any(word in told for word in _MEMORY)


def _told(failure: Mapping[str, Any]) -> str:
    text = " ".join(str(failure.get("message") or failure["kind"]).split())
    return f"{failure.get('type') or failure['kind']}: {text}"[:400]


def _said(comparison: Comparison) -> str:
    facts = "; ".join(comparison.facts)
    worst = comparison.metrics.get("max_abs")
    return f"output {comparison.output!r}: {facts or f'greatest difference {worst:.3g}'}"

