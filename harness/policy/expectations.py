"""Expected failures: which cell fails, at which stage, with which outcome and cause, why, and until when.

A row excuses one failure and nothing else. Should the cell fail in another way, pass, or outlive the
row's expiry date, the run breaks and says so.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.core.errors import UsageError, unknown
from harness.core.outcome import Outcome, Stage
from harness.core.record import Record
from harness.core.value import value
from harness.policy import glob, tables

KEYS = ("case", "cases", "route", "routes", "stage", "outcome", "signature", "reason", "expires", "issue")
_FAILURES = tuple(str(outcome) for outcome in Outcome if outcome not in (Outcome.MATCH, Outcome.UNAVAILABLE))


DRAFT = "to be reviewed:"
"""How the reason of a row begins that nobody has reviewed: it excuses its cells, and the gate fails for it."""


@value
class Expectation:
    """One row. ``case`` and ``route`` are patterns; ``signature`` is searched for in the cause (see `cause`)."""

    case: str
    route: str
    stage: Stage
    outcome: Outcome
    signature: str
    reason: str
    expires: datetime.date
    issue: str = ""
    file: str = ""
    row: int = 0

    @property
    def where(self) -> str:
        """Return the file and row number, as messages name it."""
        return f"{self.file}, row {self.row}" if self.file else f"row {self.row}"

    @property
    def rank(self) -> int:
        """Return how many of case and route are named without wild-cards."""
        return glob.exact(self.case) + glob.exact(self.route)

    def names(self, record: Record) -> bool:
        """Return whether the row is about this record's case and route."""
        return glob.matches(self.case, record.case) and glob.matches(self.route, record.route)


def load_expectations(paths: Iterable[str | os.PathLike[str]]) -> tuple[Expectation, ...]:
    """Return the rows of the files, in order. Raises `UsageError` naming file and row for anything wrong."""
    rows: list[Expectation] = []
    for path in paths:
        name = os.fspath(path)
        data = tables.read(path)
        tables.known_keys(data, ["expect"], name)
        entries = data.get("expect", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise UsageError(f"{name}: write each row as its own [[expect]] table")
        rows += [row for number, entry in enumerate(entries, 1) for row in _rows(entry, name, number)]
    _refuse_repeats(rows)
    return tuple(rows)


def _rows(table: Mapping[str, Any], file: str, number: int) -> list[Expectation]:
    """Return the rows of one table: one for each of its cases on each of its routes."""
    where = f"{file}, row {number}"
    tables.known_keys(table, KEYS, where)
    cases = _listed(table, "case", where, "give a case id or a pattern such as unit/conv*")
    routes = _listed(table, "route", where, "give a route or a pattern such as torch>onnx.dynamo*>openvino@cpu")
    return [_row({**table, "case": case, "route": route}, where, file, number) for case in cases for route in routes]


def _listed(table: Mapping[str, Any], key: str, where: str, hint: str) -> list[str]:
    """Return the texts under ``key``, or under its plural as a list."""
    many = f"{key}s"
    if many not in table:
        return [tables.text(table, key, where, f"{hint}, or several as {many} = [...]")]
    if key in table:
        raise UsageError(f"{where}: has {key} and {many}; give one of them")
    found = table[many]
    if not isinstance(found, list) or not found or not all(isinstance(item, str) and item.strip() for item in found):
        raise UsageError(f"{where}: {many} is {found!r}; expected a list of texts; {hint}")
    return list(found)


def _row(table: Mapping[str, Any], where: str, file: str, number: int) -> Expectation:
    case, route = table["case"], table["route"]
    if glob.says_nothing(case) and glob.says_nothing(route):
        raise UsageError(f"{where}: case {case!r} with route {route!r} would excuse every cell; name the case or the route")
    issue = table.get("issue", "")
    if not isinstance(issue, str):
        raise UsageError(f"{where}: issue is {issue!r}; give a link or a number in quotes")
    return Expectation(
        case=case, route=route,
        stage=Stage(_one_of(table, "stage", [str(stage) for stage in Stage], where)),
        outcome=Outcome(_one_of(table, "outcome", _FAILURES, where)),
        signature=_signature(table, where), expires=_date(table, where), issue=issue, file=file, row=number,
        reason=tables.text(table, "reason", where, "say in words why this failure is accepted for now"),
    )  # fmt: skip


def _one_of(table: Mapping[str, Any], key: str, known: Iterable[str], where: str) -> str:
    names = list(known)
    found = tables.text(table, key, where, f"give one of {', '.join(names)}")
    if found in (Outcome.MATCH.value, Outcome.UNAVAILABLE.value) and key == "outcome":
        raise UsageError(f"{where}: outcome {found!r} is no failure to expect; give one of {', '.join(names)}")
    if found not in names:
        raise UsageError(f"{where}: {unknown(key, found, names)}")
    return found


def _signature(table: Mapping[str, Any], where: str) -> str:
    found = tables.text(table, "signature", where, "give a regular expression that only this cause matches")
    try:
        if re.compile(found).search(""):
            raise UsageError(f"{where}: signature {found!r} matches any text, so it binds the row to no cause; quote part of the message")
    except re.error as error:
        raise UsageError(f"{where}: signature {found!r} is not a regular expression: {error}") from None
    return found


def _date(table: Mapping[str, Any], where: str) -> datetime.date:
    found = table.get("expires")
    if isinstance(found, datetime.date) and not isinstance(found, datetime.datetime):
        return found
    if found is None:
        raise UsageError(f"{where}: expires is missing; give the last valid day, for example expires = 2027-01-31")
    try:
        return datetime.datetime.strptime(found if isinstance(found, str) else "", "%Y-%m-%d").date()
    except ValueError:
        raise UsageError(f"{where}: expires is {str(found)!r}; expected a date such as 2027-01-31") from None


def _refuse_repeats(rows: list[Expectation]) -> None:
    seen: dict[tuple[str, str], Expectation] = {}
    for row in rows:
        first = seen.setdefault((row.case, row.route), row)
        if first is not row:
            raise UsageError(
                f"{row.where}: repeats the case and route of {first.where}; a cell fails in one way, keep the row that says which"
            )


def cause(record: Record) -> str:
    """Return the text a signature is searched in: error, failed facts, outputs outside their bound, messages."""
    lines = [str(part) for key, part in (record.error or {}).items() if key != "traceback" and isinstance(part, (str, int))]
    for comparison in record.comparisons:
        if not comparison.match and comparison.against != "oracle":
            lines += comparison.facts or (f"output {comparison.output!r} is outside its bound against {comparison.against}",)
    lines += [f"{key} {part}" for key, part in (record.culprit or {}).items() if isinstance(part, str)]
    return "\n".join([*lines, *record.messages])


def apply(
    records: Iterable[Record], rows: Sequence[Expectation], today: datetime.date, *, complete: bool = False
) -> tuple[list[Record], list[str]]:
    """Return the records with ``expectation`` filled, and what is wrong with the rows, in words.

    Each record is decided by one row: the one that names it most exactly, else the first. With
    ``complete`` (the whole matrix was run) rows that decided nothing are wrong too; a row whose
    cells are all unavailable here is not, since nothing was learnt about it. A row that decides and is
    still a draft is a problem, though it excuses its cells. Whatever expectation a record carried before is replaced.
    """
    ranked = sorted(rows, key=lambda row: -row.rank)
    judged, problems = [], []
    used: set[Expectation] = set()
    hidden: dict[Expectation, str] = {}
    for record in records:
        named = [row for row in ranked if row.names(record)]
        if not named:
            judged.append(dataclasses.replace(record, expectation=None))
            continue
        row = named[0]
        used.add(row)
        hidden.update((other, row.where) for other in named[1:])
        if record.outcome is Outcome.UNAVAILABLE:
            judged.append(dataclasses.replace(record, expectation=None))
            continue
        problem = _problem(record, row, today)
        problems += [problem] if problem else []
        filled = {"met": not problem, "reason": row.reason, "expires": row.expires.isoformat(), "row": row.where, "problem": problem}
        judged.append(dataclasses.replace(record, expectation={**filled, "issue": row.issue} if row.issue else filled))
    problems += dict.fromkeys(_unreviewed(row) for row in rows if row in used and row.reason.startswith(DRAFT))
    if complete:
        problems += [_unused(row, hidden.get(row), today) for row in rows if row not in used]
    return judged, problems


def _problem(record: Record, row: Expectation, today: datetime.date) -> str:
    """Return why the row does not excuse the record; "" when it does."""
    cell = f"{record.case} on {record.route}"
    if record.outcome is Outcome.MATCH:
        return f"unexpected pass: {cell} matches now; remove the row or narrow its pattern ({row.where})"
    if (record.stage, record.outcome) != (row.stage, row.outcome):
        return (
            f"changed cause: {cell} was expected to end in {row.outcome} at {row.stage}, "
            f"it ended in {record.outcome} at {record.stage} ({row.where})"
        )
    text = cause(record)
    if not re.search(row.signature, text):
        got = " ".join(text.split())[:200] or "no message at all"
        return (
            f"changed cause: {cell} fails as expected in {row.outcome} at {row.stage}, but not with {row.signature!r}: {got} ({row.where})"
        )
    if today > row.expires:
        return f"expired: the row for {cell} was valid until {row.expires}; fix the failure or renew the row ({row.where})"
    return ""


def _unreviewed(row: Expectation) -> str:
    return f"not reviewed: {row.where} was drafted from a run ({row.outcome} at {row.stage}); put in its reason why this is accepted"


def _unused(row: Expectation, winner: str | None, today: datetime.date) -> str:
    late = f", and it expired on {row.expires}" if today > row.expires else ""
    if winner:
        return f"unmatched: every cell the row for {row.case} on {row.route} names is decided by {winner}{late}; remove it ({row.where})"
    return (
        f"unmatched: no cell of the whole matrix is named by case {row.case} on route {row.route}{late}; remove or correct it ({row.where})"
    )
