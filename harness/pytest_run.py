"""One pytest session's settings, workers and records, from the first case file to the report."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import platform
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import UsageError
from harness.core.outcome import Outcome
from harness.core.record import EXAMPLES, FUZZING, Record, latest, read_records
from harness.core.registry import registry
from harness.core.tolerance import Tolerance
from harness.engine.cache import Cache, default_root
from harness.engine.cell import Cell, Engine
from harness.engine.example_rows import rows_from
from harness.engine.fuzzing import Fuzzing, local_database
from harness.engine.manifest import DECLARING
from harness.engine.pool import Pool, ended
from harness.engine.settings import Settings, routes_for, settings_from, table_of
from harness.engine.worker import Worker
from harness.policy import expectations as expecting
from harness.policy import gate as gating
from harness.policy import glob, ratchet
from harness.policy import tolerances as tolerating
from harness.pytest_spread import OWNER
from harness.report.models import model_lines
from harness.report.verdict import SEVERITY
from harness.report.write import write_reports, write_text

if TYPE_CHECKING:
    from harness.generate.discover import Generated

RECORDS = "records.jsonl"
_NOTICES = (f"{EXAMPLES}the row for ", f"{FUZZING}the database ")


class Run:
    """One session's settings, routes, engine and records. Workers start with the first cell."""

    def __init__(self, config: pytest.Config) -> None:
        """Raises `UsageError` for settings or options that cannot be understood."""
        self.config = config
        given = getattr(config, "workerinput", {})
        self.worker = given.get("workerid", "")
        self.settings = _settings(config, int(given.get("workercount", 1)))
        self.routes = routes_for(self.settings, registry())
        self.rows = expecting.load_expectations([str(path) for path in self.settings.expectations])
        self.tolerances = tolerating.read(self.settings.tolerances, config.rootpath)
        settings = self.settings
        self._fuzzing = Fuzzing(
            examples=settings.fuzz, seconds=settings.fuzz_seconds, rows=rows_from(settings.examples), path=settings.examples,
            database=local_database(default_root()),
        )  # fmt: skip
        self.policy = gating.load_policy(self.settings.gate) if self.settings.gate is not None else None
        self.cache = Cache(fresh=self.settings.fresh)
        self.records: list[Record] = []
        self.ids: dict[str, str] = {}
        self._file = self.settings.report / (f"records-{given[OWNER]}-{self.worker}.jsonl" if self.worker else RECORDS)
        self.gate: gating.Gate | None = None
        self.hints: list[str] = []
        self.written: dict[str, Path] = {}
        self._pool: Pool | None = None
        self._engine: Engine | None = None
        self._parts: dict[tuple[str, str], dict[str, Any]] = {}
        self._declaring: Worker | None = None
        self._lanes: dict[tuple[str, str], list[Cell]] | None = None
        self._ahead: dict[str, Record] = {}

    @property
    def pool(self) -> Pool:
        """The session's workers."""
        if self._pool is None:
            self._pool = Pool(self.settings.limits)
        return self._pool

    @property
    def engine(self) -> Engine:
        """What runs the session's cells."""
        if self._engine is None:
            self._engine = Engine(
                self.pool, self.cache, bounds=self._bounds, rungs=self.settings.rungs, search=self.settings.search, fuzzing=self._fuzzing
            )
        return self._engine

    def generated(self, cell: Cell) -> Generated:
        """Return the cases generated from the model of a cell. Raises as `harness.generate.discover.generated` does."""
        from harness.generate.discover import generated

        found = generated(cell, self.engine.steps, self.cache.root, self.tell)
        self._parts[cell.case.id, cell.route.framework] = found.summary()
        return found

    def tell(self, text: str) -> None:
        """Say on the terminal what takes a while."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        capture = self.config.pluginmanager.get_plugin("capturemanager")
        if reporter is not None:
            # What is written while files are collected would be captured and lost.
            with capture.global_and_fixture_disabled() if capture is not None else contextlib.nullcontext():
                reporter.ensure_newline()
                reporter.write_line(f"parity: {text}")

    def describe(self, file: str, roots: list[str]) -> Any:
        """Execute a case file in a worker and return what it declares."""
        if self._declaring is None or not self._declaring.alive:
            scratch = self.pool.scratch
            self._declaring = Worker(DECLARING, scratch / "declare", scratch / "declare-exchange", threads=1, memory_limit=0)
        return self._declaring.call("describe", {"file": file, "roots": roots}, timeout=self.settings.limits.timeout)

    def run_cell(self, cell: Cell, planned: Callable[[], Iterable[Cell]] = tuple) -> Record:
        """Run a cell, apply the expectation rows to it, look into an unexpected mismatch, and append its record to the file at once.

        ``planned`` gives the cells of the session in order: where batches are asked for, those that follow share a conversion.
        """
        known = self._ahead.pop(cell.id) if cell.id in self._ahead else None
        record = known or self._run(cell, planned, self.engine)
        record = self._expected(record)
        if record.outcome is Outcome.MISMATCH and not record.ok:
            record = self._expected(self._looked_into(cell, record, self.engine))  # a signature may be about the culprit
        return self.keep(record)

    def keep(self, record: Record) -> Record:
        """Append a record to the file at once, the expectation rows applied; return it.

        The first one of a model from which tests were generated, or of such a test, takes its tree along.
        """
        model = (record.part or {}).get("of", record.case), record.framework
        record = self._expected(dataclasses.replace(record, parts=self._parts.pop(model, None)))
        # The first record replaces what an earlier session left, half a line of it included.
        with self._file.open("a" if self.records else "w", encoding="utf-8") as stream:
            stream.write(record.line() + "\n")
        self.records.append(record)
        return record

    def _run(self, cell: Cell, planned: Callable[[], Iterable[Cell]], engine: Engine) -> Record:
        """Return the record of a cell that has not run yet; keep those of the cells that ran with it."""
        # What a worker of pytest-xdist has to run is known to nobody beforehand; one cell that fails costs its batch several conversions.
        if self.settings.batch < 2 or self.worker or self._known_to_fail(cell):
            return engine.run_cell(cell)
        if self._lanes is None:
            self._lanes = {}
            for other in planned():
                if not self._known_to_fail(other):
                    self._lanes.setdefault((other.file, str(other.route)), []).append(other)
        lane = self._lanes.get((cell.file, str(cell.route)), [])
        start = next((number for number, other in enumerate(lane) if other.id == cell.id), None)
        if start is None:
            return engine.run_cell(cell)
        done = {record.id: record for record in engine.run_batch(lane[start : start + self.settings.batch])}
        record = done.pop(cell.id)
        self._ahead.update(done)
        return record

    def _known_to_fail(self, cell: Cell) -> bool:
        """Return whether a row expects this cell to fail."""
        return any(glob.matches(row.case, cell.case.id) and glob.matches(row.route, str(cell.route)) for row in self.rows)

    def _expected(self, record: Record) -> Record:
        (record,), _ = expecting.apply([record], self.rows, datetime.date.today())
        return record

    def _looked_into(self, cell: Cell, record: Record, engine: Engine) -> Record:
        """Return the record of a mismatch with its culprit and its bundle, as far as the settings ask for them."""
        if self.settings.localise:
            record = engine.blame(cell, record, self.settings.localise_timeout)
        if self.settings.repro is not None:
            record = engine.bundle(cell, record, self.settings.repro, self.settings.localise_timeout)
        return record

    def _bounds(self, cell: Cell) -> Callable[[str, str], Tolerance]:
        return tolerating.bounds_for(cell.case.id, cell.case.level, str(cell.route), self.tolerances, cell.case.tolerance)

    def finish(self, session: pytest.Session, exitstatus: int, *, broken: bool) -> None:
        """End workers; in the main process also merge, gate, write the report and set the exit code.

        ``broken``: something was declared wrongly, which makes the exit code 2.
        """
        if self._declaring is not None:
            self._declaring.kill()
        if self._pool is not None:
            self._pool.close()
        if self.worker or self.config.option.collectonly:
            return
        self._merge()
        self.cache.prune()
        if self.records:
            self._conclude(session, exitstatus)
        if broken and exitstatus in (0, 1, 5):
            session.exitstatus = pytest.ExitCode.INTERRUPTED

    def _merge(self) -> None:
        """Take in the records of this session's workers; remove those of sessions that were killed."""
        for part in sorted(self.settings.report.glob("records-*-*.jsonl")):
            owner = part.name.split("-")[1]
            if owner == str(os.getpid()):
                self.records += read_records(part)
            if owner == str(os.getpid()) or (owner.isdigit() and ended(int(owner))):
                part.unlink()

    def _conclude(self, session: pytest.Session, exitstatus: int) -> None:
        self.records = latest(self.records)
        write_text(self.settings.report / RECORDS, "".join(record.line() + "\n" for record in self.records))
        today = datetime.date.today()
        complete = exitstatus in (0, 1) and _complete(session)
        judged, problems = expecting.apply(self.records, self.rows, today, complete=complete)
        problems += tolerating.problems(judged, self.tolerances, today, complete=complete)
        self.hints = [hint.line for hint in ratchet.hints(judged, self.tolerances)]
        self.records = judged
        self.gate = gating.gate(judged, self.policy, problems)
        facts = {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "when": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        }
        self.written = write_reports(judged, self.settings.report, self.gate.to_json(), facts, hints=self.hints)
        if exitstatus in (0, 1) and self.gate.code:
            session.exitstatus = self.gate.code

    def summary(self) -> Iterator[str]:
        """Yield the lines of the closing table."""
        if not self.records:
            return
        yield ""
        counts = Counter(str(record.outcome) for record in self.records if not record.label)
        routes = {record.route for record in self.records}
        replayed = sum(record.replayed for record in self.records)
        yield f"parity: {len(self.records)} cells on {len(routes)} routes, {replayed} replayed from the cache"
        if counts:
            yield "  " + ", ".join(f"{number} {outcome}" for outcome, number in counts.most_common())
        for label, sums in (self.gate.apart if self.gate else {}).items():
            if sums["cells"]:
                yield f"  {label}, no result of the device itself: {sums['match']} of {sums['cells']} cells match"
        width = max(map(len, routes))
        for route in sorted(routes):
            part = Counter(str(record.outcome) for record in self.records if record.route == route)
            label = next((f" ({record.label})" for record in self.records if record.route == route and record.label), "")
            yield f"  {route:<{width}}  " + ", ".join(f"{number} {outcome}" for outcome, number in part.most_common()) + label
        yield from model_lines(self.records)
        if any(record.latency for record in self.records):
            from harness.pytest_latency import summary

            yield from summary(self.config, self.records)
        bad = [record for record in self.records if not record.ok and record.outcome is not Outcome.UNAVAILABLE]
        for record in sorted(bad, key=lambda record: SEVERITY.index(record.outcome))[:5]:
            yield f"worst: {record.id}: {record.outcome} at {record.stage}"
            if said := (record.culprit or {}).get("sentence"):
                yield f"       blame: {said}"
            yield f"       next: {record.repro}"
        # What concerns the files and not one cell is told once, whether or not a cell fails.
        yield from dict.fromkeys(message for record in self.records for message in record.messages if message.startswith(_NOTICES))
        for reason in self.gate.reasons if self.gate else ():
            yield f"gate: {reason}"
        if self.hints:
            bounds = "1 declared bound" if len(self.hints) == 1 else f"{len(self.hints)} declared bounds"
            yield f"ratchet: {bounds} could be tighter; the report says by how much"
        for path in self.written.values():
            yield f"report: {path}"


def _settings(config: pytest.Config, workers: int) -> Settings:
    option = config.getoption
    given = {
        "sources": option("--parity-source"), "targets": option("--parity-target"), "devices": option("--parity-device"),
        "hops": option("--parity-hops"), "full": option("--parity-full") or None, "fresh": option("--parity-fresh") or None,
        "timeout": option("--parity-timeout"), "memory": option("--parity-memory"), "report": option("--parity-report"), "share": workers,
        "rung": option("--parity-rung"), "generate": option("--parity-generate"), "batch": option("--parity-batch"),
        "expect": option("--parity-expect"), "fuzz": option("--parity-fuzz"), "fuzz_seconds": option("--parity-fuzz-seconds"),
        "search": option("--parity-search"), "localise": option("--parity-localise"), "repro": option("--parity-repro"),
    }  # fmt: skip
    if option("--parity-route"):
        given["routes"] = option("--parity-route")
    settings = settings_from(table_of(config.rootpath), config.rootpath, given)
    try:
        settings.report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"report folder {settings.report}: {error.strerror or error}; give a folder that can be written") from None
    return settings


def _complete(session: pytest.Session) -> bool:
    """Return whether the whole matrix was run: every route, and nothing chosen among files, cases, routes or ends."""
    option = session.config.option
    narrowing = ("keyword", "lf", "deselect", "parity_route", "parity_source", "parity_target")
    chosen = any(getattr(option, name, None) for name in narrowing) or option.markexpr not in ("", "parity")
    named = session.config.args_source == session.config.ArgsSource.ARGS
    return bool(option.parity_full) and not (chosen or named or session.shouldstop or session.shouldfail)


def selecting(config: pytest.Config) -> str:
    """Return the options that chose this session's routes, as one would type them again."""
    option = config.getoption
    words = ["--parity-full"] if option("--parity-full") else []
    words += [f"--parity-hops={option('--parity-hops')}"] if option("--parity-hops") is not None else []
    words += [f"--parity-{name}={text}" for name in ("device", "route") for text in option(f"--parity-{name}")]
    return "".join(f" {shlex.quote(word)}" for word in words)
