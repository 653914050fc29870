"""The rungs of inputs that hold real numbers: how far such an input may reach, and its values at each rung.

A maker takes a `Span`, the shape and a generator, and returns float64 values. Rows lie along the last axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.core.arrays import dtype_named
from harness.core.spec import TensorSpec
from harness.core.value import value

Shape = tuple[int, ...]
# Where activations turn, roundings tie and clips begin; those of a domain that does not reach so far are left out.
THRESHOLDS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.5, 6.0)
# A share of the ordinary magnitude, or of the way to an end. It needs 13 bits: more than what is taken to be exact by design and
# to carry no rounding (`harness.core.weights.jitter`), else nothing would tell how far rounding reaches; and few enough that a
# sum of a thousand of them is exact in any order, for rounding of equal terms does not average out.
SHARE = 7373 / 8192


@value
class Span:
    """How far the real values of one input may reach, in its own dtype.

    ``anchor`` is the admissible value nearest to zero, ``scale`` the ordinary distance from it; ``low`` and
    ``high`` are infinite for a normal domain, and representable in the dtype otherwise. ``epsilon`` (relative),
    ``tiny`` (smallest normal number) and ``largest`` are those of the dtype.
    """

    low: float
    high: float
    scale: float
    anchor: float
    epsilon: float
    tiny: float
    largest: float

    @property
    def bounded(self) -> bool:
        """True where the domain has ends."""
        return bool(np.isfinite(self.high))

    @property
    def inward(self) -> float:
        """The direction, 1 or -1, that leads from the anchor to the farther end."""
        return 1.0 if self.high - self.anchor >= self.anchor - self.low else -1.0

    def clip(self, values: Any) -> Any:
        """Return ``values`` within the ends, and below the largest number of the dtype; infinities and NaN stay."""
        kept = np.clip(values, max(self.low, -self.largest), min(self.high, self.largest))
        return kept if self.bounded else np.where(np.isinf(values), values, kept)

    def place(self, units: Any) -> Any:
        """Return multiples of the ordinary magnitude as admissible values, mirrored where zero is an end or outside."""
        if self.low >= 0 or self.high <= 0:
            units = self.inward * np.abs(units)
        return self.clip(self.anchor + self.scale * units)


def span_of(spec: TensorSpec) -> Span:
    """Return how far a real input may reach."""
    assert spec.domain is not None
    kind, info = dtype_named(spec.dtype), _limits(spec.dtype)
    low, high, scale, anchor = -np.inf, np.inf, float(spec.domain.high), 0.0
    if spec.domain.kind == "uniform":
        low, high = _representable(spec.domain.low, kind, up=True), _representable(spec.domain.high, kind, up=False)
        anchor = min(max(0.0, low), high)
        scale = max(high - anchor, anchor - low)
    return Span(
        low=low, high=high, scale=scale, anchor=anchor, epsilon=float(info.eps),
        tiny=float(info.smallest_normal), largest=float(info.max) / 4,
    )  # fmt: skip


def _limits(dtype: str) -> Any:
    if dtype in ("float16", "float32", "float64"):
        return np.finfo(dtype)
    import ml_dtypes

    limits: Any = ml_dtypes.finfo
    return limits(dtype)


def _representable(bound: float, kind: Any, *, up: bool) -> float:
    """Return the nearest number of dtype ``kind`` that is not outside ``bound``."""
    cast = kind.type(bound)
    if (float(cast) < bound) if up else (float(cast) > bound):
        cast = np.nextafter(cast, kind.type(np.inf if up else -np.inf))
    return float(cast)


def reaches(rung: str, span: Span) -> bool:
    """Return whether a real input of this span can be at ``rung`` at all."""
    if rung not in REAL:
        return False
    if rung in ("infinities", "nans", "saturating"):
        return not span.bounded
    if rung in ("zeros", "signed_zeros", "denormals"):
        return span.anchor == 0.0
    if rung == "ones":
        return not span.bounded or span.low <= 1.0 <= span.high
    return span.low < span.high


def _ones(span: Span, shape: Shape, _: np.random.Generator) -> Any:
    return np.full(shape, span.anchor + SHARE * ((1.0 if span.bounded else span.scale) - span.anchor))


def _heavy(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    units = rng.choice([-1.0, 1.0], shape) * np.exp(1.5 * rng.normal(size=shape))
    return span.place(units / max(1.0, float(np.max(np.abs(units), initial=0.0))) if span.bounded else units)


def _large(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    if not span.bounded:
        return span.place(30.0 * rng.normal(size=shape))
    ends = np.where(rng.random(shape) < 0.5, span.low, span.high)
    return np.where(rng.random(shape) < 0.125, rng.uniform(span.low, span.high, shape), ends)


def _saturating(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    return span.place(rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(1.0, 5.0, shape))


def _turns(span: Span) -> list[float]:
    """Return the thresholds that the domain reaches, ascending, and its ends."""
    reach = 8.0 * span.scale
    found = {sign * turn + 0.0 for turn in THRESHOLDS for sign in (-1.0, 1.0) if span.low <= sign * turn <= span.high and turn <= reach}
    return sorted(found | ({span.low, span.high} if span.bounded else set()))


def _thresholds(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    # All are exact: what lies an ulp beside a threshold hangs on the last bits, and would drown what does not.
    pool = _turns(span)
    if len(pool) < 4:
        pool += [float(span.place(units)) for units in (-1.0, -0.5, 0.5, 1.0)]
    return rng.choice(np.array(pool), shape)


def _near_ties(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    drawn = span.place(rng.normal(size=max(2, (shape[-1] if shape else 1) // 3)))
    pool = np.concatenate([drawn, rng.permutation(_turns(span))[: drawn.size // 2]])
    return rng.choice(pool, shape) * (1.0 + span.epsilon * rng.integers(-1, 4, shape))


def _low_variance(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    centre = span.anchor + span.inward * span.scale * (0.5 if span.bounded else 1.0)
    found = np.asarray(centre * (1.0 + 1e-3 * rng.normal(size=shape)))
    if found.size and len(shape) > 1 and found.size > shape[-1]:
        found.reshape(-1, shape[-1])[-1] = centre  # a row without any variance
    return found


def _alternating(span: Span, shape: Shape, _: np.random.Generator) -> Any:
    odd = sum(np.indices(shape), np.zeros(shape, int)) % 2 == 1
    one, other = (span.high, span.low) if span.bounded else (span.scale, -span.scale)
    middle = (one + other) / 2
    return np.where(odd, middle + SHARE * (other - middle), middle + SHARE * (one - middle))


def _one_hot(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    return np.where(hot(shape, rng), span.place(np.float64(SHARE * span.inward)), span.anchor)


def _offset(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    if span.bounded:
        return span.anchor + span.inward * span.scale * rng.uniform(0.99, 1.0, shape)
    return span.place(100.0 + rng.normal(size=shape))


def _denormals(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
    tiny = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.005, 0.02, shape) * span.tiny
    return span.inward * np.abs(tiny) if span.low >= 0 or span.high <= 0 else tiny


def _among(special: tuple[float, ...]) -> Callable[[Span, Shape, np.random.Generator], Any]:
    """Return a maker that puts a few special values, each of them at least once, among ordinary ones."""

    def make(span: Span, shape: Shape, rng: np.random.Generator) -> Any:
        found = np.asarray(span.place((0.5 if span.bounded else 1.0) * rng.normal(size=shape)))
        flat = found.reshape(-1)
        if flat.size:
            where = rng.permutation(flat.size)[: max(len(special), flat.size // 8)]
            flat[where] = np.resize(special, where.size)
        return found

    return make


def hot(shape: Shape, rng: np.random.Generator) -> Any:
    """Return True at one place of each row."""
    if not shape:
        return np.array(True)
    places = rng.integers(0, max(shape[-1], 1), shape[:-1])
    return np.arange(shape[-1]) == np.asarray(places)[..., None]


REAL: Mapping[str, Callable[[Span, Shape, np.random.Generator], Any]] = {
    "zeros": lambda span, shape, _: np.zeros(shape),
    "ones": _ones,
    "small": lambda span, shape, rng: span.place(1e-3 * rng.normal(size=shape)),
    "heavy_tailed": _heavy,
    "large": _large,
    "saturating": _saturating,
    "thresholds": _thresholds,
    "near_ties": _near_ties,
    "low_variance": _low_variance,
    "alternating": _alternating,
    "one_hot": _one_hot,
    "offset": _offset,
    "denormals": _denormals,
    "signed_zeros": _among((0.0, -0.0)),
    "infinities": _among((np.inf, -np.inf)),
    "nans": _among((np.nan,)),
}  # fmt: skip
