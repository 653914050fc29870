"""Planted offenders: whatever native code does, the caller gets one failure and the child is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from harness.engine.worker import Worker, WorkerFailure


def misbehave(worker: Worker, tmp_path: Path, body: str, timeout: float = 30.0) -> WorkerFailure:
    """Have the worker execute ``body`` as a case file and return what became of it."""
    file = tmp_path / "parity_offender.py"
    file.write_text(textwrap.dedent(body))
    with pytest.raises(WorkerFailure) as caught:
        worker.call("describe", {"file": str(file), "roots": [str(tmp_path)]}, timeout=timeout)
    return caught.value


def test_segfault_is_a_crash_with_its_signal(offender: Worker, tmp_path: Path) -> None:
    failure = misbehave(offender, tmp_path, "import ctypes; ctypes.string_at(0)")
    assert (failure.kind, failure.detail["signal"]) == ("crash", "SIGSEGV")
    assert not offender.alive


def test_abort_is_a_crash_with_the_tail_of_stderr(offender: Worker, tmp_path: Path) -> None:
    failure = misbehave(offender, tmp_path, "import os, sys; sys.stderr.write('last words'); sys.stderr.flush(); os.abort()")
    assert (failure.kind, failure.detail["signal"]) == ("crash", "SIGABRT")
    assert "last words" in failure.detail["stderr"]


def test_loop_that_holds_the_gil_times_out(offender: Worker, tmp_path: Path) -> None:
    body = """
        import ctypes
        libc = ctypes.PyDLL(None)  # PyDLL keeps the GIL while it waits
        libc.pause()
    """
    failure = misbehave(offender, tmp_path, body, timeout=1.0)
    assert failure.kind == "timeout"
    assert "1 s" in failure.detail["message"]
    assert not offender.alive


def test_allocation_beyond_the_limit_is_a_crash_that_names_it(offender: Worker, tmp_path: Path) -> None:
    failure = misbehave(offender, tmp_path, "blocks = [bytearray(64 * 2**20) for _ in range(480)]")
    assert failure.kind == "crash"
    assert failure.detail["message"] == (
        "describe needs more than 1 GiB, the memory limit of one worker; --memory 2 allows more (pytest: --parity-memory 2G)"
    )
    assert failure.detail["limit"] == "memory"


def test_garbage_on_stdout_is_no_answer(offender: Worker, tmp_path: Path) -> None:
    file = tmp_path / "parity_noise.py"
    file.write_text(
        "import os\nos.write(1, b'{\"ok\": true}\\x00\\xff' * 1000)\n"
        "from harness import Case\nC = Case(id='c', inputs=(), build={'torch': int})\n"
    )
    answer = offender.call("describe", {"file": str(file), "roots": [str(tmp_path)]}, timeout=30)
    assert [case["id"] for case in answer["cases"]] == ["c"]


def test_exit_in_the_middle_is_a_crash_even_with_code_zero(offender: Worker, tmp_path: Path) -> None:
    failure = misbehave(offender, tmp_path, "import os; os._exit(0)")
    assert failure.kind == "crash"
    assert "exited with code 0 in the middle of describe" in failure.detail["message"]


def test_unprintable_exception_is_an_error_and_the_worker_lives(offender: Worker, tmp_path: Path) -> None:
    body = """
        class Unprintable(Exception):
            def __str__(self): raise RuntimeError("no")
            __repr__ = __str__
        raise Unprintable
    """
    failure = misbehave(offender, tmp_path, body)
    assert (failure.kind, failure.detail["type"]) == ("error", "Unprintable")
    assert "unprintable" in failure.detail["message"]
    assert offender.alive


def test_sys_exit_is_an_error_and_the_worker_lives(offender: Worker, tmp_path: Path) -> None:
    failure = misbehave(offender, tmp_path, "import sys; sys.exit(0)")
    assert (failure.kind, failure.detail["type"]) == ("error", "SystemExit")
    assert offender.alive


def test_connections_off_this_machine_are_refused(offender: Worker, tmp_path: Path) -> None:
    failure = misbehave(offender, tmp_path, "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)")
    assert "no network" in failure.detail["message"]


def test_worker_dies_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(f"""
        import pathlib, sys
        sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
        from harness.engine.manifest import DECLARING
        from harness.engine.worker import Worker
        place = pathlib.Path({str(tmp_path)!r})
        file = place / "parity_wait.py"
        file.write_text("import ctypes; ctypes.PyDLL(None).pause()")
        worker = Worker(DECLARING, place / "w", place / "x", threads=1, memory_limit=0)
        print(worker.pid, flush=True)
        worker.call("describe", {{"file": str(file), "roots": []}}, timeout=60)
        """)
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(1.0)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_threads_that_ask_one_worker_get_their_own_answers(offender: Worker, tmp_path: Path) -> None:
    answers: dict[str, list[str]] = {}

    def ask(name: str) -> None:
        file = tmp_path / f"parity_{name}.py"
        file.write_text(
            "from harness import Case, TensorSpec\n"
            f"C = Case(id={name!r}, inputs=(TensorSpec(name='x', dtype='float32', shape=(1,)),), build={{'torch': None}})\n"
        )
        answers[name] = [
            case["id"] for _ in range(5)
            for case in offender.call("describe", {"file": str(file), "roots": [str(tmp_path)]}, timeout=30.0)["cases"]
        ]  # fmt: skip

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {name: [name] * 5 for name in ("one", "two", "three")}
