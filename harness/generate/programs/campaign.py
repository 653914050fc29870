"""A campaign: many programs through many routes with live workers. All it learns is on disk at once, and it goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.outcome import Outcome
from harness.core.record import Record, latest, plain, read_records
from harness.core.route import Route
from harness.core.value import value
from harness.generate.programs.cases import name_of
from harness.generate.programs.draw import draw_program
from harness.generate.programs.findings import Finding, finding_from, written
from harness.generate.programs.judge import Judge, culprit_of
from harness.generate.programs.ops import OPS
from harness.generate.programs.program import Program
from harness.generate.programs.symptom import symptom_of

Say = Callable[[str], None]
QUIET = (Outcome.MATCH, Outcome.UNAVAILABLE, Outcome.UNSUPPORTED)
"""What is no finding: a tool that is not here, or refuses an operator by name, says so itself."""


@value
class Plan:
    """What a campaign does: ``programs`` seeds from ``seed`` on, each on every route. ``tries`` bounds one reduction, ``seconds`` all."""

    routes: tuple[Route, ...]
    seed: int
    programs: int
    seconds: float = float("inf")
    tries: int = 120
    reduce_errors: bool = True
    ops: tuple[str, ...] = ()


@value
class Result:
    """What became of a campaign: records in order, findings, and whether it ran to its end."""

    records: tuple[Record, ...]
    findings: tuple[Finding, ...]
    ended: bool


class Campaign:
    """Runs a plan. ``out`` holds ``records.jsonl``, ``findings.jsonl``, the programs, and a folder for each distinct finding."""

    def __init__(self, plan: Plan, judge: Judge, out: Path, say: Say) -> None:
        """Raises `UsageError` where ``out`` holds what no campaign wrote."""
        self._plan, self._judge, self._out, self._say = plan, judge, out, say
        self._until = time.monotonic() + plan.seconds
        out.mkdir(parents=True, exist_ok=True)
        self._records = {record.id: record for record in latest(_mended(out / "records.jsonl"))}
        self._findings = {finding.id: finding for finding in _findings(out / "findings.jsonl")}

    def run(self) -> Result:
        """Judge what is not judged yet, reduce what failed; an interruption ends it and loses nothing."""
        try:
            ended = all(self._one(seed, route) for seed in self._seeds() for route in self._plan.routes)
        except KeyboardInterrupt:
            self._say("interrupted; the same command goes on from here")
            ended = False
        return Result(records=tuple(self._records.values()), findings=tuple(self._findings.values()), ended=ended)

    def _seeds(self) -> Iterator[int]:
        yield from range(self._plan.seed, self._plan.seed + self._plan.programs)

    def _one(self, seed: int, route: Route) -> bool:
        """Judge one program on one route, unless it is known; return whether there is time for more."""
        if time.monotonic() > self._until:
            return False
        name = name_of(route.framework, seed)
        found = f"{name}[{route}]"
        record = self._records.get(found)
        program = draw_program(seed, self._plan.ops)
        if record is None:
            record = self._judge.judged(program, name, route)
            self._append("records.jsonl", record.to_json())
            self._records[found] = record
            self._say(f"[{seed - self._plan.seed + 1}/{self._plan.programs}] {found}: {record.outcome}")
        refused = (record.error or {}).get("kind") == "usage"  # the route does not take this program, as a planted fault without a place
        if record.outcome not in QUIET and not refused and found not in self._findings:
            self._found(program, name, route, record)
        return True

    def _found(self, program: Program, name: str, route: Route, record: Record) -> None:
        symptom = symptom_of(record)
        assert symptom is not None
        known = self._known(program, route, str(symptom))
        if known is None:
            left = self._judge.reduced(program, name, route, symptom, self._plan.tries if self._worth(record) else 0)
            small, tries, minimal = left.program, left.tries, left.minimal
        else:
            small, tries, minimal = known, 0, False
        again = self._judge.judged(small, name, route)
        opinion = self._judge.opinion(small, name, route, again)
        finding = Finding(
            id=record.id, route=str(route), symptom=str(symptom), culprit=culprit_of(small), program=small, tries=tries, minimal=minimal,
            steps=len(program.steps), record=again if again.outcome is record.outcome else record,
            source=opinion.source if opinion else None, target=opinion.target if opinion else None,
            verdict=opinion.verdict if opinion else "",
        )  # fmt: skip
        if finding.group not in {other.group for other in self._findings.values()}:
            written(finding, route, opinion, self._out / "findings" / finding.folder)
        self._append("findings.jsonl", finding.to_json())
        self._findings[finding.id] = finding
        self._say(f"    {finding.symptom}; {finding.culprit}, {len(small.steps)} of {len(program.steps)} steps left after {tries} tries")

    def _worth(self, record: Record) -> bool:
        return record.outcome is Outcome.MISMATCH or self._plan.reduce_errors

    def _known(self, program: Program, route: Route, symptom: str) -> Program | None:
        """Return the reduced program of an earlier finding that this one repeats: an error in the same words, of an operator it has."""
        for other in self._findings.values():
            same = other.route == str(route) and other.symptom == symptom and other.record.outcome is not Outcome.MISMATCH
            if same and len(other.program.steps) == 1 and other.program.steps[0].op in {step.op for step in program.steps}:
                return other.program
        return None

    def _append(self, name: str, data: Mapping[str, Any]) -> None:
        with (self._out / name).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(plain(data)) + "\n")


def _mended(path: Path) -> Sequence[Record]:
    """Return the records of a file; half a line that an interruption left is cut off."""
    if not path.is_file():
        return ()
    _cut(path)
    return tuple(read_records(path))


def _cut(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        path.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")


def _findings(path: Path) -> Iterator[Finding]:
    if not path.is_file():
        return
    _cut(path)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield finding_from(json.loads(line), tuple(OPS))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}, line {number}: not a finding ({error}); write into an empty folder") from None
