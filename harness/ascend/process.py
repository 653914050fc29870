"""Runs a long program of somebody else so that nothing of it outlives whoever asked: neither processes nor files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import Iterator, Sequence

# The program has a process group of its own. A guard leads it, and ends it whole when the process that asked is gone, however that died.
_GUARD = """
import os, signal, subprocess, sys
parent = int(sys.argv[1])
child = subprocess.Popen(sys.argv[2:])
while True:
    try:
        status = child.wait(timeout=0.1)
        sys.exit(status if status >= 0 else 128 - status)
    except subprocess.TimeoutExpired:
        if os.getppid() != parent:
            os.killpg(os.getpgrp(), signal.SIGKILL)
"""


@contextlib.contextmanager
def workplace() -> Iterator[str]:
    """Give an empty folder that is removed with all that is in it."""
    folder = tempfile.mkdtemp(prefix="parity-atc-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(command: Sequence[str], folder: str) -> tuple[int, str]:
    """Run a command in a folder; return its exit status and all it printed.

    An exception that comes in between, `KeyboardInterrupt` as well, ends the program and everything it started.
    Raises `OSError` where the program cannot be started.
    """
    log = os.path.join(folder, "printed.txt")
    guard = [sys.executable, "-S", "-E", "-c", _GUARD, str(os.getpid()), *command]
    with open(log, "wb") as stream:
        running = subprocess.Popen(
            guard, cwd=folder, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            status = running.wait()
        finally:
            # Whatever it started and did not wait for goes too.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    with open(log, encoding="utf-8", errors="replace") as stream_:
        return status, stream_.read()
