"""One program on one route: judged by the engine, reduced while it fails in the same way, and what NumPy says of the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import ParityError
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.route import Route
from harness.core.value import value
from harness.engine.blame import failing_sample
from harness.engine.cell import Cell, Engine
from harness.engine.trace import Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.generate.programs.cases import case_of, code, write
from harness.generate.programs.known import evaluate
from harness.generate.programs.program import Program
from harness.generate.programs.shrink import Reduced, reduced
from harness.generate.programs.symptom import Symptom, symptom_of
from harness.numerics.metrics import measure

AGREES = 1e-4
"""NumPy agrees with whoever is nearer than this, over the root mean square."""


@value
class Opinion:
    """What everybody makes of the inputs that show a failure. ``arrays``: feeds, example, expected, got, numpy; each by name. ``model`` is
    the source as a file, "" for a live one.

    ``source`` and ``target``: how far each is from NumPy, over the root mean square; None where there is no such output.
    """

    source: float | None
    target: float | None
    arrays: Mapping[str, Mapping[str, Any]]
    model: str

    @property
    def verdict(self) -> str:
        """Whom NumPy finds wrong."""
        right = {name: far is not None and far < AGREES for name, far in (("source", self.source), ("target", self.target))}
        return {
            (True, False): "NumPy agrees with the source: the route is wrong",
            (False, True): "NumPy agrees with the target: the source is wrong",
            (True, True): "NumPy agrees with both: a difference of accuracy", (False, False): "NumPy agrees with neither",
        }[right["source"], right["target"]]  # fmt: skip


class Judge:
    """Judges programs through one engine, each from a case file of its own below ``folder``."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    def cell(self, program: Program, name: str, route: Route) -> Cell:
        """Return the cell of a program, its case file written."""
        case = case_of(program, name, route.framework)
        digest = hashlib.sha256(f"{program.digest} {code()}".encode()).hexdigest()
        file = write(program, name, route.framework, self._folder / f"{name.replace('/', '-')}-{program.digest[:12]}")
        again = f"parity check {file}:CASE --to '{route}' --rung shapes"
        return Cell(id=f"{name}[{route}]", case=case, route=route, file=str(file.resolve()), digest=digest, repro=again)

    def judged(self, program: Program, name: str, route: Route) -> Record:
        """Return the record of a program on a route."""
        return self._engine.run_cell(self.cell(program, name, route))

    def reduced(self, program: Program, name: str, route: Route, symptom: Symptom, tries: int) -> Reduced:
        """Return the smallest program that fails with the same symptom."""
        return reduced(program, lambda smaller: symptom_of(self.judged(smaller, name, route)) == symptom, tries)

    def opinion(self, program: Program, name: str, route: Route, record: Record) -> Opinion | None:
        """Return what NumPy says of a mismatch; None for any other failure, and where no single run fails."""
        if record.outcome is not Outcome.MISMATCH:
            return None
        cell, steps = self.cell(program, name, route), self._engine.steps
        toolchains = [steps.registry.get("frameworks", route.framework).toolchain]
        toolchains += [steps.registry.get("converters", hop.name).toolchain for hop in route.converters]
        toolchains.append(steps.registry.get("runtimes", route.runtime.name).toolchain)
        trace = Trace(
            toolchains=tuple(dict.fromkeys(toolchains)), rungs=("shapes",), shapes={"tried": [], "failing": [], **(record.shapes or {})}
        )
        try:
            sample = failing_sample(cell, steps, trace)
            if sample is None:
                return None
            first = steps.samples(cell, trace)[0][0]
            artifact = steps.source(cell, trace, steps.reference(cell, trace, first))
            model = artifact.entry
            for hop in route.converters:
                artifact = steps.convert(cell, trace, hop, artifact, first)
            runs = steps.run(cell, trace, artifact, [sample])
            expected = steps.reference(cell, trace, sample).outputs
        except (WorkerFailure, ParityError, Stop):
            return None
        got = runs.done[0][1] if runs.done else {}
        values = evaluate(program, sample.feeds)
        ours = {program.name(number): values[number] for number in program.outputs}
        arrays = {"feeds": sample.feeds, "example": first.feeds, "expected": expected, "got": got, "numpy": ours}
        return Opinion(source=apart(expected, ours), target=apart(got, ours), arrays=arrays, model=model)


def apart(found: Mapping[str, Any], ours: Mapping[str, Any]) -> float | None:
    """Return the largest difference from NumPy over the root mean square, None where an output is missing or has another shape or dtype."""
    if any(name not in found or _form(found[name]) != _form(array) for name, array in ours.items()):
        return None
    return max(float(measure(np.asarray(found[name]), array)["scaled"]) for name, array in ours.items())


def _form(array: Any) -> tuple[Any, ...]:
    array = np.asarray(array)
    return array.shape, "float" if array.dtype.kind == "f" else array.dtype.name


def culprit_of(program: Program) -> str:
    """Return what a reduced program leaves to blame: its operators in order."""
    return " > ".join(step.op for step in program.steps)
