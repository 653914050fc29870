"""Ctrl-C and kill -9 in the middle of a run: what was finished is kept, nothing is left running, the next run works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from small_project import Project

from harness.engine.pool import ended

pytest_plugins = ["pytester"]

# The last case hangs while a file is there, as if its weights were on a slow disk.
SLOW = """
import os, pathlib
HERE = pathlib.Path(__file__).parent

def slow():
    (HERE / f"worker-{os.getpid()}").touch()
    while (HERE / "hang").exists():
        time.sleep(0.05)
    return graph("Relu")()

CASES = [case("first"), case("second", "Abs"), case("slow", build={"onnx": slow})]
"""


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


class Running:
    """A run that has come to its slow case."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.project = project
        project.settings(routes=["onnx>onnxruntime@cpu"])
        project.cases(f"{SLOW}# nothing of another test is replayed here: {project.path}")
        (project.path / "hang").touch()
        if not arguments:  # the power failed in the middle of a line
            (project.path / "reports").mkdir()
            (project.path / "reports" / "records.jsonl").write_text('{"schema": 1, "id": "cut o')
        self.log = (project.path / "log.txt").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "harness.plugin", *arguments],
            cwd=project.path, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
            # A shell starts what it puts into the background with the signal ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        until(lambda: list(project.path.glob("worker-*")) and len(self.finished()) == 2)
        self.family = [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]
        (worker,) = project.path.glob("worker-*")
        assert int(worker.name.split("-")[1]) in self.family

    def finished(self) -> list[str]:
        """Return the ids of the records on the disk."""
        files = (self.project.path / "reports").glob("records*.jsonl")
        return [json.loads(line)["id"] for file in files for line in file.read_text().splitlines()]

    def nothing_is_left(self) -> None:
        """Assert that every process ends."""
        self.process.wait(timeout=20)
        until(lambda: all(map(ended, self.family)), 20.0)

    def end(self) -> None:
        """Kill what is left."""
        for pid in self.family:
            if not ended(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


@pytest.fixture
def running(project: Project) -> Iterator[Callable[..., Running]]:
    """Start runs; all of them are ended with the test."""
    started: list[Running] = []

    def start(*arguments: str) -> Running:
        started.append(Running(project, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()


FINISHED = ["first[onnx>onnxruntime@cpu]", "second[onnx>onnxruntime@cpu]"]


def test_interrupted_from_the_keyboard_the_report_is_still_written(running: Callable[..., Running], project: Project) -> None:
    run = running()
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.process.wait(timeout=30) == 2
    assert list(project.records()) == FINISHED
    assert (project.path / "reports" / "index.html").is_file()
    assert "parity: 2 cells" in (project.path / "log.txt").read_text()
    run.nothing_is_left()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["serial", "spread"])
def test_killed_it_leaves_records_and_no_process_and_the_next_run_works(
    running: Callable[..., Running], project: Project, workers: list[str]
) -> None:
    run = running(*workers)
    os.kill(run.process.pid, signal.SIGKILL)
    run.nothing_is_left()
    assert sorted(run.finished()) == FINISHED
    (project.path / "hang").unlink()
    assert project.run().ret == 0
    assert sorted(project.records()) == [*FINISHED, "slow[onnx>onnxruntime@cpu]"]
    assert [path.name for path in (project.path / "reports").glob("records*")] == ["records.jsonl"]
    left = [folder for place in ("/dev/shm", tempfile.gettempdir()) for folder in Path(place).glob("parity-*-*")]
    assert not {str(pid) for pid in run.family} & {folder.name.split("-")[1] for folder in left}
