"""Where a cell ended (stage) and how (outcome). Only ``match`` is a pass."""

from __future__ import annotations

import enum


class Stage(str, enum.Enum):
    """The steps of one cell, in order."""

    BUILD = "build"
    REFERENCE = "reference"
    CONVERT = "convert"
    LOAD = "load"
    RUN = "run"
    COMPARE = "compare"
    BENCH = "bench"

    def __str__(self) -> str:
        return self.value


class Outcome(str, enum.Enum):
    """The closed set of verdicts.

    ``unsupported``: a converter or runtime refused this operator by name.
    ``unavailable``: the toolchain or device is not on this machine.
    """

    MATCH = "match"
    MISMATCH = "mismatch"
    ERROR = "error"
    CRASH = "crash"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    UNAVAILABLE = "unavailable"

    def __str__(self) -> str:
        return self.value
