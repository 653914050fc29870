"""The shapes of a case as ATC is told them: fixed, as profiles of whole combinations, as ranges, or open."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, Mapping, Sequence

from harness.ascend.atc import AtcCall
from harness.ascend.gears import MOST, Lengths, call_for, gears_for, length_at
from harness.ascend.shapes import Axis
from harness.ascend.words import family
from harness.core.dims import Dim, DimExpr
from harness.core.errors import UsageError
from harness.core.space import Space

KINDS = ("auto", "profiles", "range", "open")
"""Ways to say that an axis has several lengths; ``auto`` takes profiles for a few combinations, or where the chip has no ranges."""
FEW = 16
"""Combinations that ``auto`` compiles one by one; each takes ATC as long as a model of fixed shape."""
_SEARCHED = 20_000
_ALLOWED = "declare the lengths that count as gears: Dim('batch', allowed=(1, 2, 4, 8))"


def lengths_of(
    shapes: Mapping[str, Sequence[int]], dynamic: Mapping[str, Mapping[int, tuple[str, int, int]]], space: Space | None
) -> Lengths:
    """Return the shapes of inputs with a dimension, or an expression of dimensions, where an axis has several lengths.

    ``shapes``: those of the example, by input; ``dynamic``: by input and axis, what its length is called.
    Raises `UsageError` for an axis that nothing is known of.
    """
    known: dict[str, Dim | DimExpr] = {}
    if space is not None:
        known = {**{axis.text: axis for axis in space.axes}, **space.dims}
    found = {}
    for name, shape in shapes.items():
        axes = dynamic.get(name, {})
        for axis, (text, _, __) in axes.items():
            if text not in known:
                raise UsageError(f"axis {axis} of input {name!r} is called {text!r}, of which nothing is declared")
        found[name] = tuple(known[axes[axis][0]] if axis in axes else length for axis, length in enumerate(shape))
    return found


def call_of(lengths: Lengths, space: Space | None, soc: str, kind: str, gears: int, framework: str = "onnx") -> AtcCall:
    """Return the call that compiles these shapes. ``gears``: how many lengths each dimension gets in profiles, 0 for all it has.

    Raises `UsageError` for a chip that cannot, and for more combinations than profiles can hold.
    """
    example = {} if space is None else dict(space.example)
    fixed = {name: tuple(length_at(length, example) for length in shape) for name, shape in lengths.items()}
    open_ = [length for shape in lengths.values() for length in shape if not isinstance(length, int)]
    if not open_ or space is None:
        return AtcCall(soc_version=soc, framework=framework, input_shape=fixed)
    rows = _rows(open_, space, gears) if kind in ("auto", "profiles") else []
    if len(rows) == 1:
        return AtcCall(soc_version=soc, framework=framework, input_shape=fixed)
    if 2 <= len(rows) <= (FEW if kind == "auto" and family(soc) != "310B" else MOST):
        return call_for(lengths, rows, soc, framework)
    if kind == "profiles":
        raise UsageError(f"om.atc: more than {MOST} combinations of lengths, which ATC does not take as profiles; "
                         f"{_ALLOWED}, or set gears=4, or shapes=range")  # fmt: skip
    if kind != "open" and family(soc) == "310B":
        raise UsageError(f"om.atc: {soc} takes no ranges of lengths, and there are more than {MOST} combinations; {_ALLOWED}")
    ranged = {name: tuple(_range(length, space, kind == "open") for length in shape) for name, shape in lengths.items()}
    return AtcCall(soc_version=soc, framework=framework, input_shape=ranged)


def _range(length: int | Dim | DimExpr, space: Space, unbounded: bool) -> Axis:
    if isinstance(length, int):
        return length
    low, high = space.ends(length)
    return -1 if unbounded else (max(1, low), high)


def _rows(open_: Sequence[Dim | DimExpr], space: Space, gears: int) -> list[tuple[int, ...]]:
    """Return the lengths of the open axes for every combination, the example among them; one more than fits where there are too many."""
    choices = {}
    for name, dim in space.dims.items():
        lengths = [length for length in dim.lengths[:_SEARCHED] if length > 0]
        picked = gears_for(lengths, gears)[0] if gears else lengths
        choices[name] = sorted({*picked, space.example[name]}) if gears else picked
    if space.profiles:
        given = [dict(profile) for profile in space.profiles]
        rest = {name: lengths for name, lengths in choices.items() if name not in space.profiles[0]}
        chosen = ({**profile, **dict(zip(rest, one))} for profile in given for one in itertools.product(*rest.values()))
    else:
        chosen = (dict(zip(choices, one)) for one in itertools.product(*choices.values()))
    found: dict[tuple[int, ...], None] = {}
    for one in itertools.islice(chosen, _SEARCHED):
        if space.holds(one):
            row = tuple(length_at(length, one) for length in open_)
            if min(row) > 0:
                found[row] = None
        if len(found) > MOST:
            break
    return list(found)


def with_options(call: AtcCall, given: Mapping[str, Any]) -> AtcCall:
    """Return the call with further fields set; empty ones are left to ATC."""
    return dataclasses.replace(call, **{name: text for name, text in given.items() if text})
