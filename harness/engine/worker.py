"""A worker: one long-lived process per toolchain, and what becomes of it when native code misbehaves.

The child is spawned, never forked, and talks over an inherited socket with the standard library's
`multiprocessing.connection`; arrays cross in memory-mapped files. Whatever the child does (dies by a
signal, exits, hangs, eats memory), the caller gets one `WorkerFailure` and can start another.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from harness.core.errors import ParityError
from harness.engine.child import decode, encode
from harness.engine.toolchains import Located, environment

START_SECONDS = 180.0
TAIL = 4000
MEMORY = "memory"
_TICK = 0.05
_BOOT = (
    "import sys,json,importlib.util as u;a=json.loads(sys.argv[1]);"
    "s=u.spec_from_file_location('harness',a['package']+'/__init__.py',submodule_search_locations=[a['package']]);"
    "m=u.module_from_spec(s);sys.modules['harness']=m;s.loader.exec_module(m);"
    "from harness.engine.child import main;main(a['socket'],a['parent'],a['imports'])"
)


class WorkerFailure(ParityError):
    """What went wrong in a worker, as data.

    ``kind``: unsupported, unavailable, usage, error (an exception in the child, which lives on),
    crash or timeout (the child is gone). ``detail`` holds type, message, traceback; for a crash
    also signal, exit code, the tail of standard error, and ``limit`` (`MEMORY`) where it was ended for its size.
    """

    def __init__(self, kind: str, detail: Mapping[str, Any]) -> None:
        super().__init__(f"{kind}: {detail.get('message', '')}")
        self.kind = kind
        self.detail = dict(detail)


class Worker:
    """The parent's end of one child process. ``folder`` holds its home and log, ``exchange`` the arrays."""

    def __init__(self, located: Located, folder: Path, exchange: Path, *, threads: int, memory_limit: int) -> None:
        self.located = located
        self.busy_since = time.monotonic()
        self.requests = 0
        self._limit = memory_limit
        self._exchange = exchange
        self._greeted = False
        self._one = threading.Lock()
        home = folder / "home"
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        exchange.mkdir(parents=True, exist_ok=True)
        self._log = folder / "log.txt"
        ours, theirs = socket.socketpair()
        boot = json.dumps({
            "package": str(Path(__file__).resolve().parent.parent),
            "socket": theirs.fileno(), "parent": os.getpid(), "imports": list(located.toolchain.imports),
        })  # fmt: skip
        with self._log.open("wb") as log, theirs:
            self._process = subprocess.Popen(
                [located.python, "-c", _BOOT, boot],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=environment(located.toolchain, home, threads), cwd=home,
                pass_fds=[theirs.fileno()], start_new_session=True,
            )  # fmt: skip
        self._connection = Connection(ours.detach())
        self._monitor = psutil.Process(self._process.pid)

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def memory(self) -> int:
        """Return the resident bytes of the child and its own children; 0 once it is gone."""
        try:
            return sum(_resident(p) for p in [self._monitor, *self._monitor.children(recursive=True)])
        except psutil.Error:
            return 0

    def call(self, verb: str, arguments: Mapping[str, Any], *, timeout: float) -> Any:
        """Run one verb of `harness.engine.serve.Serve` in the child and return its answer.

        ``timeout`` is in seconds. Raises `WorkerFailure`; after kind crash or timeout the worker is dead. Of several threads that
        call, one waits for the other.
        """
        with self._one:
            if not self._greeted:
                self._answer("start", START_SECONDS)
                self._greeted = True
            self.requests += 1
            folder = self._exchange / str(self.requests)
            message = encode({"verb": verb, "arguments": dict(arguments), "folder": str(folder)}, str(folder / "in"))
            try:
                self._send(message, verb)
                return self._answer(verb, timeout)
            finally:
                # Mapped arrays stay readable after their files are unlinked.
                shutil.rmtree(folder, ignore_errors=True)

    def _send(self, message: bytes, verb: str) -> None:
        try:
            self._connection.send_bytes(message)
        except OSError:
            raise self._crashed(verb) from None

    def _answer(self, verb: str, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        while not self._connection.poll(_TICK):
            if self._limit and self.memory() > self._limit:
                self.kill()
                raise WorkerFailure("crash", {**self._detail(beyond(verb, self._limit)), "limit": MEMORY})
            if time.monotonic() > deadline:
                self.kill()
                raise WorkerFailure("timeout", self._detail(f"{verb} took longer than {timeout:g} s"))
        try:
            answer = decode(self._connection.recv_bytes())
        except (EOFError, OSError):
            raise self._crashed(verb) from None
        if not answer["ok"]:
            raise WorkerFailure(answer["error"]["kind"], {**answer["error"], "stderr": self.tail()})
        return answer["result"]

    def _crashed(self, verb: str) -> WorkerFailure:
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
            return WorkerFailure("crash", self._detail(f"the worker closed its connection during {verb} and did not end"))
        self.close()
        detail = self._detail("")
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            hint = " (most likely the kernel, out of memory)" if -code == signal.SIGKILL else ""
            detail.update(signal=name, message=f"the worker died of {name} during {verb}{hint}")
        else:
            detail.update(exit_code=code, message=f"the worker exited with code {code} in the middle of {verb}")
        return WorkerFailure("crash", detail)

    def _detail(self, message: str) -> dict[str, Any]:
        return {"type": "", "message": message, "stderr": self.tail()}

    def tail(self) -> str:
        """Return the end of what the child wrote to standard output and error."""
        try:
            with self._log.open("rb") as stream:
                stream.seek(max(0, self._log.stat().st_size - TAIL))
                return stream.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def kill(self) -> None:
        """End the child and everything it started, at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()
        self.close()

    def close(self) -> None:
        """Close the connection and reap the child; a child that does not leave by itself is killed."""
        self._connection.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.kill()
        # Grandchildren share the child's process group and may outlive it.
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def beyond(verb: str, limit: int) -> str:
    """Return what is said of a verb that needs more memory than ``limit`` bytes, with a limit that is worth a try."""
    more = math.ceil(limit * 5 / 3 / 2**30)
    return (
        f"{verb} needs more than {limit / 2**30:.3g} GiB, the memory limit of one worker; "
        f"--memory {more} allows more (pytest: --parity-memory {more}G)"
    )


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
