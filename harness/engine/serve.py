"""What a worker can do, framework by framework, through the adapters. Runs inside workers only.

Holds live models and sessions; knows nothing of sockets or of verdicts. Arrays come in and go out
as plain dictionaries, so the same class can be driven in one process.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.artifact import Artifact, Port, artifact_from
from harness.core.case import Case
from harness.core.declared import beside, cases_in, find_case, load_module, local_dependencies
from harness.core.errors import UsageError
from harness.core.given import files_of, looked_at, opened, weights_beside
from harness.core.memory import give_back
from harness.core.protocols import Source
from harness.core.registry import Registry, registry
from harness.core.space import Space
from harness.core.watch import files_read
from harness.engine.serve_ascend import Ascend
from harness.engine.serve_faults import Faults
from harness.engine.serve_gradient import Gradients
from harness.engine.serve_latency import Latency
from harness.engine.serve_parts import Parts
from harness.engine.serve_probe import Probes, digest_of, native_feeds
from harness.engine.serve_reference import JITTERS, private, reference_of, timed
from harness.engine.serve_session import Sittings

LIVE_MODELS = 3
_MATTERS = re.compile(
    r"dynamic|specializ|specialis|constant|approximat|fall.?back|unsupported|not supported|ignored?\b|"
    r"truncat|precision|might not generalize|baked|downcast|opset|incorrect|differ",
    re.I,
)
_NOISE = re.compile(r"deprecat|FutureWarning|will be removed|pytree|oneDNN|cpu_feature_guard|tf\.data", re.I)


class Serve(Gradients, Probes, Faults, Parts, Sittings, Ascend, Latency):
    """The verbs of one worker. Every method takes and returns plain data and arrays."""

    def __init__(self, adapters: Registry | None = None) -> None:
        self._registry = adapters or registry()
        self._models: collections.OrderedDict[str, Any] = collections.OrderedDict()
        self._read: dict[str, list[str]] = {}
        self._sessions: dict[int, tuple[Any, Artifact]] = {}
        self._next = 0

    def describe(self, file: str, roots: list[str]) -> dict[str, Any]:
        """Return what a case file declares, as plain data, and the local files it was made of."""
        folder = os.path.dirname(os.path.realpath(file))
        cases: list[dict[str, Any]] = []
        problems: list[tuple[str, str]] = []
        data: set[str] = set()
        ids: set[str] = set()
        for case in cases_in(load_module(file)):
            try:
                if case.id in ids:
                    raise UsageError(f"two cases have the id {case.id!r}; ids must be unique, rename one")
                declared = case.to_json()
                data |= self._data(declared, folder)
                cases.append(declared)
                ids.add(case.id)
            except UsageError as error:
                problems.append((case.id, f"{file}: {error}"))
        files = sorted({os.path.realpath(file), *local_dependencies(tuple(roots)), *data})
        return {"cases": cases, "problems": problems, "files": files}

    def _data(self, case: dict[str, Any], folder: str) -> set[str]:
        """Return the data files of a case; fill in the formats of its artifacts. Raises `UsageError` for one that is missing."""
        data = {os.path.realpath(os.path.join(folder, name)) for name in case["files"]}
        for name, kind in case["artifacts"].items():
            found = os.path.join(folder, name)
            if not kind:
                case["artifacts"][name] = self._registry.get("frameworks", opened(found, self._registry)[0]).format
            data |= {*files_of(found), *weights_beside(found)}
        for name in sorted(data):
            if not os.path.isfile(name):
                raise UsageError(
                    f"case {case['id']!r} names the data file {name}, which does not exist; names are relative to the case file"
                )
        return data

    def look(self, target: str, framework: str) -> dict[str, Any]:
        """Return what can be learned of a source somebody names: framework, inputs, example feeds, files."""
        return looked_at(target, self._registry, framework)

    def reference(
        self, framework: str, ref: Mapping[str, Any], feeds: Mapping[str, Any], precision: str = "", draws: int = JITTERS
    ) -> dict[str, Any]:
        """Run the case in its own framework; see `harness.engine.serve_reference`."""
        adapter = self._registry.get("frameworks", framework)
        seconds: dict[str, float] = {}
        with timed(seconds, "build"):
            model = self._model(framework, ref)
        answer = reference_of(adapter, find_case(ref["file"], ref["case"]), model, feeds, precision, draws)
        return {**answer, "seconds": {**seconds, **answer["seconds"]}}

    def build(self, framework: str, ref: Mapping[str, Any]) -> dict[str, Any]:
        """Build the case and return the user's own files that its builder read."""
        self._model(framework, ref)
        return {"files": self._read[_key(framework, ref)]}

    def data(self, ref: Mapping[str, Any]) -> dict[str, Any]:
        """Return the real feeds of a case, its labels when it has any, and the outputs on record with the tolerance they come with."""
        case = find_case(ref["file"], ref["case"])
        if case.data is None:
            raise UsageError(f"case {case.id!r} declares no data")
        with beside(ref["file"]):
            real = case.data()
        labels = None if real.labels is None else np.asarray(real.labels)
        tolerance = real.tolerance.to_json() if real.tolerance else None
        more = [dict(feeds) for feeds in real.more]
        return {
            "feeds": dict(real.feeds), "labels": labels, "more": more, "outputs": dict(real.outputs or {}), "tolerance": tolerance,
            "calibration": [dict(feeds) for feeds in real.calibration],
        }  # fmt: skip

    def convert(
        self, converter: str, source: Mapping[str, Any], ref: Mapping[str, Any], feeds: Mapping[str, Any],
        dynamic: Mapping[str, Any], dest: str, options: Mapping[str, Any], space: Mapping[str, Any] | None = None,
        calibration: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:  # fmt: skip
        """Convert ``source`` (an artifact as plain data) into the folder ``dest``; return the new artifact."""
        adapter = self._registry.get("converters", converter)
        opened = self._open(artifact_from(source), ref, feeds, dynamic, space)
        opened = dataclasses.replace(opened, calibration=tuple(map(private, calibration)))
        messages: list[str] = []
        seconds: dict[str, float] = {}
        with _heard(messages), timed(seconds, "convert"):
            made = adapter.convert(opened, dest, options)
        entry = os.path.join(dest, made.entry) if made.entry else dest
        if not os.path.exists(entry):
            raise RuntimeError(f"{converter} reported success and wrote no {made.entry or 'file'}")
        artifact = Artifact(
            format=adapter.target, path=dest, entry=entry, digest=digest_of(dest), maker=converter,
            inputs=_renamed(opened.artifact.inputs, made.inputs), outputs=_renamed(opened.artifact.outputs, made.outputs),
            messages=tuple(dict.fromkeys([*made.messages, *messages]))[:20],
            casts={**(opened.artifact.casts or {}), **(made.casts or {})},
        )  # fmt: skip
        return {"artifact": artifact.to_json(), "seconds": seconds}

    def save(self, framework: str, ref: Mapping[str, Any], source: Mapping[str, Any], dest: str) -> dict[str, Any]:
        """Write the source model of a framework whose format is a file; return the artifact."""
        adapter = self._registry.get("frameworks", framework)
        entry = adapter.save(self._model(framework, ref), dest)
        artifact = artifact_from({**source, "path": dest, "entry": os.path.join(dest, entry), "digest": digest_of(dest)})
        return {"artifact": artifact.to_json()}

    def probe(self, runtime: str, device: str) -> dict[str, Any]:
        """Return when the runtime has the device; raises `Unavailable` otherwise."""
        self._registry.get("runtimes", runtime).probe(device)
        return {}

    def load(
        self, runtime: str, device: str, source: Mapping[str, Any], ref: Mapping[str, Any],
        feeds: Mapping[str, Any], dynamic: Mapping[str, Any], options: Mapping[str, Any],
        space: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Open an artifact on a device; return the session's number and its provenance."""
        adapter = self._registry.get("runtimes", runtime)
        adapter.probe(device)
        opened = self._open(artifact_from(source), ref, feeds, dynamic, space)
        seconds: dict[str, float] = {}
        with timed(seconds, "load"):
            session = adapter.load(opened, device, options)
        self._next += 1
        self._sessions[self._next] = (session, opened.artifact)
        return {"session": self._next, "provenance": dict(session.provenance), "seconds": seconds}

    def run(self, session: int, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run a session on feeds by canonical name; outputs come back by canonical name.

        An output the artifact does not list keeps its native name, so that it counts as extra.
        """
        live, artifact = self._sessions[session]
        seconds: dict[str, float] = {}
        with timed(seconds, "run"):
            outputs = live.run(native_feeds(artifact, feeds))
        # Two outputs that are one tensor in the source may be one in the artifact.
        found = {port.name: outputs[port.native] for port in artifact.outputs if port.native in outputs}
        claimed = {port.native for port in artifact.outputs}
        return {
            "outputs": {**found, **{name: array for name, array in outputs.items() if name not in claimed}},
            "provenance": dict(live.provenance),
            "seconds": seconds,
        }

    def close(self, session: int) -> dict[str, Any]:
        """Close a session; an unknown number is fine."""
        live = self._sessions.pop(session, None)
        if live is not None:
            live[0].close()
            del live
            give_back()
        return {}

    def _model(self, framework: str, ref: Mapping[str, Any]) -> Any:
        key = _key(framework, ref)
        if key not in self._models and ref.get("members"):
            each = [self._model(framework, {**ref, "case": name, "members": ()}) for name in ref["members"]]
            self._models[key] = self._registry.get("frameworks", framework).join({f"m{n}": model for n, model in enumerate(each)})
            self._read[key] = []
        if key not in self._models:
            case = find_case(ref["file"], ref["case"])
            if case.build.get(framework) is None:
                raise UsageError(f"case {case.id!r} has no builder for {framework!r}; it has {', '.join(case.build)}")
            while len(self._models) >= LIVE_MODELS:
                self._models.popitem(last=False)
            with beside(ref["file"]), files_read() as read:
                self._models[key] = self._registry.get("frameworks", framework).build(case)
            self._read[key] = read
        self._models.move_to_end(key)
        return self._models[key]

    def _open(
        self, artifact: Artifact, ref: Mapping[str, Any], feeds: Mapping[str, Any], dynamic: Mapping[str, Any],
        space: Mapping[str, Any] | None,
    ) -> Source:  # fmt: skip
        owner = self._registry.owner(artifact.format)
        model = None
        case: Case | None = None
        if owner is not None and artifact.maker:
            maker = self._registry.get("converters", artifact.maker)
            fresh = (self._model(owner.name, ref),) if getattr(maker, "rebuilds", False) else ()
            model = maker.restore(artifact.entry, *fresh)
        elif owner is not None:
            case = None if ref.get("members") else find_case(ref["file"], ref["case"])
            model = self._model(owner.name, ref)
        axes = {name: {int(axis): tuple(entry) for axis, entry in part.items()} for name, part in dynamic.items()}
        known = None if space is None else Space.from_json(space)
        return Source(artifact=artifact, feeds=private(feeds), dynamic=axes, model=model, case=case, space=known)


def _key(framework: str, ref: Mapping[str, Any]) -> str:
    return f"{framework}/{ref['file']}/{ref['case']}/{ref['digest']}"


def _renamed(ports: tuple[Port, ...], names: Mapping[str, str] | None) -> tuple[Port, ...]:
    if names is None:
        return ports
    return tuple(Port(name=port.name, native=names[port.name], dtype=port.dtype, shape=port.shape) for port in ports if port.name in names)


class _Ear(logging.Handler):
    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._hear(record.getMessage())
        except Exception as error:
            self._hear(f"a log record of {record.name} could not be formatted: {type(error).__name__}")


@contextlib.contextmanager
def _heard(messages: list[str]) -> Iterator[None]:
    """Collect the warnings and log records that say something about the meaning of the result."""

    def hear(text: str) -> None:
        text = " ".join(str(text).split())[:400]
        if _MATTERS.search(text) and not _NOISE.search(text):
            messages.append(text)

    ear = _Ear(hear)
    root = logging.getLogger()
    root.addHandler(ear)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        root.removeHandler(ear)
        for warning in caught:
            hear(str(warning.message))
