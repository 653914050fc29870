"""A `Record`: all that is known about one cell (a case on a route), as one JSON line.

The keys are stable within a schema number; readers must ignore keys they do not know.
"""

from __future__ import annotations

import json
import os
from typing import Any, Iterable, Iterator, Mapping

from harness.core.errors import UsageError
from harness.core.outcome import Outcome, Stage
from harness.core.value import value

SCHEMA = 1
BUNDLE = "bundle: "
"""How the message that names a folder to reproduce a mismatch begins."""
EXAMPLES = "examples: "
"""How every message about the rows of failing examples begins."""
FUZZING = "fuzzing: "
"""How every other message begins that fuzzing leaves."""


@value
class Comparison:
    """Every metric of one output against its reference, and the bound it was held to.

    ``facts`` lists the hard facts that failed, in words; ``metrics`` and ``bound`` are numbers.
    ``against`` is ``reference``, ``recorded`` (answers that came with the data) or ``task``, which decide, or
    ``oracle``, which informs.
    """

    output: str
    match: bool
    metrics: Mapping[str, Any]
    bound: Mapping[str, Any]
    facts: tuple[str, ...] = ()
    against: str = "reference"
    shapes: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "output": self.output, "match": self.match, "metrics": dict(self.metrics), "bound": dict(self.bound),
            "facts": list(self.facts), "against": self.against, "shapes": dict(self.shapes or {}),
        }  # fmt: skip


def comparison_from(data: Mapping[str, Any]) -> Comparison:
    """Return the comparison that `Comparison.to_json` wrote."""
    return Comparison(
        output=data["output"], match=data["match"], metrics=data["metrics"], bound=data["bound"],
        facts=tuple(data.get("facts", ())), against=data.get("against", "reference"), shapes=data.get("shapes"),
    )  # fmt: skip


@value
class Record:
    """One cell's verdict. ``outcome`` is what happened; ``expected`` what an expectation row said.

    ``ok`` is the only thing a gate needs: a match, or a failure that a valid row expects.
    ``error``: type, message, traceback, and for a crash the signal and the tail of standard error.
    ``dtype``: that of the first real input, else of the first input.
    ``shapes``: ``tried`` and ``failing``, each a list of {dimension: length}.
    ``timing``: seconds by stage. ``replayed``: the outputs came from the cache of an earlier,
    identical execution (same recipe, versions, options, feeds and machine).
    ``part``: of a generated case, what it was taken from (see `harness.core.case.Case`). ``parts``: the tree of a whole
    model, the coverage of what was generated from it, and what was left out (see `harness.generate.discover.Generated`); on one record
    of the model or of a case generated from it.
    ``label``: a word where the target is no device but stands for one, such as ``emulated``; "" for a result of the device itself.
    """

    id: str
    case: str
    level: str
    route: str
    framework: str
    target: str
    stage: Stage
    outcome: Outcome
    comparisons: tuple[Comparison, ...] = ()
    shapes: Mapping[str, Any] | None = None
    messages: tuple[str, ...] = ()
    versions: Mapping[str, str] | None = None
    provenance: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    timing: Mapping[str, float] | None = None
    expectation: Mapping[str, Any] | None = None
    replayed: bool = False
    repro: str = ""
    family: str = ""
    file: str = ""
    culprit: Mapping[str, Any] | None = None
    latency: Mapping[str, Any] | None = None
    part: Mapping[str, Any] | None = None
    parts: Mapping[str, Any] | None = None
    dtype: str = ""
    label: str = ""

    @property
    def ok(self) -> bool:
        """True for a match nobody expected to fail, and for a failure that a valid row expects."""
        if self.expectation:
            return bool(self.expectation.get("met"))
        return self.outcome is Outcome.MATCH

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `record_from` reads."""
        return {
            "schema": SCHEMA, "id": self.id, "case": self.case, "level": self.level, "family": self.family, "dtype": self.dtype,
            "route": self.route, "framework": self.framework, "target": self.target,
            "stage": str(self.stage), "outcome": str(self.outcome), "ok": self.ok,
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "culprit": dict(self.culprit) if self.culprit else None,
            "shapes": dict(self.shapes or {}), "latency": dict(self.latency) if self.latency else None,
            "messages": list(self.messages), "versions": dict(self.versions or {}),
            "provenance": dict(self.provenance or {}), "error": dict(self.error) if self.error else None,
            "timing": dict(self.timing or {}), "expectation": dict(self.expectation) if self.expectation else None,
            "replayed": self.replayed, "repro": self.repro, "file": self.file,
            "part": dict(self.part) if self.part else None, "parts": dict(self.parts) if self.parts else None, "label": self.label,
        }  # fmt: skip

    def line(self) -> str:
        """Return the record as one line of strict JSON (NaN and infinities as strings) that can be written as UTF-8."""
        text = json.dumps(plain(self.to_json()), ensure_ascii=False, allow_nan=False, sort_keys=False)
        # Half a surrogate pair, as undecodable output has, becomes the escape that JSON knows it by.
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain(item: Any) -> Any:
    """Return ``item`` with every float that JSON lacks written as ``"nan"``, ``"inf"`` or ``"-inf"``."""
    if isinstance(item, float) and (item != item or item in (float("inf"), float("-inf"))):
        return str(item)
    if isinstance(item, Mapping):
        return {str(key): plain(part) for key, part in item.items()}
    if isinstance(item, (list, tuple)):
        return [plain(part) for part in item]
    return item


def record_from(data: Mapping[str, Any]) -> Record:
    """Return the record that `Record.to_json` wrote. Raises `UsageError` for another schema or shape."""
    schema = data.get("schema")
    if schema != SCHEMA:
        raise UsageError(f"a record has schema {schema!r}; this version reads schema {SCHEMA}; run the suite again to renew it")
    try:
        return Record(
            id=data["id"], case=data["case"], level=data["level"], family=data.get("family", ""),
            dtype=data.get("dtype", ""), route=data["route"],
            framework=data["framework"], target=data["target"], stage=Stage(data["stage"]), outcome=Outcome(data["outcome"]),
            comparisons=tuple(map(comparison_from, data["comparisons"])),
            culprit=data.get("culprit"), shapes=data.get("shapes"), latency=data.get("latency"),
            messages=tuple(data.get("messages", ())), versions=data.get("versions"), provenance=data.get("provenance"),
            error=data.get("error"), timing=data.get("timing"), expectation=data.get("expectation"),
            replayed=bool(data.get("replayed")), repro=data.get("repro", ""), file=data.get("file", ""),
            part=data.get("part"), parts=data.get("parts"), label=data.get("label", ""),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(f"a record is incomplete or malformed: {type(error).__name__}: {error}") from None


def read_records(path: str | os.PathLike[str]) -> Iterator[Record]:
    """Yield the records of a JSON-lines file; a last line cut off by an interruption is left out.

    Raises `UsageError` naming the file and line for anything else that is not a record.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            lines = stream.read().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read records from {os.fspath(path)}: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            if not isinstance(data, dict):
                raise ValueError("not an object")
        except ValueError as error:
            if number == len(lines):
                return
            raise UsageError(f"{os.fspath(path)}, line {number}: not a record ({error})") from None
        try:
            yield record_from(data)
        except UsageError as error:
            raise UsageError(f"{os.fspath(path)}, line {number}: {error}") from None


def latest(records: Iterable[Record]) -> list[Record]:
    """Return the last record of each id, in order of first appearance."""
    found: dict[str, Record] = {}
    for record in records:
        found[record.id] = record
    return list(found.values())
