"""Folders of processes that were killed are removed, also while the process waits to be reaped."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from harness.engine.pool import PREFIX, ended, sweep


def test_a_killed_process_that_nobody_has_reaped_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    left, mine = (tmp_path / f"{PREFIX}{pid}-x" for pid in (child.pid, os.getpid()))
    left.mkdir()
    mine.mkdir()
    sweep()
    assert left.is_dir()
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert ended(child.pid)
    assert not ended(os.getpid())
    sweep()
    assert not left.exists()
    assert mine.is_dir()
    child.wait()
