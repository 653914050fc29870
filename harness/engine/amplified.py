"""The search for revealing inputs, on a cell: source and target run side by side, past the cache, until a difference shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.protocols import option_values
from harness.core.record import Comparison
from harness.engine.judging import coarsest, judge_one
from harness.engine.steps import Steps
from harness.engine.trace import Reference, Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.compare import Bounds
from harness.numerics.sampling import Sample, told_of
from harness.numerics.search import CERTAIN, Found, amplify, ascend

if TYPE_CHECKING:
    from harness.engine.cell import Cell

DRAWS = 8
"""How many draws of noise confirm what a search found."""


class Pair:
    """A source and a loaded target, asked about any feeds."""

    def __init__(self, cell: Cell, steps: Steps, artifact: Artifact, session: int, bounds: Bounds) -> None:
        self._cell, self._steps, self._artifact, self._session, self._bounds = cell, steps, artifact, session, bounds
        self._precision = coarsest(cell.route, steps.registry)
        self._shapes: dict[str, tuple[int, ...]] = {}

    def judged(self, feeds: Mapping[str, Any], lengths: Mapping[str, int], draws: int = 2) -> tuple[Comparison, ...]:
        """Return the comparisons of one run, with the noise sampled ``draws`` times. Raises `WorkerFailure`."""
        registry, cell = self._steps.registry, self._cell
        framework = registry.get("frameworks", cell.route.framework)
        asked = {"framework": framework.name, "ref": cell.ref, "feeds": dict(feeds), "precision": self._precision, "draws": draws}
        answer = self._steps.ask(framework.toolchain, "reference", asked)
        reference = Reference(
            **{name: answer[name] or {} for name in ("outputs", "oracle", "spread", "emulated")},
            wobble=answer["wobble"], inner=answer["inner"],
        )  # fmt: skip
        runtime = registry.get("runtimes", cell.route.runtime.name)
        outputs = self._steps.ask(runtime.toolchain, "run", {"session": self._session, "feeds": dict(feeds)})["outputs"]
        self._shapes = {name: array.shape for name, array in reference.outputs.items()}
        sample = Sample(feeds=feeds, lengths=lengths, rung="found")
        return judge_one(cell.case, self._artifact, sample, reference, outputs, self._bounds, self._precision, sample.where)

    def slopes(self, feeds: Mapping[str, Any], lengths: Mapping[str, int]) -> Mapping[str, Any]:
        """Return what moves the output element that is worst now, by input, as the source differentiates; {} where it cannot."""
        worst = max((c for c in self.judged(feeds, lengths) if c.metrics.get("worst")), key=_score, default=None)
        framework = self._steps.registry.get("frameworks", self._cell.route.framework)
        if worst is None or not hasattr(framework, "gradient"):
            return {}
        asked = {"framework": framework.name, "ref": self._cell.ref, "feeds": dict(feeds), "output": worst.output}
        try:
            weights = np.zeros(self._shapes[worst.output], np.float32)
            weights[tuple(worst.metrics["worst"])] = 1.0
            answer: Mapping[str, Any] = self._steps.ask(framework.toolchain, "gradient", {**asked, "weights": weights})["gradient"]
        except WorkerFailure as failure:
            if failure.kind in ("crash", "timeout"):
                raise
            return {}  # an operator without a derivative: the search goes on without
        return answer


@contextlib.contextmanager
def opened(cell: Cell, steps: Steps, artifact: Artifact, sample: Sample, bounds: Bounds) -> Iterator[Pair]:
    """Load the artifact once for many runs. Raises `WorkerFailure`."""
    runtime = steps.registry.get("runtimes", cell.route.runtime.name)
    loaded = steps.ask(
        runtime.toolchain, "load",
        {
            "runtime": runtime.name, "device": cell.route.device, "source": artifact.to_json(), "ref": cell.ref,
            "feeds": dict(sample.feeds), **told_of(cell.case, cell.route.framework),
            "options": option_values(runtime, cell.route.runtime.options, f"route {cell.route}"),
        },
    )  # fmt: skip
    try:
        yield Pair(cell, steps, artifact, loaded["session"], bounds)
    finally:
        steps.ask(runtime.toolchain, "close", {"session": loaded["session"]})


def search(
    cell: Cell, steps: Steps, trace: Trace, artifact: Artifact, start: Sample, bounds: Bounds, budget: int
) -> tuple[Found | None, tuple[Comparison, ...]]:
    """Return what a search of ``budget`` runs found, and the comparisons of it where it is a mismatch beyond doubt.

    A score between 1 and `harness.numerics.search.CERTAIN` may be noise that was not sampled, and is none. None where the case has
    no input to move.
    """
    specs = cell.case.specs(cell.route.framework)
    with opened(cell, steps, artifact, start, bounds) as pair:

        def score(feeds: Mapping[str, Any], draws: int) -> float:
            return max((_score(comparison) for comparison in pair.judged(feeds, start.lengths, draws)), default=0.0)

        def once(feeds: Mapping[str, Any]) -> float:
            return score(feeds, 2)

        def again(feeds: Mapping[str, Any]) -> float:
            return score(feeds, DRAWS)

        # A quarter of the runs follows the source's own slopes from the best that was found.
        found = amplify(once, start, specs, budget=max(1, budget - budget // 4), confirm=again)
        if not found.score > CERTAIN and budget >= 4:
            found = ascend(once, lambda feeds: pair.slopes(feeds, start.lengths), found.sample, specs, budget=budget // 4, confirm=again)
        if not found.score > CERTAIN:
            return found, ()
        trace.notes.append(f"a search of {found.evaluations} runs found inputs that differ by {found.score:.3g} times their bound")
        return found, tuple(comparison for comparison in pair.judged(found.feeds, start.lengths, DRAWS) if not comparison.match)


def _score(comparison: Comparison) -> float:
    """Return how far a comparison is beyond its bound: infinite for a hard fact."""
    if comparison.facts:
        return float("inf")
    ratios = [comparison.metrics.get(name, 0.0) for name in ("ratio", "tensor_ratio")]
    return max(ratios) if "ratio" in comparison.metrics else 0.0 if comparison.match else float("inf")
