"""Reads TOML tables with errors that name the file, the row and the nearest known key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from harness.core.errors import UsageError
from harness.core.toml import read

__all__ = ["known_keys", "read", "text"]


def known_keys(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Raise `UsageError` for the first key of ``table`` that is not known, with the nearest known one."""
    names = list(known)
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(names)}"
            raise UsageError(f"{where}: unknown key {key!r}; {hint}")


def text(table: Mapping[str, Any], key: str, where: str, why: str) -> str:
    """Return a non-empty text. ``why`` ends the error message when it is missing, empty or no text."""
    found = table.get(key)
    if not isinstance(found, str) or not found.strip():
        got = "is missing" if key not in table else "is empty" if isinstance(found, str) else f"is {found!r}"
        raise UsageError(f"{where}: {key} {got}; {why}")
    return found
