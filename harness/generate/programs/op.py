"""What an operator is: which operands it takes, how its attributes are drawn, what it means in NumPy, how large its result gets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from harness.core.value import value
from harness.core.weights import fill
from harness.generate.programs.program import DIMS

POINTS = (
    {"batch": 1, "seq": 4}, {"batch": 2, "seq": 6}, {"batch": 3, "seq": 7}, {"batch": 4, "seq": 9}, {"batch": 6, "seq": 12},
)  # fmt: skip
"""Lengths at which shapes are known: two axes are the same where they are the same at all of these, and what is valid at the
smallest lengths is valid at all."""
Span = tuple[float, float]
Attributes = Mapping[str, Any]


@value
class Kind:
    """What is known of a value without running it: dtype, its shape at each of `POINTS`, the range of its numbers.

    ``atoms``: some of its numbers may lie exactly on a threshold (0 after a relu), where rounding decides; no step function takes them.
    ``repeats``: some of its numbers may be the same, so that the place of the largest is not one place.
    """

    dtype: str
    shapes: tuple[tuple[int, ...], ...]
    low: float
    high: float
    atoms: bool = False
    repeats: bool = False

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shapes[0])

    def axis(self, axis: int) -> tuple[int, ...]:
        """Return the length of an axis at each point."""
        return tuple(shape[axis] for shape in self.shapes)

    def fixed(self, axis: int) -> int | None:
        """Return the length of an axis that no dimension moves, None for any other."""
        lengths = set(self.axis(axis))
        return lengths.pop() if len(lengths) == 1 else None

    def least(self, axis: int) -> int:
        """Return the smallest length of an axis."""
        return min(self.axis(axis))

    def said(self, axis: int) -> int | str | None:
        """Return the length of an axis as an input declares it; None where it is made of dimensions in another way."""
        named = (name for name in DIMS if self.axis(axis) == tuple(point[name] for point in POINTS))
        return self.fixed(axis) or next(named, None)

    @property
    def size(self) -> int:
        """Number of elements at the largest lengths."""
        return max(math.prod(shape) for shape in self.shapes)

    @property
    def reach(self) -> float:
        """The largest magnitude."""
        return max(abs(self.low), abs(self.high))


@value
class Take:
    """What one operand must be: kind of dtype (letters of f, i, b), ranks, range; clear of thresholds, without repeats."""

    of: str = "f"
    ranks: tuple[int, int] = (0, 5)
    low: float = -math.inf
    high: float = math.inf
    clear: bool = False
    distinct: bool = False

    def admits(self, kind: Kind) -> bool:
        """Return whether a value can be the operand as it is."""
        return self.suits(kind) and self.low <= kind.low and kind.high <= self.high

    def suits(self, kind: Kind) -> bool:
        """Return whether a value can be the operand once its range is mended."""
        right = letter(kind.dtype) in self.of and self.ranks[0] <= kind.rank <= self.ranks[1]
        return right and not (self.clear and kind.atoms and kind.dtype == "float32") and not (self.distinct and kind.repeats)


def letter(dtype: str) -> str:
    """Return f, i or b."""
    return {"float32": "f", "bool": "b"}.get(dtype, "i")


def any_attributes(_: Random, *__: Kind) -> dict[str, Any]:
    """Return no attributes: for operators that have none."""
    return {}


def same_range(_: Attributes, *kinds: Kind) -> Span:
    """Return the range that holds all operands: for operators that move numbers about."""
    return min(kind.low for kind in kinds), max(kind.high for kind in kinds)


@value
class Op:
    """An operator. ``draw(rng, *kinds)`` returns attributes, None where these operands do not do. ``meaning(attributes, *arrays)`` is
    what it computes, in NumPy and float64. ``span`` is the range of its result.

    ``pairs(first, other)`` says whether another operand goes with the first, ``mate(rng, first)`` gives the shape of a new input
    that does. ``atoms``: the result may lie exactly on a threshold; None: where that of an operand may. ``repeats``: it repeats numbers
    that it is given. ``family`` groups operators, ``defaults`` are the attributes that a reduction tries.
    """

    name: str
    family: str
    takes: tuple[Take, ...]
    meaning: Callable[..., Any]
    draw: Callable[..., dict[str, Any] | None] = any_attributes
    span: Callable[..., Span] = same_range
    atoms: bool | None = None
    repeats: bool = False
    pairs: Callable[[Kind, Kind], bool] | None = None
    mate: Callable[[Random, Kind], tuple[int | str, ...] | None] | None = None
    defaults: Mapping[str, Any] | None = None


def result(op: Op, attributes: Attributes, kinds: Sequence[Kind]) -> Kind | None:
    """Return what is known of the result, None where the operands do not fit: its shape is found by computing it."""
    shapes, dtype = [], ""
    for number in range(len(POINTS)):
        arrays: list[Any] = [np.ones(kind.shapes[number], NUMPY[kind.dtype]) for kind in kinds]
        try:
            with np.errstate(all="ignore"):
                made = np.asarray(op.meaning(attributes, *arrays))
        except (ValueError, IndexError, TypeError):
            return None
        if 0 in made.shape or made.ndim > 5:
            return None
        shapes.append(made.shape)
        dtype = {"float64": "float32"}.get(made.dtype.name, made.dtype.name)
    low, high = op.span(attributes, *kinds)
    atoms = op.atoms if op.atoms is not None else any(kind.atoms for kind in kinds)
    repeats = op.repeats or atoms or dtype != "float32" or any(kind.repeats for kind in kinds)
    return Kind(dtype=dtype, shapes=tuple(shapes), low=float(low), high=float(high), atoms=atoms, repeats=repeats)


NUMPY = {"float32": np.float64, "int64": np.int64, "int32": np.int32, "bool": np.bool_}


def weight(attributes: Attributes, role: str, shape: Sequence[int]) -> Any:
    """Return a weight of a step as float32: a function of its role, its shape and the step's ``seed``."""
    return fill(role, tuple(shape), int(attributes["seed"]), role).astype(np.float32)


def table(*groups: Sequence[Op]) -> dict[str, Op]:
    """Return operators by name."""
    found: dict[str, Op] = {}
    for op in (op for group in groups for op in group):
        assert op.name not in found, f"two operators are called {op.name}"
        found[op.name] = op
    return found
