"""``parity ascend``: ATC commands checked, and models looked at for what ATC will make of them, without CANN."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.ascend.finding import SEVERITIES, Finding, few
from harness.ascend.gears import proposed
from harness.ascend.script import Found
from harness.ascend_check import Asked, Checked, checked
from harness.ascend_lint import linted
from harness.core.errors import Unavailable
from harness.core.record import plain
from harness.engine.pool import Limits

_ABOUT = """The way to an Ascend NPU leads through ATC, the offline compiler: it turns an ONNX file (or a frozen TensorFlow
graph, or MindSpore AIR) into an .om for one chip, in float16 unless told otherwise, and it is quiet about much that goes wrong.

  parity ascend lint  "atc --model=..."      what is wrong with a command, or with the commands in a script
  parity ascend check model.onnx --soc ...   what ATC will refuse, ignore or change in a model, and the repair

Neither needs CANN or an NPU: both predict. What is executed, emulated and predicted is told apart in docs/ASCEND.md."""
_LINT = """examples:
  parity ascend lint 'atc --model=m.onnx --framework=5 --output=m --soc_version=Ascend310P3 --input_shape="x:-1,3,224,224"
                      --dynamic_batch_size=1,2,4,8'
  parity ascend lint convert.sh
  parity ascend lint tools/export.py --json faults.json

Where the model or a file that a flag names is at hand, the command is held against it: names and axes of inputs, sections and lists.
A warning is told and does not fail. Shell variables in values are left open.
exit code: 0 nothing to change, 1 faults, 2 usage error or no atc call found"""
_CHECK = """examples:
  parity ascend check model.onnx --soc Ascend310P3
  parity ascend check model.onnx --soc Ascend910B3 --cann 8.0.0 --dim x.0=batch:1:32
  parity ascend check bert.onnx --soc Ascend310P3 --fix bert-18.onnx --domain input_ids=ids:30522

What is said is predicted, from a table of CANN's ONNX plugins: nothing is compiled. A plugin is no promise of a kernel for every
type and shape. --fix brings the opset into range, writes operators without a plugin with others, folds constants and inlines
functions. Each repair is judged on ONNX Runtime like any conversion; one that changes what the model computes is not written.
exit code: 0 nothing that ATC refuses or gets wrong (after --fix: in the file written), 1 something, 2 usage error, 3 no onnx here"""


def declare(commands: Any) -> None:
    """Add the command to the parser of ``parity``."""
    parser = commands.add_parser(
        "ascend", help="Ascend NPU: check ATC commands and models, without CANN", description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    lint = actions.add_parser(
        "lint", help="what is wrong with an atc command or script, and what to write", epilog=_LINT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    lint.add_argument("command", metavar="COMMAND", help="an atc command in quotes, or a shell script or Python file that holds some")
    lint.add_argument("--json", metavar="FILE", help="write the calls and their faults as JSON")
    lint.set_defaults(run=_lint)
    _declare_check(actions)


def _declare_check(actions: Any) -> None:
    look = actions.add_parser(
        "check", help="what ATC will refuse, ignore or change in an ONNX model, and repairs", epilog=_CHECK,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    look.add_argument("model", metavar="MODEL.onnx")
    look.add_argument("--soc", required=True, metavar="NAME", help='the exact chip: "Ascend" and Name of npu-smi info, such as Ascend310P3')
    look.add_argument("--cann", default="", metavar="VERSION", help="ask the vendor's operator list of then as well, for example 8.0.0")
    look.add_argument("--fix", default="", metavar="OUT.onnx", help="make the safe repairs, prove each, and write the model")
    look.add_argument("--dim", action="append", default=[], metavar="X.0=NAME:LOW:HIGH", help="a dynamic axis, as for parity check")
    look.add_argument(
        "--domain", action="append", default=[], metavar="X=KIND:NUMBERS", help="values of an input, for the proof: ids:30522"
    )
    look.add_argument("--inputs", default="", metavar="FILE.npz", help="real inputs for the proof, one array each")
    look.add_argument("--json", metavar="FILE", help="write findings, plans and repairs as JSON")
    look.set_defaults(run=_check)


def _lint(given: argparse.Namespace, console: Console) -> int:
    heard = Console(stderr=True, highlight=False, soft_wrap=True)
    name, calls = linted(given.command, lambda text: heard.print(text, style="dim", markup=False))
    wrong = 0
    for call in calls:
        where = f"{name}:{call.line}: " if name else ""
        for fault in call.faults:
            kind = "warning: " if fault.warning else ""
            console.print(f"{where}{kind}{fault}", markup=False, highlight=False, soft_wrap=True)
            wrong += not fault.warning
    if given.json:
        Path(given.json).write_text(json.dumps([_row(call) for call in calls], indent=1), encoding="utf-8")
    found = f"{len(calls)} atc call{'' if len(calls) == 1 else 's'}: "
    console.print(found + (f"{wrong} thing{'' if wrong == 1 else 's'} to change" if wrong else "nothing to change"), highlight=False)
    return 1 if wrong else 0


def _row(call: Found) -> dict[str, Any]:
    faults = [
        {"flag": fault.flag, "why": fault.why, "write": fault.write, "code": fault.code, "warning": fault.warning} for fault in call.faults
    ]
    return {"line": call.line, "command": call.command, "faults": faults}


def _check(given: argparse.Namespace, console: Console) -> int:
    asked = Asked(
        source=given.model, soc=given.soc, cann=given.cann, fix=given.fix, dims=tuple(given.dim), domains=tuple(given.domain),
        inputs=given.inputs, limits=Limits(),
    )  # fmt: skip
    heard = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        result = checked(asked, lambda text: heard.print(text, style="dim", markup=False))
    except Unavailable as absent:
        heard.print(f"parity: {absent}", markup=False)
        return 3

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    about = result.about
    size = f"{about['weights'] / 2**20:.1f} MiB of weights"
    say(f"{given.model}: opset {about['opset']}, {about['nodes']} nodes, {size}. Predicted for {given.soc}; nothing was compiled.")
    _findings(result.findings, say)
    _plans(result, given, say)
    if given.fix:
        _repairs(result, given.fix, say)
    if given.json:
        Path(given.json).write_text(json.dumps(_report(result), indent=1), encoding="utf-8")
    return 1 if result.blocked else 0


def _findings(found: tuple[Finding, ...], say: Callable[[str], None]) -> None:
    for severity, means in SEVERITIES.items():
        some = [one for one in found if one.severity == severity]
        if some:
            say(f"{severity} ({means}):")
        for one in some:
            where = f" [{few(one.where, one.count)}]" if one.where else ""
            say(f"  {one.what}{where}{f' (ATC: {one.code})' if one.code else ''}")
            say(f"    repair: {one.repair}{'; --fix does it' if one.fix else ''}")
    if not any(one.blocks for one in found):
        say("nothing that ATC is known to refuse or to get wrong")


def _plans(result: Checked, given: argparse.Namespace, say: Callable[[str], None]) -> None:
    chosen = proposed(result.plans)
    if chosen is None:
        return
    say("profiles for the dynamic axes, and the work they spend on padding when every length is equally likely:")
    for plan in result.plans:
        gears = "; ".join(f"{name} {','.join(map(str, lengths))}" for name, lengths in plan.gears.items())
        say(f"  {plan.profiles} profiles, {plan.extra:.0%} more work: {gears}{'  <- proposed' if plan is chosen else ''}")
    model = given.fix or given.model
    say(f"  {chosen.call.command(model, str(Path(model).with_suffix('')))}")


def _repairs(result: Checked, dest: str, say: Callable[[str], None]) -> None:
    if result.repairs:
        say("repairs, each executed on ONNX Runtime:")
    for one in result.repairs:
        say(f"  {one.name}: {'proven' if one.proven else 'NOT done' if not one.done else 'NOT PROVEN, left out'}: {one.said}")
        for text in one.done:
            say(f"    {text}")
    if result.left is None:
        say("nothing was written" + ("" if result.repairs else ": there is nothing that a repair here would change"))
        return
    say(f"wrote {dest}; what is left there:")
    _findings(tuple(one for one in result.left if one.blocks), say)


def _report(result: Checked) -> Any:
    chosen = proposed(result.plans)
    rows = [
        {"gears": dict(one.gears), "extra": one.extra, "profiles": one.profiles, "kind": one.kind, "proposed": one is chosen}
        for one in result.plans
    ]
    return plain({
        "predicted": [one.to_json() for one in result.findings], "model": dict(result.about, findings=None), "plans": rows,
        "executed": {"repairs": [dict(one.__dict__) for one in result.repairs]},
        "left": None if result.left is None else [one.to_json() for one in result.left],
    })  # fmt: skip
