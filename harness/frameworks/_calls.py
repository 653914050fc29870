"""What the tracing of every framework shares: calls in execution order, and arguments taken apart into arrays and the rest."""

from __future__ import annotations

import hashlib
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError


class Slot:
    """The place of an array in a structure of arguments."""

    def __init__(self, number: int) -> None:
        self.number = number


def apart(item: Any, is_array: Callable[[Any], bool], found: list[Any]) -> Any:
    """Return ``item`` with a `Slot` for each array, which go to ``found``. Tuples, lists and dictionaries are searched."""
    if is_array(item):
        found.append(item)
        return Slot(len(found) - 1)
    if isinstance(item, dict):
        parts = {key: apart(part, is_array, found) for key, part in item.items()}
        return parts if type(item) is dict else _like(item, parts)
    if isinstance(item, (tuple, list)):
        listed = [apart(part, is_array, found) for part in item]
        return type(item)(*listed) if hasattr(item, "_fields") else type(item)(listed)
    return item


def _like(item: Any, parts: dict[Any, Any]) -> Any:
    try:
        return type(item)(**parts)
    except TypeError:
        return parts


def together(item: Any, arrays: Sequence[Any]) -> Any:
    """Return the structure that `apart` took apart, with ``arrays`` in the places of its own."""
    if isinstance(item, Slot):
        return arrays[item.number]
    if isinstance(item, dict):
        parts = {key: together(part, arrays) for key, part in item.items()}
        return parts if type(item) is dict else _like(item, parts)
    if isinstance(item, (tuple, list)):
        listed = [together(part, arrays) for part in item]
        return type(item)(*listed) if hasattr(item, "_fields") else type(item)(listed)
    return item


def key_of(array: Any) -> str:
    """Return a name for the value of an array: equal for equal type, shape and bytes."""
    array = np.ascontiguousarray(array)
    total = hashlib.sha1(f"{array.dtype}/{array.shape}/".encode())
    total.update(array.reshape(-1).view(np.uint8).data if array.size else b"")
    return total.hexdigest()[:20]


class Tape:
    """Calls in the order in which they begin. ``wanted``: paths whose arrays are kept; None keeps all.

    Each call is a dictionary: ``path``, ``call`` (its number among the calls of that path), ``type``, ``config``,
    ``parent`` (place in the list), ``leaf``, ``input_keys`` and ``output_keys`` (names of values), ``nbytes`` of its
    arrays, and ``inputs`` and ``outputs``, empty where they are not kept. The first is the whole model, with
    ``input_names`` and ``output_names``.
    """

    def __init__(self, wanted: Sequence[str] | None) -> None:
        self.calls: list[dict[str, Any]] = []
        self._wanted = None if wanted is None else set(wanted)
        self._open: list[int] = []
        self._times: dict[str, int] = {}

    def enter(self, path: str, kind: str, config: str, inputs: Sequence[Any]) -> dict[str, Any]:
        """Begin a call on arrays that nobody changes any more."""
        number = self._times.get(path, 0)
        self._times[path] = number + 1
        parent = self._open[-1] if self._open else -1
        call: dict[str, Any] = {"path": path, "call": number, "type": kind, "config": config, "parent": parent, "leaf": True, "nbytes": 0}
        self._put(call, "input", inputs)
        self._put(call, "output", ())
        if parent >= 0:
            self.calls[parent]["leaf"] = False
        self._open.append(len(self.calls))
        self.calls.append(call)
        return call

    def leave(self, outputs: Sequence[Any]) -> None:
        """End the call begun last."""
        self._put(self.calls[self._open.pop()], "output", outputs)

    def _put(self, call: dict[str, Any], side: str, arrays: Sequence[Any]) -> None:
        kept = self._wanted is None or call["path"] in self._wanted
        call[side + "_keys"] = [key_of(array) for array in arrays]
        call[side + "s"] = list(arrays) if kept else []
        call["nbytes"] += sum(array.nbytes for array in arrays)


def whole(tape: Tape, kind: str, feeds: Mapping[str, Any]) -> None:
    """Begin the call of the whole model."""
    call = tape.enter("", kind, "", [np.array(array) for array in feeds.values()])
    call.update(input_names=list(feeds), output_names=[])


def ended(tape: Tape, outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """End the call of the whole model; return all calls."""
    tape.calls[0]["output_names"] = list(outputs)
    tape.leave(list(outputs.values()))
    return tape.calls


def missing(path: str, number: int) -> UsageError:
    """Return the error for a call that no trace has seen."""
    return UsageError(f"call {number} of {path!r} was not seen when the model was traced; trace it first")


def named(path: str, number: int, count: int) -> list[str]:
    """Return names for the ``count`` outputs of a call: the path, with ``#`` the later calls and with ``:`` the later outputs."""
    stem = f"{path}#{number}" if number else path
    return [f"{stem}:{place}" if place else stem for place in range(count)]


def paths_of(names: Sequence[str] | None) -> list[str] | None:
    """Return the paths that a trace must keep so that these outputs, and those of the model, can be shown."""
    return None if names is None else ["", *sorted({name.split("#")[0].split(":")[0] for name in names})]


def shown(calls: list[dict[str, Any]], names: Sequence[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the outputs of calls by name, and those of the model."""
    found: dict[str, Any] = {}
    for call in calls[1:]:
        own = zip(named(call["path"], call["call"], len(call["output_keys"])), call["outputs"])
        found.update({name: array for name, array in own if names is None or name in names})
    return found, dict(zip(calls[0]["output_names"], calls[0]["outputs"]))


def names_of(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the outputs of leaves in execution order, with type, path and the outputs each was made of."""
    made: dict[str, str] = {}
    found = []
    for call in calls[1:]:
        if call["leaf"]:
            given = [made[key] for key in call["input_keys"] if key in made]
            for name, key in zip(named(call["path"], call["call"], len(call["output_keys"])), call["output_keys"]):
                made[key] = name
                found.append({"name": name, "op": call["type"], "scope": call["path"], "inputs": given})
    return found
