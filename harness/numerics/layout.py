"""Two arrays that hold the same values in another order of axes: how alike they are, and how to turn one into the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from harness.core.value import value
from harness.numerics.metrics import distance, widen

QUANTILES = 65
SAMPLED = 256
MOST_AXES = 5
STRICT = 1e-3
"""Largest difference, over the root mean square, of arrays that count as the same up to rounding."""


@value
class Fingerprint:
    """What rounding and a change of layout leave as it is: number of elements, quantiles, root mean square.

    ``telling`` is False for arrays that say nothing by their values: too small, or constant.
    """

    size: int
    quantiles: Any
    rms: float
    telling: bool


@value
class Layout:
    """How to bring a target array into the source's layout. ``order`` permutes the axes of ``side`` once single axes are left out."""

    side: str
    order: tuple[int, ...]
    source: tuple[int, ...]
    target: tuple[int, ...]

    def to_source(self, array: Any) -> Any:
        """Return a target array as the source has it."""
        if self.side == "target":
            return np.transpose(np.asarray(array).reshape(_squeezed(self.target)), self.order).reshape(self.source)
        turned = tuple(_squeezed(self.source)[axis] for axis in self.order)
        return np.transpose(np.asarray(array).reshape(turned), np.argsort(self.order)).reshape(self.source)

    @property
    def plain(self) -> bool:
        """Return whether the elements lie in the same order on both sides."""
        return list(self.order) == sorted(self.order)

    def __str__(self) -> str:
        if self.plain:
            return "" if self.source == self.target else f"{_text(self.source)} is {_text(self.target)}"
        return f"{_text(self.source)} is {_text(self.target)}, axes turned {self.order}"


def fingerprint(array: Any) -> Fingerprint:
    """Return the fingerprint of an array; NaN and infinities count as large values."""
    flat = _finite(array)
    if not flat.size:
        return Fingerprint(size=0, quantiles=np.zeros(0), rms=0.0, telling=False)
    ordered = np.sort(flat)
    quantiles = ordered[np.linspace(0, flat.size - 1, min(QUANTILES, flat.size)).astype(int)]
    rms = _rms(flat)
    return Fingerprint(
        size=flat.size, quantiles=quantiles, rms=rms, telling=flat.size > 3 and float(quantiles[-1] - quantiles[0]) > STRICT * rms
    )


def alike(one: Fingerprint, other: Fingerprint, tolerance: float = STRICT) -> bool:
    """Return whether two arrays may hold the same values up to rounding and order."""
    if one.size != other.size or not (one.telling and other.telling):
        return False
    return float(np.max(np.abs(one.quantiles - other.quantiles))) <= tolerance * max(one.rms, other.rms)


def layouts(source: tuple[int, ...], target: tuple[int, ...]) -> Iterator[Layout]:
    """Yield every layout that fits two shapes of equal size, the unchanged order first: axes turned, squeezed, split or joined."""
    axes = tuple(range(len(_squeezed(source))))
    yield Layout(side="source", order=axes, source=source, target=target)
    inner, outer = _squeezed(source), _squeezed(target)
    for side, sizes in (("source", inner), ("target", outer)):
        if len(sizes) > MOST_AXES or (side == "target" and sorted(inner) == sorted(outer)):
            continue
        for order in itertools.permutations(range(len(sizes))):
            if list(order) == sorted(order) or (
                len(inner) == len(outer) and not _turns(sizes, order, outer if side == "source" else inner)
            ):
                continue
            yield Layout(side=side, order=order, source=source, target=target)


def find_layout(source: Any, target: Any, tolerance: float = STRICT) -> tuple[Layout, float] | None:
    """Return the layout in which ``target`` is nearest to ``source``, and that distance over the root mean square.

    None where no layout brings every element within ``tolerance`` (infinite takes the nearest there is). Shapes of
    another size have none. The unchanged order wins a tie.
    """
    if source.size != target.size:
        return None
    wanted = _finite(source)
    scale = _rms(wanted) or 1.0
    best: tuple[Layout, float] | None = None
    picked = np.unique(np.linspace(0, source.size - 1, SAMPLED).astype(int)) if source.size > SAMPLED else None
    for layout in layouts(tuple(source.shape), tuple(target.shape)):
        turned = layout.to_source(target)
        if picked is not None:
            limit = min(tolerance, best[1] if best else np.inf) * scale
            if np.max(distance(_finite(turned.flat[picked]), wanted[picked])) > limit:
                continue
        far = float(np.max(distance(_finite(turned), wanted))) / scale if source.size else 0.0
        if far <= tolerance and (best is None or far < 0.5 * best[1]):
            best = layout, far
        if best is not None and best[1] <= 1e-6:
            break
    return best


def straight(source: Any, target: Any) -> tuple[Layout, float] | None:
    """Return the unchanged layout of two arrays of one shape and their distance over the root mean square; None for other shapes."""
    if source.shape != target.shape:
        return None
    wanted = _finite(source)
    far = float(np.max(distance(_finite(target), wanted), initial=0.0)) / (_rms(wanted) or 1.0)
    return next(layouts(tuple(source.shape), tuple(target.shape))), far


def _turns(sizes: tuple[int, ...], order: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return tuple(sizes[axis] for axis in order) == wanted


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _finite(array: Any) -> Any:
    wide = widen(array).reshape(-1)
    return wide if np.all(np.isfinite(wide)) else np.nan_to_num(wide, nan=1e30, posinf=2e30, neginf=-2e30)


def _rms(flat: Any) -> float:
    return float(np.sqrt(np.mean(np.square(flat)))) if flat.size else 0.0


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
