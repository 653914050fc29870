"""Cells as pytest items: what becomes of a case file, of each case on each route, and of a failure."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.core.case import Case
from harness.core.errors import Unavailable, UsageError
from harness.core.outcome import Outcome
from harness.core.record import BUNDLE, EXAMPLES, FUZZING, Comparison, Record
from harness.core.registry import registry
from harness.core.route import Route
from harness.engine.cell import Cell
from harness.engine.manifest import manifest
from harness.engine.settings import check_routes, routes_of
from harness.engine.trace import Stop
from harness.engine.worker import WorkerFailure
from harness.generate.cells import Parts, levels_of, trouble
from harness.pytest_run import Run, selecting
from harness.pytest_spread import OUTCOME, USAGE
from harness.report.origin import origin, region

SHOWN = 3
"""Failing comparisons that a failure tells in full; the report has all of them."""


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
            yield BrokenFile.from_parent(self, name="declaration", message=_said(self.path, error))
            return
        for name, problem in described.problems:
            yield BrokenFile.from_parent(self, name=f"{name}-declaration", message=problem)
        for case in described.cases:
            try:
                routes = self._routes(case)
            except UsageError as error:
                yield BrokenFile.from_parent(self, name=f"{case.id}-declaration", message=f"{self.path}: {error}")
                continue
            cells = [self._cell(case, route, described.file, described.digest) for route in routes]
            yield from map(self._item, cells)
            if case.latency:
                from harness.pytest_latency import latency_items

                yield from latency_items(self, self.nodeid, case, cells, self._run)
            for framework in dict.fromkeys(route.framework for route in routes):
                yield from self._generated(case, next(cell for cell in cells if cell.route.framework == framework), routes)

    def _cell(self, case: Case, route: Route, file: str, digest: str) -> Cell:
        name = f"{case.id}[{route}]"
        again = f"pytest {shlex.quote(f'{self.nodeid}::{name}')}{selecting(self.config)} --parity-fresh"
        return Cell(id=name, case=case, route=route, file=file, digest=digest, repro=again)

    def _item(self, cell: Cell) -> pytest.Item:
        # The id is given as text: --lf compares ids, and pytest reads what is in brackets only from a text.
        return CellItem.from_parent(self, name=cell.id, nodeid=f"{self.nodeid}::{cell.id}", cell=cell, run=self._run)

    def _generated(self, case: Case, whole: Cell, routes: Sequence[Route]) -> Iterator[pytest.Item]:
        """Yield the items of what is generated from the model of a case; one failing item where that cannot be."""
        framework = whole.route.framework
        levels = levels_of(case, framework, self._run.settings.generate, registry())
        if not levels:
            return
        try:
            found = Parts(framework=framework, made=self._run.generated(whole), levels=levels)
        except Unavailable:
            return  # the cells of the case say so
        except (UsageError, WorkerFailure, Stop) as error:
            yield BrokenModel.from_parent(self, name=f"{case.id}-generation[{framework}]", message=trouble(case, framework, error))
            return
        for part, route in found.on(routes, self._run.settings):
            yield self._item(self._cell(part, route, found.file, found.digest))

    def _routes(self, case: Case) -> list[Route]:
        """Return the case's routes in this run. Raises `UsageError` for what would silently leave it without any."""
        first = self._run.ids.setdefault(case.id, str(self.path))
        if first != str(self.path):
            raise UsageError(f"case id {case.id!r} is already used in {first}; ids must be unique, rename one")
        check_routes(case, registry())
        return routes_of(case, self._run.routes, self._run.settings)


def _said(path: Path, error: Exception) -> str:
    if isinstance(error, WorkerFailure):
        detail = error.detail
        if error.kind == "usage":
            return f"{path} cannot be read as a case file: {detail.get('message', '')}"
        told = f"{detail['type']}: {detail.get('message')}" if detail.get("type") else str(detail.get("message"))
        trail = "".join(f"\n{line}" for line in _trail(detail.get("traceback") or detail.get("stderr"), str(path.resolve())))
        return f"{path} cannot be read as a case file: {told}{trail}"
    return str(error)


def _trail(text: Any, file: str) -> list[str]:
    """Return the end of a traceback or log: from the frames of ``file`` on where it has any, so none of the harness."""
    lines = str(text or "").strip().splitlines()
    own = next((number for number, line in enumerate(lines) if f'File "{file}"' in line), 0)
    return lines[own:][-15:]


class DeclaredItem(pytest.Item):
    """What a case file makes, at the place of that file."""

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the file and its first line: pytest asks for one where a mark skips the item."""
        return self.path, 0, self.name


class BrokenFile(DeclaredItem):
    """Stands for a declaration that is wrong; fails with its message and makes the exit code 2."""

    def __init__(self, *, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._message = message
        self.add_marker(pytest.mark.parity)

    def runtest(self) -> None:
        """Fail."""
        self.user_properties.append((USAGE, self._message.splitlines()[0]))
        raise UsageError(self._message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return the message alone."""
        return self._message


class BrokenModel(BrokenFile):
    """Stands for a model from which no tests can be generated; fails with the reason."""

    def runtest(self) -> None:
        """Fail."""
        raise UsageError(self._message)


class CellItem(DeclaredItem):
    """One case on one route."""

    def __init__(self, *, cell: Cell, run: Run, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self._run = run
        dynamic = any(spec.dims for spec in cell.case.specs(cell.route.framework))
        fuzzed = ("fuzz",) if dynamic and run.settings.fuzz.get(cell.case.level) else ()
        for name in ("parity", cell.case.level, *fuzzed):
            self.add_marker(getattr(pytest.mark, name))
        declare_ends(self, cell.route)

    def runtest(self) -> None:
        """Run the cell; a mismatch or failure raises, an absent toolchain skips with how to get it."""
        record = self._run.run_cell(self.cell, lambda: [item.cell for item in self.session.items if isinstance(item, CellItem)])
        self.user_properties += [(OUTCOME, str(record.outcome)), ("parity_stage", str(record.stage))]
        if record.outcome is Outcome.UNAVAILABLE:
            error = record.error or {}
            pytest.skip(f"unavailable: {error.get('message')} (to get it: {error.get('how') or 'see parity doctor'})")
        if not record.ok:
            if (record.error or {}).get("kind") == "usage":
                self.user_properties.append((USAGE, str((record.error or {}).get("message"))))
            raise CellFailure(record)
        if record.expectation:
            pytest.xfail(f"expected {record.outcome}: {record.expectation.get('reason')}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what happened, in the terms of the cell."""
        if isinstance(excinfo.value, CellFailure):
            return "\n".join(explain(excinfo.value.record))
        return super().repr_failure(excinfo)


def declare_ends(item: pytest.Item, route: Route) -> None:
    """Mark an item with the source and the target of its route; declare these markers."""
    for name in (f"source_{route.framework}", "target_" + route.runtime.name.replace(".", "_").replace("-", "_")):
        line = f"{name}: cells of this {name.split('_')[0]}"
        with contextlib.suppress(ValueError):
            if line not in item.config.getini("markers"):
                item.config.addinivalue_line("markers", line)
        item.add_marker(getattr(pytest.mark, name))


class CellFailure(Exception):
    """A cell that is not ok."""

    def __init__(self, record: Record) -> None:
        super().__init__(f"{record.outcome} at {record.stage}")
        self.record = record


def _bounds(metrics: Mapping[str, Any], bound: Mapping[str, Any]) -> str:
    """Return the numbers of a bound."""
    if bound.get("mode") != "oracle":
        return f"with rtol={bound.get('rtol')}, atol={bound.get('atol')}" if "rtol" in bound else ""
    parts = " + ".join(f"{name} {bound[name]:.2g}" for name in ("rounding", "noise", "error") if name in bound)
    tensor = f"; the whole tensor {metrics['tensor_ratio']:.3g} times its bound" if metrics["tensor_ratio"] > 1 else ""
    there = f"there {bound['distance']:.3g} from the float64 answer {bound['oracle']:.9g}"
    return f"\n  {there}, allowed {bound['allowed']:.3g} = {parts}{tensor}"


def _culprit(culprit: Mapping[str, Any]) -> Iterator[str]:
    """Yield who is to blame, what would explain it, and what else is to be said."""
    if culprit.get("sentence"):
        yield f"blame: {culprit['sentence']}"
    for suspect in culprit.get("suspects", ()):
        if isinstance(suspect, Mapping):
            left = f" (difference {suspect['before']:.3g} of the rms, {suspect['after']:.3g} if so)" if "after" in suspect else ""
            yield f"  suspect: {suspect.get('name')}: {suspect.get('sentence')}{left}"
    if culprit.get("note"):
        yield f"  note: {culprit['note']}"


def _place(comparison: Comparison) -> str:
    shapes = ", ".join(f"{name}={length}" for name, length in (comparison.shapes or {}).items())
    return f"output {comparison.output!r} against {comparison.against}" + (f" at {shapes}" if shapes else "")


def _compared(comparison: Comparison) -> Iterator[str]:
    """Yield what is wrong with one output on one input: facts, worst index, got and expected, bound and where that is from."""
    yield _place(comparison)
    for fact in comparison.facts:
        yield f"  {fact}"
    m, bound = comparison.metrics, comparison.bound
    if "max_abs" in m:
        outside = ""
        if "outside" in m and "formula" in bound:
            outside = f"{m['outside']} of {m['size']} elements outside {bound['formula']} {_bounds(m, bound)}"
        yield (
            f"  greatest difference {m['max_abs']:.3g}; worst at {m['worst']}: got {m.get('actual_at_worst')}, expected "
            f"{m.get('expected_at_worst')}" + (f"; {outside}" if outside else "")
        )
    if bound.get("row"):
        yield f"  bound declared in {bound['row']}" + (f": {bound['reason']}" if bound.get("reason") else "")


def explain(record: Record) -> Iterator[str]:
    """Yield the lines of a failure: case, route, stage, expected, got, worst index, bound, next command."""
    yield f"case {record.case} on {record.route}: {record.outcome} at stage {record.stage}"
    yield from origin(record)
    if record.expectation and not record.expectation.get("met"):
        yield f"expectation: {record.expectation.get('problem')} ({record.expectation.get('reason')})"
    wrong = [comparison for comparison in record.comparisons if not comparison.match]
    for comparison in wrong[:SHOWN]:
        yield from _compared(comparison)
    if len(wrong) > SHOWN:
        yield f"and {len(wrong) - SHOWN} more: " + "; ".join(_place(comparison) for comparison in wrong[SHOWN:])[:500]
    yield from region(record)
    yield from _culprit(record.culprit or {})
    if record.error:
        yield f"{record.error.get('type') or record.error.get('kind')}: {record.error.get('message')}"
        refused = record.error.get("kind") in ("usage", "unsupported", "unavailable")
        for key in () if refused else ("traceback", "stderr"):
            if tail := _trail(record.error.get(key), record.file):
                yield f"--- end of {key} ---\n" + "\n".join(tail)
    for message in record.messages:
        yield message if message.startswith((BUNDLE, EXAMPLES, FUZZING)) else f"converter said: {message}"
    yield f"next: {record.repro}"
