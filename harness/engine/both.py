"""Both sides of a cell in their live workers: many inputs in few messages, each side at work while the other is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.artifact import Artifact
from harness.core.protocols import option_values
from harness.core.value import value
from harness.engine.steps import Steps
from harness.engine.trace import Reference
from harness.engine.worker import WorkerFailure
from harness.numerics.sampling import Sample, told_of

if TYPE_CHECKING:
    from harness.engine.cell import Cell

LARGEST = 32
"""Most inputs in one message; the first messages hold fewer, until it is known what one takes."""
_BYTES = 32 * 2**20
_LONG = 1.0
GONE = ("crash", "timeout")
"""Failures after which a worker is a new one."""


@value
class Answer:
    """What both sides made of one input: outputs, or the failure as plain data where one ended otherwise."""

    source: Mapping[str, Any] | None
    target: Mapping[str, Any] | None
    refused: Mapping[str, Any] | None = None
    failed: Mapping[str, Any] | None = None


class Both:
    """A cell's source and its artifact in a session of its own. A context manager; the session opens when first needed."""

    def __init__(self, cell: Cell, steps: Steps, artifact: Artifact, first: Sample) -> None:
        self.cell, self.steps, self.artifact, self.first = cell, steps, artifact, first
        self.framework = steps.registry.get("frameworks", cell.route.framework)
        self.runtime = steps.registry.get("runtimes", cell.route.runtime.name)
        self._session: tuple[int, int] | None = None
        self._size = 1

    def __enter__(self) -> Both:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Exception):
            # Interrupted in the middle of a message: nobody may take the answer for that to another one.
            self.steps.retire(self.framework.toolchain)
            self.steps.retire(self.runtime.toolchain)
        elif self._session is not None and self._session[1] == self.steps.generation(self.runtime.toolchain):
            self.steps.ask(self.runtime.toolchain, "close", {"session": self._session[0]})

    def opened(self) -> int:
        """Open one more session of the artifact and return its number. Raises `WorkerFailure`."""
        cell = self.cell
        asked = {
            "runtime": self.runtime.name, "device": cell.route.device, "source": self.artifact.to_json(), "ref": cell.ref,
            "feeds": dict(self.first.feeds), **told_of(cell.case, cell.route.framework),
            "options": option_values(self.runtime, cell.route.runtime.options, f"route {cell.route}"),
        }  # fmt: skip
        number: int = self.steps.ask(self.runtime.toolchain, "load", asked)["session"]
        return number

    def session(self) -> int:
        """Return the number of the open session. Raises `WorkerFailure`."""
        toolchain = self.runtime.toolchain
        if self._session is None or self._session[1] != self.steps.generation(toolchain):
            number = self.opened()
            self._session = (number, self.steps.generation(toolchain))
        return self._session[0]

    def answers(self, samples: Sequence[Sample], end: float) -> Iterator[list[Answer]]:
        """Run samples on both sides; yield the answers in order, in groups, while the next group is already under way.

        There is one at least, and fewer than samples where the clock reaches ``end`` before. Raises `WorkerFailure` where the
        artifact no longer opens.
        """
        done = 0
        ahead = self._ahead(_group(samples, self._size), end) if samples else None
        while ahead is not None:
            found, seconds = ahead.result()
            done += len(found)
            self._size = min(LARGEST, 2 * self._size) if seconds < _LONG else 1
            more = done < len(samples) and len(found) == ahead.size and time.monotonic() < end
            ahead = self._ahead(_group(samples[done:], self._size), end) if more else None
            yield found

    def _ahead(self, samples: Sequence[Sample], end: float) -> _Ahead:
        return _Ahead(lambda: self._answers(samples, max(0.05, end - time.monotonic())), len(samples))

    def _answers(self, samples: Sequence[Sample], seconds: float) -> list[Answer]:
        """Return the answers of both sides to one message each; what kills a worker is asked about one by one."""
        feeds = [dict(sample.feeds) for sample in samples]
        source = {"framework": self.framework.name, "ref": self.cell.ref, "feeds": feeds, "seconds": seconds}
        target = {"session": self.session(), "feeds": feeds, "seconds": seconds}
        self.steps.start((self.framework.toolchain, self.runtime.toolchain))
        beside = _Ahead(lambda: self._told(self.framework.toolchain, "source_runs", source), len(samples))
        if self.framework.toolchain == self.runtime.toolchain:
            beside.result()  # one worker for both
        right = self._told(self.runtime.toolchain, "session_runs", target)
        left, _ = beside.result()
        if len(samples) > 1 and any(answers[0].get("error", {}).get("kind") in GONE for answers in (left, right)):
            return [answer for sample in samples for answer in self._answers([sample], seconds)]
        return [
            Answer(source=one.get("outputs"), target=other.get("outputs"), refused=one.get("error"), failed=other.get("error"))
            for one, other in zip(left, right, strict=False)
        ]

    def _told(self, toolchain: str, verb: str, arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        try:
            answers: list[Mapping[str, Any]] = self.steps.ask(toolchain, verb, arguments)["answers"]
        except WorkerFailure as failure:
            return [{"error": {"kind": failure.kind, **failure.detail}}]
        return answers

    def twins(self, samples: Sequence[Sample], end: float) -> list[Mapping[str, Any]]:
        """Return the source's float64 answers, {} for none; fewer than samples where the clock reaches ``end`` before. Never raises."""
        found: list[Mapping[str, Any]] = []
        while len(found) < len(samples) and (not found or time.monotonic() < end):
            feeds = [dict(sample.feeds) for sample in _group(samples[len(found) :], LARGEST)]
            asked = {"framework": self.framework.name, "ref": self.cell.ref, "feeds": feeds, "seconds": max(0.05, end - time.monotonic())}
            answers = self._told(self.framework.toolchain, "source_runs", {**asked, "exact": True})
            found += [answer.get("outputs", {}) for answer in answers]
        return found

    def reference(self, sample: Sample, precision: str) -> Reference:
        """Return all that the source says of a sample, its float64 twin included. Raises `WorkerFailure`."""
        asked = {"framework": self.framework.name, "ref": self.cell.ref, "feeds": dict(sample.feeds), "precision": precision}
        answer = self.steps.ask(self.framework.toolchain, "reference", asked)
        groups: dict[str, Any] = {name: answer[name] or {} for name in ("outputs", "oracle", "spread", "emulated")}
        return Reference(**groups, wobble=answer["wobble"], inner=answer["inner"])


class _Ahead:
    """Work that is under way in a thread of its own. A daemon, and no executor: an interrupted main thread waits for nobody."""

    def __init__(self, work: Callable[[], list[Any]], size: int) -> None:
        self.size = size
        self._work = work
        self._found: list[Any] = []
        self._error: BaseException | None = None
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        start = time.monotonic()
        try:
            self._found = self._work()
        except BaseException as error:
            self._error = error
        self._seconds = time.monotonic() - start

    def result(self) -> tuple[list[Any], float]:
        """Wait for it; return what it found, and in how many seconds. Raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found, self._seconds


def _group(samples: Sequence[Sample], size: int) -> Sequence[Sample]:
    """Return the first ``size`` samples, fewer where these hold much; at least one."""
    held, count = 0, 0
    for sample in samples[:size]:
        held += sum(array.nbytes for array in sample.feeds.values())
        if count and held > _BYTES:
            break
        count += 1
    return samples[:count]
