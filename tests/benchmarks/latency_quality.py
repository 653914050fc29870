"""How good the latency gate is: false alarms on equal runs, planted slow-downs found, and whether its times are those of a plain loop.

``python -m tests.benchmarks.latency_quality [--quick] [--launches N] [--keep FILE.npz]`` launches four sides again and again, in turns:
the source (PyTorch, eager), its conversion on ONNX Runtime, the same again made 10 % slower (see `tests.benchmarks.latency_plant`), and
a plain loop in a script of its own. A run of the gate is a number of launches in a row; every two runs that share none, the earlier
as baseline, are one trial: of equal speed with the conversion on both sides, planted with the slower one later. The rules ``mean x
1.1`` and ``+25 %`` see the very same calls. ``--from FILE.npz`` judges what ``--keep`` kept. Trials overlap, so
their number says less than it seems; all is printed with the load of the machine.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.bench import Ready, ready_of
from harness.bench_command import cells_of, cpus_from
from harness.bench_lane import Place, source_lane, target_lane
from harness.check import Question
from harness.engine.cache import Cache
from harness.engine.cell import Engine
from harness.engine.pool import Limits, Pool
from harness.engine.toolchains import environment, locate
from harness.engine.worker import Worker
from harness.latency.baseline import ABOVE
from harness.latency.fingerprint import load_average
from harness.latency.measure import Plan, Side, measure
from harness.latency.statistics import effect_of, slowdown

HERE = Path(__file__).resolve().parent
SLOWER = 0.1
SIDES = ("source", "target", "slower", "loop")


class LoopLane:
    """The plain loop as a lane."""

    def __init__(self, one: Ready, place: Place, folder: Path) -> None:
        feeds = folder / "feeds.npz"
        np.savez(feeds, **dict(one.sample.feeds))
        command = [sys.executable, str(HERE / "latency_loop.py"), one.artifact.entry, str(feeds), str(place.threads)]
        env = environment(locate("onnxruntime").toolchain, folder, place.threads)

        def pinned() -> None:
            os.sched_setaffinity(0, place.cpus)

        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, preexec_fn=pinned if place.cpus else None
        )

    def open(self) -> dict[str, Any]:
        """Wait until it is ready; its first call went by."""
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return {"first": self.block(1, 1, False)[0]}

    def block(self, calls: int, inner: int, copy: bool) -> Any:
        """Ask for so many calls."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{calls}\n")
        self._process.stdin.flush()
        return np.asarray(json.loads(self._process.stdout.readline()))

    def close(self) -> dict[str, Any]:
        """End it."""
        self._process.kill()
        self._process.communicate()
        return {}


def planted(pool: Pool, part: float) -> Callable[[str, int], Worker]:
    """Return what starts workers in which ONNX Runtime is slower by a part."""
    count = itertools.count()

    def start(name: str, threads: int) -> Worker:
        located = locate(name)
        env = {**located.toolchain.env, "PYTHONPATH": str(HERE), "PARITY_PLANT": str(part)}
        toolchain = dataclasses.replace(located.toolchain, imports=(*located.toolchain.imports, "latency_plant"), env=env)
        folder = pool.scratch / f"planted-{next(count)}"
        located = dataclasses.replace(located, toolchain=toolchain)
        return Worker(located, folder, folder / "exchange", threads=threads, memory_limit=0)

    return start


def collect(plan: Plan, say: Callable[[str], None]) -> dict[str, Side]:
    """Return all launches of the four sides."""
    sides: dict[str, Side] = {}
    with Pool(Limits()) as pool, tempfile.TemporaryDirectory() as folder:
        cache = Cache()
        question = Question(
            source=f"{HERE / 'latency_model.py'}:build", to=("torch>onnx.dynamo>onnxruntime@cpu",), rungs=("normal",), limits=Limits()
        )
        (cell,) = cells_of(question, HERE.parents[1], cache, pool, say)
        engine = Engine(pool, cache)
        one = ready_of(cell, engine.run_cell(cell), engine.steps)
        assert isinstance(one, Ready), one
        place = Place(worker=pool.alone, cpus=cpus_from("", 1), threads=1, timeout=120.0)
        slow = dataclasses.replace(place, worker=planted(pool, SLOWER))
        registry = engine.steps.registry
        lanes: Mapping[str, Any] = {
            "source": lambda: source_lane(place, registry, cell, one.sample.feeds),
            "target": lambda: target_lane(place, registry, cell, one.artifact, one.sample),
            "slower": lambda: target_lane(slow, registry, cell, one.artifact, one.sample),
            "loop": lambda: LoopLane(one, place, Path(folder)),
        }
        measure(lanes, plan, sides, say=say)
    return sides


Calls = Mapping[str, Sequence[Sequence[Any]]]


def judged(calls: Calls, each: int) -> dict[str, tuple[int, int, int]]:
    """Return trials, false alarms and slow-downs found, by rule, with runs of ``each`` launches."""
    count = len(calls["target"])
    starts = range(count - each + 1)
    effects = {name: [effect_of(calls[name][s : s + each], calls["source"][s : s + each], seed=s) for s in starts] for name in SIDES[1:3]}
    means = {name: [np.concatenate([r for run in calls[name][s : s + each] for r in run]).mean() for s in starts] for name in SIDES[1:3]}
    pairs = [(s, later) for s in starts for later in starts if later >= s + each]
    found = {}
    for rule in ("gate", "mean x 1.1", "mean + 25 %"):
        alarms = []
        for name in SIDES[1:3]:
            total = 0
            for s, later in pairs:
                if rule == "gate":
                    before, now = effects["target"][s], effects[name][later]
                    assert before is not None
                    assert now is not None
                    total += slowdown(before, now, above=ABOVE).slower
                else:
                    total += means[name][later] > (1.1 if "1.1" in rule else 1.25) * means["target"][s]
            alarms.append(int(total))
        found[rule] = (len(pairs), alarms[0], alarms[1])
    return found


def main() -> None:
    """Collect, or read what was collected, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="12 launches instead of 48")
    parser.add_argument("--launches", type=int)
    parser.add_argument("--each", type=int, default=Plan().launches, help="launches of one run of the gate")
    parser.add_argument("--keep", default="", metavar="FILE.npz")
    parser.add_argument("--from", default="", metavar="FILE.npz", dest="kept")
    given = parser.parse_args()
    if given.kept:
        calls = _read(given.kept)
    else:
        plan = dataclasses.replace(Plan(), launches=given.launches or (12 if given.quick else 48))
        before = load_average()
        sides = collect(plan, lambda text: sys.stderr.write(text + "\n"))
        sys.stdout.write(f"load {before} at the start, {load_average()} at the end; {os.cpu_count()} cores\n")
        unsteady = {name: sum(not launch.steady.found for launch in side.launches if launch.steady) for name, side in sides.items()}
        sys.stdout.write(f"launches that had not settled: {unsteady}\n")
        for name, side in sides.items():
            if side.failure:
                sys.stdout.write(f"{name} ended early: {side.failure.get('message')}\n")
        calls = {name: sides[name].rounds for name in SIDES}
    if given.keep:
        np.savez_compressed(given.keep, **{f"{s}/{n}/{r}": x for s in SIDES for n, run in enumerate(calls[s]) for r, x in enumerate(run)})
    told(calls, given.each)


def told(calls: Calls, each: int) -> None:
    """Print all figures."""
    write = sys.stdout.write
    for name in SIDES:
        write(f"{name:<7} p50 {np.median(np.concatenate([r for run in calls[name] for r in run])) * 1e6:.1f} us\n")
    write(f"runs of {each} launches out of {len(calls['target'])}\n")
    for rule, (trials, false, caught) in judged(calls, each).items():
        write(f"{rule:<12} {false}/{trials} = {false / trials:.1%} false alarms; +10 %: {caught}/{trials} = {caught / trials:.1%} found\n")
    for name, other in (("target", "loop"), ("slower", "target")):
        effect = effect_of(calls[name], calls[other])
        assert effect is not None
        low, high = effect.interval()
        write(f"{name} / {other}: {effect.ratio:.4f} [{low:.4f}, {high:.4f}]\n")


def _read(path: str) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = {name: [] for name in SIDES}
    with np.load(path) as data:
        for key in data.files:
            name, launch, _ = key.split("/")
            found[name] += [[] for _ in range(int(launch) + 1 - len(found[name]))]
            found[name][int(launch)].append(data[key])
    return found


if __name__ == "__main__":
    main()
