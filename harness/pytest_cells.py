"""Cells as pytest items: what the plugin does once a case file has been met."""

from __future__ import annotations

import contextlib
import datetime
import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.outcome import Outcome
from harness.core.record import Record, latest, read_records
from harness.core.registry import registry
from harness.core.route import Route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import DECLARING, manifest
from harness.engine.pool import Pool
from harness.engine.settings import Settings, routes_for, routes_of, settings_from, table_of
from harness.engine.worker import Worker, WorkerFailure
from harness.policy import expectations as expecting
from harness.policy import gate as gating
from harness.report.write import write_reports

RECORDS = "records.jsonl"


class Run:
    """One session's settings, routes, engine and records. Workers start with the first cell."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker = getattr(config, "workerinput", {}).get("workerid", "")
        workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
        try:
            self.settings = _settings(config, workers)
            self.routes = routes_for(self.settings, registry())
            self.rows = expecting.load_expectations([str(path) for path in self.settings.expectations])
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        self.cache = Cache(fresh=self.settings.fresh)
        self.records: list[Record] = []
        self.broken: list[str] = []
        self.ids: dict[str, str] = {}
        self.gate: gating.Gate | None = None
        self.written: dict[str, Path] = {}
        self._pool: Pool | None = None
        self._engine: Engine | None = None
        self._declaring: Worker | None = None

    @property
    def pool(self) -> Pool:
        """The session's workers."""
        if self._pool is None:
            self._pool = Pool(self.settings.limits)
        return self._pool

    def describe(self, file: str, roots: list[str]) -> Any:
        """Execute a case file in a worker and return what it declares."""
        if self._declaring is None or not self._declaring.alive:
            scratch = self.pool.scratch
            self._declaring = Worker(DECLARING, scratch / "declare", scratch / "declare-exchange", threads=1, memory_limit=0)
        return self._declaring.call("describe", {"file": file, "roots": roots}, timeout=self.settings.limits.timeout)

    def run_cell(self, cell: Cell) -> Record:
        """Run a cell, apply the expectation rows to it, and append its record to the file at once."""
        if self._engine is None:
            self._engine = Engine(self.pool, self.cache)
        (record,), _ = expecting.apply([self._engine.run_cell(cell)], self.rows, datetime.date.today())
        self.records.append(record)
        with self._own_file.open("a", encoding="utf-8") as stream:
            stream.write(record.line() + "\n")
        return record

    @property
    def _own_file(self) -> Path:
        self.settings.report.mkdir(parents=True, exist_ok=True)
        name = f"records-{self.worker}.jsonl" if self.worker else RECORDS
        return self.settings.report / name

    def finish(self, session: pytest.Session, exitstatus: int) -> None:
        """End workers; in the main process also merge, gate, write the report and set the exit code."""
        if self._declaring is not None:
            self._declaring.kill()
        if self._pool is not None:
            self._pool.close()
        if self.worker or self.config.option.collectonly:
            return
        for part in sorted(self.settings.report.glob("records-*.jsonl")):
            self.records += read_records(part)
            part.unlink()
        if self.records:
            self._conclude(session, exitstatus)
        if self.broken and exitstatus in (0, 1, 5):
            session.exitstatus = pytest.ExitCode.INTERRUPTED

    def _conclude(self, session: pytest.Session, exitstatus: int) -> None:
        self.records = latest(self.records)
        (self.settings.report / RECORDS).write_text("".join(record.line() + "\n" for record in self.records), encoding="utf-8")
        policy = gating.load_policy(self.settings.gate) if self.settings.gate else None
        judged, problems = expecting.apply(self.records, self.rows, datetime.date.today())
        self.records = judged
        self.gate = gating.gate(judged, policy, problems)
        facts = {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "when": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        }
        self.written = write_reports(judged, self.settings.report, self.gate.to_json(), facts)
        if exitstatus in (0, 1) and self.gate.code:
            session.exitstatus = self.gate.code

    def summary(self) -> Iterator[str]:
        """Yield the lines of the closing table."""
        if not self.records:
            return
        yield ""
        counts = Counter(str(record.outcome) for record in self.records)
        routes = {record.route for record in self.records}
        replayed = sum(record.replayed for record in self.records)
        yield f"parity: {len(self.records)} cells on {len(routes)} routes, {replayed} replayed from the cache"
        yield "  " + ", ".join(f"{number} {outcome}" for outcome, number in counts.most_common())
        width = max(map(len, routes))
        for route in sorted(routes):
            part = Counter(str(record.outcome) for record in self.records if record.route == route)
            yield f"  {route:<{width}}  " + ", ".join(f"{number} {outcome}" for outcome, number in part.most_common())
        worst = [record for record in self.records if not record.ok and record.outcome is not Outcome.UNAVAILABLE][:5]
        for record in worst:
            yield f"worst: {record.id}: {record.outcome} at {record.stage}"
            yield f"       next: {record.repro}"
        for reason in self.gate.reasons if self.gate else ():
            yield f"gate: {reason}"
        for path in self.written.values():
            yield f"report: {path}"


def _settings(config: pytest.Config, workers: int) -> Settings:
    option = config.getoption
    given = {
        "sources": option("--parity-source"), "targets": option("--parity-target"), "devices": option("--parity-device"),
        "hops": option("--parity-hops"), "full": option("--parity-full") or None, "fresh": option("--parity-fresh") or None,
        "timeout": option("--parity-timeout"), "memory": option("--parity-memory"), "report": option("--parity-report"), "share": workers,
    }  # fmt: skip
    if option("--parity-route"):
        given["routes"] = option("--parity-route")
    return settings_from(table_of(config.rootpath), config.rootpath, given)


class ParityFile(pytest.File):
    """A case file. It is executed in a worker, never here."""

    def __init__(self, *, run: Run, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._run = run

    def collect(self) -> Iterable[pytest.Item]:
        """Yield one item for each case and route, or one failing item for a file that cannot be read."""
        try:
            described = manifest(self.path, self.config.rootpath, self._run.cache.root, self._run.describe)
        except (UsageError, WorkerFailure) as error:
            yield BrokenFile.from_parent(self, name="declaration", message=_said(self.path, error), run=self._run)
            return
        for case in described.cases:
            if case.id in self._run.ids and self._run.ids[case.id] != described.file:
                text = f"case id {case.id!r} in {self.path} is already used in {self._run.ids[case.id]}; ids must be unique, rename one"
                yield BrokenFile.from_parent(self, name=f"{case.id}-duplicate", message=text, run=self._run)
                continue
            self._run.ids[case.id] = described.file
            for route in routes_of(case, self._run.routes, self._run.settings):
                name = f"{case.id}[{route}]"
                node = f"{self.nodeid}::{name}"
                cell = Cell(
                    id=name, case=case, route=route, file=described.file, digest=described.digest, repro=f"pytest '{node}' --parity-fresh"
                )
                yield CellItem.from_parent(self, name=name, cell=cell, run=self._run)


def _said(path: Path, error: Exception) -> str:
    if isinstance(error, WorkerFailure):
        detail = error.detail
        text = (
            detail.get("message", "")
            if error.kind == "usage"
            else f"{detail.get('type')}: {detail.get('message')}\n{detail.get('traceback', '')}"
        )
        return f"{path} cannot be read as a case file: {text}"
    return str(error)


class BrokenFile(pytest.Item):
    """Stands for a declaration that is wrong; fails with its message and makes the exit code 2."""

    def __init__(self, *, message: str, run: Run, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._message = message
        self._run = run
        self.add_marker(pytest.mark.parity)

    def runtest(self) -> None:
        """Fail."""
        self._run.broken.append(self._message)
        raise UsageError(self._message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return the message alone."""
        return self._message


class CellItem(pytest.Item):
    """One case on one route."""

    def __init__(self, *, cell: Cell, run: Run, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self._run = run
        for name in ("parity", cell.case.level, *_ends(cell.route)):
            self._declare(name)
            self.add_marker(getattr(pytest.mark, name))

    def _declare(self, name: str) -> None:
        if name.startswith(("source_", "target_")):
            line = f"{name}: cells of this {name.split('_')[0]}"
            with contextlib.suppress(ValueError):
                if line not in self.config.getini("markers"):
                    self.config.addinivalue_line("markers", line)

    def runtest(self) -> None:
        """Run the cell; a mismatch or failure raises, an absent toolchain skips with how to get it."""
        record = self._run.run_cell(self.cell)
        self.user_properties += [("parity_outcome", str(record.outcome)), ("parity_stage", str(record.stage))]
        if record.outcome is Outcome.UNAVAILABLE:
            error = record.error or {}
            pytest.skip(f"unavailable: {error.get('message')} (to get it: {error.get('how') or 'see parity doctor'})")
        if not record.ok:
            if (record.error or {}).get("kind") == "usage":
                self._run.broken.append(str((record.error or {}).get("message")))
            raise CellFailure(record)
        if record.expectation:
            pytest.xfail(f"expected {record.outcome}: {record.expectation.get('reason')}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what happened, in the terms of the cell."""
        if isinstance(excinfo.value, CellFailure):
            return "\n".join(explain(excinfo.value.record))
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the cell is declared."""
        return self.path, None, self.name


def _ends(route: Route) -> tuple[str, str]:
    return f"source_{route.framework}", "target_" + route.runtime.name.replace(".", "_").replace("-", "_")


class CellFailure(Exception):
    """A cell that is not ok."""

    def __init__(self, record: Record) -> None:
        super().__init__(f"{record.outcome} at {record.stage}")
        self.record = record


def explain(record: Record) -> Iterator[str]:
    """Yield the lines of a failure: case, route, stage, expected, got, worst index, bound, next command."""
    yield f"case {record.case} on {record.route}: {record.outcome} at stage {record.stage}"
    if record.expectation and not record.expectation.get("met"):
        yield f"expectation: {record.expectation.get('problem')} ({record.expectation.get('reason')})"
    for comparison in record.comparisons:
        if comparison.match:
            continue
        shapes = ", ".join(f"{name}={length}" for name, length in (comparison.shapes or {}).items())
        yield f"output {comparison.output!r} against {comparison.against}" + (f" at {shapes}" if shapes else "")
        for fact in comparison.facts:
            yield f"  {fact}"
        m, bound = comparison.metrics, comparison.bound
        if "max_abs" in m:
            yield (
                f"  greatest difference {m['max_abs']:.3g} at {m['worst']}: got {m.get('actual_at_worst')}, expected "
                f"{m.get('expected_at_worst')}; {m.get('outside', 0)} of {m['size']} elements outside {bound.get('formula', '')} "
                f"with rtol={bound.get('rtol')}, atol={bound.get('atol')}"
            )
    if record.error:
        yield f"{record.error.get('type') or record.error.get('kind')}: {record.error.get('message')}"
        refused = record.error.get("kind") in ("usage", "unsupported", "unavailable")
        for key in () if refused else ("traceback", "stderr"):
            if tail := str(record.error.get(key) or "").strip():
                yield f"--- end of {key} ---\n" + "\n".join(tail.splitlines()[-15:])
    for message in record.messages:
        yield f"converter said: {message}"
    yield f"next: {record.repro}"
