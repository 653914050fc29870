"""Moves inside the domain of one input: the steps of a search for inputs that reveal more.

Every move returns an array of the same shape and dtype, finite, and inside the declared domain. Real values of a
normal domain stay within `REACH` times its ordinary magnitude, those of the rungs apart. Rows lie along the last axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.core.arrays import dtype_named
from harness.core.spec import TensorSpec
from harness.numerics import rungs
from harness.numerics.ladder import RUNGS
from harness.numerics.rungs_real import Span, span_of
from harness.numerics.sampling import ordinary

# A round number of few bits is one that a judge may take for exact, meant to sit on a threshold; above 8 none is meant so.
REACH = 12345.678
# Magnitudes where elementary functions turn, clip, saturate, overflow or lose their digits in float16 and float32.
MAGNITUDES = (
    1.0, 2.0, 3.0, 6.0, 0.5, 10.0003, 2.25, 1.5, 2.5, 4.0, 5.0, 8.0, 20.0007, 88.5003, 0.1, 1e-2, 1e-3, 30.0007, 100.003, 1e-4, 1e-6,
    1e-8, 15.0003, 12.0003, 7.0, 17.0003, 50.0007, 65.0007, 87.0007, 89.0007, 11.2, 128.003, 256.003, 1000.03, 9999.3, 1e-5, 1e-7,
)  # fmt: skip
# From the least to the greatest magnitude that one tensor holds, so that no element drowns another in its scale.
_BANDS = ((0.5, 8.0), (5.0, 30.0), (0.1, 1.0), (1e-4, 1e-2), (1e-9, 1e-6), (80.0, 88.7), (1e-2, 1e2), (30.0, 1e3))
Move = Callable[[Any, Span, np.random.Generator], Any]


def movable(spec: TensorSpec, shape: tuple[int, ...]) -> bool:
    """Return whether an input of this shape can hold anything else: it has elements, and a choice of values."""
    assert spec.domain is not None
    return 0 not in shape and spec.domain.kind != "positions"


def settle(spec: TensorSpec, values: Any) -> Any:
    """Return real values cast to the dtype of the input, within its domain and reach, read-only; NaN becomes the anchor."""
    span = span_of(spec)
    reach = REACH * span.scale
    near = np.nan_to_num(np.asarray(values, np.float64), nan=span.anchor, posinf=span.largest, neginf=-span.largest)
    return frozen(spec, span.clip(near if span.bounded else np.clip(near, -reach, reach)))


def frozen(spec: TensorSpec, values: Any) -> Any:
    """Return values cast to the dtype of the input, as an array of its own, read-only."""
    array = np.array(np.asarray(values).astype(dtype_named(spec.dtype)), order="C")
    array.flags.writeable = False
    return array


def sweep(spec: TensorSpec, array: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Yield what is tried of an input first, each with a name: the finite rungs, and for reals grids over size, offset and value.

    About 20 to 130 arrays, the most telling first; reals of a bounded domain are tried at the same numbers where these lie in it.
    """
    for name in _finite_rungs(spec):
        yield f"rung {name}", frozen(spec, rungs.values(name, spec, array.shape, rng))
    if not rungs.is_real(spec):
        return
    span, wide = span_of(spec), array.astype(np.float64)
    mean = np.mean(wide, axis=-1, keepdims=True) if wide.ndim else wide
    for low, high in _BANDS:
        band = rng.choice([-1.0, 1.0], wide.shape) * np.exp(rng.uniform(np.log(low), np.log(high), wide.shape))
        yield f"magnitudes {low:g} to {high:g}", settle(spec, band)
    for power in (-1, 1, -2, 2, -3, 3, -4, -6, -8, 4):
        yield f"scaled by 1e{power}", settle(spec, span.anchor + (wide - span.anchor) * 10.0**power)
    for power in (-2, -4, -1, -6, -3):
        yield f"rows flattened by 1e{power}", settle(spec, mean + (wide - mean) * 10.0**power)
    for offset in (100.003, -100.003, 10.0003, -10.0003, 30.0007, -30.0007, 1000.03, -1000.03):
        yield f"offset by {offset:g}", settle(spec, wide + offset * span.scale)
    for size in MAGNITUDES:
        for number in (size, -size):
            if max(span.low, -REACH * span.scale) <= number <= min(span.high, REACH * span.scale):
                yield f"all {number:g}", settle(spec, np.full(wide.shape, number))


def _finite_rungs(spec: TensorSpec) -> list[str]:
    return [name for name, rung in RUNGS.items() if rung.standing in ("core", "edge") and rungs.admits(name, spec)]


def step(spec: TensorSpec, array: Any, rng: np.random.Generator) -> tuple[str, Any]:
    """Return one random move from ``array``, with its name: to a rung, or on the whole of it, a slice, a row, or one element."""
    assert spec.domain is not None
    offered = _finite_rungs(spec)
    if offered and rng.random() < 0.2:  # what one input shows may need another one at a rung of its own
        rung = str(rng.choice(offered))
        return f"rung {rung}", frozen(spec, rungs.values(rung, spec, array.shape, rng))
    where, block = _block(array.shape, rng)
    if rungs.is_real(spec):
        name = str(rng.choice(list(_MOVES)))
        wide = array.astype(np.float64)
        wide[block] = _MOVES[name](wide[block], span_of(spec), rng)
        return f"{name}, {where}", settle(spec, wide)
    if spec.domain.kind == "probability":
        return _sharpened(spec, array, rng)
    other = np.asarray(ordinary(spec, array.shape, rng))
    if spec.domain.kind in ("integers", "ids"):
        found = np.array(array)
        found[block] = other[block] if rng.random() < 0.5 else other.reshape(-1)[0]
        return f"redrawn, {where}", frozen(spec, found)
    return "redrawn", frozen(spec, other)


def _sharpened(spec: TensorSpec, array: Any, rng: np.random.Generator) -> tuple[str, Any]:
    """Return probabilities raised to a random power and made to sum to 1 again, or drawn anew."""
    if rng.random() < 0.5 or not array.ndim:
        return "redrawn", frozen(spec, ordinary(spec, array.shape, rng))
    logs = np.log(np.maximum(array.astype(np.float64), 1e-30)) * np.exp(rng.normal())
    raised = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return "sharpened", frozen(spec, raised / raised.sum(axis=-1, keepdims=True))


def _block(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[str, tuple[Any, ...]]:
    """Return the name and index of a part: everything, one slice of an axis, one row, or one element."""
    kind = int(rng.integers(4)) if shape else 0
    place = tuple(int(rng.integers(n)) for n in shape)
    if kind == 1:
        axis = int(rng.integers(len(shape)))
        return f"slice {place[axis]} of axis {axis}", (*[slice(None)] * axis, place[axis], ...)
    if kind == 2:
        return f"row {list(place[:-1])}", (*place[:-1], ...)
    if kind == 3:
        return f"element {list(place)}", (*place, ...)
    return "everywhere", (...,)


def _number(span: Span, rng: np.random.Generator) -> float:
    """Return a number of the grid or between its points, of either sign."""
    size = float(rng.choice(MAGNITUDES)) if rng.random() < 0.5 else 10.0 ** rng.uniform(-8.0, 4.0) * span.scale
    return float(rng.choice([-1.0, 1.0])) * size


def _flatten(part: Any, _: Span, rng: np.random.Generator) -> Any:
    mean = part.mean(axis=-1, keepdims=True) if part.ndim else part
    return mean + (part - mean) * 10.0 ** rng.uniform(-6.0, 0.0)


def _peak(part: Any, span: Span, rng: np.random.Generator) -> Any:
    found = np.array(part)
    found.reshape(-1)[rng.integers(found.size)] = _number(span, rng)
    return found


_MOVES: dict[str, Move] = {
    "scaled": lambda part, span, rng: span.anchor + (part - span.anchor) * 10.0 ** rng.normal(0.0, 0.7),
    "offset": lambda part, span, rng: part + rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-3.0, 2.5) * span.scale,
    "flattened": _flatten,
    "made constant": lambda part, span, rng: np.full(part.shape, _number(span, rng)),
    "one peak": _peak,
    "signs flipped": lambda part, span, rng: -part,
    "signs drawn": lambda part, span, rng: np.abs(part) * rng.choice([-1.0, 1.0], part.shape),
    "stirred": lambda part, span, rng: part * (1.0 + 10.0 ** rng.uniform(-3.0, -0.5) * rng.normal(size=part.shape)),
    "mixed": lambda part, span, rng: part.reshape(-1)[rng.permutation(part.size)].reshape(part.shape),
}  # fmt: skip
