"""The pytest plugin: thin hooks. Neither NumPy nor any framework is loaded until cells are collected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.pytest_cells import Run

MARKERS = {
    "parity": "one case on one route: does the converted model still compute the same thing?",
    "unit": "a single layer or operator",
    "module": "a sub-network",
    "e2e": "a whole model",
    "fuzz": "dynamic axes, drawn and shrunk",
    "latency": "a measurement of speed",
}
_RUN = pytest.StashKey["Run"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; each has its twin in ``[tool.parity]``."""
    group = parser.getgroup("parity", "parity of converted models")
    group.addoption("--parity-route", action="append", default=[], metavar="GLOB", help="run only routes that match (repeatable)")
    group.addoption("--parity-source", action="append", default=[], metavar="NAME", help="only these source frameworks (repeatable)")
    group.addoption("--parity-target", action="append", default=[], metavar="NAME", help="only these runtimes, as name or name@device")
    group.addoption("--parity-device", action="append", default=[], metavar="NAME", help="devices to consider (default: cpu)")
    group.addoption("--parity-hops", type=int, metavar="N", help="most converters in a route (default: 2)")
    group.addoption("--parity-full", action="store_true", help="the full matrix: every route, not only the configured or shortest ones")
    group.addoption("--parity-fresh", action="store_true", help="convert and run everything anew instead of reusing cached results")
    group.addoption("--parity-timeout", type=float, metavar="SECONDS", help="limit of one build or conversion (default: 300)")
    group.addoption("--parity-memory", metavar="SIZE", help="limit of one worker, for example 6G")
    group.addoption("--parity-report", metavar="FOLDER", help="where records and report go (default: reports)")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, those of every source and target included."""
    for name, text in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text}")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take the files whose name says that they declare cases."""
    if not file_path.name.startswith("parity_") or file_path.suffix != ".py":
        return None
    from harness.pytest_cells import ParityFile

    return ParityFile.from_parent(parent, path=file_path, run=run_of(parent.config))


def run_of(config: pytest.Config) -> Run:
    """Return this session's run, made when the first case file is met."""
    from harness.pytest_cells import Run

    if _RUN not in config.stash:
        config.stash[_RUN] = Run(config)
    return config.stash[_RUN]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """End the workers, apply expectations and gate, write the report, set the exit code."""
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        run.finish(session, exitstatus)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print routes against outcomes, the worst cells, and where the report is."""
    run = terminalreporter.config.stash.get(_RUN, None)
    if run is not None:
        for line in run.summary():
            terminalreporter.write_line(line)
