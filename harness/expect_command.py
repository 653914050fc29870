"""The command ``parity expect``: drafts of expectation rows from the records of a run."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.core.errors import UsageError
from harness.core.record import Record, latest, read_records
from harness.policy import glob
from harness.policy.drafts import drafts, toml
from harness.policy.expectations import DRAFT, load_expectations

DAYS = 90


def declare(commands: Any) -> None:
    """Add the command to the parser of ``parity``."""
    parser = commands.add_parser(
        "expect", help="draft expectation rows from what failed in a run",
        description="Writes one row for each route, stage, outcome and cause, with the exact ids of its cases. Every row has the reason "
        f"'{DRAFT} ...' and fails the gate until somebody has replaced it.",
    )  # fmt: skip
    parser.add_argument("records", metavar="RECORDS", help="records.jsonl of a run")
    parser.add_argument("--route", action="append", default=[], metavar="GLOB", help="only cells on routes that match (repeatable)")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write, which must not exist")
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help=f"days until the rows expire (default: {DAYS})")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, console: Console) -> int:
    """Write the file; return 0. Raises `UsageError` for a file that exists, records that cannot be read, or nothing to draft."""
    out = Path(given.out)
    if out.exists():
        raise UsageError(f"{out} exists; rows in it may have been reviewed: give another name, or remove it")
    if given.days < 1:
        raise UsageError(f"--days {given.days}; expected a whole number of days >= 1")
    records = latest(read_records(given.records))
    chosen = [record for record in records if not given.route or any(glob.matches(pattern, record.route) for pattern in given.route)]
    if not chosen:
        raise UsageError(f"no record of {given.records} is on a route that matches {', '.join(given.route) or '*'}")
    rows, mute, misfits = drafts(chosen)
    if rows:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(toml(rows, datetime.date.today(), given.days), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{out}: {error.strerror or error}; give a file that can be written") from None
        load_expectations([out])
        cells = sum(len(row.cases) for row in rows)
        told = f"{len(rows)} rows for {cells} cells in {out}; replace each '{DRAFT} ...' by why it is accepted"
        console.print(escape(told), soft_wrap=True)
    else:
        console.print("nothing to draft: no cell failed that a row could excuse")
    for what, found in (("says too little for a row", mute), ("has a row that no longer fits", misfits)):
        for record in found:
            console.print(escape(_left(what, record)), soft_wrap=True)
    return 0


def _left(what: str, record: Record) -> str:
    problem = (record.expectation or {}).get("problem")
    return f"left out: {record.id} {what}" + (f": {problem}" if problem else "")
