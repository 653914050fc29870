"""The two sides of a search for the layer to blame, as workers show them: arrays on demand, within a budget of bytes."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.protocols import option_values
from harness.core.route import Hop
from harness.engine.steps import Steps
from harness.engine.trace import Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.align import Call, Tensor
from harness.numerics.metrics import measure
from harness.numerics.sampling import Sample, told_of

BUDGET = 512 * 2**20
FIRST = 16
MOVED = 1e-5
"""Probing changed the result when an output moved by more than this, over its root mean square; less is rounding."""
TRIES = 24
"""How many runs may go into showing the tensors of a target without moving its result."""


class Shelf:
    """Arrays by key, fetched in groups in execution order; those used longest ago go when the budget is spent.

    ``fetch(keys)`` returns arrays of the keys it finds. ``sizes`` gives bytes where they are known beforehand, ``typical`` those
    to expect of any other before one is seen.
    """

    def __init__(
        self, keys: Sequence[str], fetch: Callable[[list[str]], Mapping[str, Any]], budget: int, sizes: Mapping[str, int], typical: int = 0
    ) -> None:
        self._keys = list(dict.fromkeys(keys))
        self._place = {key: number for number, key in enumerate(self._keys)}
        self._fetch = fetch
        self._budget = budget
        self._sizes = dict(sizes)
        self._typical = max(typical, budget // (2 * FIRST))
        self._held: collections.OrderedDict[str, Any] = collections.OrderedDict()
        self._seen: list[int] = []

    def put(self, arrays: Mapping[str, Any]) -> None:
        """Hold arrays, as far as the budget allows; the ones given last stay."""
        self._seen += [array.nbytes for array in arrays.values()]
        self._held.update(arrays)
        spent = sum(array.nbytes for array in self._held.values())
        while spent > self._budget and len(self._held) > len(arrays):
            spent -= self._held.popitem(last=False)[1].nbytes

    def get(self, key: str) -> Any:
        """Return one array. Raises `KeyError` for what nobody shows."""
        if key not in self._held:
            self.put(self._fetch(self._group(key)))
        self._held.move_to_end(key)
        return self._held[key]

    def _group(self, key: str) -> list[str]:
        """Return the keys to fetch with this one: those that follow it, within half of the budget."""
        typical = max(self._seen) if self._seen else self._typical
        group: list[str] = []
        left = self._budget // 2
        for name in self._keys[self._place[key] :]:
            left -= self._sizes.get(name, typical)
            if group and left < 0:
                break
            if name not in self._held:
                group.append(name)
        return group


class SourceSide:
    """A source as calls: the case in its framework, or an artifact that a framework reopens (an ONNX file)."""

    def __init__(self, steps: Steps, framework: str, ref: Mapping[str, str], artifact: Artifact | None, sample: Sample) -> None:
        self._steps = steps
        self._toolchain = steps.registry.get("frameworks", framework).toolchain
        self._asked = {"framework": framework, "ref": dict(ref), "artifact": artifact.to_json() if artifact else None}
        self._feeds = dict(sample.feeds)
        answer = self._ask("trace", {"feeds": self._feeds, "wanted": []})
        traced = answer["calls"]
        self.calls = [
            Call(
                path=item["path"], type=item["type"], config=item["config"], call=item["call"], parent=item["parent"], leaf=item["leaf"],
                inputs=tuple(item["input_keys"]), outputs=tuple(item["output_keys"]),
            )
            for item in traced
        ]  # fmt: skip
        root = traced[0]
        renamed = {port.native: port.name for port in (*artifact.inputs, *artifact.outputs)} if artifact else {}
        self.inputs = {renamed.get(name, name): key for name, key in zip(root["input_names"], root["input_keys"], strict=True)}
        self.outputs = {renamed.get(name, name): key for name, key in zip(root["output_names"], root["output_keys"], strict=True)}
        self.named = artifact is not None or framework == "onnx"
        self._paths: dict[str, str] = {}
        for call in self.calls:
            for key in (*call.inputs, *call.outputs):
                self._paths.setdefault(key, call.path)
        bytes_of = {item["path"]: item["nbytes"] for item in traced}
        sizes = {key: bytes_of[path] // max(1, len([k for k, p in self._paths.items() if p == path])) for key, path in self._paths.items()}
        self.largest = max(sizes.values(), default=0)
        """Bytes of the largest value, about."""
        self._shelf = Shelf(list(self._paths), self._fetch, BUDGET, sizes)
        self._shelf.put(answer["values"])

    def array(self, key: str) -> Any:
        """Return a value of the source by key."""
        return self._shelf.get(key)

    def replay(self, place: int, inputs: list[Any], double: bool) -> list[Any] | None:
        """Run one call alone; None where it cannot be run that way."""
        call = self.calls[place]
        asked = {"feeds": self._feeds, "path": call.path, "call": call.call, "inputs": inputs, "double": double}
        found: list[Any] | None = self._ask("replay", asked)["outputs"]
        return found

    def parameters(self, path: str) -> dict[str, Any]:
        """Return the weights of one sub-module."""
        found: dict[str, Any] = self._ask("parameters", {"path": path})["parameters"]
        return found

    def _fetch(self, keys: list[str]) -> Mapping[str, Any]:
        wanted = list(dict.fromkeys(self._paths[key] for key in keys))
        values = self._ask("trace", {"feeds": self._feeds, "wanted": wanted})["values"]
        return {key: values[key] for key in keys if key in values}

    def _ask(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        return self._steps.ask(self._toolchain, verb, {**self._asked, **arguments})


class TargetSide:
    """A target as tensors: an artifact in a session of its own, apart from the one that is judged. A context manager.

    A tensor that moves the result when it is shown is ``hidden``, so that fused operators stay fused where they matter;
    ``allowed`` is how far the result may move, over its root mean square. ``typical``: bytes to expect of a tensor.
    """

    def __init__(
        self, steps: Steps, cell: Any, artifact: Artifact, runtime: Hop, device: str, sample: Sample, typical: int = 0
    ) -> None:  # fmt: skip
        self._steps = steps
        adapter = steps.registry.get("runtimes", runtime.name)
        self._toolchain = adapter.toolchain
        self._feeds = dict(sample.feeds)
        loaded = self._ask(
            "load",
            {
                "runtime": runtime.name, "device": device, "source": artifact.to_json(), "ref": cell.ref, "feeds": self._feeds,
                **told_of(cell.case, cell.route.framework),
                "options": option_values(adapter, runtime.options, f"route {cell.route}"),
            },
        )  # fmt: skip
        self._session = loaded["session"]
        self.artifact = artifact
        self.final: dict[str, Any] = {}
        self.hidden: set[str] = set()
        self.allowed = MOVED
        self._tries = TRIES
        self._moved = 0.0
        self.judged = self._ask("run", {"session": self._session, "feeds": self._feeds})["outputs"]
        listed = self._ask("tensor_names", {"session": self._session, "feeds": self._feeds})["tensors"]
        given = {port.native: np.asarray(self._feeds[port.name]) for port in artifact.inputs}
        taken = {item["name"] for item in listed}
        ports = {f"{name} (output)" if name in taken or name in given else name: array for name, array in self.judged.items()}
        self.outputs = dict(zip(self.judged, ports, strict=True))
        self._listed = [
            *(Tensor(name=name, op="input") for name in given if name not in taken),
            *(Tensor(name=i["name"], op=i["op"], scope=i["scope"].replace("/", "."), inputs=tuple(i["inputs"])) for i in listed),
            *(Tensor(name=name, op="output") for name in ports),
        ]
        self._pinned = {**{name: array for name, array in given.items() if name not in taken}, **ports}
        self._shelf = Shelf([item["name"] for item in listed], self._fetch, BUDGET, {}, typical)

    def __enter__(self) -> TargetSide:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # What went wrong inside says more than that its worker is gone.
        with contextlib.suppress(*((WorkerFailure,) if kind else ())):
            self._ask("close", {"session": self._session})

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors in execution order, without those known to be hidden."""
        return [tensor for tensor in self._listed if tensor.name not in self.hidden]

    def array(self, name: str) -> Any:
        """Return a tensor by name; one that the runtime lists and does not give, or that is hidden, is empty."""
        if name in self._pinned:
            return self._pinned[name]
        if name in self.hidden:
            return np.zeros(0)
        try:
            return self._shelf.get(name)
        except KeyError:
            return np.zeros(0)

    def moved(self) -> float:
        """Return how far showing tensors moved the outputs: the largest difference over the root mean square, 0 for none."""
        if not self.final:
            self._fetch([tensor.name for tensor in self.tensors if tensor.name not in self._pinned][:1])
        return self._moved

    def _far(self, outputs: Mapping[str, Any]) -> float:
        """Return how far the outputs of a run are from those of the run that shows nothing."""
        worst = 0.0
        for port in self.artifact.outputs:
            before, after = self.judged.get(port.name), outputs.get(port.native)
            if before is not None and after is not None and np.shape(before) == np.shape(after) and np.size(before):
                worst = max(worst, float(measure(after, before)["scaled"]))
        return worst

    def _fetch(self, names: list[str]) -> Mapping[str, Any]:
        names = [name for name in names if name not in self.hidden][:4096]
        answer = self._ask("tensors", {"session": self._session, "feeds": self._feeds, "names": names})
        far = self._far(answer["outputs"])
        if far > self.allowed and names and self._tries > 0:
            self._tries -= 1
            if len(names) == 1:
                self.hidden.update(names)
                return {}
            half = len(names) // 2
            return {**self._fetch(names[:half]), **self._fetch(names[half:])}
        self.final = answer["outputs"]
        self._moved = max(self._moved, far)
        found: Mapping[str, Any] = answer["tensors"]
        return found

    def _ask(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        return self._steps.ask(self._toolchain, verb, arguments)


def quiet(trace: Trace) -> Trace:
    """Return a trace to work with beside that of the cell, whose record it must not change."""
    return dataclasses.replace(Trace(), toolchains=trace.toolchains)
