"""A pool of real workers on a toolchain that needs nothing but NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engine.manifest import DECLARING
from harness.engine.worker import Worker


@pytest.fixture
def offender(tmp_path: Path) -> Iterator[Worker]:
    """A worker with 1 GiB of memory, ready to be misused."""
    worker = Worker(DECLARING, tmp_path / "worker", tmp_path / "exchange", threads=1, memory_limit=2**30)
    yield worker
    worker.kill()
