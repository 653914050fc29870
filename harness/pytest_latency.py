"""Measurements as pytest items: all sides of a case take turns in the first of them, and each hands its times to pytest-benchmark.

The times are those that workers took. A `pytest_benchmark.fixture.BenchmarkFixture` is made as that plugin makes one, with a timer that
replays them: one round is one turn of the side, and its time the median of the calls in it. So what pytest-benchmark prints, stores,
compares and draws is what was measured, by its own code.
"""

from __future__ import annotations

import dataclasses
import importlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from harness.bench import Bench, Measured, bench_cells, source_name
from harness.bench_settings import bench_from
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.quality import quality
from harness.core.record import Record
from harness.engine.cell import Cell
from harness.engine.settings import table_of
from harness.latency.baseline import ABSTAINED, save
from harness.latency.measure import Side
from harness.latency.summary import lines
from harness.pytest_cells import CellFailure, DeclaredItem, declare_ends, explain
from harness.pytest_run import Run
from harness.pytest_spread import OUTCOME, USAGE

ENDING = "-latency"
PLUGIN = "benchmark"
ABSENT = "pytest-benchmark is not installed: times are in the records and the report alone (to get it: pip install pytest-benchmark)"
_STATE = pytest.StashKey["Measuring"]()


class Measuring:
    """What one session measures: by file and case, once."""

    def __init__(self, run: Run, config: pytest.Config) -> None:
        """Raises `UsageError` for settings that cannot be understood."""
        option, root = config.getoption, config.rootpath
        table: Mapping[str, Any] = table_of(root).get("latency", {})
        given = {key: option(f"--parity-latency-{key.replace('_', '-')}") for key in ("baseline", "save", "fail_above")}
        self.strict = bool(option("--parity-latency-strict") or table.get("strict"))
        self.bench: Bench = bench_from(table, given, root, lambda *place: run.pool.alone(*place), run.settings.limits.timeout)
        text = given["save"] or table.get("save")
        self._save = root / text if text else None
        self._run = run
        self._done: dict[tuple[str, str], Measured] = {}

    def of(self, item: LatencyItem) -> Measured:
        """Return what was measured of the case of an item: all of its routes that this session has."""
        key = (item.file, item.case.id)
        if key not in self._done:
            others = [other for other in item.session.items if isinstance(other, LatencyItem) and (other.file, other.case.id) == key]
            cells = [other.cell for other in others if other.cell is not None]
            found = bench_cells(cells, self._run.engine, self.bench, self._run.engine.run_cell, self._run.tell)
            self._done[key] = found
            if self._save is not None and not found.interrupted:
                save(self._save, found.entries)
            for name, record in found.records.items():
                found.records[name] = self._run.keep(record)
            if found.interrupted:
                raise KeyboardInterrupt
        return self._done[key]


def measuring(run: Run, config: pytest.Config) -> Measuring:
    """Return what this session measures, made when first asked for. Raises `UsageError` for settings that cannot be understood."""
    if _STATE not in config.stash:
        config.stash[_STATE] = Measuring(run, config)
    return config.stash[_STATE]


def latency_items(parent: pytest.Collector, nodeid: str, case: Case, cells: Sequence[Cell], run: Run) -> Iterator[pytest.Item]:
    """Yield an item for each source of a case, and one for each of its cells."""
    for framework in dict.fromkeys(cell.route.framework for cell in cells):
        own = [cell for cell in cells if cell.route.framework == framework]
        name = source_name(own[0]) + ENDING
        yield LatencyItem.from_parent(parent, name=name, nodeid=f"{nodeid}::{name}", case=case, file=own[0].file, cell=None, run=run)
        for cell in own:
            name = cell.id + ENDING
            repro = f"pytest {shlex.quote(f'{nodeid}::{name}')} -m latency"
            measured = dataclasses.replace(cell, id=name, repro=repro)
            yield LatencyItem.from_parent(
                parent, name=name, nodeid=f"{nodeid}::{name}", case=case, file=cell.file, cell=measured, run=run
            )  # fmt: skip


class LatencyItem(DeclaredItem):
    """One side of a case: its source, or one of its cells."""

    def __init__(self, *, case: Case, file: str, cell: Cell | None, run: Run, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case, self.file, self.cell = case, file, cell
        self._run = run
        if self.config.pluginmanager.hasplugin(PLUGIN):
            self.fixturenames = [PLUGIN]  # by which pytest-benchmark knows what to skip and what to keep
            self.funcargs: dict[str, Any] = {}
        for name in ("latency", case.level):
            self.add_marker(getattr(pytest.mark, name))
        if cell is not None:
            declare_ends(self, cell.route)

    def runtest(self) -> None:
        """Measure the case unless that is done; a cell that is wrong, or slower than its baseline, raises."""
        if self._run.worker:
            pytest.skip("not measured: other tests run at the same time; run pytest -m latency without -n")
        try:
            state = measuring(self._run, self.config)
            found = state.of(self)
        except UsageError as error:
            self.user_properties.append((USAGE, str(error)))
            raise
        name = self.cell.id if self.cell else self.name.removesuffix(ENDING)
        side = found.sides.get(name)
        if side is not None and any(side.rounds):
            self._hand_over(side, found.records.get(name))
        if self.cell is not None:
            self._judge(found.records[name], state.strict)
        elif side is None:
            pytest.skip("not measured: no conversion of it was chosen that could be measured")
        elif side.failure is not None:
            pytest.fail(f"the source could not be measured: {side.failure.get('message')}", pytrace=False)

    def _judge(self, record: Record, strict: bool) -> None:
        self.user_properties += [(OUTCOME, str(record.outcome)), ("parity_stage", str(record.stage))]
        gate = (record.latency or {}).get("gate") or {}
        if not record.ok:
            raise CellFailure(record)
        if strict and gate.get("outcome") == ABSTAINED:
            pytest.fail(f"baseline: abstained: {gate['reason']}", pytrace=False)
        if record.expectation:
            pytest.xfail(f"expected {record.outcome}: {record.expectation.get('reason')}")

    def _hand_over(self, side: Side, record: Record | None) -> None:
        """Give the times of a side to pytest-benchmark, where it is there and not disabled."""
        session: Any = getattr(self.config, "_benchmarksession", None)
        if session is None or session.skip:
            return
        made: Any = importlib.import_module("pytest_benchmark.fixture")
        replay = _Replay([float(np.median(times)) for launch in side.rounds for times in launch])
        options = {**session.options, "timer": made.NameWrapper(replay), "group": self.case.id, "cprofile": False}
        fixture = made.BenchmarkFixture(
            self, add_stats=session.benchmarks.append, logger=session.logger, warner=self.warn, disabled=session.disabled, **options
        )
        self.funcargs[PLUGIN] = fixture
        latency = (record.latency if record else None) or {}
        if record is not None:
            fixture.extra_info["quality"] = quality(record)
        fixture.extra_info.update(
            {key: latency[key] for key in ("ratio", "pinned", "load", "gate") if key in latency},
            **{key: item for key, item in (latency.get("target") or {}).items() if key != "series"},
        )
        fixture.pedantic(_nothing, rounds=len(replay.times), iterations=1)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what is wrong and what was measured: the one does not hide the other."""
        if isinstance(excinfo.value, CellFailure):
            record = excinfo.value.record
            return "\n".join([*explain(record), *lines(record.route, record.latency or {}, quality(record))])
        if isinstance(excinfo.value, UsageError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


def _nothing() -> None:
    """Stand for a call that was made elsewhere."""


class _Replay:
    """A timer that is asked before and after each round, and tells the time the round took."""

    def __init__(self, times: list[float]) -> None:
        self.times = times
        self._asked = 0

    def __call__(self) -> float:
        """Return 0 before a round, its seconds after it."""
        self._asked += 1
        return 0.0 if self._asked % 2 else self.times[self._asked // 2 - 1]


def summary(config: pytest.Config, records: Sequence[Record]) -> Iterator[str]:
    """Yield the closing lines on what was measured."""
    measured = [record for record in records if record.latency]
    if not measured:
        return
    pinned = (measured[0].latency or {}).get("pinned", {})
    load = (measured[0].latency or {}).get("load")
    places = ", ".join(map(str, pinned.get("cpus", ()))) or "any"
    yield f"latency: threads {pinned.get('threads')} on processors {places}" + (f", load average {load} before" if load is not None else "")
    for record in measured:
        yield from ("  " + line for line in lines(f"{record.case} {record.route}", record.latency or {}, quality(record)))
    if not config.pluginmanager.hasplugin(PLUGIN):
        yield f"latency: {ABSENT}"

