"""The verbs of a worker that measure: a side is opened once, then called in blocks. Runs inside workers only."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.registry import Registry
from harness.engine.serve_probe import native_feeds
from harness.engine.serve_reference import private

OWN = "the runtime's own call, feeds handed over beforehand"
THROUGH = "arrays in, arrays out"
UNREPEATABLE = "it gives another answer each time, so nothing says whether the call that is timed computes what run does"
NOT_SYNCHRONISED = "the session has no synchronise(), so a call on {device} is only known to have ended once its arrays are back"


class Latency:
    """Part of `harness.engine.serve.Serve`, which holds the adapters, the live models and the sessions."""

    _registry: Registry
    _sessions: dict[int, tuple[Any, Artifact]]
    _clock = staticmethod(time.perf_counter_ns)
    _sides = None  # type: Any

    def _model(self, framework: str, ref: Mapping[str, Any]) -> Any:
        raise NotImplementedError("Serve builds the models")

    def latency_pin(self, cpus: Sequence[int]) -> dict[str, Any]:
        """Keep every thread of this process on these processors, where the system can; begin to watch the peak of its memory.

        ``cpus`` in the answer are those it may use, empty where the system does not tell; ``resident`` its bytes before anything is loaded.
        """
        if cpus and hasattr(os, "sched_setaffinity"):
            for thread in _threads():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, cpus)
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as stream:
            stream.write("5")  # resets the high-water mark of resident memory, see proc(5)
        allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        return {"cpus": allowed, "resident": _status("VmRSS")}

    def latency_source(self, framework: str, ref: Mapping[str, Any], feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Open the source of a case, run by its own framework; the answer is that of `latency_target`, with ``load`` the time to build."""
        adapter = self._registry.get("frameworks", framework)
        start = self._clock()
        model = self._model(framework, ref)
        load = (self._clock() - start) / 1e9
        given = private(feeds)
        prepared = getattr(adapter, "prepared", None)
        side = _Side(lambda: adapter.run(model, given), None, self._clock)
        if prepared is not None:
            side.own(lambda: prepared(model, given))
        return dict(self._opened(side), load=load)

    def latency_target(self, session: int, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Open a session whose time is wanted, on feeds by canonical name.

        Returns its number as ``side``, ``first`` (seconds of the first call), ``how`` (what a call is) and ``synchronised``. Raises
        `RuntimeError` where what is timed does not compute what ``run`` does.
        """
        live, artifact = self._sessions[session]
        given = native_feeds(artifact, feeds)
        device = str(live.provenance.get("device", "cpu"))
        wait = getattr(live, "synchronise", None)
        side = _Side(lambda: live.run(given), wait, self._clock)
        if hasattr(live, "prepared"):
            if device == "cpu" or wait is not None:
                side.own(lambda: live.prepared(given))
            else:
                side.note = NOT_SYNCHRONISED.format(device=device)
        return self._opened(side)

    def _opened(self, side: _Side) -> dict[str, Any]:
        if self._sides is None:
            self._sides = []
        first = side.first()
        self._sides.append(side)
        return {"side": len(self._sides) - 1, "first": first, "how": side.how, "synchronised": side.synchronised, "note": side.note}

    def latency_block(self, side: int, calls: int, inner: int = 1, copy: bool = False) -> dict[str, Any]:
        """Make one call that nobody times, then ``calls`` times ``inner`` calls; return the ``seconds`` of one call, float64 ``[calls]``.

        ``inner`` calls are timed together where one is too short for the clock. With ``copy``: from arrays to arrays. The garbage
        collector rests meanwhile, as in `timeit`.
        """
        return {"seconds": self._sides[side].block(calls, inner, copy)}

    def latency_facts(self) -> dict[str, Any]:
        """Return what is known of this process: ``peak`` resident bytes since `latency_pin`, None for not known, and its ``threads``."""
        return {"peak": _status("VmHWM"), "threads": len(_threads())}


def _nothing() -> None:
    """Wait for nothing: a call on the processor has ended when it returns."""


class _Side:
    """What is called, and how one knows that a call has ended."""

    def __init__(self, through: Callable[[], Any], wait: Any, clock: Callable[[], int]) -> None:
        self._through = through
        self._prepare = None  # type: Any
        self._call = through
        self._wait = wait or _nothing  # type: Callable[[], Any]
        self._clock = clock
        self.synchronised = wait is not None
        self.note = ""
        self.how = THROUGH

    def own(self, prepare: Callable[[], Any]) -> None:
        """Time the call that ``prepare()`` returns with a function that reads its result into arrays."""
        self._prepare = prepare
        self.how = OWN

    def first(self) -> float:
        """Make the first call; return its seconds. The feeds are handed over before."""
        read = _as_it_is
        if self._prepare is not None:
            self._call, read = self._prepare()
        start = self._clock()
        result = self._call()
        self._wait()
        seconds = (self._clock() - start) / 1e9
        if self._prepare is not None:
            timed = {name: np.array(array) for name, array in read(result).items()}
            ran = self._through()
            problem = _difference(timed, ran)
            if problem and _difference(ran, self._through()):
                self.note = UNREPEATABLE
            elif problem:
                raise RuntimeError(problem)
            self._call, _ = self._prepare()  # running through arrays may have taken its buffers
        return seconds

    def block(self, calls: int, inner: int, copy: bool) -> Any:
        """Return the seconds of ``calls`` calls, each the mean of ``inner`` in a row."""
        call, wait, clock = self._through if copy else self._call, self._wait, self._clock
        spent = np.empty(calls, np.int64)
        with _no_collection():
            call()
            wait()
            for number in range(calls):
                start = clock()
                for _ in range(inner):
                    call()
                wait()
                spent[number] = clock() - start
        return spent / (1e9 * inner)


def _as_it_is(result: Any) -> Any:
    return result


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _difference(timed: Mapping[str, Any], ran: Mapping[str, Any]) -> str:
    """Return how two runs of one session differ by more than a change of kernels explains (1e-3 of the largest value), "" for not."""
    if set(timed) != set(ran):
        return f"the call that is timed gives the outputs {sorted(timed)}, run gives {sorted(ran)}"
    for name, array in timed.items():
        array, other = np.asarray(array), np.asarray(ran[name])
        if array.shape != other.shape or array.dtype != other.dtype:
            return f"the call that is timed gives another shape or dtype for output {name!r} than run does"
        if array.dtype.kind in "fc":
            room = 1e-3 * float(np.max(np.abs(other), initial=0.0, where=np.isfinite(other)))
            same = np.allclose(array, other, rtol=1e-3, atol=room, equal_nan=True)
        else:
            same = np.array_equal(array, other)
        if not same:
            return f"the call that is timed computes something else than run does, in output {name!r}"
    return ""


def _threads() -> list[int]:
    """Return the threads of this process, none where the system does not tell."""
    try:
        return [int(name) for name in os.listdir("/proc/self/task")]
    except OSError:
        return []


def _status(key: str) -> int | None:
    """Return a size of this process in bytes, None where the system does not tell."""
    try:
        with open("/proc/self/status") as stream:
            for line in stream:
                if line.startswith(key + ":"):
                    return 1024 * int(line.split()[1])
    except OSError:
        return None
    return None
