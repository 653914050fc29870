"""Attribute sweeps: a layer family as data, and the unit cases that vary its attributes, pairwise."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.spec import Dim, TensorSpec
from harness.core.value import value
from harness.generate.pairwise import Rule, covering
from harness.generate.signatures import REQUIRED, Unread

INPUTS = "inputs"
"""The attribute that stands for the choice among a family's input shapes: it is paired with every other one."""
_LONGEST = 110


class _Omitted:
    """Stands for an attribute that is left out, which a converter may default differently from its source."""

    def __repr__(self) -> str:
        return "omitted"


OMITTED = _Omitted()


@value
class Name:
    """A value that is an object of the framework, by its dotted name there: ``Name(path="float64")``."""

    path: str

    def __repr__(self) -> str:
        return self.path


@value
class Family:
    """A layer, function or operator with the values its attributes are swept over.

    ``call``: its dotted name in the framework, or a function that takes the framework, the inputs, and the attributes by name.
    ``inputs``: word -> specifications, the ordinary ones first. ``fixed``: attributes that stay. ``attributes``: name -> values,
    the default first; `OMITTED` leaves it out. ``rules``: see `harness.generate.pairwise.covering`; a rule may read ``inputs``.
    """

    name: str
    call: str | Callable[..., Any]
    inputs: Mapping[str, Sequence[TensorSpec]]
    attributes: Mapping[str, Sequence[Any]] | None = None
    fixed: Mapping[str, Any] | None = None
    rules: Sequence[Rule] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return the combinations of attributes, `INPUTS` among them, such that every admitted pair of values occurs."""
        return covering({**(self.attributes or {}), INPUTS: tuple(self.inputs)}, self.rules)


Make = Callable[[Any, Mapping[str, Any], Sequence[TensorSpec]], Any]
"""``make(call, attributes, specs)`` returns the model; it runs inside workers."""


def cases_of(families: Iterable[Family], framework: str, make: Make, files: Sequence[str] = ()) -> list[Case]:
    """Return the unit cases of every row of every family, with ids made of the attributes that are not at their default.

    ``files`` go into each case: name what the families were derived from, so that another version of it makes the cases anew.
    """
    found: dict[str, Case] = {}
    for family in families:
        for row in family.rows():
            case_id = f"sweep/{framework}.{family.name}/{_slug(row, family)}"
            specs = tuple(family.inputs[row[INPUTS]])
            given = {name: item for name, item in row.items() if name != INPUTS and item is not OMITTED}
            attributes = {**(family.fixed or {}), **given}
            if case_id in found:
                raise UsageError(f"family {family.name!r} has two rows that read {case_id!r}; tell their values apart")
            found[case_id] = Case(
                id=case_id, family=family.name, level="unit", weights="random", inputs=specs, files=tuple(files),
                build={framework: functools.partial(make, family.call, attributes, specs)},
            )  # fmt: skip
    return list(found.values())


def _slug(row: Mapping[str, Any], family: Family) -> str:
    defaults = {name: values[0] for name, values in (family.attributes or {}).items()}
    told = [f"{name}-{_word(item)}" for name, item in row.items() if name != INPUTS and item is not defaults[name]]
    text = "+".join([row[INPUTS], *told])
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}.{hashlib.sha256(text.encode()).hexdigest()[:6]}"
    return text


def _word(item: Any) -> str:
    text = "_".join(map(_word, item)) if isinstance(item, (tuple, list)) else f"{item:g}" if isinstance(item, float) else str(item)
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_") or "none"


def derive(signature: Mapping[str, Any], values: Mapping[str, Any], rank: int = 0, owner: str = "") -> dict[str, tuple[Any, ...]]:
    """Return attribute -> values for a signature: left out first, then a boolean turned over, or what ``values`` gives by name.

    ``values``: ``"Owner.attribute"`` or ``"attribute"`` -> values other than the default, or a function from the number of spatial
    axes to them. What ``values`` does not know is not swept; what must be given is never left out.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for name, default in signature.items():
        known = values.get(f"{owner}.{name}", values.get(name))
        if callable(known):
            known = known(rank)
        if known is None and isinstance(default, bool):
            known = (not default,)
        if known and default == REQUIRED:
            found[name] = tuple(known)
        elif known:
            found[name] = (OMITTED, *(item for item in known if isinstance(default, Unread) or item != default))
    return found


def unswept(signature: Mapping[str, Any], attributes: Mapping[str, Any], fixed: Mapping[str, Any]) -> list[str]:
    """Return the attributes of a signature that a family neither varies nor fixes."""
    return [name for name in signature if name not in attributes and name not in fixed]


@value
class Coverage:
    """How much of a namespace is swept: names that are, names left out with a reason, and names nobody has thought of."""

    swept: tuple[str, ...]
    left_out: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One line with the numbers."""
        total = len(self.swept) + len(self.left_out) + len(self.missing)
        return f"{len(self.swept)} of {total} swept, {len(self.left_out)} left out with a reason, {len(self.missing)} missing"


def coverage(existing: Iterable[str], swept: Iterable[str], left_out: Mapping[str, str]) -> Coverage:
    """Return the coverage of ``existing`` names. ``left_out``: name, or a pattern ending in ``*``, -> reason."""
    names, taken = list(dict.fromkeys(existing)), set(swept)
    reasons = {name: reason for name in names if name not in taken if (reason := _reason(name, left_out))}
    return Coverage(
        swept=tuple(name for name in names if name in taken), left_out=reasons,
        missing=tuple(name for name in names if name not in taken and name not in reasons),
    )  # fmt: skip


def _reason(name: str, left_out: Mapping[str, str]) -> str:
    return next((why for known, why in left_out.items() if name == known or (known.endswith("*") and name.startswith(known[:-1]))), "")


def branches(specs: Sequence[TensorSpec]) -> list[tuple[str, int, int, int]]:
    """Return name, input number, axis and threshold for each dynamic axis: the middle of its range, where a size test turns.

    A model that asks ``x.shape[axis] > threshold`` takes one branch at the example and the other at greater lengths.
    """
    found = []
    for number, spec in enumerate(specs):
        for axis, length in enumerate(spec.shape):
            if isinstance(length, Dim) and length.low < length.high:
                found.append((length.name, number, axis, (length.low + length.high) // 2))
    return found
