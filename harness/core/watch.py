"""Which files a builder reads: what was made of them is stale once one of them changes."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import Any, Iterator

import harness

_WRITING = os.O_WRONLY | os.O_RDWR
_heard: list[str] | None = None
_listening = False


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and _heard is not None and isinstance(args[0], (str, bytes)) and not (args[2] or 0) & _WRITING:
        _heard.append(os.fsdecode(args[0]))


@contextlib.contextmanager
def files_read() -> Iterator[list[str]]:
    """Collect the files of the user's own that are read meanwhile; the list is complete when the block ends.

    What native code opens is not seen (a case lists such files under ``files``), nor is anything before Python 3.8.
    """
    global _heard, _listening
    if not _listening and hasattr(sys, "addaudithook"):
        sys.addaudithook(_hook)
        _listening = True
    outer, _heard = _heard, []
    found: list[str] = []
    try:
        yield found
    finally:
        heard, _heard = _heard, outer
        found += sorted({path for path in map(os.path.realpath, heard or ()) if _own(path)})


def _own(path: str) -> bool:
    """Return whether a file belongs to the user: not to Python, to a package, to the system or to the worker."""
    others = (
        sys.prefix, sys.base_prefix, os.path.dirname(harness.__file__), tempfile.gettempdir(), os.path.expanduser("~"),
        "/proc", "/sys", "/dev", "/etc", "/usr", "/lib",
    )  # fmt: skip
    inside = any(path.startswith(os.path.realpath(place) + os.sep) for place in others)
    return os.path.isfile(path) and not inside and "site-packages" not in path and "__pycache__" not in path
