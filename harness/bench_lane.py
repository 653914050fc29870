"""One side of a measurement: a worker of its own, pinned, with the source or one artifact opened in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from harness.core.artifact import Artifact
from harness.core.errors import Unavailable
from harness.core.protocols import option_values
from harness.core.registry import Registry
from harness.core.value import value
from harness.engine.cell import Cell
from harness.engine.worker import WorkerFailure
from harness.latency.measure import Failed
from harness.numerics.sampling import Sample, told_of

THREADS = 1
"""Unless told otherwise. Two that wait for each other are as slow as whatever else runs on their processors, and no two runs agree."""


class Asked(Protocol):
    """What a lane needs of a worker; see `harness.engine.worker.Worker`."""

    def call(self, verb: str, arguments: Mapping[str, Any], *, timeout: float) -> Any:
        """Run one verb."""

    def kill(self) -> None:
        """End it."""


@value
class Place:
    """Where lanes run: ``worker(toolchain, threads)`` starts a process; ``cpus`` it is kept on, none for all; seconds for one call."""

    worker: Callable[[str, int], Asked]
    cpus: tuple[int, ...]
    threads: int
    timeout: float
    copies: bool = False


class WorkerLane:
    """A lane (see `harness.latency.measure.Lane`) over a worker. ``opening(ask)`` opens the side and returns what is known of it."""

    def __init__(self, place: Place, toolchain: str, opening: Callable[[Callable[..., Any]], Mapping[str, Any]]) -> None:
        self._place, self._toolchain, self._opening = place, toolchain, opening
        self._worker: Asked | None = None
        self._side = 0
        self._sound = False

    def open(self) -> dict[str, Any]:
        """Start the worker, pin it, load and call once."""
        try:
            self._worker = self._place.worker(self._toolchain, self._place.threads)
        except Unavailable as absent:
            raise Failed({"kind": "unavailable", "message": absent.reason, "how": absent.how}) from None
        pinned = self._ask("latency_pin", cpus=list(self._place.cpus))
        found = dict(self._opening(self._ask))
        self._side = found.pop("side")
        own = found["how"].startswith("the runtime")
        device = str((found.get("provenance") or {}).get("device", "cpu"))
        return {**pinned, **found, "copies": own and (self._place.copies or device != "cpu")}

    def block(self, calls: int, inner: int, copy: bool) -> Any:
        """Return the seconds of one call, for each."""
        return self._ask("latency_block", side=self._side, calls=calls, inner=inner, copy=copy)["seconds"]

    def close(self) -> dict[str, Any]:
        """End the worker; return its peak memory where it can still be asked."""
        worker, self._worker = self._worker, None
        if worker is None:
            return {}
        try:
            # After an interruption the answer to an earlier question may still be on its way.
            return dict(worker.call("latency_facts", {}, timeout=self._place.timeout)) if self._sound else {}
        except WorkerFailure:
            return {}
        finally:
            worker.kill()

    def _ask(self, verb: str, **arguments: Any) -> Any:
        assert self._worker is not None
        self._sound = False
        try:
            answer = self._worker.call(verb, arguments, timeout=self._place.timeout)
        except WorkerFailure as failure:
            raise Failed({"kind": failure.kind, **failure.detail, "verb": verb}) from None
        self._sound = True
        return answer


def source_lane(place: Place, registry: Registry, cell: Cell, feeds: Mapping[str, Any]) -> WorkerLane:
    """Return the lane of the source of a cell, run eagerly by its own framework."""
    adapter = registry.get("frameworks", cell.route.framework)

    def opening(ask: Callable[..., Any]) -> Mapping[str, Any]:
        answer: dict[str, Any] = ask("latency_source", framework=adapter.name, ref=cell.ref, feeds=dict(feeds))
        return answer

    return WorkerLane(place, adapter.toolchain, opening)


def target_lane(place: Place, registry: Registry, cell: Cell, artifact: Artifact, sample: Sample) -> WorkerLane:
    """Return the lane of the artifact of a cell on its runtime, held to the threads of ``place`` where the route leaves them open."""
    runtime = registry.get("runtimes", cell.route.runtime.name)
    options = option_values(runtime, cell.route.runtime.options, f"route {cell.route}")
    if options.get("threads") == 0:
        options["threads"] = place.threads

    def opening(ask: Callable[..., Any]) -> Mapping[str, Any]:
        loaded = ask(
            "load", runtime=runtime.name, device=cell.route.device, source=artifact.to_json(), ref=cell.ref, feeds=dict(sample.feeds),
            options=options, **told_of(cell.case, cell.route.framework),
        )  # fmt: skip
        answer = ask("latency_target", session=loaded["session"], feeds=dict(sample.feeds))
        return {**answer, "load": loaded["seconds"]["load"], "provenance": loaded["provenance"], "options": options}

    return WorkerLane(place, runtime.toolchain, opening)


def processors(asked: Sequence[int], allowed: Sequence[int], threads: int) -> tuple[int, ...]:
    """Return the processors to keep workers on: those asked for, else the last ``threads`` allowed ones (the first serve interrupts)."""
    return tuple(asked) or tuple(sorted(allowed)[-threads:])
