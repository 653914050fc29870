"""``parity mutate``: how many planted bugs would your own gate miss, and what would catch them?"""

from __future__ import annotations

import argparse
import collections
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.check import Question, described_by
from harness.core.errors import UsageError
from harness.core.record import plain
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.core.tolerance import Tolerance
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.pool import Limits, Pool
from harness.engine.settings import rungs_from, settings_from, table_of
from harness.exam.mutants import cut
from harness.exam.remedies import Remedy, remedies, remedy_for
from harness.exam.sit import Answer
from harness.exam.survey import Survey
from harness.faults.reality import REAL
from harness.numerics.compare import Bounds
from harness.policy import tolerances

_EXAMPLES = """examples:
  parity mutate model.onnx --route 'onnx>onnxruntime@cpu'
  parity mutate model.py:build --route 'torch>onnx.dynamo>onnxruntime@cpu' --rtol 1e-3 --atol 1e-5
  parity mutate parity_mine.py:CASE --route 'torch>onnx.dynamo>onnxruntime@cpu' --sites 0 --operator eps-1e-3

The gate is yours: the tolerance rows and rungs of [tool.parity] in pyproject.toml here, the case's own tolerance, or --rtol and
--atol. exit code: 0 no fault missed, 1 some are, 2 usage error, 3 the model fails unharmed or no fault applies"""


def declare(commands: Any) -> None:
    """Add the command to the parser of ``parity``."""
    parser = commands.add_parser(
        "mutate", help="plant bugs into your model, and see which ones your gate misses", epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Mutation testing of a gate: each bug is planted into the ONNX file on the route, checked to be a real change in "
        "float64, and judged as your own policy judges. What passes is named, with the change of policy that would catch it.",
    )  # fmt: skip
    parser.add_argument("source", metavar="SOURCE", help="as for parity check")
    parser.add_argument("--route", required=True, metavar="ROUTE", help="a route through ONNX, for example 'onnx>onnxruntime@cpu'")
    parser.add_argument("--dim", action="append", default=[], metavar="X.0=NAME:LOW:HIGH", help="a dynamic axis (repeatable)")
    parser.add_argument("--domain", action="append", default=[], metavar="X=KIND:NUMBERS", help="values of an input")
    parser.add_argument("--rtol", type=float, help="your gate's relative tolerance")
    parser.add_argument("--atol", type=float, help="your gate's absolute tolerance")
    parser.add_argument("--rung", action="append", default=[], metavar="NAME", help="rungs that your gate climbs (default: your settings')")
    parser.add_argument("--operator", action="append", default=[], metavar="NAME", help="only these faults (repeatable)")
    parser.add_argument("--sites", type=int, default=1, metavar="N", help="places for each fault, 0 for all (default: 1)")
    parser.add_argument("--no-remedies", action="store_true", help="do not try which change of policy would catch what is missed")
    parser.add_argument("--json", metavar="FILE", help="write every fault and what became of it")
    parser.set_defaults(run=_mutate)


def _mutate(given: argparse.Namespace, console: Console) -> int:
    if given.sites < 0:
        raise UsageError(f"--sites {given.sites}; expected a whole number >= 0")
    root = Path.cwd()
    route = parse_route(given.route, registry())
    cut(route, registry())
    question = Question(
        source=given.source, to=(given.route,), dims=tuple(given.dim), domains=tuple(given.domain), limits=Limits()
    )
    told = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(text: str) -> None:
        told.print(text, markup=False)

    bounds, rungs = _policy(given, root)
    cache = Cache()
    with Pool(question.limits) as pool:
        described = described_by(question, root, cache, pool, say)
        if not described.cases:
            raise UsageError(described.problems[0][1])
        case = described.cases[0]
        if route.framework not in case.build:
            raise UsageError(f"route {route} starts at {route.framework}; {given.source} is built in {', '.join(case.build)}")
        cell = Cell(id=f"{case.id}[{route}]", case=case, route=route, file=described.file, digest=described.digest)
        survey = Survey(Engine(pool, cache, bounds=bounds, rungs=rungs), sites=given.sites, operators=given.operator)
        interrupted = _planted(survey, cell, say)
        missed = survey.report.missed
        caught = {} if given.no_remedies or interrupted else _caught(missed, remedies(pool, cache, bounds, rungs), say)
    if not survey.report.answers:
        say("no fault was planted: the model fails unharmed, or none applies to it")
        return 3
    _print(console, survey.report.answers, missed, caught)
    if given.json:
        Path(given.json).write_text(json.dumps(plain([_row(a, caught) for a in survey.report.answers]), indent=1), encoding="utf-8")
    return 1 if missed or interrupted else 0


def _policy(given: argparse.Namespace, root: Path) -> tuple[Callable[[Cell], Bounds], dict[str, tuple[str, ...]]]:
    """Return the user's own gate: bounds by cell, and rungs by level."""
    settings = settings_from(table_of(root), root, {})
    rows = tolerances.read(settings.tolerances, root)
    own: Tolerance | None = None
    if given.rtol is not None or given.atol is not None:
        own = Tolerance(rtol=given.rtol or 0.0, atol=given.atol or 0.0, reason="given on the command line")

    def bounds(cell: Cell) -> Bounds:
        return tolerances.bounds_for(cell.case.id, cell.case.level, str(cell.route), rows, own or cell.case.tolerance)

    return bounds, rungs_from({}, given.rung) if given.rung else dict(settings.rungs)


def _planted(survey: Survey, cell: Cell, say: Callable[[str], None]) -> bool:
    """Plant every fault; return whether somebody interrupted it."""
    try:
        for answer in survey.take(cell, say):
            if answer.kind == REAL and not answer.detected:
                say(f"  MISSED: {answer.mutant.tells}")
    except KeyboardInterrupt:
        say("interrupted; what was found until now:")
        return True
    return False


def _caught(missed: Sequence[Answer], tried: Sequence[Remedy], say: Callable[[str], None]) -> dict[str, str]:
    """Return, by name of the fault, the least change that catches it."""
    found = {}
    try:
        for number, answer in enumerate(missed, 1):
            say(f"what would catch {answer.mutant.operator} ({number} of {len(missed)})?")
            found[answer.mutant.name] = remedy_for(answer, tried)
    except KeyboardInterrupt:
        say("interrupted")
    return found


def _print(console: Console, answers: Sequence[Answer], missed: Sequence[Answer], caught: dict[str, str]) -> None:
    table = Table("family", "planted", "real changes", "caught", "missed")
    families = collections.Counter(answer.mutant.family for answer in answers)
    for family, planted in sorted(families.items()):
        real = [answer for answer in answers if answer.mutant.family == family and answer.kind == REAL]
        gone = sum(not answer.detected for answer in real)
        table.add_row(family, str(planted), str(len(real)), str(len(real) - gone), str(gone))
    console.print(table)
    for answer in missed:
        remedy = caught.get(answer.mutant.name)
        console.print(f"missed: [bold]{escape(answer.mutant.operator)}[/] at {escape(answer.mutant.node or answer.mutant.tensor)}: "
                      f"{escape(answer.mutant.tells)}; off by {answer.scaled:.1e} of the output's rms")  # fmt: skip
        console.print(f"        {remedy or 'nothing that was tried catches it' if remedy is not None else 'not looked into'}", markup=False)


def _row(answer: Answer, caught: dict[str, str]) -> dict[str, Any]:
    mutant = answer.mutant
    return {
        "operator": mutant.operator, "family": mutant.family, "site": mutant.site, "node": mutant.node, "layer": mutant.layer,
        "tells": mutant.tells, "kind": answer.kind, "scaled": answer.scaled, "detected": answer.detected, "shown_by": answer.shown_by,
        "remedy": caught.get(mutant.name), "note": answer.note,
    }  # fmt: skip
