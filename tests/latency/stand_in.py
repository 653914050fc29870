"""A source and a device that take as long as they are told to, on a clock that nothing else moves; workers in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.bench import Bench, Measured, bench_cells
from harness.bench_lane import Place
from harness.engine.cell import Cell, Engine
from harness.engine.child import failure
from harness.engine.serve import Serve
from harness.engine.worker import WorkerFailure
from harness.latency.measure import Plan
from tests.engine import fuzzed
from tests.latency.lanes import Clock

Arrays = Mapping[str, Any]
BODY = """
X = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), 4))
case = Case(id="double", level="unit", inputs=(X,), build={"plain": lambda: Model(lambda x: x * np.float32(2)%s)})
"""
RIGHT, WRONG = BODY % "", BODY % ", lambda x: x * np.float32(3)"
PLAN = Plan(launches=3, rounds=6, enough=3, block=0.01, seconds=1e9, warmup=5.0)


class Source(fuzzed.Plain):
    """A framework whose calls take 2 ms."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def prepared(self, model: fuzzed.Model, feeds: Arrays) -> Any:
        """Return a call that takes its time."""

        def call() -> Any:
            self.clock.now += 0.002
            return self.run(model, feeds)

        return call, lambda outputs: outputs


class Session:
    """A session on a device that works behind the call: it returns after ``launch`` seconds and is done ``work`` seconds later."""

    def __init__(self, target: Target, model: fuzzed.Model) -> None:
        self._target, self._model = target, model
        self.provenance = {"device": target.device, "provider": "made up", "precision": "float32"}
        self._pending = 0.0

    def run(self, feeds: Arrays) -> dict[str, Any]:
        """Copy in, compute, wait, copy out."""
        target = self._target
        target.calls += 1
        if target.calls == target.dies:
            raise fuzzed.Dies
        if target.calls == target.stops:
            raise KeyboardInterrupt
        target.clock.now += target.launch + target.work + target.copies
        return {"y": self._model.target(**feeds) * np.float32(1)}

    def close(self) -> None:
        """Nothing is held."""

    def prepared(self, feeds: Arrays) -> Any:
        """Return the call that only hands over."""
        target = self._target

        def call() -> Any:
            target.calls += 1
            if target.calls == target.dies:
                raise fuzzed.Dies
            if target.calls == target.stops:
                raise KeyboardInterrupt
            target.clock.now += target.launch
            self._pending += target.work
            return self._model.target(**feeds)

        return call, lambda y: {"y": y + np.float32(target.lies)}

    def synchronise(self) -> None:
        """Wait for what was handed over."""
        self._target.clock.now += self._pending
        self._pending = 0.0


class Unsynchronised(Session):
    """A session that nobody can wait for."""

    synchronise = None  # type: ignore[assignment]


class Target(fuzzed.Target):
    """A runtime of such sessions. ``dies`` and ``stops``: at which call of all it takes the worker, or the user, away."""

    devices = ("cpu",)  # type: ignore[assignment]

    def __init__(self, clock: Clock, *, kind: type[Session] = Session, device: str = "cpu", work: float = 0.001, lies: float = 0.0) -> None:
        super().__init__()
        self.clock, self.kind, self.device, self.work, self.lies = clock, kind, device, work, lies
        self.launch, self.copies = 0.0001, 0.005
        self.calls = self.dies = self.stops = 0

    def load(self, source: Any, device: str, options: Arrays) -> Any:
        """Open the model in a quarter of a second."""
        self.clock.now += 0.25
        return self.kind(self, source.model)


class Worker:
    """A `Serve` on the clock, in this process."""

    def __init__(self, registry: Any, clock: Clock) -> None:
        self.serve = Serve(registry)
        self.serve._clock = lambda: round(clock.now * 1e9)  # type: ignore[method-assign]
        self.alive = True

    def call(self, verb: str, arguments: Arrays, *, timeout: float) -> Any:
        """Run a verb."""
        if verb == "latency_pin":
            return {"cpus": [0], "resident": 5}
        try:
            return getattr(self.serve, verb)(**arguments)
        except fuzzed.Dies:
            self.alive = False
            died = {"type": "", "message": f"the worker died of SIGSEGV during {verb}", "signal": "SIGSEGV", "stderr": "oh"}
            raise WorkerFailure("crash", died) from None
        except Exception as error:
            told = failure(error)
            raise WorkerFailure(told["kind"], told) from None

    def kill(self) -> None:
        """End it."""
        self.alive = False


class Desk:
    """One case, judged and measured in this process."""

    def __init__(self, folder: Path, target: Callable[[Clock], Target] = Target) -> None:
        self.clock = Clock()
        self.bench = fuzzed.Bench(folder)
        self.target = target(self.clock)
        self.bench.registry.frameworks[fuzzed.FRAMEWORK] = Source(self.clock)
        self.bench.registry.runtimes[fuzzed.RUNTIME] = self.target
        self.workers: list[Worker] = []

    def worker(self, toolchain: str, threads: int) -> Worker:
        """Start one."""
        self.workers.append(Worker(self.bench.registry, self.clock))
        return self.workers[-1]

    def run(self, body: str = RIGHT, **more: Any) -> Measured:
        """Return what is measured of the case that a file declares; ``more`` is for `Bench`."""
        return self.measured(self.bench.cell(body), **more)

    def measured(self, cell: Cell, **more: Any) -> Measured:
        """Return what is measured of a cell."""
        engine = Engine(self.bench.pool, self.bench.cache, adapters=self.bench.registry)  # type: ignore[arg-type]
        place = Place(worker=self.worker, cpus=(0,), threads=1, timeout=60.0)
        told = {"plan": PLAN, "swept": PLAN, "clock": self.clock, "place": place, **more}
        return bench_cells([cell], engine, Bench(**told), engine.run_cell, lambda text: None)
