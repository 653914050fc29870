"""Memory that a worker has freed goes back to the system, so that its limit counts what is in use."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return freed pages; glibc keeps those of blocks up to 32 MiB once one of that size was freed (mallopt(3)).

    Nothing happens where the C library has no ``malloc_trim``.
    """
    trim = None if sys.platform == "win32" else getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
