"""What the tracing of every framework shares: calls in execution order, and arguments taken apart into arrays and the rest."""

from __future__ import annotations

import hashlib
from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.core.outputs import flatten

NEAR = 2
"""How far a number may be from a length that it follows: one more for a class token, two less for an unpadded window."""

LONG = 200
"""Letters after which the description of an argument only gives its type."""


class Slot:
    """The place of an array in a structure of arguments."""

    def __init__(self, number: int) -> None:
        self.number = number


def apart(item: Any, is_array: Callable[[Any], bool], found: list[Any]) -> Any:
    """Return ``item`` with a `Slot` for each array, which go to ``found``. Tuples, lists, dictionaries and slices are searched."""
    if is_array(item):
        found.append(item)
        return Slot(len(found) - 1)
    if isinstance(item, dict):
        parts = {key: apart(part, is_array, found) for key, part in item.items()}
        return parts if type(item) is dict else _like(item, parts)
    if isinstance(item, (tuple, list)):
        listed = [apart(part, is_array, found) for part in item]
        return type(item)(*listed) if hasattr(item, "_fields") else type(item)(listed)
    if isinstance(item, slice):
        return slice(*[apart(part, is_array, found) for part in (item.start, item.stop, item.step)])
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
    if isinstance(item, slice):
        return slice(*[together(part, arrays) for part in (item.start, item.stop, item.step)])
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
    arrays, ``input_types`` and ``output_types`` (dtype and shape of each), and ``inputs`` and ``outputs``, empty where they
    are not kept. The first is the whole model, with ``input_names`` and ``output_names``.
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

    def forget(self) -> list[dict[str, Any]]:
        """Take back the call begun last, which is none, and all inside it; return what was taken back."""
        place = self._open.pop()
        gone, self.calls[place:] = self.calls[place:], []
        for call in gone:
            self._times[call["path"]] -= 1
        parent = gone[0]["parent"]
        if parent >= 0:
            self.calls[parent]["leaf"] = all(call["parent"] != parent for call in self.calls[parent + 1 :])
        return gone

    @property
    def top(self) -> dict[str, Any] | None:
        """The call that is open and was begun last."""
        return self.calls[self._open[-1]] if self._open else None

    def _put(self, call: dict[str, Any], side: str, arrays: Sequence[Any]) -> None:
        kept = self._wanted is None or call["path"] in self._wanted
        call[side + "_types"] = [[np.asarray(array).dtype.name, list(np.shape(array))] for array in arrays]
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


def numbers(item: Any) -> list[int]:
    """Return the whole numbers among arguments, in order; inside slices too. True and False are no numbers."""
    if isinstance(item, int) and not isinstance(item, bool):
        return [item]
    return [number for part in _inside(item) for number in numbers(part)]


def _inside(item: Any) -> Sequence[Any]:
    if isinstance(item, dict):
        return list(item.values())
    if isinstance(item, slice):
        return [item.start, item.stop, item.step]
    return item if isinstance(item, (tuple, list)) else ()


def renumbered(item: Any, values: Iterator[Any]) -> Any:
    """Return arguments with each whole number replaced by the next of ``values``; see `numbers`."""
    if isinstance(item, int) and not isinstance(item, bool):
        return next(values)
    if isinstance(item, slice):
        return slice(*[renumbered(part, values) for part in (item.start, item.stop, item.step)])
    if isinstance(item, dict):
        parts = {key: renumbered(part, values) for key, part in item.items()}
        return parts if type(item) is dict else _like(item, parts)
    if isinstance(item, (tuple, list)):
        listed = [renumbered(part, values) for part in item]
        if hasattr(item, "_fields"):
            return type(item)(*listed)
        return listed if isinstance(item, list) else tuple(listed)
    return item


def words(item: Any) -> str:
    """Return arguments in words that are equal for equal arguments: arrays by their number, objects by their type."""
    if isinstance(item, Slot):
        return f"x{item.number}"
    if isinstance(item, dict):
        return "{" + ", ".join(f"{key}={words(part)}" for key, part in item.items()) + "}"
    if isinstance(item, (tuple, list)):
        return "(" + ", ".join(map(words, item)) + ")"
    if isinstance(item, slice):
        return ":".join("" if part is None else words(part) for part in (item.start, item.stop, item.step))
    if isinstance(item, (int, float, complex, str, bytes, type(None), type(Ellipsis))):
        return repr(item)
    if hasattr(item, "shape") and hasattr(item, "dtype") and not isinstance(item, type):
        return f"{type(item).__name__}{tuple(item.shape)}"
    text = str(getattr(item, "__name__", "")) or repr(item)
    return type(item).__name__ if " at 0x" in text or len(text) > LONG else text


def bound_by(before: Any, after: Any, shapes: Sequence[Any], others: Sequence[Any]) -> list[Any] | None:
    """Return which numbers among arguments follow the shapes of the inputs, from two calls that differ in these.

    Each is ``[place among the numbers, input, axis, times, over, plus]``: ``length * times // over + plus``, or has a second
    input and axis whose length it is multiplied with. None where a number changed and follows nothing that is known, or
    the two calls are not alike.
    """
    first, second = numbers(before), numbers(after)
    if len(first) != len(second) or [len(shape) for shape in shapes] != [len(shape) for shape in others]:
        return None
    axes = [(i, j, a, b) for i, (one, two) in enumerate(zip(shapes, others)) for j, (a, b) in enumerate(zip(one, two)) if a != b]
    found = []
    for place, (a, b) in enumerate(zip(first, second)):
        if a != b:
            rule = next((rule for rule in _rules(a, b, axes)), None)
            if rule is None:
                return None
            found.append([place, *rule])
    return found


def _rules(a: int, b: int, axes: Sequence[Any]) -> Iterator[list[int]]:
    for i, j, one, two in axes:
        if (one, two) == (a, b):
            yield [i, j, 1, 1, 0]
    for i, j, one, two in axes:
        if one and a % one == 0 and two * (a // one) == b:
            yield [i, j, a // one, 1, 0]
        if a and one % a == 0 and two // (one // a) == b:
            yield [i, j, 1, one // a, 0]
        if a - one == b - two and abs(a - one) <= NEAR:
            yield [i, j, 1, 1, a - one]
    for i, j, one, two in axes:
        for k, m, three, four in axes:
            if one * three == a and two * four == b:
                yield [i, j, 1, 1, 0, k, m]


def follow(kept: Any, bound: Sequence[Sequence[int]], shapes: Sequence[Any]) -> Any:
    """Return arguments whose bound numbers fit the ``shapes`` of the inputs; see `bound_by`."""
    if not bound:
        return kept
    values: list[Any] = list(numbers(kept))
    for place, i, j, times, over, plus, *second in bound:
        length = shapes[i][j]
        value = length * times if times != 1 else length
        value = value // over if over != 1 else value
        value = value + plus if plus else value
        values[place] = value * shapes[second[0]][second[1]] if second else value
    return renumbered(kept, iter(values))


def unusable(result: Any, found: Sequence[Any]) -> str:
    """Return why what a call returned, with the tensors ``found`` in it, cannot be the outputs of a model; "" where it can."""
    if not found:
        return "returns no tensor"
    try:
        flatten(result)
    except Exception as error:
        return str(error)
    return ""
