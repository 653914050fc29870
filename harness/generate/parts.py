"""Which tests a model gives: its calls, as a walk saw them, become unit and module cases, without duplicates. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.case import Case
from harness.core.spec import Dim, Domain, TensorSpec, integers, mask, normal, uniform
from harness.core.value import value

HUGE = 1e6
"""Above it a number stands for infinity, as in the masks of attention: no ordinary input is drawn like that."""

FAR = 3.0
"""From so many standard deviations away from 0 on, values are drawn evenly between the smallest and the largest that came."""

Call = Mapping[str, Any]


@value
class Chosen:
    """One call that stands for all alike: ``calls`` holds their places in the walk. ``level`` is unit or module."""

    place: int
    level: str
    calls: tuple[int, ...]


@value
class Left:
    """What gives no test of its own: ``ops`` is how many operators of the model it runs, ``reason`` why."""

    path: str
    type: str
    reason: str
    ops: int


@value
class Plan:
    """What is to be generated from a walk, and what is left out. ``ops``: operators that the model runs in all."""

    chosen: tuple[Chosen, ...]
    left: tuple[Left, ...]
    ops: int


def plan(calls: Sequence[Call], others: Sequence[Call]) -> Plan:
    """Return what to generate from the calls of one walk; ``others`` are those of a walk at other shapes, if any.

    Calls are alike when type, settings, arguments, and dtypes and shapes of their inputs are, in both walks.
    """
    elsewhere = {(call["path"], call["call"]): call["input_types"] for call in others}
    found: dict[str, list[int]] = {}
    here: dict[str, str] = {}
    inner = _inner(calls)
    root = calls[0]
    left = [Left(path="", type=root["type"], reason=root["problem"] or _LOOSE, ops=root["ops"])] if root["ops"] else []
    for place, call in enumerate(calls[1:], 1):
        if call["problem"] or not call["input_types"]:
            reason = call["problem"] or "takes no tensor"
            left.append(Left(path=call["path"], type=call["type"], reason=reason, ops=_own(call)))
            continue
        if not call["leaf"] and call["ops"]:
            left.append(Left(path=call["path"], type=call["type"], reason=_LOOSE, ops=call["ops"]))
        if not _wraps(calls, place, inner[place]):
            own = repr([call[said] for said in ("leaf", "type", "signature", "said", "input_types")])
            there = elsewhere.get((call["path"], call["call"]))
            # A loop may run fewer times at other shapes: its later calls are like the earlier ones.
            key = here.get(own) if there is None else repr([own, there])
            here.setdefault(own, key or own)
            found.setdefault(key or own, []).append(place)
    chosen = tuple(Chosen(place=places[0], level=_level(calls[places[0]]), calls=tuple(places)) for places in found.values())
    return Plan(chosen=chosen, left=tuple(left), ops=sum(map(_own, calls)))


def _level(call: Call) -> str:
    return "unit" if call["leaf"] else "module"


_LOOSE = "makes tensors of no tensor, as a range or a constant; the module around it is tested with it"


def _own(call: Call) -> int:
    """Return how many operators a call runs itself; the innermost run one at least."""
    return max(1, int(call["ops"])) if call["leaf"] else int(call["ops"])


def _inner(calls: Sequence[Call]) -> list[list[int]]:
    """Return the places of the calls directly inside each call."""
    found: list[list[int]] = [[] for _ in calls]
    for place, call in enumerate(calls):
        if call["parent"] >= 0:
            found[call["parent"]].append(place)
    return found


def _wraps(calls: Sequence[Call], place: int, inner: Sequence[int]) -> bool:
    """Return whether a call does nothing but hand its inputs to one inner call and its outputs back."""
    own = calls[place]
    alike = len(inner) == 1 and all(calls[inner[0]][side] == own[side] for side in ("input_keys", "output_keys"))
    return alike and not own["ops"] and not calls[inner[0]]["problem"]


def covered(calls: Sequence[Call], made: Sequence[Chosen]) -> dict[str, float]:
    """Return the share of the operators of the model that unit tests run, and that unit or module tests do."""
    total = max(1, sum(map(_own, calls)))
    unit = {place for one in made if one.level == "unit" for place in one.calls}
    module = {place for one in made if one.level == "module" for place in one.calls}
    inside = [place in module or place in unit for place in range(len(calls))]
    for place, call in enumerate(calls):
        inside[place] = inside[place] or (call["parent"] >= 0 and inside[call["parent"]])
    return {
        "unit": sum(_own(calls[place]) for place in unit) / total,
        "any": sum(_own(call) for call, yes in zip(calls, inside, strict=True) if yes) / total,
    }


def case_of(
    parent: Case, framework: str, call: Call, one: Chosen, name: str, arrays: Mapping[str, Any], others: Mapping[str, Any], dims: Dims
) -> Case:
    """Return the case of one call. ``arrays`` are the inputs it received, ``others`` those at other shapes, {} for none."""
    specs = []
    drawn = True
    for port, array in arrays.items():
        domain = domain_of([array, *([others[port]] if others else [])])
        drawn = drawn and domain is not None
        lengths = zip(array.shape, others[port].shape if others else array.shape, strict=True)
        shape = tuple(dims.of(a, b) for a, b in lengths)
        specs.append(TensorSpec(name=port, dtype=array.dtype.name, shape=shape, domain=domain or normal()))
    part = {
        "of": parent.id, "path": call["path"], "call": call["call"], "type": call["type"], "calls": len(one.calls), "drawn": drawn,
        "config": call["config"],
    }  # fmt: skip
    return Case(
        id=name, inputs={framework: tuple(specs)}, build={framework: None}, level=one.level, seed=parent.seed, routes=parent.routes,
        family=call["type"], has_data=True, part=part, generate=(),
    )  # fmt: skip


def domain_of(arrays: Sequence[Any]) -> Domain | None:
    """Return the domain of values like those of ``arrays``; None where none describes them, as for masks of huge numbers."""
    if arrays[0].dtype.kind == "b":
        return mask()
    flat = np.concatenate([np.asarray(array).astype(np.float64).reshape(-1) for array in arrays])
    if not flat.size:
        return normal() if arrays[0].dtype.kind not in "iu" else integers(0, 1)
    if not np.isfinite(flat).all() or np.abs(flat).max() > HUGE:
        return None
    low, high = float(flat.min()), float(flat.max())
    if arrays[0].dtype.kind in "iu":
        return integers(int(low), int(high))
    if low >= 0 or abs(float(flat.mean())) > FAR * float(flat.std()):
        return uniform(low, high) if high > low else None
    return normal(float(flat.std()))


class Dims:
    """The dynamic axes inside a model: each is told by its lengths in two walks, and named after the dimensions of the model."""

    def __init__(self, dims: Mapping[str, Dim], first: Mapping[str, int], second: Mapping[str, int]) -> None:
        self._dims = dims
        self._first = first
        self._second = second
        self._known: dict[tuple[int, int], Dim] = {}

    def of(self, a: int, b: int) -> int | Dim:
        """Return what an axis of length ``a`` in one walk and ``b`` in the other is: a dimension, or ``a`` where both agree."""
        if a == b:
            return a
        if (a, b) not in self._known:
            self._known[a, b] = self._found(a, b)
        return self._known[a, b]

    def _found(self, a: int, b: int) -> Dim:
        for name, dim in self._dims.items():
            if (self._first[name], self._second[name]) == (a, b):
                return dim if dim.example == a else _dim(name, dim.low, dim.high, dim.multiple, a, b)
        for name, dim in self._dims.items():
            one, two = self._first[name], self._second[name]
            if one and a % one == 0 and two * (a // one) == b:
                k = a // one
                return _dim(f"{name}_x{k}", dim.low * k, dim.high * k, dim.multiple * k, a, b)
            if a and one % a == 0 and two // (one // a) == b:
                k = one // a
                return _dim(f"{name}_over{k}", -(-dim.low // k), dim.high // k, max(1, dim.multiple // k), a, b)
            if a - one == b - two:
                sign = "plus" if a > one else "less"
                return _dim(f"{name}_{sign}{abs(a - one)}", max(0, dim.low + a - one), dim.high + a - one, 1, a, b)
        for name, dim in self._dims.items():
            for other, second in self._dims.items():
                if self._first[name] * self._first[other] == a and self._second[name] * self._second[other] == b:
                    return _dim(f"{name}_x_{other}", dim.low * second.low, dim.high * second.high, 1, a, b)
        return _dim(f"axis{a}_{b}", min(a, b), max(a, b), 1, a, b)


def _dim(name: str, low: int, high: int, multiple: int, a: int, b: int) -> Dim:
    """Return a dimension that admits both lengths seen, whatever was worked out."""
    fits = all(low <= n <= high and n % multiple == 0 for n in (a, b))
    return Dim(name, low, high, multiple=multiple, example=a) if fits else Dim(name, min(a, b), max(a, b), example=a)


def ids(calls: Sequence[Call], made: Sequence[Chosen], parent: str) -> list[str]:
    """Return the id of each case: that of the model, then the path of the module. Equal ones are numbered."""
    found: dict[str, None] = {}
    for one in made:
        call = calls[one.place]
        path = "/".join(filter(None, re.sub(r"[^A-Za-z0-9_.+/-]+", "-", call["path"]).strip("-").split("/")))
        stem = f"{parent}/{path or call['type']}"
        stem = f"{stem}.{call['call']}" if call["call"] else stem
        number = 2
        name = stem
        while name in found:
            name, number = f"{stem}-{number}", number + 1
        found[name] = None
    return list(found)
