"""``parity selftest``: the exam of the judge itself, as one table."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.core.case import LEVELS
from harness.core.errors import UsageError
from harness.core.record import plain, read_records
from harness.core.registry import registry
from harness.core.route import Route, parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import DECLARING, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.worker import Worker
from harness.exam.survey import RUNGS, Report, Survey
from harness.faults.graphs import OPERATORS
from harness.faults.holes import run_holes
from harness.faults.judges import KINDS, ours
from harness.faults.rivals import RIVALS, polygraphy_runs

_EXAMPLES = """examples:
  parity selftest                                     holes, and each fault once in small ONNX graphs
  parity selftest --sites 0                           each fault at every place
  parity selftest --cases suites/module/parity_encoder.py --route 'torch>onnx.dynamo>onnxruntime@cpu'
  parity selftest --records reports/records.jsonl     count the clean comparisons of a run as well

exit code: 0 every aim met, 1 not, 2 usage error. The aims: every hole closed, 99 % of the real faults detected, the right layer
named for 95 % of those where a layer is to blame, no false alarm."""
AIMS = {"detection_rate": 0.99, "localisation_rate": 0.95}


def declare(commands: Any) -> None:
    """Add the command to the parser of ``parity``."""
    parser = commands.add_parser(
        "selftest", help="plant faults, and see whether the judge finds them", epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="The exam: holes that judges were found to have, bugs planted into models, and models that are right.",
    )  # fmt: skip
    parser.add_argument("--cases", action="append", default=[], metavar="FILE", help="plant into these cases too (repeatable)")
    parser.add_argument("--route", action="append", default=[], metavar="ROUTE", help="on these routes; each must pass through ONNX")
    parser.add_argument("--operator", action="append", default=[], metavar="NAME", help="only these faults (repeatable)")
    parser.add_argument("--sites", type=int, default=1, metavar="N", help="places for each fault over all cases, 0 for all (default: 1)")
    parser.add_argument("--list", action="store_true", help="list every fault there is, and end")
    parser.add_argument("--records", metavar="FILE", help="count the clean comparisons and the alarms of this run as well")
    parser.add_argument("--json", metavar="FILE", help="write the table, and every mutant, as JSON")
    parser.set_defaults(run=_selftest)


def _selftest(given: argparse.Namespace, console: Console) -> int:
    if given.list:
        return _list(console)
    if given.sites < 0:
        raise UsageError(f"--sites {given.sites}; expected a whole number >= 0")
    routes = [parse_route(text, registry()) for text in given.route] or [parse_route("onnx>onnxruntime@cpu", registry())]
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    holes = _holes()
    with Pool(Limits()) as pool:
        engine = Engine(pool, Cache(), rungs=dict.fromkeys(LEVELS, RUNGS))
        survey = Survey(engine, sites=given.sites, operators=given.operator, localise=True)
        interrupted = _run(survey, _cells(given.cases, routes, pool, told), told)
    if given.records:
        for record in read_records(given.records):
            if not (record.ok and record.expectation):  # a reviewed row says that the cell is not clean
                survey.count(record)
    report = survey.report
    _print(console, holes, report)
    if given.json:
        Path(given.json).write_text(json.dumps(plain(_json(holes, report)), indent=1), encoding="utf-8")
    return 1 if interrupted or not _passed(holes, report) else 0


def _list(console: Console) -> int:
    table = Table("fault", "family", "what it is", "needs")
    for operator in sorted(OPERATORS.values(), key=lambda one: (one.family, one.name)):
        table.add_row(operator.name, operator.family, escape(operator.tells), escape(operator.needs))
    console.print(table)
    return 0


def _run(survey: Survey, cells: Iterable[Cell], told: Console) -> bool:
    """Take every cell; return whether somebody interrupted it. What was found until then is kept."""
    try:
        for cell in cells:
            for answer in survey.take(cell, lambda text: told.print(text, markup=False)):
                if answer.kind == "real" and (not answer.detected or answer.named is False):
                    what = "blames another layer" if answer.detected else "MISSED"
                    told.print(f"  {answer.mutant.name}: {what} ({answer.mutant.tells})", markup=False)
    except KeyboardInterrupt:
        told.print("interrupted; what was found until now:")
        return True
    return False


def _cells(files: list[str], routes: list[Route], pool: Pool, told: Console) -> Iterator[Cell]:
    """Yield the cells of the zoo and of the files, each case on every route of a framework that builds it."""
    cache = Cache()
    worker = Worker(DECLARING, pool.scratch / "declare", pool.scratch / "declare-exchange", threads=1, memory_limit=0)
    zoo = Path(__file__).parent / "exam" / "zoo_cases.py"
    try:
        for name in [zoo, *map(Path, files)]:
            if not name.is_file():
                raise UsageError(f"--cases {name}: no such file")
            found = manifest(
                name, Path.cwd(), cache.root, lambda file, roots: worker.call("describe", {"file": file, "roots": roots}, timeout=300.0)
            )
            for _, problem in found.problems:
                raise UsageError(problem)
            usable = [(case, route) for case in found.cases for route in routes if route.framework in case.build]
            if not usable:
                told.print(f"{name}: no case for {', '.join(sorted({route.framework for route in routes}))}", markup=False)
            for case, route in usable:
                yield Cell(id=f"{case.id}[{route}]", case=case, route=route, file=found.file, digest=found.digest)
    finally:
        worker.kill()


def _holes() -> dict[str, tuple[int, int, int]]:
    """Return, for our judge and each rival, how many of the questions it answers rightly, how many there are, and entries closed."""
    found = {}
    for name, judge in {"this harness": ours, **RIVALS}.items():
        kinds = KINDS if name == "this harness" else {"runs": polygraphy_runs} if name == "polygraphy" else None
        asked = run_holes(judge, kinds)
        open_ = {hole.number for hole, rejected, accepted in asked if not (rejected and accepted)}
        closed = len({hole.number for hole, *_ in asked} - open_)
        found[name] = (sum(rejected and accepted for _, rejected, accepted in asked), len(asked), closed)
    return found


def _passed(holes: dict[str, tuple[int, int, int]], report: Report) -> bool:
    right, asked, _ = holes["this harness"]
    numbers = report.numbers()
    return right == asked and not report.alarms and all(numbers[name] >= aim for name, aim in AIMS.items())


def _json(holes: dict[str, tuple[int, int, int]], report: Report) -> dict[str, Any]:
    mutants = [
        {
            "case": a.mutant.cell.case.id, "route": str(a.mutant.cell.route), "operator": a.mutant.operator, "family": a.mutant.family,
            "site": a.mutant.site, "node": a.mutant.node, "kind": a.kind, "scaled": a.scaled, "detected": a.detected,
            "shown_by": a.shown_by, "ratio": a.ratio, "layer": (a.blame or {}).get("layer"), "named": a.named,
            "rivals": {name: list(pair) for name, pair in (a.rivals or {}).items()}, "note": a.note,
        }
        for a in report.answers
    ]  # fmt: skip
    found = {"holes": {name: list(counts) for name, counts in holes.items()}, **report.numbers()}
    return {**found, "alarms": list(report.alarms), "all": mutants}


_BESIDE = {
    "rtol=1e-3, atol=1e-5": "allclose after zip", "torch assert_close": "torch.testing.assert_close", "Polygraphy": "polygraphy",
    "torch.onnx verify": "torch.onnx verification",
}  # fmt: skip


def _print(console: Console, holes: dict[str, tuple[int, int, int]], report: Report) -> None:
    numbers = report.numbers()
    real = numbers["mutants"]["real"]
    table = Table("judge", "holes closed", "faults found", "on ordinary inputs", "layer named", "false alarms")
    right, asked, closed = holes["this harness"]
    table.add_row(
        "this harness", f"{closed} of 20", f"{numbers['detected']} of {real} ({_share(numbers['detection_rate'])})",
        _share(numbers["detected_on_ordinary_inputs"] / real if real else float("nan")),
        f"{numbers['named']} of {numbers['blamed']} ({_share(numbers['localisation_rate'])})",
        f"{numbers['false_alarms']} of {numbers['clean_comparisons']}",
    )  # fmt: skip
    for name, rival in numbers["rivals"].items():
        table.add_row(name, f"{holes[_BESIDE[name]][2]} of 20", _share(rival["all_inputs"]), _share(rival["ordinary_inputs"]), "-", "-")
    console.print(table)
    others = ", ".join(f"{count} {kind}" for kind, count in numbers["mutants"].items() if kind != "real")
    console.print(f"{numbers['operators']} fault operators; not counted: {others}; {right} of {asked} questions about holes", markup=False)
    if not math.isnan(numbers["smallest_noise_seen"]):
        console.print(f"smallest noise on a weight that shows: {numbers['smallest_noise_seen']:.1e} of the output's rms", markup=False)
    for answer in report.missed:
        console.print(f"missed: {answer.mutant.name}: {answer.mutant.tells}", markup=False)
    for alarm in report.alarms[:20]:
        console.print(f"false alarm: {alarm}", markup=False)


def _share(rate: float) -> str:
    return "-" if math.isnan(rate) else f"{rate:.1%}"
