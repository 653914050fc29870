"""What is known of every value of a program, and what the program computes in NumPy: an opinion beside the frameworks' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.generate.programs.op import POINTS, Kind, result
from harness.generate.programs.ops import OPS
from harness.generate.programs.program import Input, Program

REACH = {"float32": 5e3, "int64": 1e6, "int32": 1e6, "bool": 1}
"""The largest magnitudes that a value may reach, by dtype: far from overflow, near enough for float32 to tell numbers apart."""
SIZE = 20_000


def of_input(given: Input) -> Kind:
    """Return what is known of an input."""
    shapes = tuple(tuple(point[n] if isinstance(n, str) else n for n in given.shape) for point in POINTS)
    return Kind(dtype=given.dtype, shapes=shapes, low=given.low, high=given.high, repeats=given.dtype != "float32")


def kinds(program: Program) -> list[Kind] | None:
    """Return what is known of each value; None where the program is not valid: operands that do not fit, or numbers out of range."""
    found = [of_input(given) for given in program.inputs]
    for step in program.steps:
        op = OPS[step.op]
        given = [found[i] for i in step.inputs]
        if len(given) != len(op.takes) or not all(take.admits(kind) for take, kind in zip(op.takes, given, strict=True)):
            return None
        if step.attributes.get("rank", given[0].rank) != given[0].rank:
            return None
        if op.pairs is not None and not all(op.pairs(given[0], other) for other in given[1:]):
            return None
        made = result(op, step.attributes, given)
        if made is None or not sane(made):
            return None
        found.append(made)
    return found


def sane(kind: Kind) -> bool:
    """Return whether the numbers of a value stay within `REACH` and there are not too many."""
    return kind.reach <= REACH[kind.dtype] and kind.size <= SIZE


def evaluate(program: Program, feeds: Mapping[str, Any]) -> list[Any]:
    """Return every value of the program: inputs, then steps, floats as float64. ``feeds`` are named x0, x1 and so on."""
    values = []
    for number, given in enumerate(program.inputs):
        array = np.asarray(feeds[program.name(number)])
        values.append(array.astype(np.float64) if given.dtype == "float32" else array)
    for step in program.steps:
        with np.errstate(all="ignore"):
            values.append(np.asarray(OPS[step.op].meaning(step.attributes, *(values[i] for i in step.inputs))))
    return values
