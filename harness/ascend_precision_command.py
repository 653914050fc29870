"""The command ``parity ascend precision``: its options, its tables, the files it writes, its exit code."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from harness.ascend.precision import FULL, INF_NAN, MODES, SATURATION, overflow_of
from harness.ascend_precision import FORCED, OTHER_NAMES, RUNTIME, SHOWN, Answer, Asked, Lost, flags, keep_dtype, precision
from harness.check import Question
from harness.core.errors import UsageError, unknown
from harness.core.record import plain
from harness.engine.pool import Limits
from harness.report.write import write_text

_EXAMPLES = """examples:
  parity ascend precision model.onnx --soc Ascend910B3
  parity ascend precision model.onnx --soc Ascend310P3 --inputs samples.npz --tolerance 0.005 --mixlist ops_info.json

drift: how far an output is from the same graph in float64, as a share of it (the larger of the relative errors in the 2-norm and the
maximum norm). It is emulated on the CPU: a prediction, and no result of an NPU. Fused kernels and their own algorithms are not known here.

exit code: 0 some mode or list holds the tolerance, 1 none does, 2 usage error"""


_PROOFS = {
    "smallest": "no cheaper list holds", "irreducible": "none can be left out; not every cheaper list was tried",
    "met": "more trials may find a shorter list",
}  # fmt: skip


def declare(actions: Any) -> None:
    """Add the command to the parser of ``parity ascend``."""
    parser = actions.add_parser(
        "precision", help="what each precision mode does to a model's numbers, emulated; what must stay in float32", epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="SOURCE is a model file or file.py:name, as for parity check; what is no ONNX file is converted first.",
    )  # fmt: skip
    parser.add_argument("source", metavar="SOURCE")
    parser.add_argument("--soc", required=True, metavar="NAME", help="exact chip, such as Ascend910B3")
    parser.add_argument("--tolerance", type=float, default=0.01, metavar="T", help="largest drift of an output (default: 0.01)")
    parser.add_argument("--mode", action="append", default=[], metavar="NAME", help="only these modes (repeatable; default: all)")
    parser.add_argument("--mixlist", metavar="FILE", help="write the file for --modify_mixlist")
    parser.add_argument("--keep-dtype", metavar="FILE", help="write the file for --keep_dtype, where that is proposed")
    parser.add_argument("--nodes", action="store_true", help="look for single nodes to keep, where force_fp16 needs some (--keep_dtype)")
    parser.add_argument("--overflow", default="auto", choices=("auto", INF_NAN, SATURATION), help="above 65504 (default: as the chip)")
    parser.add_argument(
        "--implementation", default="high_performance", choices=("high_performance", "high_precision"),
        help="of vector operators: each step rounded, or float32 inside where the chip has such a kernel",
    )  # fmt: skip
    parser.add_argument("--inputs", default="", metavar="FILE.npz", help="real inputs, one array each: overflow depends on them")
    parser.add_argument("--dim", action="append", default=[], metavar="X.0=NAME:LOW:HIGH", help="a dynamic axis, as for parity check")
    parser.add_argument("--domain", action="append", default=[], metavar="X=KIND:NUMBERS", help="values of an input, as for parity check")
    parser.add_argument("--rung", action="append", default=[], metavar="NAME", help="rungs of the input ladder to try beside ordinary ones")
    parser.add_argument("--layers", type=int, default=3, metavar="N", help="worst layers of each mode to show (default: 3)")
    parser.add_argument("--trials", type=int, default=160, metavar="N", help="emulated runs that one search may take (default: 160)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and inputs (default: 0)")
    parser.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="for one step (default: 300)")
    parser.add_argument("--json", metavar="FILE", help="write all of it")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace, console: Console) -> int:
    if not (given.tolerance > 0 and math.isfinite(given.tolerance)):
        raise UsageError(f"--tolerance {given.tolerance}; expected a share above 0, such as 0.01")
    for name, least in (("layers", 0), ("trials", 1)):
        if getattr(given, name) < least:
            raise UsageError(f"--{name} {getattr(given, name)}; expected a whole number >= {least}")
    for mode in given.mode:
        if mode not in MODES:
            raise unknown("precision mode", mode, MODES)
    above = overflow_of(given.soc, given.overflow)
    question = Question(
        source=given.source, to=(RUNTIME,), dims=tuple(given.dim), domains=tuple(given.domain), inputs=given.inputs,
        rungs=tuple(given.rung), seed=given.seed, limits=Limits(timeout=given.timeout),
    )  # fmt: skip
    asked = Asked(
        question=question, soc=given.soc, tolerance=given.tolerance, overflow=given.overflow, implementation=given.implementation,
        modes=tuple(dict.fromkeys(_shown(mode) for mode in given.mode)), trials=given.trials, nodes=given.nodes,
    )  # fmt: skip
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    answer = precision(asked, Path.cwd(), lambda text: told.print(text, style="dim", markup=False))
    _tell(given, answer, above, console)
    _write(given, answer, above, console)
    return 0 if answer.proposal else 1


def _shown(mode: str) -> str:
    """Return the name under which a mode is listed."""
    return next(name for name in SHOWN if name == mode or mode in OTHER_NAMES[name])


def _number(drift: float) -> str:
    return f"{drift:.2e}" if math.isfinite(drift) else "NaN or Inf"


def _tell(given: argparse.Namespace, answer: Answer, above: str, console: Console) -> None:
    does = "gives infinities" if above == INF_NAN else "saturates"
    console.print(f"emulated, no result of an NPU: {given.soc}, which {does} above 65504", markup=False, highlight=False, soft_wrap=True)
    table = Table(
        Column("mode", no_wrap=True), Column("drift", no_wrap=True), Column("at output", overflow="fold"), "overflows", "in float32",
        "holds",
    )  # fmt: skip
    for one in answer.lost:
        output = max(one.drift, key=lambda name: one.drift[name], default="")
        holds = "yes" if one.worst <= given.tolerance else "no"
        table.add_row(one.mode, _number(one.worst), escape(output), str(len(one.places) or ""), f"{one.cost:.1%}", holds)
    console.print(table)
    for one in answer.lost:
        for line in _inside(one, given.layers):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    for line in _proposed(given, answer):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if answer.yardstick != "float64":
        console.print("the graph cannot be evaluated in float64; drift is against float32")
    if not answer.real:
        console.print("inputs were drawn at random; overflow depends on them: give real ones with --inputs FILE.npz", highlight=False)


def _inside(one: Lost, layers: int) -> list[str]:
    """Return where a mode overflows, and its worst layers."""
    lines = []
    for row in one.places[:10]:
        what = [f"{row[key]} {said}" for key, said in (("overflow", "steps"), ("fed", "inputs"), ("clipped", "constants")) if row[key]]
        lines.append(f"{one.mode}: {row['node']} ({row['op']}) {row['result']}: {' and '.join(what)} above the largest number")
    lines += [f"{one.mode}: and {len(one.places) - 10} more nodes"] if len(one.places) > 10 else []
    lowered = [row for row in one.rows if row["inputs"] != FULL and row["own"] is not None]
    for row in sorted(lowered, key=lambda row: -row["own"])[:layers]:
        total = "" if row["total"] is None else f", {_number(row['total'])} with what it inherits"
        lines.append(f"{one.mode}: {row['node']} ({row['op']}, {row['type']}): own drift {_number(row['own'])}{total}")
    return lines


def _proposed(given: argparse.Namespace, answer: Answer) -> list[str]:
    best = answer.proposal
    if best is None:
        return [f"no mode, and no list of types kept in float32, holds {given.tolerance:g}"]
    kept = best.kept
    lines = [f"proposed: {flags(best)}: drift {_number(kept.trial.drift)}, {kept.trial.cost:.1%} of the work in float32"]
    if kept.names:
        lines.append(f"kept in float32: {', '.join(kept.names)} ({_PROOFS[kept.proof]}; {kept.trials} trials)")
    if answer.uncertain:
        lines.append(f"{', '.join(answer.uncertain)}: ONNX names; ATC builds several types from each, look them up in the .om's JSON")
    lines.append("the lists assumed for the mixed modes are those of the 910B's operator information; an installed file may differ")
    return lines


def _write(given: argparse.Namespace, answer: Answer, above: str, console: Console) -> None:
    if given.mixlist and answer.mixlist and not (answer.mixlist[0].black or answer.mixlist[0].white):
        said = "is not written: mixed_float16 holds the tolerance as it is"
        console.print(f"{given.mixlist} {said}", markup=False, highlight=False, soft_wrap=True)
    elif given.mixlist and answer.mixlist:
        made, lost = answer.mixlist
        write_text(Path(given.mixlist), made.text())
        said = f"with --precision_mode_v2=mixed_float16 it has drift {_number(lost.worst)}, {lost.cost:.1%} of the work in float32"
        console.print(f"{given.mixlist}: {said}", markup=False, highlight=False, soft_wrap=True)
    elif given.mixlist:
        console.print(f"{given.mixlist} is not written: no list holds the tolerance", markup=False, highlight=False, soft_wrap=True)
    if given.keep_dtype and answer.proposal and answer.proposal.mode == FORCED and answer.proposal.kept.names:
        write_text(Path(given.keep_dtype), keep_dtype(answer.proposal))
        console.print(f"{given.keep_dtype}: for --keep_dtype", markup=False, highlight=False, soft_wrap=True)
    if given.json:
        write_text(Path(given.json), json.dumps(plain(_data(given, answer, above)), indent=1, allow_nan=False) + "\n")


def _data(given: argparse.Namespace, answer: Answer, above: str) -> dict[str, Any]:
    best = answer.proposal
    proposal = None if best is None else {
        "mode": best.mode, "keep": list(best.kept.names), "nodes": best.nodes, "drift": best.kept.trial.drift, "cost": best.kept.trial.cost,
        "proof": best.kept.proof, "trials": best.kept.trials, "flags": flags(best),
    }  # fmt: skip
    return {
        "label": "emulated", "source": given.source, "soc": given.soc, "overflow": above, "implementation": given.implementation,
        "tolerance": given.tolerance, "yardstick": answer.yardstick, "inputs": answer.inputs, "real": answer.real,
        "modes": [_mode(one) for one in answer.lost], "proposal": proposal,
        "mixlist": json.loads(answer.mixlist[0].text()) if answer.mixlist else None,
    }  # fmt: skip


def _mode(one: Lost) -> dict[str, Any]:
    names: Sequence[str] = OTHER_NAMES.get(one.mode, ())
    shares = {"cost": one.cost, "cube": one.cube, "vector": one.vector}
    return {"mode": one.mode, "also": list(names), "drift": dict(one.drift), **shares, "layers": [dict(row) for row in one.rows]}
