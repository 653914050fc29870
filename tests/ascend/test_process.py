"""A program that runs for long leaves nothing behind, however whoever started it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.ascend.process import run, workplace
from harness.engine.pool import ended

# A shell that starts a grandchild, tells both, and waits.
_LONG = "import json,os,subprocess,sys,time\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n" \
        "open({told!r}, 'w').write(json.dumps([os.getpid(), child.pid]))\ntime.sleep(600)\n"  # fmt: skip


def waited(told: Path) -> list[int]:
    """Return the processes once both are there."""
    for _ in range(400):
        if told.exists() and told.read_text():
            found: list[int] = json.loads(told.read_text())
            return found
        time.sleep(0.05)
    raise AssertionError("it never started")


def gone(pids: list[int]) -> bool:
    for _ in range(200):
        if all(map(ended, pids)):
            return True
        time.sleep(0.05)
    return False


def asking(told: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process that runs the long program in a workplace."""
    code = f"import sys\nfrom harness.ascend.process import run, workplace\nwith workplace() as folder:\n" \
           f"    run([sys.executable, '-c', {_LONG.format(told=str(told))!r}], folder)\n"  # fmt: skip
    root = str(Path(__file__).parents[2])
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root, "TMPDIR": str(folder)}, cwd=root)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_whoever_asked_dies_all_of_it_ends(how: signal.Signals, tmp_path: Path) -> None:
    told, scratch = tmp_path / "pids.json", tmp_path / "scratch"
    scratch.mkdir()
    process = asking(told, scratch)
    pids = waited(told)
    process.send_signal(how)
    process.wait()
    assert gone(pids)
    if how is signal.SIGINT:
        assert not list(scratch.iterdir()), "an interruption removes the folder as well"


def test_status_and_all_that_was_printed_come_back(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('error', file=sys.stderr); sys.exit(255)"
    assert run([sys.executable, "-c", code], str(tmp_path)) == (255, "out\nerror\n")


def test_a_death_by_a_signal_is_no_success(tmp_path: Path) -> None:
    assert run([sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"], str(tmp_path))[0] == 139


def test_what_it_left_running_ends_with_it(tmp_path: Path) -> None:
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    status, printed = run([sys.executable, "-c", code], str(tmp_path))
    assert status == 0
    assert gone([int(printed)])


def test_a_workplace_is_empty_and_goes() -> None:
    with workplace() as folder:
        assert not list(Path(folder).iterdir())
        (Path(folder) / "kernel_meta").mkdir()
    assert not Path(folder).exists()
