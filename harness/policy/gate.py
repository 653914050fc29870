"""The release gate: records and a policy in, a verdict with reasons and an exit code out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.case import LEVELS
from harness.core.errors import UsageError, unknown
from harness.core.outcome import Outcome, Stage
from harness.core.record import Record
from harness.core.value import value
from harness.policy import glob, tables

PASSED, PARITY_FAILURE, USAGE_ERROR, NOTHING_COMPARED = 0, 1, 2, 3
_SHOWN = 3


@value
class Requirement:
    """Cells on these routes, at these levels (empty: all), must exist and match; no row excuses them."""

    routes: str
    levels: tuple[str, ...] = ()


@value
class Policy:
    """What a release asks for beyond "no unexpected failure".

    ``require_runtimes``: targets such as ``onnxruntime@cpu`` (patterns; without ``@`` any device) on
    which something must have run. ``allow_unavailable``: whether a cell may be missing its
    toolchain or device. ``min_cells``: cells that must have been compared. ``max_expected``:
    expected failures that may be carried, None for any number.
    """

    require_match: tuple[Requirement, ...] = ()
    require_runtimes: tuple[str, ...] = ()
    allow_unavailable: bool = True
    min_cells: int = 0
    max_expected: int | None = None


@value
class Gate:
    """The verdict. ``code`` is the exit code; ``reasons`` is empty when the gate passed.

    ``apart``: by label, what was counted apart from the results of devices: ``cells`` that ran, ``match`` and ``fail``.
    """

    passed: bool
    code: int
    reasons: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    apart: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the reports."""
        apart = {"apart": {label: dict(sums) for label, sums in self.apart.items()}} if self.apart else {}
        return {"passed": self.passed, "code": self.code, "reasons": list(self.reasons), "problems": list(self.problems), **apart}


def load_policy(source: str | os.PathLike[str] | Mapping[str, Any]) -> Policy:
    """Return the policy in a file ([gate], or [tool.parity.gate] of a pyproject.toml) or in a gate table.

    A pyproject.toml without the table gives the default policy. Raises `UsageError` naming the key.
    """
    if isinstance(source, Mapping):
        return _policy(source, "gate")
    data = tables.read(source)
    if Path(source).name == "pyproject.toml":
        table, where = data, f"{os.fspath(source)}, [tool.parity.gate]"
        for depth, key in enumerate(("tool", "parity", "gate"), 1):
            table = table.get(key, {})
            if not isinstance(table, Mapping):
                raise UsageError(f"{os.fspath(source)}, [{'.'.join(('tool', 'parity', 'gate')[:depth])}] is {table!r}; expected a table")
    else:
        tables.known_keys(data, ["gate"], os.fspath(source))
        if "gate" not in data:
            raise UsageError(f"{os.fspath(source)} has no [gate] table; add one, an empty table asks for the default policy")
        table, where = data["gate"], f"{os.fspath(source)}, [gate]"
        if not isinstance(table, Mapping):
            raise UsageError(f"{where} is {table!r}; expected a table")
    return _policy(table, where)


def _policy(table: Mapping[str, Any], where: str) -> Policy:
    default = Policy()
    tables.known_keys(table, ["require_match", "require_runtimes", "allow_unavailable", "min_cells", "max_expected"], where)
    allow = table.get("allow_unavailable", default.allow_unavailable)
    if not isinstance(allow, bool):
        raise UsageError(f"{where}: allow_unavailable is {allow!r}; expected true or false")
    entries = table.get("require_match", [])
    if not isinstance(entries, (list, tuple)) or not all(isinstance(entry, Mapping) for entry in entries):
        raise UsageError(f'{where}: require_match is {entries!r}; expected [{{routes = "torch>*>onnxruntime@cpu", levels = ["e2e"]}}]')
    return Policy(
        require_match=tuple(_requirement(entry, f"{where}: require_match entry {n}") for n, entry in enumerate(entries, 1)),
        require_runtimes=_texts(table, "require_runtimes", where, '["onnxruntime@cpu"]'),
        allow_unavailable=allow, min_cells=_number(table, "min_cells", where) or 0, max_expected=_number(table, "max_expected", where),
    )  # fmt: skip


def _requirement(table: Mapping[str, Any], where: str) -> Requirement:
    tables.known_keys(table, ["routes", "levels"], where)
    levels = _texts(table, "levels", where, '["unit", "e2e"]')
    for level in levels:
        if level not in LEVELS:
            raise UsageError(f"{where}: {unknown('level', level, LEVELS)}")
    return Requirement(routes=tables.text(table, "routes", where, 'give a pattern such as "torch>*>onnxruntime@cpu"'), levels=levels)


def _texts(table: Mapping[str, Any], key: str, where: str, example: str) -> tuple[str, ...]:
    found = table.get(key, [])
    if not isinstance(found, (list, tuple)) or not all(isinstance(item, str) and item.strip() for item in found):
        raise UsageError(f"{where}: {key} is {found!r}; expected a list of texts such as {example}")
    return tuple(found)


def _number(table: Mapping[str, Any], key: str, where: str) -> int | None:
    found = table.get(key)
    if key in table and (not isinstance(found, int) or isinstance(found, bool) or found < 0):
        raise UsageError(f"{where}: {key} is {found!r}; expected a whole number, 0 or more")
    return found


def gate(records: Iterable[Record], policy: Policy | None = None, problems: Sequence[str] = ()) -> Gate:
    """Return the verdict over the records of a run. ``problems`` come from `harness.policy.expectations.apply`.

    Fails on every record that is neither ok nor unavailable, on a match that nothing stands behind,
    on every problem, and on whatever the policy asks for and the records do not show.

    Labelled records, such as emulated ones, are a column of their own: their failures are told with their label, and nothing
    that the policy asks for is met by one, unless it names their runtime in full.
    """
    every, policy = list(records), policy or Policy()
    labels = sorted({cell.label for cell in every} - {""})
    reasons = []
    for label in ("", *labels):
        cells = [cell for cell in every if cell.label == label]
        found = [*_failures(cells, problems), *_hollow(cells)]
        reasons += [f"{label}: {reason}" if label else reason for reason in found]
    cells = every
    reasons += problems
    reasons += [reason for requirement in policy.require_match for reason in _unmatched(cells, requirement)]
    reasons += [reason for target in policy.require_runtimes for reason in _not_run(cells, target)]
    reasons += _counts(cells, policy)
    code = exit_code(cells, failed=bool(reasons))
    if code == NOTHING_COMPARED:
        reasons.insert(0, _nothing(cells))
    apart = {label: _column([cell for cell in every if cell.label == label]) for label in labels}
    return Gate(passed=code == PASSED, code=code, reasons=tuple(reasons), problems=tuple(problems), apart=apart)


def _column(cells: Sequence[Record]) -> dict[str, int]:
    match = sum(cell.outcome is Outcome.MATCH for cell in cells)
    ran = sum(cell.outcome is not Outcome.UNAVAILABLE for cell in cells)
    return {"cells": ran, "match": match, "fail": sum(not cell.ok and cell.outcome is not Outcome.UNAVAILABLE for cell in cells)}


def exit_code(records: Sequence[Record], *, failed: bool) -> int:
    """Return the exit code: 3 when nothing ran or nothing could be compared, 1 on failure, 0 otherwise.

    Labelled records stand in for no others: they decide only where there are none but these.
    """
    records = [record for record in records if not record.label] or records
    if all(record.outcome is Outcome.UNAVAILABLE for record in records):
        return NOTHING_COMPARED
    if failed:
        return PARITY_FAILURE
    return PASSED if any(map(compared, records)) else NOTHING_COMPARED


def compared(record: Record) -> bool:
    """Return whether at least one output of the target was held against a reference."""
    return record.outcome is not Outcome.UNAVAILABLE and any(c.against != "oracle" for c in record.comparisons)


def _names(cells: Sequence[Record]) -> str:
    shown = "; ".join(f"{cell.case} on {cell.route}" for cell in cells[:_SHOWN])
    return shown + (f"; and {len(cells) - _SHOWN} more" if len(cells) > _SHOWN else "")


def _cells(number: int) -> str:
    return f"{number} cell" if number == 1 else f"{number} cells"


def _failures(cells: Sequence[Record], problems: Sequence[str]) -> list[str]:
    told = set(problems)
    reasons = []
    for outcome in Outcome:
        if outcome is Outcome.UNAVAILABLE:
            continue
        bad = [c for c in cells if c.outcome is outcome and not c.ok and (c.expectation or {}).get("problem") not in told]
        if bad:
            word = "match against expectation" if outcome is Outcome.MATCH else str(outcome)
            reasons.append(f"{_cells(len(bad))}: {word}: {_names(bad)}")
    return reasons


def _hollow(cells: Sequence[Record]) -> list[str]:
    """Return the complaints about matches without a deciding comparison, with one that failed, or with inputs nobody compared."""
    matches = [cell for cell in cells if cell.outcome is Outcome.MATCH]
    bad = [cell for cell in matches if not compared(cell) or any(not c.match and c.against != "oracle" for c in cell.comparisons)]
    found = [f"{_cells(len(bad))}: match without a comparison that shows it: {_names(bad)}"] if bad else []
    part = [cell for cell in matches if cell not in bad and _judged(cell) < len((cell.shapes or {}).get("tried", ()))]
    return [*found, f"{_cells(len(part))}: match, but not all that was tried was compared: {_names(part)}"] if part else found


def _judged(cell: Record) -> int:
    """Return how many of the inputs that were tried were compared: as the record says, else as its comparisons show."""
    shapes = cell.shapes or {}
    compared_at = [{key: n for key, n in c.shapes.items() if key != "repeat"} for c in cell.comparisons if c.shapes is not None]
    return int(shapes.get("judged", sum(where in compared_at for where in shapes.get("tried", ()))))


def _unmatched(cells: Sequence[Record], requirement: Requirement) -> list[str]:
    asked = f"require_match {requirement.routes}" + (f" at level {', '.join(requirement.levels)}" if requirement.levels else "")
    chosen = [c for c in cells if glob.matches(requirement.routes, c.route) and (not requirement.levels or c.level in requirement.levels)]
    chosen = [cell for cell in chosen if _stands(cell, requirement.routes)]
    if not chosen:
        return [f"{asked}: no such cell in this run"]
    bad = [cell for cell in chosen if cell.outcome is not Outcome.MATCH]
    return [f"{asked}: {len(bad)} of {_cells(len(chosen))} do not match: {_names(bad)}"] if bad else []


def _stands(cell: Record, pattern: str) -> bool:
    """Return whether a cell may meet what a pattern asks for: a labelled one only where its runtime is named, not merely matched."""
    return not cell.label or cell.target.partition("@")[0] in pattern


def _not_run(cells: Sequence[Record], target: str) -> list[str]:
    pattern = target if "@" in target else f"{target}@*"
    chosen = [cell for cell in cells if glob.matches(pattern, cell.target) and _stands(cell, pattern)]
    if any(cell.outcome is not Outcome.UNAVAILABLE and cell.stage in (Stage.RUN, Stage.COMPARE, Stage.BENCH) for cell in chosen):
        return []
    absent = [cell for cell in chosen if cell.outcome is Outcome.UNAVAILABLE]
    if not chosen:
        why = "no cell of this run targets it"
    elif len(absent) == len(chosen):
        why = f"it is unavailable here: {(absent[0].error or {}).get('message') or 'no reason was recorded'}"
    else:
        why = f"none of its {_cells(len(chosen))} got as far as running it"
    return [f"require_runtimes {target}: {why}"]


def _counts(cells: Sequence[Record], policy: Policy) -> list[str]:
    reasons = []
    cells = [cell for cell in cells if not cell.label]
    absent = [cell for cell in cells if cell.outcome is Outcome.UNAVAILABLE]
    if absent and not policy.allow_unavailable:
        reasons.append(f"allow_unavailable is false and {_cells(len(absent))} could not run here: {_names(absent)}")
    seen = sum(map(compared, cells))
    if seen < policy.min_cells:
        reasons.append(f"min_cells: {_cells(seen)} compared, at least {policy.min_cells} required")
    excused = [cell for cell in cells if cell.expectation and cell.ok and cell.outcome not in (Outcome.MATCH, Outcome.UNAVAILABLE)]
    if policy.max_expected is not None and len(excused) > policy.max_expected:
        reasons.append(
            f"max_expected: {_cells(len(excused))} carried as expected failures, at most {policy.max_expected} allowed: {_names(excused)}"
        )
    return reasons


def _nothing(cells: Sequence[Record]) -> str:
    if not cells:
        return "nothing was compared: the run holds no records"
    absent = sum(cell.outcome is Outcome.UNAVAILABLE for cell in cells)
    if absent == len(cells):
        return f"nothing was compared: {_cells(absent)}, all unavailable here"
    return f"nothing was compared: {_cells(len(cells))}, {absent} unavailable, none reached a comparison"
