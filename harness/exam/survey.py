"""Many questions of the exam, and the table they add up to."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.core.errors import ParityError
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.value import value
from harness.engine.cell import Cell, Engine
from harness.engine.trace import Stop
from harness.engine.worker import WorkerFailure
from harness.exam.mutants import Clean, Mutant, mutants, prepared
from harness.exam.sit import REFUSED, RIVALS, Answer, sit
from harness.faults.graphs import OPERATORS
from harness.faults.operator import find
from harness.faults.reality import EQUIVALENT, REAL, SUB_NOISE

RUNGS = ("core", "edge", "shapes")
"""What the exam tries beside ordinary inputs."""
CALIBRATION = ("noise-", "bit-low")
"""Operators that probe where noise ends: they tell the smallest fault that is seen, and are no bugs to be missed."""
Say = Callable[[str], None]


@value
class Report:
    """What an exam found. ``clean``: comparisons of unharmed cells; ``alarms``: those cells that failed all the same."""

    answers: tuple[Answer, ...]
    clean: int
    alarms: tuple[str, ...]

    def of(self, kind: str) -> list[Answer]:
        """Return the answers about mutants of one kind, without those that only probe the noise."""
        return [answer for answer in self.answers if answer.kind == kind and not _calibrates(answer)]

    @property
    def real(self) -> list[Answer]:
        """Real changes, which count."""
        return self.of(REAL)

    @property
    def missed(self) -> list[Answer]:
        """Real changes that nobody noticed."""
        return [answer for answer in self.real if not answer.detected]

    @property
    def blamed(self) -> list[Answer]:
        """Detected real changes of which a layer is to blame."""
        return [answer for answer in self.real if answer.detected and answer.named is not None]

    @property
    def smallest(self) -> float:
        """The smallest change, over the root mean square of the output, that was seen among those that probe the noise; NaN for none."""
        seen = [a.scaled for a in self.answers if _calibrates(a) and a.detected and math.isfinite(a.scaled)]
        return min(seen, default=float("nan"))

    def numbers(self) -> dict[str, Any]:
        """Return the table as plain data; rates are shares of 1."""
        real, blamed = self.real, self.blamed
        right = sum(bool(answer.named) for answer in blamed)
        return {
            "operators": len({answer.mutant.operator for answer in self.answers}),
            "mutants": {"real": len(real), **{kind: len(self.of(kind)) for kind in (SUB_NOISE, EQUIVALENT, REFUSED)}},
            "detected": len(real) - len(self.missed), "detection_rate": _rate(len(real) - len(self.missed), len(real)),
            "detected_on_ordinary_inputs": sum(answer.ordinary for answer in real),
            "blamed": len(blamed), "named": right, "localisation_rate": _rate(right, len(blamed)),
            "clean_comparisons": self.clean, "false_alarms": len(self.alarms),
            "smallest_noise_seen": self.smallest,
            "rivals": {
                name: {
                    "ordinary_inputs": _rate(sum((a.rivals or {})[name][0] for a in real if a.rivals), sum(1 for a in real if a.rivals)),
                    "all_inputs": _rate(sum((a.rivals or {})[name][1] for a in real if a.rivals), sum(1 for a in real if a.rivals)),
                }
                for name in RIVALS
            },
        }  # fmt: skip


def _calibrates(answer: Answer) -> bool:
    return answer.mutant.operator.startswith(CALIBRATION)


def _rate(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


class Survey:
    """Takes cells through the exam, one after the other; what was found so far can be had at any time.

    ``sites``: how often each fault is planted over all cells, 0 for wherever it can be. Raises `UsageError` for an operator that
    does not exist.
    """

    def __init__(
        self, engine: Engine, *, sites: int = 1, operators: Sequence[str] = (), rungs: Sequence[str] = RUNGS, localise: bool = False
    ) -> None:
        for name in operators:
            find(OPERATORS, name)
        self._engine, self._sites, self._operators, self._rungs, self._localise = engine, sites, operators, rungs, localise
        self._used: collections.Counter[str] = collections.Counter()
        self._answers: list[Answer] = []
        self._clean = 0
        self._alarms: list[str] = []

    @property
    def report(self) -> Report:
        """Return what was found so far."""
        return Report(answers=tuple(self._answers), clean=self._clean, alarms=tuple(self._alarms))

    def count(self, record: Record) -> None:
        """Take in the record of an unharmed cell. One that a tool refuses, or dies of, raises no alarm of ours, and compares nothing."""
        if record.outcome in (Outcome.MATCH, Outcome.MISMATCH):
            self._clean += int((record.shapes or {}).get("comparisons", len(record.comparisons)))
        if record.outcome is Outcome.MISMATCH and not record.ok:
            self._alarms.append(record.id)

    def take(self, cell: Cell, say: Say) -> Iterator[Answer]:
        """Run the cell unharmed, then with each fault that has not been planted often enough yet.

        A cell that fails unharmed counts as an alarm and is left out: nothing could be told of faults in it.
        """
        record = self._engine.run_cell(cell)
        self.count(record)
        if not record.ok:
            say(f"{cell.case.id} fails unharmed ({record.outcome} at {record.stage}); no fault is planted into it")
            return
        try:
            clean = prepared(cell, self._engine.steps, self._rungs)
            chosen = self._chosen(clean)
        except (WorkerFailure, ParityError, Stop) as failure:
            say(f"{cell.case.id}: no fault can be planted: {failure}")
            return
        for number, mutant in enumerate(chosen, 1):
            say(f"{cell.case.id}: fault {number} of {len(chosen)}: {mutant.operator} at {mutant.node or mutant.tensor}")
            self._answers.append(sit(clean, mutant, self._engine, localise=self._localise))
            yield self._answers[-1]

    def _chosen(self, clean: Clean) -> list[Mutant]:
        """Return the faults for this cell: each operator at as many sites, over all cells, as were asked for (0: all)."""
        found = []
        for mutant in mutants(clean, self._engine.steps, self._operators):
            if not self._sites or self._used[mutant.operator] < self._sites:
                self._used[mutant.operator] += 1
                found.append(mutant)
        return found
