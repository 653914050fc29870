"""One question of the exam: does the harness see this fault, does it name the layer, and would others have seen it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.errors import ParityError
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.value import value
from harness.engine.cell import Cell, Engine
from harness.engine.steps import Steps
from harness.engine.trace import Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.exam.mutants import Clean, Mutant, reality, toolchains
from harness.faults.reality import EQUIVALENT, REAL, scaled_difference
from harness.faults.rivals import allclose_after_zip, polygraphy, torch_assert_close, torch_onnx_verification
from harness.numerics.sampling import Sample

RIVALS = {
    "rtol=1e-3, atol=1e-5": allclose_after_zip,
    "torch assert_close": torch_assert_close,
    "Polygraphy": polygraphy,
    "torch.onnx verify": torch_onnx_verification,
}
REFUSED = "refused"
QUICK = 3e-5
"""Above this share of the root mean square a difference between two float32 runs of a shallow graph is no noise."""


@value
class Answer:
    """What became of one mutant. ``kind``: real, sub-noise, equivalent, or refused (no tool reads the mutant: it is dead at once).

    ``detected``: the harness rejects it; ``shown_by``: on which inputs first. ``ordinary``: it is rejected on ordinary inputs already.
    ``blame``: the culprit as the record has it, None where it was not looked for. ``named``: whether that is the right layer; None
    where no layer is to blame. ``rivals``: name to whether that judge rejects it, on ordinary inputs and on all of the ladder.
    """

    mutant: Mutant
    kind: str
    scaled: float
    detected: bool
    shown_by: str = ""
    ordinary: bool = False
    ratio: float = 0.0
    blame: Mapping[str, Any] | None = None
    named: bool | None = None
    rivals: Mapping[str, tuple[bool, bool]] | None = None
    note: str = ""


def sit(clean: Clean, mutant: Mutant, engine: Engine, *, localise: bool) -> Answer:
    """Plant one fault, run the cell, and say what everybody makes of it; with ``localise`` also whom the harness blames."""
    steps = engine.steps
    try:
        real = reality(clean, mutant, steps)
    except (WorkerFailure, ParityError, Stop) as failure:
        return Answer(mutant=mutant, kind=REFUSED, scaled=float("nan"), detected=True, note=str(failure)[:200])
    record = engine.run_cell(mutant.cell)
    record = engine.blame(mutant.cell, record) if localise else record
    detected = record.outcome is not Outcome.MATCH
    kind, apart = _settled(real, clean, mutant, steps)
    return Answer(
        mutant=mutant, kind=kind, scaled=apart, detected=detected, shown_by=_shown_by(record) if detected else "",
        ordinary=detected and _on_ordinary(record), ratio=_largest(record), blame=record.culprit,
        named=named(mutant, record.culprit, real.get("changed", ())) if localise and record.outcome is Outcome.MISMATCH else None,
        rivals=_rivals(clean, mutant, steps) if kind == REAL else None, note=real.get("note", ""),
    )  # fmt: skip


def _settled(real: Mapping[str, Any], clean: Clean, mutant: Mutant, steps: Steps) -> tuple[str, float]:
    """Return the kind of the mutant and the difference, once the runtime has had its say.

    What float64 shows and the runtime does not (it ignores the attribute, or the evaluator is wrong about it) nobody can
    see on this route: equivalent there. What only the runtime shows is real: the float64 evaluator has no such operator.
    """
    outputs = [_run(clean, cell, steps) for cell in (clean.cell, mutant.cell)]
    if any(found is None for found in outputs) or len(outputs[0] or ()) != len(outputs[1] or ()):
        return REAL, float("inf")
    apart = 0.0
    for (_, before), (_, after) in zip(*(found or () for found in outputs), strict=True):
        if list(before) != list(after):
            return REAL, float("inf")
        apart = max([apart, *(scaled_difference(np.asarray(after[name]), np.asarray(before[name]))[0] for name in before)])
    if apart == 0:
        return EQUIVALENT, 0.0
    if real["kind"] == EQUIVALENT and apart > QUICK:
        return REAL, apart
    return str(real["kind"]), float(real["scaled"])


def _run(clean: Clean, cell: Cell, steps: Steps) -> list[tuple[Sample, Mapping[str, Any]]] | None:
    """Return what the target made of every sample, None where it failed."""
    trace = Trace(toolchains=toolchains(cell.route, steps.registry))
    try:
        artifact = clean.artifact
        for hop in cell.route.converters[len(clean.before) :]:
            artifact = steps.convert(cell, trace, hop, artifact, clean.samples[0])
        runs = steps.run(cell, trace, artifact, list(clean.samples))
    except (WorkerFailure, ParityError, Stop):
        return None
    return None if runs.failure is not None else [(clean.samples[index], outputs) for index, outputs, again in runs.done if not again]


def _shown_by(record: Record) -> str:
    if record.outcome is not Outcome.MISMATCH:
        return f"{record.outcome} at {record.stage}"
    first = next((c for c in record.comparisons if not c.match), None)
    where = dict(first.shapes or {}) if first else {}
    return str(where.get("rung", "another shape" if where != (record.shapes or {}).get("tried", [{}])[0] else "ordinary inputs"))


def _on_ordinary(record: Record) -> bool:
    return record.outcome is not Outcome.MISMATCH or any(not c.match and "rung" not in (c.shapes or {}) for c in record.comparisons)


def _largest(record: Record) -> float:
    return max((float(c.metrics.get("ratio", 0.0)) for c in record.comparisons), default=0.0)


def named(mutant: Mutant, culprit: Mapping[str, Any] | None, changed: Sequence[str] = ()) -> bool | None:
    """Return whether the culprit of a record is the layer a fault sits in; None where there is none: at a graph's inputs and outputs.

    Right is the node by its name or its output, where nodes are blamed, or another one that the fault ``changed``; the module the
    exporter made it of, or one inside that, where modules are; the stretch between two layers that borders on it.
    """
    if not mutant.node_name or mutant.operator.startswith(("output", "input")):
        return None
    said = str((culprit or {}).get("layer") or "")
    ends = said.removeprefix("between ").split(" and ") if said.startswith("between ") else [said]
    return any(_is(_plain(end), mutant) or _plain(end) in map(_plain, changed) for end in ends if end)


def _plain(name: str) -> str:
    return name.strip("/").removeprefix("module.").replace("/", ".").lower()


def _is(said: str, mutant: Mutant) -> bool:
    if said in (_plain(mutant.node_name), mutant.node.lower()) or said.endswith(f"({mutant.node.lower()})"):
        return True
    layer = _plain(mutant.layer)
    modules = mutant.cell.route.framework != "onnx"
    return modules and bool(layer) and (said == layer or said.startswith(f"{layer}."))


def _rivals(clean: Clean, mutant: Mutant, steps: Steps) -> dict[str, tuple[bool, bool]]:
    """Return for each rival whether it rejects the mutant: on the ordinary inputs alone, and on all that we tried."""
    done = _run(clean, mutant.cell, steps)
    if done is None:
        return dict.fromkeys(RIVALS, (True, True))
    trace = Trace(toolchains=toolchains(mutant.cell.route, steps.registry))
    pairs = [(sample, outputs, steps.reference(mutant.cell, trace, sample).outputs) for sample, outputs in done]
    found = {}
    for name, judge in RIVALS.items():
        rejects = [("rung" not in sample.where, not _accepts(judge, actual, expected)) for sample, actual, expected in pairs]
        found[name] = (any(no for ordinary, no in rejects if ordinary), any(no for _, no in rejects))
    return found


def _accepts(judge: Any, actual: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    try:
        return bool(judge(actual, expected))
    except Exception:  # a judge that raises stops the release, which is a rejection
        return False
