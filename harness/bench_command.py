"""The command ``parity bench``: how fast is the converted model, beside its source, and is it slower than it was?"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from harness.bench import SWEPT, Bench, Measured, abstained, baseline_path, bench_cells
from harness.bench_lane import THREADS, Place, processors
from harness.check import Question, cell_of, described_by, routes_asked
from harness.check_command import memory, names
from harness.core.errors import UsageError
from harness.core.quality import quality
from harness.core.record import Record
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.pool import Limits, Pool
from harness.engine.settings import rungs_from
from harness.latency.baseline import ABOVE, load, save
from harness.latency.measure import Plan
from harness.latency.summary import lines, ratio, seconds
from harness.policy.gate import gate
from harness.pytest_cells import explain
from harness.report.html import render_html
from harness.report.write import write_text

INTERRUPTED = 130
_EXAMPLES = """examples:
  parity bench model.onnx --to onnxruntime,openvino
  parity bench model.py:build --to onnxruntime --batch 1,8,32
  parity bench model.py:build --to onnxruntime --save latency.json
  parity bench model.py:build --to onnxruntime --baseline latency.json --fail-above 10%%

exit code: 0 fine, 1 wrong or slower, 2 usage error, 3 nothing could be compared"""


def declare(commands: Any) -> None:
    """Add the command to the parser of ``parity``."""
    usual = Plan()
    parser = commands.add_parser(
        "bench", help="measure one model: its source and its conversions in turn", epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Judges the conversions of SOURCE as parity check does, then measures them inside workers that take turns with the "
        "source, run eagerly. SOURCE is what parity check takes.",
    )  # fmt: skip
    parser.add_argument("source", metavar="SOURCE")
    parser.add_argument("--to", default="", metavar="NAMES", help="runtimes or whole routes, joined by commas (default: all found here)")
    parser.add_argument("--framework", default="", help="the source's framework, where its model needs another environment than this one")
    parser.add_argument("--dim", action="append", default=[], metavar="X.0=NAME:LOW:HIGH", help="a dynamic axis (repeatable)")
    parser.add_argument("--domain", action="append", default=[], metavar="X=KIND:NUMBERS", help="values of an input (repeatable)")
    parser.add_argument("--inputs", default="", metavar="FILE.npz", help="real inputs, one array each")
    parser.add_argument("--batch", default="", metavar="1,8,32", help="batch sizes to measure the throughput at")
    parser.add_argument("--baseline", default="", metavar="FILE", help="compare with what --save wrote, on the same machine")
    parser.add_argument("--save", default="", metavar="FILE", help="write a baseline; entries of other cells stay")
    parser.add_argument(
        "--fail-above", default=f"{ABOVE:.0%}", metavar="PART", help=f"slow-downs that fail, for example 10%% (default: {100 * ABOVE:g}%%)"
    )
    parser.add_argument("--strict", action="store_true", help="fail also where the comparison with the baseline abstains")
    parser.add_argument("--threads", type=int, default=THREADS, metavar="N", help="threads of each worker (default: %(default)s)")
    parser.add_argument("--cpus", default="", metavar="0,1", help="processors to keep the workers on (default: as many as threads)")
    parser.add_argument("--launches", type=int, default=usual.launches, metavar="N", help="processes of each side (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=usual.rounds, metavar="N", help="turns of each in a launch (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="for the rounds of a launch (default: %(default)g)")
    parser.add_argument("--warmup", type=float, default=usual.warmup, help="most seconds for a side to settle (default: %(default)g)")
    parser.add_argument("--copies", action="store_true", help="time calls from arrays to arrays as well, on the processor too")
    parser.add_argument("--fresh", action="store_true", help="convert and judge anew instead of reusing cached results")
    parser.add_argument("--timeout", type=float, help="seconds for one build, conversion or turn (default: 300)")
    parser.add_argument("--memory", default="", metavar="GIB", help="limit of one worker, for example 10, or 512M (default: 6)")
    parser.add_argument("--json", metavar="FILE", help="write the records, one JSON line each")
    parser.add_argument("--html", metavar="FILE", help="write the report")
    parser.set_defaults(run=_bench)


def part(text: str, option: str) -> float:
    """Return a part written as ``10%`` or ``0.1``. Raises `UsageError` for what is none, or not above 0 and below 1000 %."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text.strip())
    number = float(found[1]) / (100.0 if found[2] else 1.0) if found else 0.0
    if not 0.0 < number < 10.0:
        raise UsageError(f"{option} {text}; expected a part above 0, for example 10% or 0.1")
    return number


def counts(text: str, option: str, least: int) -> tuple[int, ...]:
    """Return whole numbers joined by commas, each once, in order. Raises `UsageError` for anything else, or one below ``least``."""
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    if not all(re.fullmatch(r"\d+", piece) and int(piece) >= least for piece in pieces):
        raise UsageError(f"{option} {text}; expected whole numbers >= {least}, joined by commas, for example 1,8,32")
    return tuple(dict.fromkeys(map(int, pieces)))


def cpus_from(text: str, threads: int) -> tuple[int, ...]:
    """Return the processors to keep workers on. Raises `UsageError` for one that this process may not use."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    asked = counts(text, "--cpus", 0)
    strange = [number for number in asked if allowed and number not in allowed]
    if strange:
        raise UsageError(f"--cpus {text}: this process may use {', '.join(map(str, allowed))}, not {', '.join(map(str, strange))}")
    return processors(asked, allowed, threads)


def _plan(given: argparse.Namespace) -> Plan:
    for name, least in (("launches", 1), ("rounds", 2), ("threads", 1)):
        if getattr(given, name) < least:
            raise UsageError(f"--{name} {getattr(given, name)}; expected a whole number >= {least}")
    for name in ("seconds", "warmup"):
        if not 0.0 < getattr(given, name) < float("inf"):
            raise UsageError(f"--{name} {getattr(given, name):g}; expected a number of seconds > 0")
    return Plan(
        launches=given.launches, rounds=given.rounds, seconds=given.seconds, warmup=given.warmup,
        enough=min(Plan().enough, given.rounds),
    )  # fmt: skip


def _bench(given: argparse.Namespace, console: Console) -> int:
    usual, root = Limits(), Path.cwd()
    limits = Limits(
        timeout=given.timeout or usual.timeout, memory=memory(given.memory) if given.memory else usual.memory, threads=given.threads
    )
    plan, above, cpus = _plan(given), part(given.fail_above, "--fail-above"), cpus_from(given.cpus, given.threads)
    batches = counts(given.batch, "--batch", 1)
    known = load(baseline_path(given.baseline, root)) if given.baseline else None
    question = Question(
        source=given.source, to=names(given.to), framework=given.framework, dims=tuple(given.dim), domains=tuple(given.domain),
        inputs=given.inputs, fresh=given.fresh, limits=limits, rungs=("normal",), fuzz=0,
    )  # fmt: skip
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    cache = Cache(fresh=given.fresh)

    def say(text: str) -> None:
        told.print(text, style="dim", markup=False)

    with Pool(limits) as pool:
        cells = cells_of(question, root, cache, pool, say)
        engine = Engine(pool, cache, rungs=rungs_from({}, ("normal",)))
        place = Place(worker=pool.alone, cpus=cpus, threads=given.threads, timeout=limits.timeout, copies=given.copies)
        bench = Bench(plan=plan, place=place, batches=batches, known=known, above=above, swept=SWEPT)
        found = bench_cells(cells, engine, bench, engine.run_cell, say)
    cache.prune()
    return _conclude(given, found, console)


def cells_of(question: Question, root: Path, cache: Cache, pool: Pool, say: Any) -> list[Cell]:
    """Return the cells of the case that a question is about. Raises `UsageError` for a source that cannot be looked at."""
    described = described_by(question, root, cache, pool, say)
    if not described.cases:
        raise UsageError(described.problems[0][1])
    case = described.cases[0]
    return [cell_of(case, route, described.file, described.digest, "bench") for route in routes_asked(question, case)]


def _conclude(given: argparse.Namespace, found: Measured, console: Console) -> int:
    records = list(found.records.values())
    if given.json:
        write_text(Path(given.json), "".join(record.line() + "\n" for record in records))
    show(records, console)
    verdict = gate(records)
    for reason in verdict.reasons:
        console.print(reason, markup=False, highlight=False, soft_wrap=True)
    if given.html:
        write_text(Path(given.html), render_html(records, title=f"Latency of {given.source}", gate=verdict.to_json()))
    if found.interrupted:
        console.print("interrupted: what was measured is above; no baseline was saved", highlight=False)
        return INTERRUPTED
    if given.save:
        save(baseline_path(given.save, Path.cwd()), found.entries)
        console.print(f"baseline: {len(found.entries)} of {len(records)} cells saved in {given.save}", highlight=False, soft_wrap=True)
    if any((record.error or {}).get("kind") == "usage" for record in records):
        return 2
    unjudged = abstained(records) if given.strict else []
    return verdict.code or (1 if unjudged else 0)


def show(records: Sequence[Record], console: Console) -> None:
    """Print the table of times, then what there is to say of each cell."""
    gated = any((record.latency or {}).get("gate") for record in records)
    plain = [Column(name, no_wrap=True) for name in ("p50", "of source", "times source", *(("baseline",) if gated else ()))]
    table = Table(Column("route", overflow="fold"), "outcome", *plain, Column("numbers", overflow="fold"))
    for record in records:
        latency = record.latency or {}
        times = [seconds((latency.get(side) or {}).get("p50")) for side in ("target", "source")]
        verdict = [str((latency.get("gate") or {}).get("outcome", "-"))] if gated else []
        compared = [escape(ratio(latency.get("ratio"))), *verdict, quality(record) or "-"]
        table.add_row(escape(record.route), str(record.outcome), *times, *compared)
    console.print(table)
    for text in told(records):
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def told(records: Iterable[Record]) -> Iterable[str]:
    """Yield the lines on each cell, and on what is wrong with it."""
    for record in records:
        if record.latency:
            yield from lines(record.route, record.latency, quality(record))
        if not record.ok:
            yield from explain(record)
