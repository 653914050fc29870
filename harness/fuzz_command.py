"""``parity fuzz``: random programs through the routes you name; what differs is reduced, grouped, and written as a script."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.core.errors import UsageError, unknown
from harness.core.outcome import Outcome
from harness.core.registry import registry
from harness.core.route import Route, find_routes, offered, parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Engine
from harness.engine.pool import Limits, Pool
from harness.engine.settings import matches
from harness.generate.programs.campaign import Campaign, Plan, Result
from harness.generate.programs.cases import BUILDERS
from harness.generate.programs.findings import grouped
from harness.generate.programs.judge import Judge
from harness.generate.programs.ops import OPS

_EXAMPLES = """examples:
  parity fuzz --routes 'torch>onnx.*>onnxruntime@cpu' --programs 100 --out fuzz
  parity fuzz --routes 'onnx>openvino@cpu' --programs 1000 --seed 5000 --seconds 600 --out fuzz

The same command goes on where it stopped.
exit code: 0 nothing found, 1 findings, or not ended, 2 usage error, 3 nothing could be compared"""


def declare(commands: Any) -> None:
    """Add the command to the parser of ``parity``."""
    parser = commands.add_parser(
        "fuzz", help="random models through routes; failures reduced and grouped", epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Draws small valid programs over the unit families, with symbolic dimensions and numbers that stay finite, judges each "
        "as a case is judged, reduces what fails to the smallest program that fails in the same way, and groups duplicates.",
    )  # fmt: skip
    parser.add_argument("--routes", action="append", required=True, metavar="PATTERN", help="routes, with * and ? (repeatable)")
    parser.add_argument("--programs", type=int, default=50, metavar="N", help="how many programs (default: 50)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first program (default: 0)")
    parser.add_argument("--seconds", type=float, metavar="T", help="begin nothing new after so long")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where records, findings and scripts go")
    parser.add_argument(
        "--op", action="append", default=[], metavar="NAME", help="only programs of these operators, and guards (repeatable)"
    )
    parser.add_argument(
        "--rung", action="append", default=[], metavar="NAME", help="rungs of the input ladder beside ordinary inputs and all shapes"
    )
    parser.add_argument("--tries", type=int, default=120, metavar="N", help="programs that one reduction may judge (default: 120)")
    parser.add_argument("--timeout", type=float, help="seconds for one build or conversion (default: 120)")
    parser.set_defaults(run=_fuzz)


def _fuzz(given: argparse.Namespace, console: Console) -> int:
    for name, least in (("programs", 1), ("seed", 0), ("tries", 0)):
        if getattr(given, name) < least:
            raise UsageError(f"--{name} {getattr(given, name)}; expected a whole number >= {least}")
    for op in given.op:
        if op not in OPS:
            raise unknown("operator of random programs", op, OPS)
    plan = Plan(
        routes=routes_asked(given.routes), seed=given.seed, programs=given.programs, tries=given.tries, ops=tuple(given.op),
        seconds=float("inf") if given.seconds is None else given.seconds,
    )  # fmt: skip
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    cache = Cache()
    seconds = given.timeout or 120.0
    with Pool(Limits(timeout=seconds, run_timeout=min(60.0, seconds))) as pool:
        engine = Engine(pool, cache, rungs={"module": tuple(dict.fromkeys(["shapes", *given.rung]))})
        out = Path(given.out)
        result = Campaign(plan, Judge(engine, out / "programs"), out, lambda text: told.print(text, markup=False)).run()
    cache.prune()
    show(result, out, console)
    if not any(record.outcome in (Outcome.MATCH, Outcome.MISMATCH) for record in result.records):
        console.print("nothing could be compared: no program got through any of the routes")
        return 3
    return 1 if result.findings or not result.ended else 0


def routes_asked(patterns: list[str]) -> tuple[Route, ...]:
    """Return the routes that patterns choose among those of at most two converters; one without wild-cards may be any.

    Raises `UsageError` for a pattern that matches nothing, or a route from a framework that no program is built in.
    """
    found = registry()
    chosen: dict[str, Route] = {}
    for pattern in patterns:
        if "*" in pattern or "?" in pattern:
            every = offered(find_routes(found), found, [pattern])
            own = [route for route in every if route.framework in BUILDERS and matches(str(route), pattern)]
        else:
            own = [parse_route(pattern, found)]
        for route in own:
            if route.framework not in BUILDERS:
                raise unknown("framework that random programs are built in", route.framework, BUILDERS)
            chosen[str(route)] = route
        if not own:
            raise UsageError(f"--routes {pattern!r} matches no route from {' or '.join(BUILDERS)}; see parity routes --all")
    return tuple(chosen.values())


def show(result: Result, out: Path, console: Console) -> None:
    """Print what became of each route, and the distinct findings."""
    table = Table("route", "programs", *map(str, Outcome))
    for route in dict.fromkeys(record.route for record in result.records):
        own = [record.outcome for record in result.records if record.route == route]
        table.add_row(escape(route), str(len(own)), *(str(own.count(outcome) or "") for outcome in Outcome))
    console.print(table)
    groups = grouped(result.findings)
    if not groups:
        return
    for number, group in enumerate(groups, 1):
        small = group.smallest
        error = "" if small.error is None else f", {small.error:.2g} of the rms"
        left = f"{len(small.program.steps)} of {small.steps} steps left"
        others = f", {len(group.ids) - 1} more like it" if len(group.ids) > 1 else ""
        said = f"{escape(small.route)}: {escape(small.symptom)}{error}"
        console.print(f"{number}. [bold]{escape(small.culprit)}[/] on {said}", soft_wrap=True)
        console.print(f"   {small.verdict or 'nothing was compared'}; {left}{others}; {escape(small.folder)}", soft_wrap=True)
    places = f"each has a folder in {out / 'findings'}"
    console.print(f"{len(groups)} distinct findings in {len(result.findings)} failures; {places}", soft_wrap=True, markup=False)
