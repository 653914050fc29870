"""Dynamic in name only: what outputs at several shapes say of a length that was baked in when the model was exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.value import value

_CLOSE = 1e-3
_MANY = 1 << 22
# A length enters as a divisor or a factor, by itself (sums, means) or under a root (attention).
_POWERS = ((1.0, "{d} / {c}"), (-1.0, "{c} / {d}"), (0.5, "sqrt({d} / {c})"), (-0.5, "sqrt({c} / {d})"))


@value
class Seen:
    """One shape that was tried: lengths, outputs of the target (None where it failed) and of the source, and whether they agree."""

    lengths: Mapping[str, int]
    target: Mapping[str, Any] | None
    source: Mapping[str, Any]
    agrees: bool


def frozen(seen: Sequence[Seen], exported: Mapping[str, int], axes: Mapping[str, Sequence[tuple[str, int]]]) -> list[str]:
    """Return what is constant that should follow the shape, in words; empty where nothing of the kind shows.

    ``exported``: the lengths of the export sample. ``axes``: dimension to the inputs and axes that have this length.
    """
    found = list(_accepted(seen, exported, axes))
    wrong = [one for one in seen if one.target is not None and not one.agrees]
    answered = [one for one in seen if one.target is not None]
    for name in wrong[0].source if wrong else ():
        if not all(name in (one.target or {}) and name in one.source for one in answered):
            continue
        said = [*_kept(name, answered, exported), *_constant(name, answered, exported)]
        found += said or [*_scaled(name, wrong, exported), *_scrambled(name, wrong, answered, exported)]
    return found


def _accepted(seen: Sequence[Seen], exported: Mapping[str, int], axes: Mapping[str, Sequence[tuple[str, int]]]) -> Iterator[str]:
    """Yield the axes along which the target takes fewer lengths than are declared, as refusals show where nothing else differs."""
    refused = [one.lengths for one in seen if one.target is None]
    taken = [one.lengths for one in seen if one.target is not None]
    for dim in exported if refused else ():
        accepted = {lengths[dim] for lengths in taken} | {exported[dim]}
        others = [lengths for lengths in refused if lengths[dim] not in accepted]
        alone = any(all(lengths[other] == exported[other] for other in exported if other != dim) for lengths in others)
        if alone and len(accepted) <= 3 and len({lengths[dim] for lengths in others}) > 1:
            where = ", ".join(f"{name}.{axis}" for name, axis in axes.get(dim, ())) or dim
            lengths = " or ".join(map(str, sorted(accepted)))
            yield f"declares {where} as {dim} and accepts only {lengths}"


def _kept(name: str, answered: Sequence[Seen], exported: Mapping[str, int]) -> Iterator[str]:
    """Yield the axes of an output whose length stays while the source's moves."""
    got = [np.shape((one.target or {})[name]) for one in answered]
    want = [np.shape(one.source[name]) for one in answered]
    if len({len(shape) for shape in (*got, *want)}) != 1:
        return
    for axis in range(len(want[0])):
        lengths = {shape[axis] for shape in want}
        dim = next((d for d in exported if all(s[axis] == one.lengths[d] for s, one in zip(want, answered, strict=True))), "")
        if len(lengths) > 1 and len({shape[axis] for shape in got}) == 1 and got[0][axis] in lengths:
            yield f"output {name!r} keeps the length {got[0][axis]} of the export sample along {dim or f'axis {axis}'}"


def _constant(name: str, answered: Sequence[Seen], exported: Mapping[str, int]) -> Iterator[str]:
    """Yield that an output has one and the same value at all shapes, where the source's has not."""
    got = [np.asarray((one.target or {})[name]) for one in answered]
    want = [np.asarray(one.source[name]) for one in answered]
    if len(got) < 3 or any(array.shape != got[0].shape or array.tobytes() != got[0].tobytes() for array in got):
        return
    if any(array.shape != want[0].shape or not np.array_equal(array, want[0]) for array in want):
        value_ = f" {got[0].reshape(-1)[0]}" if got[0].size == 1 else ""
        moved = [dim for dim in exported if len({one.lengths[dim] for one in answered}) > 1]
        yield f"output {name!r} keeps its value{value_}, whatever {' and '.join(moved)} {'is' if len(moved) == 1 else 'are'}"


def _scaled(name: str, wrong: Sequence[Seen], exported: Mapping[str, int]) -> Iterator[str]:
    """Yield the length that explains, as a factor, what every wrong output is of the right one."""
    factors = [_factor((one.target or {})[name], one.source[name]) for one in wrong]
    if len(set(factors)) < 2 or None in factors:
        return
    for dim, length in exported.items():
        for power, words in _POWERS:
            expected = [(one.lengths[dim] / length) ** power if one.lengths[dim] and length else 0.0 for one in wrong]
            if all(factor is not None and abs(factor - e) <= 0.01 * e for factor, e in zip(factors, expected, strict=True)):
                times = words.format(d=dim, c=length)
                yield f"output {name!r} is {times} times what it should be: computed with the {dim} of the export sample"
                return


def _factor(got: Any, want: Any) -> float | None:
    """Return the one factor between two arrays, None where there is none."""
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or not got.size or got.size > _MANY or want.dtype.kind in "biu":
        return None
    got, want = got.astype(np.float64), want.astype(np.float64)
    square = float(np.sum(want * want))
    if not np.isfinite(square) or not square or not np.all(np.isfinite(got)):
        return None
    factor = float(np.sum(got * want)) / square
    apart = float(np.sqrt(np.mean(np.square(got - factor * want))))
    return round(factor, 6) if apart <= _CLOSE * np.sqrt(square / want.size) else None


def _scrambled(name: str, wrong: Sequence[Seen], answered: Sequence[Seen], exported: Mapping[str, int]) -> Iterator[str]:
    """Yield that an output holds the right values in the wrong places, and after which axes have moved."""
    if not all(_permuted((one.target or {})[name], one.source[name]) for one in wrong):
        return
    moved = [{dim for dim in exported if one.lengths[dim] != exported[dim]} for one in wrong]
    always = [dim for dim in exported if all(dim in dims for dims in moved)]
    alone = [one for one in answered if one.agrees and any(one.lengths[dim] != exported[dim] for dim in always)]
    together = f", only when {' and '.join(always)} {'both' if len(always) == 2 else 'all'} move" if len(always) > 1 and alone else ""
    yield f"output {name!r} holds the right values in other places: axes are merged or split wrongly{together}"


def _permuted(got: Any, want: Any) -> bool:
    got, want = np.asarray(got), np.asarray(want)
    if got.size != want.size or not 3 < got.size <= _MANY:
        return False
    one, other = np.sort(got.reshape(-1).astype(np.float64)), np.sort(want.reshape(-1).astype(np.float64))
    scale = float(np.sqrt(np.mean(np.square(other)))) if np.all(np.isfinite(other)) else 0.0
    return bool(scale and np.all(np.isfinite(one)) and np.max(np.abs(one - other)) <= _CLOSE * scale)
