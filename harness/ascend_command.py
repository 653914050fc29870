"""``parity ascend``: ATC commands checked, and models looked at for what ATC will make of them, without CANN."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.ascend.script import Found, calls_in
from harness.core.errors import UsageError

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

A warning is told and does not fail. Shell variables in values are left open.
exit code: 0 nothing to change, 1 faults, 2 usage error or no atc call found"""


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


def _lint(given: argparse.Namespace, console: Console) -> int:
    name, calls = _calls(given.command)
    if not calls:
        raise UsageError(f"{name or given.command!r} holds no atc call; expected one such as: atc --model=m.onnx --framework=5 ...")
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


def _calls(asked: str) -> tuple[str, list[Found]]:
    """Return the file's name ("" for a command) and the calls. Raises `UsageError` for a file that is not there or is no text."""
    if re.match(r"\s*(\w+=\S*\s+)*([\w./\\-]*[/\\])?(py)?atc(\.bin)?\s+-", asked):
        return "", calls_in(asked)
    path = Path(asked)
    try:
        return asked, calls_in(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{asked!r}: {why}; expected an atc command in quotes, or a script that holds one") from None


def _row(call: Found) -> dict[str, Any]:
    faults = [
        {"flag": fault.flag, "why": fault.why, "write": fault.write, "code": fault.code, "warning": fault.warning} for fault in call.faults
    ]
    return {"line": call.line, "command": call.command, "faults": faults}
