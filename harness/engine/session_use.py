"""What sessions of an artifact do when used as people use them: shapes in turn, two at a time, feeds of any layout and type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.record import Comparison
from harness.core.value import value
from harness.engine.both import GONE, Both
from harness.engine.judging import judge_one
from harness.engine.trace import Reference
from harness.engine.worker import WorkerFailure
from harness.numerics.compare import Bounds
from harness.numerics.sampling import Sample

OUTPUT = "(session)"
"""What the comparison is called that tells how sessions were used and failed."""


@value
class Used:
    """``uses``: how many; ``facts``: what is wrong; ``refused``: unusual feeds that were refused, which is fine;
    ``notes``: what else is to be said; ``fleeting``: whether something failed that need not fail again.
    """

    uses: int
    facts: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fleeting: bool = False

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The facts as a comparison that failed; none where nothing is wrong."""
        return (Comparison(output=OUTPUT, match=False, metrics={}, bound={}, facts=self.facts),) if self.facts else ()


def session_use(
    both: Both, samples: Sequence[Sample], references: Sequence[Reference], bounds: Bounds, precision: str, seconds: float
) -> Used:
    """Put sessions of the artifact to use on one or two samples whose references are known; every other answer is judged like a run.

    An answer that is not, bit for bit, what a fresh session gives may still differ by rounding: then the judge lets it pass.
    """
    toolchain, feeds = both.runtime.toolchain, [dict(sample.feeds) for sample in samples]
    first = both.session()
    try:
        second = both.opened()
        answer = both.steps.ask(toolchain, "session_use", {"sessions": [first, second], "feeds": feeds, "seconds": seconds})
        both.steps.ask(toolchain, "close", {"session": second})
    except WorkerFailure as failure:
        told = f"a second session, or shapes in turn, ended with {failure}"
        # Two sessions may be more than fits; what else kills the worker is the target's own doing.
        if failure.kind == "timeout" or "memory" in str(failure).lower():
            return Used(uses=0, notes=(told,), fleeting=True)
        return Used(uses=0, facts=(told,), fleeting=failure.kind in GONE)
    judge = _Judge(both, samples, references, bounds, precision)
    for number, first_answer in answer["first"].items():
        judge.answer({**first_answer, "sample": int(number), "usual": True, "same": False})
    for use in answer["uses"]:
        judge.answer(use)
    notes = [f"no time was left for {label}" for label in answer["left_out"]]
    return Used(
        uses=len(answer["uses"]), facts=tuple(dict.fromkeys([*answer["facts"], *judge.facts])), refused=tuple(judge.refused),
        notes=(*judge.notes, *notes),
    )  # fmt: skip


class _Judge:
    def __init__(self, both: Both, samples: Sequence[Sample], references: Sequence[Reference], bounds: Bounds, precision: str) -> None:
        self._both, self._samples, self._references = both, samples, references
        self._bounds, self._precision = bounds, precision
        self.facts: list[str] = []
        self.refused: list[str] = []
        self.notes: list[str] = []

    def answer(self, use: Mapping[str, Any]) -> None:
        """Judge one use."""
        if use["same"]:
            return
        label, number = use["use"], use["sample"]
        if "error" in use:
            error = use["error"]
            if use["usual"]:
                self.facts.append(f"{label}: fails with {error.get('type') or error['kind']}: {error.get('message', '')}"[:500])
            else:
                self.refused.append(label)
            return
        both, sample, reference = self._both, self._samples[number], self._references[number]
        outputs = use["outputs"] if use["usual"] else self._in_type(label, use["outputs"], reference)
        judged = judge_one(both.cell.case, both.artifact, sample, reference, outputs, self._bounds, self._precision, sample.where)
        for comparison in judged:
            if not comparison.match:
                apart = comparison.metrics.get("max_abs")
                told = "; ".join(comparison.facts) or f"differs by up to {apart:.3g}"
                self.facts.append(f"{label}: output {comparison.output!r} {told}")

    def _in_type(self, label: str, outputs: Mapping[str, Any], reference: Reference) -> dict[str, Any]:
        """Return outputs in the types the source has: feeds of a wider type may be answered in that."""
        found = {}
        for name, array in outputs.items():
            wanted = np.asarray(reference.outputs[name]).dtype if name in reference.outputs else array.dtype
            wider = array.dtype != wanted and array.dtype.kind == wanted.kind
            if wider:
                self.notes.append(f"{label}: answers in {array.dtype.name}")
            found[name] = array.astype(wanted) if wider else array
        return found
