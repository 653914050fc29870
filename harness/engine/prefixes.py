"""Blame where a target hides its tensors: prefixes of an ONNX file are converted by the rest of the route and run, by bisection."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import Artifact, artifact_from
from harness.core.errors import ParityError
from harness.engine.sides import SourceSide
from harness.engine.steps import Steps
from harness.engine.trace import Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.align import Call
from harness.numerics.metrics import measure
from harness.numerics.sampling import Sample

if TYPE_CHECKING:
    from harness.engine.cell import Cell

WRONG = 1e-4
"""A prefix errs when its output is further off than this, over its root mean square."""
FAILURES = (WorkerFailure, Stop, ParityError)
Test = Callable[[str], "bool | None"]


def cut_points(calls: Sequence[Call], outputs: Sequence[str]) -> list[str]:
    """Return the tensors through which everything goes, in order: after their node nothing else is still needed."""
    last = {key: place for place, call in enumerate(calls) if place for key in call.inputs}
    last.update(dict.fromkeys(outputs, len(calls)))
    alive: set[str] = set(calls[0].inputs) if calls else set()
    found: list[str] = []
    for place, call in enumerate(calls[1:], 1):
        alive = {key for key in (*alive, *call.outputs) if last.get(key, 0) > place}
        if len(alive) == 1 and alive <= set(call.outputs):
            found += alive
    return found


def first_wrong(names: Sequence[str], wrong: Test) -> tuple[int, int]:
    """Return the place of the first name that is wrong, and how many were asked: about log2 of their number.

    Those after a wrong one count as wrong too; one that cannot be asked (None) as what lies around it. The place
    is ``len(names)`` where none is wrong.
    """
    low, high, asked = 0, len(names), 0
    while low < high:
        middle = (low + high) // 2
        place, answer = middle, None
        while place < high and answer is None:
            answer = wrong(names[place])
            asked += 1
            place += 1
        if answer is None:
            high = middle
        elif answer:
            high = place - 1 if place - 1 > middle else middle
        else:
            low = place
    return low, asked


def bisect(cell: Cell, steps: Steps, trace: Trace, sample: Sample, artifact: Artifact, hops: int) -> dict[str, Any] | None:
    """Return the first node of an ONNX artifact whose output errs once the rest of the route has it; None where no prefix errs.

    ``hops``: how many converters of the route made ``artifact``. Keys: ``layer``, ``type``, ``error`` (over the rms),
    ``conversions``. Tensors through which everything goes are tried first, then those between two of them.
    """
    source = SourceSide(steps, "onnx", cell.ref, artifact, sample)
    prober = _Prober(cell, steps, trace, sample, source, artifact, hops)
    ends = tuple(source.outputs.values())
    cuts = cut_points(source.calls, ends)
    makers = {key: call for call in source.calls[1:] for key in call.outputs}
    order = list(makers)
    if not cuts or cuts[-1] not in ends:
        cuts.append(order[-1])
    place, asked = first_wrong(cuts, prober.wrong)
    low = order.index(cuts[place - 1]) + 1 if place else 0
    high = order.index(cuts[place]) + 1 if place < len(cuts) else len(order)
    inner, more = first_wrong(order[low:high], prober.wrong)
    if low + inner >= len(order) or not prober.wrong(order[low + inner]):
        return None
    call = makers[order[low + inner]]
    return {"layer": call.path, "type": call.type, "error": prober.errors[order[low + inner]], "conversions": asked + more}


class _Prober:
    def __init__(
        self, cell: Cell, steps: Steps, trace: Trace, sample: Sample, source: SourceSide, artifact: Artifact, hops: int
    ) -> None:  # fmt: skip
        self._cell = dataclasses.replace(cell, route=dataclasses.replace(cell.route, converters=cell.route.converters[hops:]))
        self._steps = steps
        self._trace = trace
        self._sample = sample
        self._source = source
        self._artifact = artifact
        self.errors: dict[str, float | None] = {}

    def wrong(self, name: str) -> bool | None:
        """Return whether the prefix that ends with a tensor errs; None where it cannot be converted or run."""
        if name not in self.errors:
            try:
                self.errors[name] = self._error(name)
            except FAILURES:
                self.errors[name] = None
        error = self.errors[name]
        return None if error is None else error > WRONG

    def _error(self, name: str) -> float:
        want = self._source.array(name)
        with tempfile.TemporaryDirectory(prefix="parity-prefix-") as folder:
            given = {port.native: np.asarray(self._sample.feeds[port.name]) for port in self._artifact.inputs}
            asked = {"framework": "onnx", "artifact": self._artifact.to_json(), "begins": given, "ends": {name: want}, "dest": folder}
            toolchain = self._steps.registry.get("frameworks", "onnx").toolchain
            part = artifact_from(self._steps.ask(toolchain, "part", asked)["artifact"])
            names = {port.native: port.name for port in self._artifact.inputs}
            part = dataclasses.replace(part, inputs=tuple(dataclasses.replace(port, name=names[port.native]) for port in part.inputs))
            for hop in self._cell.route.converters:
                part = self._steps.convert(self._cell, self._trace, hop, part, self._sample)
            runs = self._steps.run(self._cell, self._trace, part, [self._sample])
        if runs.failure is not None:
            raise Stop(runs.failure)
        got = runs.done[0][1].get(name)
        if got is None or np.shape(got) != want.shape:
            return float("inf")
        return float(measure(got, want)["scaled"])
