"""Which failures are remembered: those that would happen again, whatever else goes on."""

from __future__ import annotations

import pytest

from harness.engine.trace import lasts
from harness.engine.worker import WorkerFailure


@pytest.mark.parametrize(
    ("kind", "detail", "step", "again"),
    [
        ("unsupported", {"type": "Unsupported"}, "convert", True),
        ("error", {"type": "ValueError"}, "convert", True),
        ("error", {"type": "MemoryError"}, "convert", False),
        ("error", {"type": "ModuleNotFoundError"}, "convert", False),
        ("crash", {"signal": "SIGABRT"}, "convert", True),
        ("crash", {"signal": "SIGSEGV"}, "convert", True),
        ("crash", {"signal": "SIGABRT"}, "run", False),
        ("crash", {"signal": "SIGKILL"}, "convert", False),
        ("crash", {"message": "the worker grew beyond its memory limit"}, "convert", False),
        ("timeout", {}, "convert", False),
        ("unavailable", {}, "convert", False),
    ],
)
def test_a_failure_is_remembered_only_when_it_would_come_back(kind: str, detail: dict[str, str], step: str, again: bool) -> None:
    assert lasts(WorkerFailure(kind, detail), step) is again
