"""A real worker on a toolchain that needs nothing but NumPy, and a bench that needs none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzzed import Bench, located

from harness.engine import steps, steps_keys
from harness.engine.manifest import DECLARING
from harness.engine.worker import Worker


@pytest.fixture
def offender(tmp_path: Path) -> Iterator[Worker]:
    """A worker with 1 GiB of memory, ready to be misused."""
    worker = Worker(DECLARING, tmp_path / "worker", tmp_path / "exchange", threads=1, memory_limit=2**30)
    yield worker
    worker.kill()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench with a folder of its own, as on a machine of a person."""
    monkeypatch.setattr(steps, "locate", located)
    monkeypatch.setattr(steps_keys, "locate", located)
    monkeypatch.delenv("CI", raising=False)
    return Bench(tmp_path)
