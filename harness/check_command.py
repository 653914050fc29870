"""The command ``parity check``: its options, its progress, its table, its exit code."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from harness.check import FUZZ, Question, check
from harness.core.errors import UsageError
from harness.core.record import Record
from harness.engine.pool import Limits
from harness.engine.settings import generate_from, size
from harness.policy.gate import gate
from harness.pytest_cells import explain
from harness.report.html import render_html
from harness.report.write import write_text

_EXAMPLES = """examples:
  parity check model.onnx
  parity check model.onnx --to onnxruntime,openvino --dim x.0=batch:1:8
  parity check model.onnx --dim x.1=S:1:64 --dim y.1=2*S+1 --relation 'S %% 4 == 0'
  parity check model.py:build --to 'torch>onnx.dynamo[opset=18]>onnxruntime@cpu'
  parity check model.py:build --artifact converted.onnx --html report.html

exit code: 0 match, 1 parity failure, 2 usage error, 3 nothing could be compared"""


SHOWN = 6
"""Inputs of each route that the table lists; the records have all of them."""


def declare(commands: Any) -> None:
    """Add the command to the parser of ``parity``."""
    parser = commands.add_parser(
        "check", help="judge one model, no case file needed", epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="SOURCE is a model file (.onnx, .keras, SavedModel folder, TorchScript .pt, .pt2, Paddle program), or "
        "file.py:name or package.module:name: a Case, a model, or a function returning a model or a (model, example inputs) pair.",
    )  # fmt: skip
    parser.add_argument("source", metavar="SOURCE")
    parser.add_argument("--to", default="", metavar="NAMES", help="runtimes or whole routes, joined by commas (default: all found here)")
    parser.add_argument("--artifact", default="", metavar="FILE", help="judge this conversion, made elsewhere, instead of converting")
    parser.add_argument("--framework", default="", help="the source's framework, where its model needs another environment than this one")
    parser.add_argument(
        "--dim", action="append", default=[], metavar="X.0=NAME:LOW:HIGH",
        help="a dynamic axis; also NAME:1,2,4,8 for a set, or an expression such as 2*batch + 1 (repeatable)",
    )  # fmt: skip
    parser.add_argument("--relation", action="append", default=[], metavar="'T == 2*S + 1'", help="what lengths keep to (repeatable)")
    parser.add_argument(
        "--profile", action="append", default=[], metavar="NAME=1,NAME=128", help="a combination of lengths; given any, the only ones"
    )
    parser.add_argument(
        "--domain", action="append", default=[], metavar="X=KIND:NUMBERS", help="values of an input: ids:30522, uniform:0:1, ..."
    )
    parser.add_argument("--inputs", default="", metavar="FILE.npz", help="real inputs, one array each")
    parser.add_argument(
        "--rung", action="append", default=[], metavar="NAME",
        help="rungs of the input ladder, or core, edge, special, tried beside ordinary inputs (default: core; normal: none)",
    )  # fmt: skip
    parser.add_argument("--search", type=int, default=0, metavar="N", help="spend N runs on a search for inputs that reveal a difference")
    parser.add_argument(
        "--generate", default="", metavar="LEVELS", help="test the parts of the model as well: unit, module or both, joined by a comma"
    )
    parser.add_argument("--fuzz", type=int, default=FUZZ, metavar="N", help=f"shapes to try of dynamic axes (default: {FUZZ}; 0: none)")
    parser.add_argument("--rtol", type=float, help="relative tolerance, instead of the bound from the float64 run")
    parser.add_argument("--atol", type=float, help="absolute tolerance, likewise")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and inputs (default: 0)")
    parser.add_argument("--fresh", action="store_true", help="run everything anew instead of reusing cached results")
    parser.add_argument("--no-localise", action="store_true", help="do not look for the hop and the layer to blame for a mismatch")
    parser.add_argument("--localise-timeout", type=float, default=300.0, metavar="SECONDS", help="seconds for that search (default: 300)")
    parser.add_argument("--repro", default="", metavar="FOLDER", help="write a folder for each mismatch that fails without this harness")
    parser.add_argument("--timeout", type=float, help="seconds for one build or conversion (default: 300)")
    parser.add_argument("--memory", default="", metavar="GIB", help="limit of one worker, for example 10, or 512M (default: 6)")
    parser.add_argument("--json", metavar="FILE", help="write the records, one JSON line each")
    parser.add_argument("--html", metavar="FILE", help="write the report")
    parser.set_defaults(run=_check)


def names(text: str) -> tuple[str, ...]:
    """Return the parts of a list; a comma inside the options of a route is no separator."""
    return tuple(filter(None, (part.strip() for part in re.split(r",(?![^\[]*\])", text))))


def memory(text: str) -> int:
    """Return the bytes of a memory limit; a bare number counts GiB. Raises `UsageError` for none and for what is no size."""
    found = size(f"{text}G" if re.fullmatch(r"\d+(\.\d+)?", text) else text)
    if not found:
        raise UsageError(f"--memory {text}; expected more than 0, for example 10, or 512M")
    return found


def _table(records: Sequence[Record]) -> Table:
    parts = any(record.part for record in records)
    first = [Column("part", overflow="fold")] if parts else []
    table = Table(*first, Column("route", overflow="fold"), "outcome", "greatest difference", "inputs tried")
    for record in records:
        worst = max((c.metrics.get("max_abs", 0.0) for c in record.comparisons if c.against == "reference"), default=None)
        path = [escape(str((record.part or {}).get("path", "(whole)")))] if parts else []
        tried = _tried((record.shapes or {}).get("tried", ()))
        outcome = f"{record.outcome} ({record.label})" if record.label else str(record.outcome)
        table.add_row(*path, escape(record.route), outcome, "" if worst is None else f"{worst:.3g}", tried)
    return table


def _tried(samples: Sequence[Mapping[str, Any]]) -> str:
    """Return the shapes tried in a few words, and how many rungs of the input ladder."""
    lengths = [{name: length for name, length in sample.items() if name not in ("rung", "seed")} for sample in samples]
    shapes = list(dict.fromkeys(" ".join(f"{name}={length}" for name, length in one.items()) or "as declared" for one in lengths))
    more = [f"and {len(shapes) - SHOWN} more"] if len(shapes) > SHOWN else []
    rungs = len({sample["rung"] for sample in samples if "rung" in sample})
    return "; ".join([*shapes[:SHOWN], *more, *([f"{rungs} rungs"] if rungs else [])])


def _check(given: argparse.Namespace, console: Console) -> int:
    if given.search < 0:
        raise UsageError(f"--search {given.search}; expected a whole number >= 0")
    if given.fuzz < 0:
        raise UsageError(f"--fuzz {given.fuzz}; expected a whole number >= 0")
    usual = Limits()
    limits = Limits(timeout=given.timeout or usual.timeout, memory=memory(given.memory) if given.memory else usual.memory)
    question = Question(
        source=given.source, to=names(given.to), artifact=given.artifact, framework=given.framework,
        dims=tuple(given.dim), relations=tuple(given.relation), profiles=tuple(given.profile), domains=tuple(given.domain),
        inputs=given.inputs, rtol=given.rtol, atol=given.atol, seed=given.seed,
        rungs=tuple(given.rung) or ("core",), fresh=given.fresh, limits=limits, search=given.search,
        localise=not given.no_localise, localise_timeout=given.localise_timeout, repro=given.repro, fuzz=given.fuzz,
        generate=generate_from(given.generate or "none"),
    )  # fmt: skip
    told = Console(stderr=True, highlight=False, soft_wrap=True)

    def done(record: Record) -> None:
        if given.json:
            with Path(given.json).open("a", encoding="utf-8") as stream:
                stream.write(record.line() + "\n")

    if given.json:
        write_text(Path(given.json), "")
    records = check(question, Path.cwd(), lambda text: told.print(text, style="dim", markup=False), done)
    console.print(_table(records))
    for record in records:
        if not record.ok:
            console.print("\n".join(explain(record)), markup=False, highlight=False, soft_wrap=True)
    verdict = gate(records)
    for reason in verdict.reasons:
        console.print(reason, markup=False, highlight=False, soft_wrap=True)
    if given.html:
        write_text(Path(given.html), render_html(records, title=f"Parity of {given.source}", gate=verdict.to_json()))
    if any((record.error or {}).get("kind") == "usage" for record in records):
        return 2
    return verdict.code
