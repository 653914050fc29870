"""What is known of a cell while its steps run: times and messages, the answers of both sides, and the failure that ends it."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.outcome import Stage
from harness.core.value import value
from harness.engine.worker import WorkerFailure

# Failures that say nothing about the model, only about the moment; they are never remembered.
_PASSING = (
    "MemoryError", "OSError", "PermissionError", "KeyboardInterrupt", "BlockingIOError", "TimeoutError",
    "FileNotFoundError", "ImportError", "ModuleNotFoundError",
)  # fmt: skip
# How a process dies by what it does itself, and not by what is done to it.
_FAULTS = ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL")




class Stop(Exception):
    """The cell ends here; ``failure`` is the worker's answer as plain data."""

    def __init__(self, failure: Mapping[str, Any]) -> None:
        super().__init__(failure.get("message", ""))
        self.failure = dict(failure)


@dataclasses.dataclass
class Trace:
    """What is learned while a cell runs, whatever becomes of it."""

    stage: Stage = Stage.BUILD
    toolchains: tuple[str, ...] = ()
    timing: dict[str, float] = dataclasses.field(default_factory=dict)
    messages: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    shapes: dict[str, Any] = dataclasses.field(default_factory=lambda: {"tried": [], "failing": []})
    comparisons: tuple[Any, ...] = ()
    rungs: tuple[str, ...] = ()
    replayed: bool = False

    @contextlib.contextmanager
    def clock(self, step: str) -> Iterator[None]:
        """Add the time that the block takes to that of a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timing[step] = self.timing.get(step, 0.0) + time.perf_counter() - start


@value
class Reference:
    """The source's own outputs, those of its float64 twin, and how both depend on the last bits; see `harness.engine.serve_reference`.

    ``inner``: whether ``emulated`` has tensors inside of the model rounded, too.
    """

    outputs: Mapping[str, Any]
    oracle: Mapping[str, Any]
    spread: Mapping[str, Any]
    emulated: Mapping[str, Any]
    wobble: Mapping[str, float]
    inner: bool = False


@value
class Runs:
    """Outputs by (sample number, outputs, repeated), and the failure that ended the runs early, if any."""

    done: tuple[tuple[int, Mapping[str, Any], bool], ...]
    failure: Mapping[str, Any] | None


def lasts(failure: WorkerFailure, step: str = "") -> bool:
    """Return whether the same would happen again: a refusal, an error of a tool, a converter that dies by its own fault."""
    if failure.kind == "crash":
        return step == "convert" and failure.detail.get("signal") in _FAULTS
    return lasting({"kind": failure.kind, **failure.detail})


def lasting(failure: Mapping[str, Any]) -> bool:
    """Return whether a failure, as plain data, is one of the model or tool and not of the moment. No death of a worker is."""
    return failure["kind"] in ("unsupported", "error") and failure.get("type") not in _PASSING
