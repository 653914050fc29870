"""The verbs of a worker that run many inputs in one message, and put a session through unusual use. Runs inside workers only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.declared import find_case
from harness.core.registry import Registry
from harness.engine.child import failure
from harness.engine.serve_probe import native_feeds
from harness.engine.serve_reference import private

# What a caller may hand over by mistake for the declared type: every value of the one is one of the other.
WIDENED = {"float32": "float64", "int64": "int32"}


class Sittings:
    """Part of `harness.engine.serve.Serve`, which holds the adapters, the live models and the sessions."""

    _registry: Registry
    _sessions: dict[int, tuple[Any, Artifact]]

    def _model(self, framework: str, ref: Mapping[str, str]) -> Any:
        raise NotImplementedError("Serve builds the models")

    def run(self, session: int, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run a session once; see `harness.engine.serve.Serve.run`."""
        raise NotImplementedError("Serve runs sessions")

    def source_runs(
        self, framework: str, ref: Mapping[str, str], feeds: Sequence[Mapping[str, Any]], seconds: float, exact: bool = False
    ) -> dict[str, Any]:
        """Run the case in its own framework on each of ``feeds``, in its own precision or, ``exact``, in float64.

        ``answers`` has, for each, ``outputs`` or the ``error`` the model ended with, and its ``seconds``; it is shorter than
        ``feeds`` where these ``seconds`` were over before, never empty.
        """
        adapter = self._registry.get("frameworks", framework)
        model = self._model(framework, ref)
        if exact:
            case = find_case(ref["file"], ref["case"])
            return {"answers": _each(feeds, seconds, lambda given: adapter.oracle(case, model, private(given)))}
        return {"answers": _each(feeds, seconds, lambda given: adapter.run(model, private(given)))}

    def session_runs(self, session: int, feeds: Sequence[Mapping[str, Any]], seconds: float) -> dict[str, Any]:
        """Run a session on each of ``feeds``; the answer is like that of `source_runs`."""
        return {"answers": _each(feeds, seconds, lambda given: self.run(session, given)["outputs"])}

    def session_use(self, sessions: Sequence[int], feeds: Sequence[Mapping[str, Any]], seconds: float) -> dict[str, Any]:
        """Put two sessions of one artifact, neither of which has run yet, through shapes in turn; then the first through unusual feeds.

        ``feeds`` holds one or two samples by canonical name. ``uses`` lists what was done, in order: ``use`` (in words), ``sample``
        (its number), ``usual`` (whether the feeds were), ``same`` (bit for bit what the first run of a session on that sample
        gave), and where it is not, ``outputs`` or the ``error``. ``first`` holds these first answers by sample, with their ``use``.
        ``facts`` are violations that need no judge: outputs that changed after they were returned, feeds that were written to.
        ``left_out`` names the uses that the ``seconds`` did not allow.
        """
        (live, artifact), (second, _) = (self._sessions[number] for number in sessions)
        sitting = _Sitting(artifact, feeds, time.monotonic() + seconds)
        _in_turn(sitting, (live, second))
        sitting.kept()
        for label, given in _unusual(native_feeds(artifact, feeds[0])):
            sitting.use(live, label, 0, given)
        return {"uses": sitting.uses, "first": sitting.first, "facts": sitting.facts, "left_out": sitting.left_out}


def _each(feeds: Sequence[Mapping[str, Any]], seconds: float, run: Callable[[Mapping[str, Any]], Any]) -> list[dict[str, Any]]:
    end = time.monotonic() + seconds
    answers = []  # type: list[dict[str, Any]]
    for given in feeds:
        if answers and time.monotonic() > end:
            break
        start = time.perf_counter()
        try:
            answer = {"outputs": run(given)}
        except Exception as error:
            answer = {"error": failure(error)}
        answers.append(dict(answer, seconds=time.perf_counter() - start))
    return answers


def _in_turn(sitting: _Sitting, sessions: Sequence[Any]) -> None:
    """Take both sessions through both samples, each after the other, so that every answer has one from another history beside it."""
    one, two = sessions
    last = len(sitting.feeds) - 1
    sitting.use(one, "first run", 0)
    sitting.use(two, "first run of a second session", last)
    sitting.use(one, "after another shape, beside a second session" if last else "again, beside a second session", last)
    sitting.use(two, "in a second session, after another shape" if last else "again in a second session", 0)
    sitting.use(one, "back at the first shape" if last else "a third time", 0)
    if last:
        sitting.use(one, "at the other shape again", last)


class _Sitting:
    """What sessions answered so far."""

    def __init__(self, artifact: Artifact, feeds: Sequence[Mapping[str, Any]], end: float) -> None:
        self.feeds = feeds
        self.uses = []  # type: list[dict[str, Any]]
        self.first = {}  # type: dict[str, dict[str, Any]]
        self.facts = []  # type: list[str]
        self.left_out = []  # type: list[str]
        self._artifact = artifact
        self._end = end
        self._held = []  # type: list[tuple[str, str, Any, Any]]

    def use(self, session: Any, label: str, sample: int, native: Mapping[str, Any] | None = None) -> None:
        """Run a session and note how its answer compares; ``native`` feeds replace those of the sample."""
        if self.uses and time.monotonic() > self._end:
            self.left_out.append(label)
            return
        usual = native is None
        given = native_feeds(self._artifact, self.feeds[sample]) if native is None else dict(native)
        before = {name: np.array(array) for name, array in given.items()}
        try:
            answered = session.run(given)
        except Exception as error:
            self.uses.append({"use": label, "sample": sample, "usual": usual, "same": False, "error": failure(error)})
            return
        self.facts += [f"{label}: the feed {name!r} was written to" for name, array in before.items() if not _same(given[name], array)]
        copies = {name: np.array(array) for name, array in answered.items()}
        self._held += [(label, name, array, copies[name]) for name, array in answered.items()] if usual else []
        outputs = {port.name: copies[port.native] for port in self._artifact.outputs if port.native in copies}
        first = self.first.setdefault(str(sample), {"use": label, "outputs": outputs})["outputs"]
        same = set(first) == set(outputs) and all(_same(outputs[name], first[name]) for name in first)
        self.uses.append(dict({"use": label, "sample": sample, "usual": usual, "same": same}, **({} if same else {"outputs": outputs})))

    def kept(self) -> None:
        """Note the outputs that later runs changed."""
        for label, name, array, copy in self._held:
            if not _same(np.asarray(array), copy):
                self.facts.append(f"{label}: the output {name!r} changed after it was returned: a later run wrote to its memory")
        self._held = []


def _same(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes())


def _unusual(feeds: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the feeds in other memory layouts, then in other types of the same values, each with what is unusual; only what differs."""
    found = []
    for label, arranged in (
        ("every other element of a larger array", _strided), ("column-major", np.asfortranarray), ("reversed strides", _reversed),
        ("channels last", _channels_last),
    ):  # fmt: skip
        given = {name: arranged(array) for name, array in feeds.items()}
        if any(given[name].strides != array.strides for name, array in feeds.items()):
            found.append((f"feeds laid out otherwise ({label})", given))
    for declared, other in sorted(WIDENED.items()):
        if any(array.dtype.name == declared for array in feeds.values()):
            cast = {name: array.astype(other) if array.dtype.name == declared else array for name, array in feeds.items()}
            found.append((f"{other} fed for {declared}", cast))
    return found


def _strided(array: Any) -> Any:
    if not array.ndim:
        return array
    wide = np.zeros(array.shape[:-1] + (2 * array.shape[-1],), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _reversed(array: Any) -> Any:
    return np.ascontiguousarray(array[..., ::-1])[..., ::-1] if array.ndim else array


def _channels_last(array: Any) -> Any:
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1) if array.ndim in (4, 5) else array
