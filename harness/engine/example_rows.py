"""Failing examples as rows of a TOML file that is kept with the project: replayed first in every run, for ever."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock

from harness.core import toml
from harness.core.errors import UsageError, unknown
from harness.core.record import EXAMPLES
from harness.core.value import value
from harness.numerics.ladder import RUNGS
from harness.numerics.strategies import Example, Space

FILE = "parity_examples.toml"
"""Where rows are unless the setting ``examples`` says otherwise, beside ``pyproject.toml``."""
_KEYS = ("case", "route", "lengths", "rung", "seed", "says", "found_with")
_HEAD = """# Inputs on which a converted model once failed; each is tried first in every run. Written by the fuzzer, kept by people:
# commit it, and remove a row when its case or its axis is gone.
"""


@value
class Row:
    """One example of one cell, and what was known when it was found."""

    case: str
    route: str
    example: Example
    says: str = ""
    found_with: Mapping[str, str] | None = None

    def text(self) -> str:
        """Return the row as TOML."""
        lengths = ", ".join(f"{_key(name)} = {length}" for name, length in self.example.lengths.items())
        versions = ", ".join(f"{_key(name)} = {json.dumps(version)}" for name, version in sorted((self.found_with or {}).items()))
        lines = [
            "[[example]]", f"case = {json.dumps(self.case)}", f"route = {json.dumps(self.route)}", f"lengths = {{ {lengths} }}",
            f"rung = {json.dumps(self.example.rung)}", f"seed = {self.example.seed}",
            *([f"says = {json.dumps(self.says)}"] if self.says else []), *([f"found_with = {{ {versions} }}"] if versions else []),
        ]  # fmt: skip
        return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def rows_from(path: Path) -> tuple[Row, ...]:
    """Return the rows of a file, none where there is no such file. Raises `UsageError` that names file and row for what is no row."""
    if not path.is_file():
        return ()
    table = toml.read(path)
    for key in table:
        if key != "example":
            raise unknown(f"table in {path}", key, ["example"])
    given = table.get("example", [])
    if not isinstance(given, list):
        raise UsageError(f"{path}: example is no list of tables; write [[example]] above each row")
    return tuple(_row(item, f"{path}, row {number}") for number, item in enumerate(given, 1))


def _row(item: Any, where: str) -> Row:
    if not isinstance(item, dict):
        raise UsageError(f"{where}: {item!r} is no table; write [[example]] above the row")
    for key in item:
        if key not in _KEYS:
            raise unknown(f"key of {where}", key, _KEYS)
    for key in ("case", "route", "lengths"):
        if key not in item:
            raise UsageError(f"{where}: {key} is missing; a row says case, route and lengths, for example lengths = {{ batch = 3 }}")
    lengths, rung, seed, versions = item["lengths"], item.get("rung", "normal"), item.get("seed", 0), item.get("found_with", {})
    if not isinstance(lengths, dict) or not all(_whole(n) for n in lengths.values()):
        raise UsageError(f"{where}: lengths = {lengths!r}; expected a whole number >= 0 for each dimension, for example {{ batch = 3 }}")
    if rung not in RUNGS:
        raise unknown(f"rung in {where}", str(rung), RUNGS)
    if not _whole(seed):
        raise UsageError(f"{where}: seed = {seed!r}; expected a whole number >= 0")
    if not isinstance(versions, dict) or not all(isinstance(item.get(key, ""), str) for key in ("case", "route", "says")):
        raise UsageError(f"{where}: case, route and says are texts, found_with is a table of versions")
    return Row(
        case=item["case"], route=item["route"], example=Example(lengths=lengths, rung=rung, seed=seed), says=item.get("says", ""),
        found_with={name: str(version) for name, version in versions.items()},
    )  # fmt: skip


def _whole(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def rows_of(rows: Iterable[Row], case: str, route: str) -> list[Row]:
    """Return the rows of one cell."""
    return [row for row in rows if row.case == case and row.route == route]


def applying(rows: Sequence[Row], space: Space) -> tuple[list[Example], list[str]]:
    """Return the examples of a cell's rows that its case still admits, and a message for each that it does not."""
    found, said = [], []
    for row in rows:
        problem = _problem(row.example.lengths, space)
        if problem:
            said.append(f"{EXAMPLES}the row for {row.case} on {row.route} no longer applies: {problem}; mend the row or remove it")
        else:
            found.append(row.example)
    return found, said


def _problem(lengths: Mapping[str, int], space: Space) -> str:
    for name in lengths:
        if name not in space.dims:
            return f"the case has no dimension {name!r}, it has {', '.join(space.dims) or 'none'}"
    for name, dim in space.dims.items():
        if name not in lengths:
            return f"it gives no length for {dim}"
        if lengths[name] not in dim.lengths:
            return f"{name} = {lengths[name]} lies outside {dim}"
    shown = ", ".join(f"{name}={length}" for name, length in lengths.items())
    return "" if space.holds(lengths) else f"{shown} are not admissible together"


def keep(row: Row, path: Path, locks: Path) -> str:
    """Add a row to the file unless it is there, and return the message that says so.

    In CI (the variable ``CI`` is set) nothing is written: the message holds the row, ready to paste. The same where the file
    cannot be written or is no file of rows.
    """
    if os.environ.get("CI"):
        return f"{EXAMPLES}add to {path.name}, so that this is tried first from now on:\n{row.text()}"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(locks / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:24]}.lock"):
            known = rows_from(path)
            if any((other.case, other.route, other.example.key) == (row.case, row.route, row.example.key) for other in known):
                return f"{EXAMPLES}known from {path.name}"
            before = path.read_text(encoding="utf-8") if path.is_file() else _HEAD
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_text(before.rstrip("\n") + "\n\n" + row.text(), encoding="utf-8")
            draft.replace(path)
    except (OSError, UsageError) as error:
        return f"{EXAMPLES}{path} could not be extended ({error}); add to it:\n{row.text()}"
    return f"{EXAMPLES}added to {path}; it is tried first from now on. Commit the file"
