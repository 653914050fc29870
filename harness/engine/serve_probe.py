"""The verbs of a worker that show what happens inside: trace and replay a source, list and fetch the tensors of a session."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.artifact import Artifact, Port, artifact_from
from harness.core.errors import UsageError
from harness.core.registry import Registry


def native_feeds(artifact: Artifact, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return private feeds by native name, in the types the artifact takes."""
    casts = artifact.casts or {}
    native = {}
    for port in artifact.inputs:
        array = np.array(feeds[port.name])
        native[port.native] = array.astype(casts[port.name]) if port.name in casts else array
    return native


class Probes:
    """What `harness.engine.serve.Serve` can do for whoever looks for the layer to blame.

    Sources are the model of a case or, with ``artifact``, a file that its framework reopens; feeds go by canonical
    name. A source that no trace has seen is traced before it is replayed.
    """

    _registry: Registry
    _sessions: dict[int, tuple[Any, Artifact]]
    _reopened: tuple[str, Any] = ("", None)

    def _model(self, framework: str, ref: Mapping[str, str]) -> Any:
        raise NotImplementedError

    def trace(
        self, framework: str, ref: Mapping[str, str], artifact: Mapping[str, Any] | None, feeds: Mapping[str, Any], wanted: Sequence[str]
    ) -> dict[str, Any]:
        """Return every call of the source, and the arrays of those under the paths ``wanted``, by key.

        Raises `UsageError` where the framework cannot be traced.
        """
        adapter, model, given = self._source(framework, ref, artifact, feeds)
        calls = adapter.trace(model, given, list(wanted))
        values: dict[str, Any] = {}
        for call in calls:
            for side in ("input", "output"):
                arrays = call.pop(side + "s")
                values.update({key: array for key, array in zip(call[side + "_keys"], arrays) if _numeric(array)})
        return {"calls": calls, "values": values}

    def replay(
        self, framework: str, ref: Mapping[str, str], artifact: Mapping[str, Any] | None, feeds: Mapping[str, Any],
        path: str, call: int, inputs: Sequence[Any], double: bool,
    ) -> dict[str, Any]:  # fmt: skip
        """Return what one sub-module makes of ``inputs``; ``outputs`` is None, with the reason, where it cannot be run alone."""
        adapter, model, given = self._source(framework, ref, artifact, feeds)
        if hasattr(model, "captured") and (path, call) not in model.captured:
            adapter.trace(model, given, [])
        try:
            return {"outputs": adapter.replay(model, path, call, inputs, double), "error": ""}
        except Exception as error:
            return {"outputs": None, "error": f"{type(error).__name__}: {error}"[:300]}

    def parameters(self, framework: str, ref: Mapping[str, str], artifact: Mapping[str, Any] | None, path: str) -> dict[str, Any]:
        """Return the weights of one sub-module by name; none where the framework does not show them."""
        adapter, model, _ = self._source(framework, ref, artifact, {})
        found = adapter.parameters(model, path) if hasattr(adapter, "parameters") else {}
        return {"parameters": {name: array for name, array in found.items() if _numeric(array)}}

    def part(
        self, framework: str, artifact: Mapping[str, Any], begins: Mapping[str, Any], ends: Mapping[str, Any], dest: str
    ) -> dict[str, Any]:
        """Write the part of an artifact between two sets of tensors (with example arrays) into ``dest``; return it as an artifact."""
        adapter, model, _ = self._source(framework, {}, artifact, {})
        entry = adapter.part(model, begins, ends, dest)
        ports = [
            tuple(Port(name=name, native=name, dtype=np.asarray(array).dtype.name) for name, array in side.items())
            for side in (begins, ends)
        ]
        whole = artifact_from(artifact)
        made = Artifact(
            format=whole.format, path=dest, entry=os.path.join(dest, entry), digest=digest_of(dest), maker=whole.maker,
            inputs=ports[0], outputs=ports[1], recipe=whole.recipe,
        )  # fmt: skip
        return {"artifact": made.to_json()}

    def tensor_names(self, session: int, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tensors a session can show, in execution order. Raises `UsageError` where it shows none."""
        live, artifact = self._sessions[session]
        if not hasattr(live, "tensor_names"):
            raise UsageError(f"sessions of this runtime ({live.provenance.get('provider')}) hide their tensors")
        return {"tensors": live.tensor_names(native_feeds(artifact, feeds))}

    def tensors(self, session: int, feeds: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
        """Return tensors by name, and the outputs of the same run by native name."""
        live, artifact = self._sessions[session]
        inner, outputs = live.tensors(native_feeds(artifact, feeds), list(names))
        return {"tensors": {name: array for name, array in inner.items() if _numeric(array)}, "outputs": outputs}

    def study(self, session: int, feeds: Mapping[str, Any], question: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a session knows beyond its outputs; the runtime says which questions it takes. Raises `UsageError` where none."""
        live, artifact = self._sessions[session]
        if not hasattr(live, "study"):
            raise UsageError(f"sessions of this runtime ({live.provenance.get('provider')}) answer no questions")
        answer: dict[str, Any] = live.study(native_feeds(artifact, feeds), question)
        return answer

    def _source(
        self, framework: str, ref: Mapping[str, str], artifact: Mapping[str, Any] | None, feeds: Mapping[str, Any]
    ) -> tuple[Any, Any, dict[str, Any]]:
        adapter = self._registry.get("frameworks", framework)
        if not hasattr(adapter, "trace"):
            raise UsageError(f"framework {framework} does not trace its models")
        if artifact is None:
            return adapter, self._model(framework, ref), {name: np.array(array) for name, array in feeds.items()}
        opened = artifact_from(artifact)
        if self._reopened[0] != opened.digest:
            self._reopened = (opened.digest, adapter.reopen(opened.entry))
        return adapter, self._reopened[1], native_feeds(opened, feeds) if feeds else {}


def _numeric(array: Any) -> bool:
    return np.asarray(array).dtype.kind not in "OSUMm"


def digest_of(folder: str) -> str:
    """Return a digest of every file below ``folder``: names, sizes and content."""
    total = hashlib.sha256()
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(root, name)
            total.update(os.path.relpath(path, folder).encode() + b"\0" + str(os.path.getsize(path)).encode() + b"\0")
            with open(path, "rb") as stream:
                for block in iter(lambda: stream.read(1 << 20), b""):
                    total.update(block)
    return total.hexdigest()
