"""The workers of one process: one per toolchain, started when first needed, bounded in memory."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from harness.core.errors import Unavailable
from harness.core.value import value
from harness.engine.toolchains import locate
from harness.engine.worker import Worker, WorkerFailure

RAM_DISK = Path("/dev/shm")
PREFIX = "parity-"


@value
class Limits:
    """Bounds on workers: seconds by verb, bytes per worker, bytes for all idle ones, threads each."""

    timeout: float = 300.0
    run_timeout: float = 120.0
    memory: int = 6 * 2**30
    total_memory: int = 8 * 2**30
    threads: int = 2

    def seconds(self, verb: str) -> float:
        """Return the time limit of one verb."""
        return self.run_timeout if verb in ("run", "close", "probe", "source_runs", "session_runs", "session_use") else self.timeout


class OutOfTime(Exception):
    """The seconds that `Pool.within` allows are spent."""


class Pool:
    """Gives each toolchain its worker. A context manager; leaving it ends every worker."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._workers: dict[str, Worker] = {}
        self._alone: list[Worker] = []
        self._refused: dict[str, Unavailable] = {}
        sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        on_ram = RAM_DISK.is_dir() and os.access(RAM_DISK, os.W_OK)
        self._exchange = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=RAM_DISK if on_ram else None))
        self._started = 0
        self._starting = threading.Lock()
        self._budget: tuple[float, float] | None = None
        atexit.register(self.close)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def scratch(self) -> Path:
        """A private folder that lives as long as the pool."""
        return self._folder

    def start(self, toolchains: Iterable[str]) -> None:
        """Start the workers of these toolchains without waiting for any, so that their imports overlap.

        Raises `Unavailable` when one of them is not on this machine.
        """
        for name in toolchains:
            self._worker(name)

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give all calls inside these seconds together; then each raises `OutOfTime`, closing a session excepted."""
        self._budget = (time.monotonic() + seconds, seconds)
        try:
            yield
        finally:
            self._budget = None

    def _seconds(self, verb: str) -> float:
        limit = self.limits.seconds(verb)
        if self._budget is None or verb == "close":
            return limit
        ends, seconds = self._budget
        if ends <= time.monotonic():
            raise OutOfTime(f"the {seconds:g} s for this are spent")
        return min(limit, ends - time.monotonic())

    def call(self, toolchain: str, verb: str, arguments: Mapping[str, Any]) -> Any:
        """Run a verb in the toolchain's worker. Raises `WorkerFailure`, or `Unavailable` when there is no toolchain."""
        limit = self._seconds(verb)
        worker = self._worker(toolchain)
        greeted = worker.requests > 0
        try:
            return worker.call(verb, arguments, timeout=limit)
        except WorkerFailure as failure:
            if failure.kind == "timeout" and limit < self.limits.seconds(verb):
                self._seconds(verb)
            if not greeted and worker.requests == 0:
                self._workers.pop(toolchain, None)
                worker.kill()
                if failure.kind == "error":
                    how = worker.located.toolchain.how
                    reason = f"toolchain {toolchain} does not import: {failure.detail['type']}: {failure.detail['message']}"
                    self._refused[toolchain] = Unavailable(reason, how)
                    raise self._refused[toolchain] from None
            raise
        finally:
            worker.busy_since = time.monotonic()

    def generation(self, toolchain: str) -> int:
        """Return the process id of the toolchain's worker (0 for none): a session dies with its process."""
        worker = self._workers.get(toolchain)
        return worker.pid if worker and worker.alive else 0

    def _worker(self, name: str) -> Worker:
        if name in self._refused:
            raise self._refused[name]
        with self._starting:
            worker = self._workers.get(name)
            if worker is None or not worker.alive:
                if worker is not None:
                    worker.close()
                located = locate(name)
                self._started += 1
                label = f"{name}-{self._started}"
                worker = Worker(
                    located, self._folder / label, self._exchange / label,
                    threads=self.limits.threads, memory_limit=self.limits.memory,
                )  # fmt: skip
                self._workers[name] = worker
            return worker

    def alone(self, toolchain: str, threads: int) -> Worker:
        """Return a worker that nobody else calls, with so many threads; the caller ends it, at the latest the pool does.

        Raises `Unavailable` when the toolchain is not on this machine.
        """
        located = locate(toolchain)
        self._started += 1
        label = f"{toolchain}-{self._started}"
        worker = Worker(located, self._folder / label, self._exchange / label, threads=threads, memory_limit=self.limits.memory)
        self._alone = [*(other for other in self._alone if other.alive), worker]
        return worker

    def retire(self, toolchain: str) -> None:
        """End the toolchain's worker, if there is one; the next call starts another."""
        worker = self._workers.pop(toolchain, None)
        if worker is not None:
            worker.close()

    def relax(self, keep: Iterable[str] = ()) -> None:
        """Call between cells. Ends workers that have grown stale, then those used longest ago until all fit into the memory bound.

        Frameworks keep some memory of every model; a worker beyond half of its limit starts anew, so that
        no cell pays for those before it.
        """
        kept = set(keep)
        sizes = {name: worker.memory() for name, worker in self._workers.items()}
        for name in [name for name in sizes if self.limits.memory and sizes[name] > self.limits.memory / 2]:
            sizes.pop(name)
            self._workers.pop(name).close()
        idle = sorted((n for n in sizes if n not in kept), key=lambda n: self._workers[n].busy_since)
        while idle and sum(sizes.values()) > self.limits.total_memory:
            name = idle.pop(0)
            sizes.pop(name)
            self._workers.pop(name).close()

    def close(self) -> None:
        """End every worker and remove the pool's folders. Calling it twice is fine."""
        workers, self._workers, self._alone = [*self._workers.values(), *(w for w in self._alone if w.alive)], {}, []
        for worker in workers:
            worker.kill()
        for folder in (self._folder, self._exchange):
            shutil.rmtree(folder, ignore_errors=True)
        atexit.unregister(self.close)


def ended(pid: int) -> bool:
    """Return whether a process is gone; one that only waits to be reaped is."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def sweep() -> None:
    """Remove the folders that a killed process of ours left behind."""
    for place in (RAM_DISK, Path(tempfile.gettempdir())):
        for folder in place.glob(f"{PREFIX}[0-9]*-*") if place.is_dir() else ():
            owner = folder.name[len(PREFIX) :].split("-")[0]
            if owner.isdigit() and ended(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)
