"""Drafts of expectation rows, made from what failed: exact ids, one cause a row, and a reason that a human must replace."""

from __future__ import annotations

import datetime
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.value import value
from harness.policy.expectations import DRAFT, cause

LONGEST = 160
"""Characters of a message that go into a signature; what identifies a cause stands at its beginning."""
_LITERAL = 6
# What differs between two runs of one cause, the most telling first: paths, addresses, digests, shapes, counters, numbers.
_CHANGING = (
    (r"(?:(?:/|[A-Za-z]:\\)[\w.+\-@~]*){2,}(?::\d+)?", r"\S+"),
    (r"0x[0-9a-fA-F]+", "0x[0-9a-fA-F]+"),
    (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\b", "[0-9a-f]+"),
    (r"(?<![\w.])\d+(?:x\d+)+\b", r"[\dx]+"),
    (r"(?<=_)\d+\b", r"\d+"),
    (r"(?<![\w.])[-+]?\d[\d.]*(?:e[-+]?\d+)?(?!\w)", r"[-+\d.e]+"),
)  # fmt: skip
_SPLIT = re.compile("|".join(f"(?P<k{number}>{pattern})" for number, (pattern, _) in enumerate(_CHANGING)))


# A line that names an exception says most; one that ends in a colon announces the next, and items of lists and headings give advice.
_NAMED = re.compile(r"\s*(?:<class '[\w.]+'>|[\w.]*(?:Error|Exception|Failure)): ")
_AROUND = re.compile(r":\s*$|^\s*[-#*(]")


@value
class Draft:
    """One row to be: cells that end alike for one reason, on one route."""

    cases: tuple[str, ...]
    route: str
    stage: str
    outcome: str
    signature: str
    says: str


def signature(record: Record) -> str:
    """Return a regular expression for the cause of a failed record: its first telling line, with what changes from run to run left open.

    It always matches the record's own cause, and never the empty text. "" where the record says nothing that could be recognised.
    """
    text = cause(record)
    # The kind of an error is also its outcome; it is the type and the message that tell causes apart.
    lines = [line for line in text.splitlines() if line.strip() and line != (record.error or {}).get("kind")]
    told = str((record.error or {}).get("message") or "").splitlines()
    for line in sorted(dict.fromkeys(lines), key=lambda line: (line not in told, not _NAMED.match(line), bool(_AROUND.search(line)))):
        found = generalised(line)
        if found and re.search(found, text):
            return found
    return ""


def generalised(line: str) -> str:
    """Return a line as a regular expression, numbers, shapes, paths and addresses left open; "" where too little would be left."""
    parts, literal, end = [], "", 0
    line = line.strip()
    for found in _SPLIT.finditer(line):
        kept = _short(line[end : found.start()], len(literal))
        parts.append(_escaped(kept))
        literal += kept
        if len(kept) < found.start() - end:
            break
        parts.append(_CHANGING[int(str(found.lastgroup)[1:])][1])
        end = found.end()
    else:
        rest = _short(line[end:], len(literal))
        parts.append(_escaped(rest))
        literal += rest
    return "".join(parts) if len(re.sub(r"[\W\d_]", "", literal)) >= _LITERAL else ""


def _short(text: str, before: int) -> str:
    """Return ``text``, cut between two words where it would make more than `LONGEST` characters of what is quoted."""
    room = LONGEST - before
    return text if len(text) <= room else text[: max(0, room)].rsplit(" ", 1)[0]


def _escaped(text: str) -> str:
    return re.sub(r"\\([ #&~\-])", r"\1", re.escape(text))


def drafts(records: Iterable[Record]) -> tuple[list[Draft], list[Record], list[Record]]:
    """Return rows for the records that failed and are not expected to, the records that say too little for a row, and those whose
    own row no longer fits, which is to be mended by hand.
    """
    groups: dict[tuple[str, str, str, str, str], list[Record]] = defaultdict(list)
    mute, misfits = [], []
    for record in records:
        if record.ok or record.outcome in (Outcome.MATCH, Outcome.UNAVAILABLE):
            continue
        if record.expectation:
            misfits.append(record)
        elif found := signature(record):
            # What is outside its bound says little of the cause; operators of one family are likely to share it.
            family = (record.family or record.case) if record.outcome is Outcome.MISMATCH else ""
            groups[record.route, str(record.stage), str(record.outcome), found, family].append(record)
        else:
            mute.append(record)
    rows = [
        Draft(
            cases=tuple(sorted({record.case for record in cells})), route=route, stage=stage, outcome=outcome, signature=found,
            says=_said(next(line for line in cause(cells[0]).splitlines() if re.search(found, line)), family),
        )
        for (route, stage, outcome, found, family), cells in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.route, row.stage, row.outcome, row.cases)), mute, misfits


def _said(line: str, family: str) -> str:
    """Return a line for people: without paths, at most 200 characters."""
    text = " ".join(re.sub(_CHANGING[0][0], "…", line).split())
    return (f"{family}: " if family else "") + (text if len(text) <= 200 else text[:199] + "…")


def toml(rows: Sequence[Draft], today: datetime.date, days: int) -> str:
    """Return the rows as a file of ``[[expect]]`` tables, valid for so many days."""
    head = "# Drafted from a run by `parity expect`. Each row excuses its cells, and fails the gate until its reason has been replaced.\n"
    return head + "".join(f"\n[[expect]]\n{_table(row, today + datetime.timedelta(days=days))}" for row in rows)


def _table(row: Draft, expires: datetime.date) -> str:
    cases = f"case = {_text(row.cases[0])}\n"
    if len(row.cases) > 1:
        cases = "cases = [\n" + "".join(f"    {_text(case)},\n" for case in row.cases) + "]\n"
    fields = {"route": row.route, "stage": row.stage, "outcome": row.outcome, "signature": row.signature, "reason": f"{DRAFT} {row.says}"}
    return cases + "".join(f"{key} = {_text(item)}\n" for key, item in fields.items()) + f"expires = {expires.isoformat()}\n"


def _text(item: str) -> str:
    """Return a basic string of TOML: as in JSON, but that DEL is written out."""
    return json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f")
