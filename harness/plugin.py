"""The pytest plugin: thin hooks. Neither NumPy nor any framework is loaded until cells are collected."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import UsageError
from harness.pytest_spread import USAGE, Spread

if TYPE_CHECKING:
    from harness.pytest_run import Run

MARKERS = {
    "parity": "one case on one route: does the converted model still compute the same thing?",
    "unit": "a single layer or operator",
    "module": "a sub-network",
    "e2e": "a whole model",
    "fuzz": "dynamic axes, drawn and shrunk",
    "latency": "a measurement of speed",
    "source_NAME": "cells of this source framework, for example source_torch",
    "target_NAME": "cells of this runtime, for example target_onnxruntime; other signs than letters and digits become _",
}
CASE_FILES = ["parity_*.py"]
_RUN = pytest.StashKey["Run"]()
_WRONG = pytest.StashKey[str]()
_FILES = pytest.StashKey[list[str]]()
_SPREAD = pytest.StashKey[Spread]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; each has its twin in ``[tool.parity]``."""
    group = parser.getgroup("parity", "parity of converted models")
    group.addoption("--parity-route", action="append", default=[], metavar="GLOB", help="run only routes that match (repeatable)")
    group.addoption("--parity-source", action="append", default=[], metavar="NAME", help="only these source frameworks (repeatable)")
    group.addoption("--parity-target", action="append", default=[], metavar="NAME", help="only these runtimes, as name or name@device")
    group.addoption("--parity-device", action="append", default=[], metavar="NAME", help="devices to consider (default: cpu)")
    group.addoption("--parity-hops", type=int, metavar="N", help="most converters in a route (default: 2)")
    group.addoption(
        "--parity-rung",
        action="append",
        default=[],
        metavar="NAME",
        help="rungs of the input ladder, or core, edge, special, "
        "tried at every level (default: core for units and modules; normal alone: ordinary inputs only)",
    )
    group.addoption("--parity-search", type=int, metavar="N", help="spend N runs per matching cell on a search for revealing inputs")
    group.addoption(
        "--parity-generate",
        metavar="LEVELS",
        help="generate tests from each whole model at these levels (default: unit,module; none for none)",
    )
    group.addoption("--parity-batch", type=int, metavar="N", help="convert up to N cells in one graph; alone where that fails (default: 1)")
    group.addoption("--parity-expect", action="append", default=[], metavar="FILE", help="expectation rows beside those of the settings")
    group.addoption("--parity-fuzz", type=int, metavar="N", help="shapes to try in each matching cell (default: 8 to 12; 0: none)")
    group.addoption("--parity-fuzz-seconds", type=float, metavar="S", help="seconds to try them in, more where one fails (default: 5)")
    group.addoption("--parity-full", action="store_true", help="the full matrix: every route, not only the configured or shortest ones")
    group.addoption("--parity-fresh", action="store_true", help="convert and run everything anew instead of reusing cached results")
    group.addoption("--parity-timeout", type=float, metavar="SECONDS", help="limit of one build or conversion (default: 300)")
    group.addoption("--parity-memory", metavar="SIZE", help="limit of one worker, for example 6G")
    group.addoption("--parity-localise", action="store_true", default=None, help="look for the hop and the layer to blame (default)")
    group.addoption("--no-parity-localise", action="store_false", dest="parity_localise", help="do not look for who is to blame")
    group.addoption("--parity-repro", metavar="FOLDER", help="write a folder for each mismatch that fails without this harness")
    group.addoption("--parity-latency-baseline", default="", metavar="FILE", help="fail what became slower than in this baseline")
    group.addoption("--parity-latency-save", default="", metavar="FILE", help="write a baseline of what is measured")
    group.addoption("--parity-latency-fail-above", default="", metavar="PART", help="slow-downs that fail, for example 10%% (default: 5%%)")
    group.addoption("--parity-latency-strict", action="store_true", help="fail also where the comparison with the baseline abstains")
    group.addoption("--parity-report", metavar="FOLDER", help="where records and report go (default: reports)")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers; in the main process watch what is reported, by workers of pytest-xdist too."""
    for name, text in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    if not hasattr(config, "workerinput"):
        config.stash[_SPREAD] = Spread()
        config.pluginmanager.register(config.stash[_SPREAD], "parity-spread")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Take the files that declare cases from every other plugin: none may import one into this process."""
    found = yield
    if file_path.suffix != ".py" or not any(file_path.match(pattern) for pattern in _case_files(parent.config)):
        return found
    run = run_of(parent.config)
    if run is None:
        return []
    from harness.pytest_cells import ParityFile

    return [ParityFile.from_parent(parent, path=file_path, run=run)]


def _case_files(config: pytest.Config) -> list[str]:
    """Return the patterns of case files: ``files`` in ``[tool.parity]``, whose other keys are read when one is met."""
    if _FILES not in config.stash:
        from harness.core.toml import read

        files: Any = None
        with contextlib.suppress(UsageError, KeyError, TypeError):  # told with the other settings, once a case file is met
            files = read(config.rootpath / "pyproject.toml")["tool"]["parity"]["files"]
        config.stash[_FILES] = [name for name in files if isinstance(name, str)] if isinstance(files, list) else CASE_FILES
    return config.stash[_FILES]


def run_of(config: pytest.Config) -> Run | None:
    """Return this session's run, made when it is first needed; None after a usage error."""
    if _WRONG in config.stash:
        return None
    if _RUN not in config.stash:
        from harness.pytest_run import Run

        try:
            config.stash[_RUN] = Run(config)
        except UsageError as error:
            config.stash[_WRONG] = str(error)
            return None
    return config.stash[_RUN]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """End with exit code 2 and one message when the settings or options cannot be understood."""
    said = session.config.stash.get(_WRONG, None)
    if said:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[USAGE] = said
        pytest.exit(said, returncode=2)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """End the workers, apply expectations and gate, write the report, set the exit code."""
    spread = session.config.stash.get(_SPREAD, None)
    run = run_of(session.config) if spread and spread.active else session.config.stash.get(_RUN, None)
    if run is not None:
        run.finish(session, exitstatus, broken=bool(spread and spread.broken))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print routes against outcomes, the worst cells, and where the report is."""
    run = terminalreporter.config.stash.get(_RUN, None)
    if run is not None:
        for line in run.summary():
            terminalreporter.write_line(line)
