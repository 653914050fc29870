"""Which tensor of a converted model stands for which value of the source: by name, by value up to layout, by what exporters wrote down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.value import value
from harness.numerics.layout import STRICT, Fingerprint, Layout, alike, find_layout, fingerprint, straight

Arrays = Callable[[str], Any]
"""A key of the source, or a tensor's name in the target, to its array."""
_NUMBERED = re.compile(r"(_\d+)+$")


@value
class Call:
    """One call of a sub-module, or one node: its place in the execution order is its place in the list.

    ``inputs`` and ``outputs`` are keys of values; equal keys are equal values. ``parent`` is the place of the
    call that made this one, -1 for none. A ``leaf`` made no further call. The first call is the whole model.
    """

    path: str
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    call: int = 0
    config: str = ""
    leaf: bool = True
    parent: int = 0

    @property
    def name(self) -> str:
        """Return the path, with the number of the call where a module is called more than once."""
        return f"{self.path}#{self.call}" if self.call else self.path


@value
class Tensor:
    """A tensor of the target in execution order: the operator that makes it, what that reads, and the module it came from."""

    name: str
    op: str = ""
    scope: str = ""
    inputs: tuple[str, ...] = ()


@value
class Pair:
    """A value of the source and the tensor that stands for it. ``how``: port, name, value, metadata, replay, successor, near."""

    name: str
    layout: Layout
    how: str
    distance: float


class Alignment:
    """Pairs by key of the source. Grows while errors are split, as replayed values find their tensors."""

    def __init__(self, calls: Sequence[Call], tensors: Sequence[Tensor], source: Arrays, target: Arrays) -> None:
        self.calls = calls
        self.tensors = {tensor.name: tensor for tensor in tensors}
        # A mere port says nothing of when its value came to be.
        self.place = {tensor.name: number for number, tensor in enumerate(tensors) if tensor.op != "output"}
        self.pairs: dict[str, Pair] = {}
        self.misfits: dict[str, str] = {}  # tensors known to stand for a value by their names, and of another size
        self.source = source
        self.target = target
        self._prints: dict[str, Fingerprint] = {}
        self._sizes: dict[int, list[str]] | None = None
        self._ambiguous: set[str] = set()

    def pin(self, key: str, name: str, how: str, wanted: Any = None) -> bool:
        """Pair a key with a tensor in the nearest layout; return whether their sizes fit.

        What kept its name kept its shape and the order of its axes too: anything else is an error of whoever made it.
        """
        array = self.source(key) if wanted is None else wanted
        if how == "name":
            found = straight(array, self.target(name))
        else:
            found = find_layout(array, self.target(name)) or find_layout(array, self.target(name), np.inf)
        if found is None:
            if how == "name" or (how == "port" and self.target(name).size != array.size):
                self.misfits[key] = name
            return False
        self.misfits.pop(key, None)
        self.pairs[key] = Pair(name=name, layout=found[0], how=how, distance=found[1])
        return True

    def by_value(self, key: str, after: int = -1, wanted: Any = None, how: str = "value") -> bool:
        """Pair a key with the first tensor, not before place ``after``, that holds its value (or ``wanted``) in some layout."""
        array = self.source(key) if wanted is None else wanted
        print_ = fingerprint(array)
        for name in self._of_size(print_.size) if print_.telling else ():
            if self.place.get(name, -1) < after or not alike(print_, self._print(name)):
                continue
            found = find_layout(array, self.target(name), STRICT)
            if found is not None:
                self.pairs[key] = Pair(name=name, layout=found[0], how=how, distance=found[1])
                return True
        return False

    def after(self, keys: Iterable[str]) -> int:
        """Return the last place among the tensors of ``keys``."""
        return max((self.place.get(self.pairs[key].name, -1) for key in keys if key in self.pairs), default=-1)

    def free(self, size: int, after: int) -> list[str]:
        """Return the tensors of ``size`` elements after a place that no value has claimed, in order."""
        taken = {pair.name for pair in self.pairs.values()}
        return [name for name in self._of_size(size) if name not in taken and self.place.get(name, -1) > after]

    def value(self, key: str) -> Any | None:
        """Return the target's value of a key in the source's layout, None where it has no tensor."""
        pair = self.pairs.get(key)
        return None if pair is None else pair.layout.to_source(self.target(pair.name))

    def _print(self, name: str) -> Fingerprint:
        if name not in self._prints:
            self._prints[name] = fingerprint(self.target(name))
        return self._prints[name]

    def _of_size(self, size: int) -> list[str]:
        if self._sizes is None:
            self._sizes = {}
            for name in self.tensors:
                self._sizes.setdefault(self._print(name).size, []).append(name)
        return self._sizes.get(size, [])


def align(
    calls: Sequence[Call], tensors: Sequence[Tensor], source: Arrays, target: Arrays, *,
    inputs: Mapping[str, str], outputs: Mapping[str, str], named: bool = False,
) -> Alignment:  # fmt: skip
    """Return the alignment of a source's calls with a target's tensors (both in execution order).

    ``inputs`` and ``outputs``: keys of the model's own -> tensor names. ``named``: keys are tensor names and the
    target kept them. Values come before metadata: after a fusion an exporter's notes name one of the fused layers.
    """
    found = Alignment(calls, tensors, source, target)
    for key, name in inputs.items():
        found.pin(key, name, "port")
    keys = _in_order(calls)
    for key in keys:
        if named and key in found.tensors and key not in found.pairs:
            found.pin(key, key, "name")
    for call in calls[1:]:
        after = found.after(call.inputs)
        for key in (*call.inputs, *call.outputs):
            if key not in found.pairs:
                found.by_value(key, after if key in call.outputs else -1)
    by_metadata(found)
    for key, name in outputs.items():
        if key not in found.pairs or found.pairs[key].how == "metadata":
            found.pin(key, name, "port")
    return found


def by_metadata(found: Alignment) -> None:
    """Pair what is left by the module that a tensor's operator came from."""
    scopes = _scopes([call.path for call in found.calls[1:]], [tensor.scope for tensor in found.tensors.values()])
    claimed = {pair.name for pair in found.pairs.values()}
    for call in found.calls[1:]:
        group = _group(found, call, scopes.get(call.path, ""))
        inner = {tensor.name for tensor in group}
        fed = [name for tensor in group for name in tensor.inputs if name not in inner and name in found.tensors]
        for keys, names in ((call.outputs, [tensor.name for tensor in reversed(group)]), (call.inputs, list(dict.fromkeys(fed)))):
            left = [key for key in keys if key not in found.pairs]
            if len(left) != 1:
                continue
            size = found.source(left[0]).size
            fitting = [name for name in names if name not in claimed and found.target(name).size == size]
            if fitting and (keys is call.outputs or len(fitting) == 1) and found.pin(left[0], fitting[0], "metadata"):
                claimed.add(fitting[0])


def _group(found: Alignment, call: Call, scope: str) -> list[Tensor]:
    """Return the tensors that one call made; a module called several times has one run of tensors for each, or none is known."""
    if not scope:
        return []
    runs: list[list[Tensor]] = [[]]
    for tensor in found.tensors.values():
        if tensor.scope == scope or tensor.scope.startswith(scope + "."):
            runs[-1].append(tensor)
        elif tensor.scope and runs[-1]:
            runs.append([])
    runs = [run for run in runs if run]
    times = sum(other.path == call.path for other in found.calls)
    if times == 1:
        return [tensor for run in runs for tensor in run]
    return runs[call.call] if len(runs) == times else []


def _scopes(paths: Sequence[str], scopes: Sequence[str]) -> dict[str, str]:
    """Return the scope of each path: the same, one behind a constant prefix, or the one of its rank among those of its name.

    The last is for Keras, which numbers its layers anew in every graph.
    """
    wanted = list(dict.fromkeys(path for path in paths if path))
    parts = [scope.split(".") for scope in scopes if scope]
    known = list(dict.fromkeys(".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)))
    found = {}
    for path in wanted:
        plain = path.replace("/", ".")
        fits = [scope for scope in known if scope == plain] or [scope for scope in known if scope.endswith("." + plain)]
        if len(fits) == 1:
            found[path] = fits[0]
    if len(found) == len(wanted):
        return found
    ranked: dict[str, list[str]] = {}
    for scope in known:
        ranked.setdefault(_NUMBERED.sub("", scope.rsplit(".", 1)[-1]), []).append(scope)
    own: dict[str, list[str]] = {}
    for path in wanted:
        own.setdefault(_NUMBERED.sub("", re.split(r"[./]", path)[-1]), []).append(path)
    for base, group in own.items():
        if len(ranked.get(base, ())) == len(group):
            found.update(dict(zip(group, ranked[base], strict=True)))
    return found


def _in_order(calls: Sequence[Call]) -> list[str]:
    return list(dict.fromkeys(key for call in calls for key in (*call.inputs, *call.outputs)))
