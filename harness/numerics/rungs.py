"""What the rungs of the input ladder look like: values for one input, by the domain it declares.

`harness.numerics.ladder` names the rungs and says what each tells; `harness.numerics.sampling.draw` draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.core.spec import TensorSpec
from harness.numerics.rungs_real import REAL, Shape, hot, reaches, span_of

Maker = Callable[[TensorSpec, Shape, np.random.Generator], Any]
SINGLE_WHOLE = 2**24 + 1
"""The first whole number that float32 cannot hold."""
INT32_BEYOND = 2**31 + 5
"""A whole number that int32 cannot hold."""


def is_real(spec: TensorSpec) -> bool:
    """Return whether an input holds real numbers: a normal or uniform domain and a floating dtype."""
    assert spec.domain is not None
    return spec.domain.kind in ("normal", "uniform") and spec.dtype.startswith(("float", "bfloat"))


def admits(rung: str, spec: TensorSpec) -> bool:
    """Return whether ``rung`` gives this input values of its declared domain other than its ordinary ones.

    The rungs ``empty_row`` and ``all_masked`` leave the domain of a mask and are admitted for masks nevertheless.
    """
    assert spec.domain is not None
    if is_real(spec):
        return reaches(rung, span_of(spec))
    if spec.domain.kind == "integers":
        return rung in _WHOLE and _holds(rung, spec)
    return rung in _OTHERS.get(spec.domain.kind, {})


def values(rung: str, spec: TensorSpec, shape: Shape, rng: np.random.Generator) -> Any:
    """Return the values of one input at a rung that it `admits`; they are a function of the arguments alone."""
    assert spec.domain is not None
    if is_real(spec):
        span = span_of(spec)
        return span.clip(REAL[rung](span, shape, rng))
    makers = _WHOLE if spec.domain.kind == "integers" else _OTHERS[spec.domain.kind]
    return makers[rung](spec, shape, rng)


def _holds(rung: str, spec: TensorSpec) -> bool:
    assert spec.domain is not None
    low, high = spec.domain.low, spec.domain.high
    exact = spec.dtype in ("int64", "float64")
    return {
        "zeros": low <= 0 <= high,
        "ones": low <= 1 <= high,
        "mixed_signs": low < 0 < high,
        "beyond_float32": high >= SINGLE_WHOLE and (exact or spec.dtype == "int32"),
        "beyond_int32": high >= INT32_BEYOND and exact,
    }.get(rung, low < high)


def _ends(spec: TensorSpec) -> tuple[int, int]:
    """Return the least and the greatest whole number of an input of integers or ids."""
    assert spec.domain is not None
    return int(spec.domain.low), int(spec.domain.high) - (1 if spec.domain.kind == "ids" else 0)


def _mixed_signs(spec: TensorSpec, shape: Shape, rng: np.random.Generator) -> Any:
    low, high = _ends(spec)
    return rng.choice([n for n in (-7, -5, -3, -2, -1, 1, 2, 3, 5, 7) if low <= n <= high], shape)


def _from(first: int) -> Maker:
    """Return a maker of whole numbers from ``first`` on, of both signs where the domain has both."""

    def make(spec: TensorSpec, shape: Shape, rng: np.random.Generator) -> Any:
        low, high = _ends(spec)
        found = rng.integers(first, min(high, first + 64), shape, endpoint=True)
        return np.where((rng.random(shape) < 0.5) & (-found >= low), -found, found)

    return make


def _repeated(spec: TensorSpec, shape: Shape, rng: np.random.Generator) -> Any:
    low, high = _ends(spec)
    rows = rng.integers(low, high, shape[:-1], endpoint=True)
    return np.broadcast_to(np.asarray(rows)[..., None], shape) if shape else rows


def _padded(spec: TensorSpec, shape: Shape, rng: np.random.Generator) -> Any:
    """Return ids of which each row ends in the padding id 0."""
    found = rng.integers(0, _ends(spec)[1], shape, endpoint=True)
    length = shape[-1] if shape else 0
    kept = rng.integers(1, max(length, 2), shape[:-1])
    return np.where(np.arange(length) < np.asarray(kept)[..., None], found, 0) if shape else found


_WHOLE: Mapping[str, Maker] = {
    "zeros": lambda _, shape, rng: np.zeros(shape, np.int64),
    "ones": lambda _, shape, rng: np.ones(shape, np.int64),
    "first": lambda spec, shape, _: np.full(shape, _ends(spec)[0]),
    "last": lambda spec, shape, _: np.full(shape, _ends(spec)[1]),
    "ends": lambda spec, shape, rng: rng.choice(_ends(spec), shape),
    "repeated": _repeated,
    "mixed_signs": _mixed_signs,
    "beyond_float32": _from(SINGLE_WHOLE),
    "beyond_int32": _from(INT32_BEYOND),
}  # fmt: skip


def _empty_row(_: TensorSpec, shape: Shape, rng: np.random.Generator) -> Any:
    found = np.ones(shape, bool)
    if shape and found.size:
        found.reshape(-1, shape[-1])[rng.integers(found.size // shape[-1])] = False
    return found


def _near_zero(_: TensorSpec, shape: Shape, rng: np.random.Generator) -> Any:
    raw = np.where(hot(shape, rng), 1.0, 10.0 ** rng.uniform(-12.0, -6.0, shape))
    return raw / raw.sum(axis=-1, keepdims=True)


_OTHERS: Mapping[str, Mapping[str, Maker]] = {
    "ids": {
        "first": _WHOLE["first"], "last": _WHOLE["last"], "repeated": _repeated, "padded": _padded,
    },
    "mask": {
        "full": lambda _, shape, rng: np.ones(shape, bool),
        "short": lambda _, shape, rng: np.broadcast_to(np.arange(shape[-1]) == 0, shape) if shape else np.array(True),
        "empty_row": _empty_row,
        "all_masked": lambda _, shape, rng: np.zeros(shape, bool),
    },
    "probability": {
        "even": lambda _, shape, rng: np.full(shape, 1.0 / max(shape[-1] if shape else 1, 1)),
        "one_hot": lambda _, shape, rng: hot(shape, rng).astype(np.float64),
        "near_zero": _near_zero,
    },
}  # fmt: skip
