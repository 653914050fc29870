"""Declared tolerances by policy: rows that name cells and outputs, and the limits these are held to.

Of the rows that name an output the **last** one decides, so general rows come first and exceptions after
them. A case's own ``tolerance`` lies over all rows. A row may be looser than the default for a dtype only with a
reason and an expiry date; once that day is over, a run in which the row decides something breaks.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.case import LEVELS
from harness.core.errors import UsageError, unknown
from harness.core.record import Comparison, Record
from harness.core.spec import DTYPES
from harness.core.tolerance import LIMITS, MODES, Tolerance, day, default_tolerance, floating, tolerance_from, wider
from harness.core.value import value
from harness.policy import glob, tables

MATCH = ("case", "route", "output", "dtype", "level")
KEYS = (*MATCH, "mode", "preset", *LIMITS, "reason", "expires")
_PROJECT = "pyproject.toml, [tool.parity.tolerances]"


@value
class Row:
    """One row: patterns that name outputs of cells, and the tolerance these get.

    ``mode``: ``declared`` limits replace the bound from the float64 oracle; with ``oracle`` that bound stays
    and the row's limits, if any, hold beside it. ``floats``: limits without a dtype are about floating-point
    outputs, so that a row for all of a case does not loosen its integers and masks. A preset knows every dtype.
    """

    case: str = "*"
    route: str = "*"
    output: str = "*"
    dtype: str = "*"
    level: str = "*"
    mode: str = "oracle"
    tolerance: Tolerance | None = None
    reason: str = ""
    expires: str = ""
    floats: bool = True
    where: str = ""

    @property
    def subject(self) -> str:
        """Return what the row is about, as short as messages can name it."""
        named = [text for key in MATCH if (text := getattr(self, key)) != "*"]
        return " ".join(named) or "everything"

    def names(self, case: str, level: str, route: str) -> bool:
        """Return whether the row is about a cell."""
        return glob.matches(self.case, case) and glob.matches(self.level, level) and glob.matches(self.route, route)

    def covers(self, dtype: str) -> bool:
        """Return whether the row is about outputs of ``dtype``."""
        return glob.matches(self.dtype, dtype) and (floating(dtype) or not self.floats)

    def holds(self, output: str, dtype: str) -> bool:
        """Return whether the row is about an output of the cells it names."""
        return glob.matches(self.output, output) and self.covers(dtype)

    def at(self, dtype: str) -> Tolerance:
        """Return the tolerance for an output of ``dtype``: the limits, beside the default bound where the oracle decides."""
        usual = default_tolerance(dtype)
        if self.mode == "declared" and self.tolerance is not None:
            return self.tolerance.at(dtype)
        limits = self.tolerance.limits if self.tolerance is not None else {}
        return dataclasses.replace(usual, **limits, reason=self.reason, expires=self.expires, row=self.where)


def read(setting: Any, root: str | os.PathLike[str]) -> tuple[Row, ...]:
    """Return the rows of ``tolerances`` in ``[tool.parity]``, in order.

    ``setting`` is a list of file names (relative to ``root``) and rows, or one table: a row for
    all it names, with ``files``, whose rows come after it. Raises `UsageError` naming file and row for anything wrong.
    """
    if isinstance(setting, Mapping):
        row = {key: item for key, item in setting.items() if key != "files"}
        files = setting.get("files", [])
        if not isinstance(files, (list, tuple)) or not all(isinstance(name, str) for name in files):
            raise UsageError(f"{_PROJECT}: files is {files!r}; expected a list of file names")
        return (*([_row(row, _PROJECT)] if row else []), *(row for name in files for row in _file(Path(root) / name, name)))
    rows: list[Row] = []
    for number, entry in enumerate(setting, 1):
        if isinstance(entry, Mapping):
            rows.append(_row(entry, f"{_PROJECT}, row {number}"))
        else:
            rows += _file(Path(root) / entry, str(entry))
    return tuple(rows)


def _file(path: Path, name: str) -> list[Row]:
    data = tables.read(path)
    tables.known_keys(data, ["tolerance"], name)
    entries = data.get("tolerance", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{name}: write each row as its own [[tolerance]] table")
    return [_row(entry, f"{name}, row {number}") for number, entry in enumerate(entries, 1)]


def _row(table: Mapping[str, Any], where: str) -> Row:
    tables.known_keys(table, KEYS, where)
    patterns = {key: tables.text(table, key, where, "give a name or a pattern, or leave it out for all") for key in MATCH if key in table}
    for key, known in (("dtype", DTYPES), ("level", LEVELS)):
        if key in patterns and not any(glob.matches(patterns[key], name) for name in known):
            raise UsageError(f"{where}: {unknown(key, patterns[key], known)}")
    mode = table.get("mode", "oracle")
    if mode not in MODES:
        raise UsageError(f"{where}: {unknown('mode', str(mode), MODES)}")
    for key in ("reason", "preset"):
        if key in table:
            tables.text(table, key, where, "write a text, or leave it out")
    tolerance = _tolerance(table, mode, where)
    row = Row(
        **patterns, mode=mode, tolerance=tolerance, reason=table.get("reason", ""), expires=day(table.get("expires", ""), f"{where}: "),
        floats="dtype" not in table and "preset" not in table, where=where,
    )  # fmt: skip
    _refuse_looser(row)
    return row


def _tolerance(table: Mapping[str, Any], mode: str, where: str) -> Tolerance | None:
    """Return the limits of a row, None for a row of the mode oracle without any."""
    limits = [key for key in table if key in LIMITS]
    replaced = [key for key in table if key in ("rtol", "atol", "min_fraction", "preset")]
    if "preset" in table and limits:
        raise UsageError(f"{where}: has a preset and {', '.join(limits)}; give either, or two rows for different outputs")
    if mode == "oracle" and replaced:
        raise UsageError(f'{where}: {replaced[0]} would replace the bound from the oracle; say so with mode = "declared", or leave it out')
    if mode == "oracle" and not limits:
        return None
    kept = {key: table[key] for key in ("preset", *LIMITS, "reason", "expires") if key in table}
    return tolerance_from({**kept, "mode": mode, "row": where}, where)


def _refuse_looser(row: Row) -> None:
    """Raise `UsageError` for a row that lets a dtype go further than its default without saying why and until when."""
    if row.reason and row.expires:
        return
    for dtype in filter(row.covers, DTYPES):
        found = wider(row.at(dtype), default_tolerance(dtype))
        if found:
            missing = " and ".join(key for key in ("reason", "expires") if not getattr(row, key))
            raise UsageError(
                f"{row.where} ({row.subject}): looser than the default for {dtype} ({'; '.join(found)}) and has no {missing}; "
                'say why and until when: reason = "..." and expires = "2027-01-31"'
            )


def bounds_for(
    case_id: str, level: str, route: str, rows: Sequence[Row], own: Tolerance | None = None
) -> Callable[[str, str], Tolerance]:
    """Return what gives each output (name, dtype) of a cell its tolerance.

    ``own`` is the case's own tolerance: an override, with its reason, of every row for floating-point outputs. Else
    the last row that names the output decides, else the default for the dtype.
    """
    named = [row for row in reversed(rows) if row.names(case_id, level, route)]

    def bounds(output: str, dtype: str) -> Tolerance:
        if own is not None and floating(dtype):
            return own.at(dtype)
        row = next((row for row in named if row.holds(output, dtype)), None)
        return row.at(dtype) if row else default_tolerance(dtype)

    return bounds


def problems(records: Iterable[Record], rows: Sequence[Row], today: datetime.date, *, complete: bool = False) -> list[str]:
    """Return what is wrong with the declared tolerances of a run, in words.

    A row, or a case's own tolerance, that decided something after its last day. With ``complete`` (the whole
    matrix was run) also each row that decided nothing; one whose cells ended before a comparison is let be.
    """
    cells = list(records)
    deciding: dict[str, None] = {}
    late: dict[str, None] = {}
    for cell in cells:
        for comparison in _declared(cell):
            name, expires = str(comparison.bound.get("row", "")), str(comparison.bound.get("expires", ""))
            deciding.setdefault(name)
            if expires and today.isoformat() > expires and not name:
                late.setdefault(f"expired: the tolerance of case {cell.case} was valid until {expires}; tighten or renew it")
    for row in rows:
        if row.where in deciding and row.expires and today.isoformat() > row.expires:
            late.setdefault(
                f"expired: the tolerance for {row.subject} was valid until {row.expires}; fix the cells or renew the row ({row.where})"
            )
    return [*late, *([_unused(row) for row in rows if not _used(row, deciding, cells)] if complete else [])]


def _declared(record: Record) -> list[Comparison]:
    return [comparison for comparison in record.comparisons if comparison.against == "reference"]


def _used(row: Row, deciding: Mapping[str, None], cells: Sequence[Record]) -> bool:
    named = [cell for cell in cells if row.names(cell.case, cell.level, cell.route)]
    return row.where in deciding or any(not _declared(cell) for cell in named)


def _unused(row: Row) -> str:
    return f"unmatched: the tolerance for {row.subject} decides no output of the whole matrix; remove or correct it ({row.where})"
