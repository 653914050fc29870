"""The exception family. Each message names the thing, what was expected and what to do next."""

from __future__ import annotations

import difflib
from typing import Iterable


class ParityError(Exception):
    """Base of every error this project raises on purpose."""


class UsageError(ParityError):
    """The caller asked for something that cannot be: bad declaration, unknown name, missing file.

    The command line ends with exit code 2 and shows the message without a traceback.
    """


class Unavailable(ParityError):
    """A toolchain or device is not on this machine. ``how`` says how to get it."""

    def __init__(self, reason: str, how: str = "") -> None:
        super().__init__(reason if not how else f"{reason} (to get it: {how})")
        self.reason = reason
        self.how = how


class Unsupported(ParityError):
    """A converter or runtime refused an operator, layer or feature by name."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name nobody registered, with the nearest known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    tail = f"; did you mean {' or '.join(near)}?" if near else f"; known: {', '.join(names) or 'none'}"
    return UsageError(f"unknown {kind} {name!r}{tail}")
