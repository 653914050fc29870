"""Which ONNX operators CANN has a plugin for, at which opsets: a table read from its public operator repositories (`cann_onnx_ops.csv`)."""

from __future__ import annotations

import csv
import functools
import os
import re
from typing import Mapping

from harness.core.errors import UsageError
from harness.core.value import value

LOWEST, HIGHEST = 8, 18
"""Opsets of a model that plugins are registered for; a few operators have fewer. ATC looks each node up under the opset of its model."""
MAIN = "ai.onnx"


@value
class Operator:
    """One row: ``opsets`` under which it is registered (None: any); ``ignored`` attributes no plugin reads; ``listed`` by CANN version."""

    domain: str
    name: str
    registered: bool
    opsets: frozenset[int] | None
    ignored: tuple[str, ...]
    listed: Mapping[str, bool]
    plugin: str


@functools.lru_cache(maxsize=1)
def table() -> Mapping[tuple[str, str], Operator]:
    """Return every row by domain and name."""
    with open(os.path.join(os.path.dirname(__file__), "cann_onnx_ops.csv"), encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        return {(row["domain"], row["op"]): _operator(row) for row in rows}


def _operator(row: Mapping[str, str]) -> Operator:
    return Operator(
        domain=row["domain"], name=row["op"], registered=row["status"] in ("registered", "builtin"), opsets=_opsets(row["opset_keys"]),
        ignored=tuple(row["attrs_never_read"].split()), plugin=row["plugin"],
        listed={"8.0.0": row["doc_cann_8_0_0"] == "yes", "5.0.4": row["doc_cann_5_0_4"] == "yes"},
    )  # fmt: skip


def _opsets(text: str) -> frozenset[int] | None:
    if text == "any":
        return None
    found: set[int] = set()
    for part in text.split():
        low, _, high = part.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return frozenset(found)


def find(domain: str, name: str) -> Operator | None:
    """Return the row of an operator, None where the table has none; the empty domain is that of ONNX itself."""
    return table().get((domain or MAIN, name))


def list_of(cann: str) -> str:
    """Return which vendor list tells about a CANN version: 8.0.0, 5.0.4, or "" where the sources are newer than any list.

    Raises `UsageError` for what is no version.
    """
    if not cann:
        return ""
    read = re.fullmatch(r"(\d+)\.(\d+)(\..*)?", cann)
    if not read:
        raise UsageError(f"--cann {cann!r} is no version; expected one such as 8.0.0, as in version.cfg of the toolkit")
    version = (int(read.group(1)), int(read.group(2)))
    return "" if version > (8, 0) else "8.0.0" if version >= (6, 0) else "5.0.4"
