"""Seeded inputs: a `Sample` is a pure function of case id, shapes, rung and seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.arrays import dtype_named
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.relations import Relation, related
from harness.core.space import Space, space_from, space_of
from harness.core.spec import Dim, DimExpr, Domain, TensorSpec
from harness.core.value import value
from harness.numerics import rungs


@value
class Sample:
    """Concrete feeds by input name (read-only), and the dimension lengths they were drawn for, at which rung, with which seed."""

    feeds: Mapping[str, Any]
    lengths: Mapping[str, int]
    rung: str = "normal"
    seed: int = 0

    def __eq__(self, other: object) -> bool:
        """Return whether both hold the same bits at the same names; arrays have no equality of their own that says so."""
        return isinstance(other, Sample) and (self.where, self.digest) == (other.where, other.digest)

    def __hash__(self) -> int:
        """Return a number that equal samples share."""
        return hash(self.digest)

    @property
    def where(self) -> dict[str, Any]:
        """Lengths, the rung where that is not an ordinary one, the seed where it is not 0: how a record names the sample."""
        rung = {} if self.rung in ("normal", "real") else {"rung": self.rung}
        return {**self.lengths, **rung, **({"seed": self.seed} if self.seed else {})}

    @property
    def digest(self) -> str:
        """SHA-256 of names, dtypes, shapes and bytes."""
        total = hashlib.sha256()
        for name, array in self.feeds.items():
            total.update(f"{name}/{array.dtype.name}/{array.shape}".encode())
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()


def draw(case: Case, framework: str, lengths: Mapping[str, int], *, rung: str = "normal", seed: int = 0) -> Sample:
    """Return the sample of ``case`` at these dimension lengths; the one place where inputs are drawn.

    Each input that admits ``rung`` (see `harness.numerics.rungs`) is at that rung, every other one holds the very
    values of the rung ``normal``. `harness.numerics.ladder.draw_rung` draws a rung by its checked name.
    Raises `UsageError` for a length that is missing or outside its declared range, and for lengths that do not go together.
    """
    specs = case.specs(framework)
    _check(case, space_of(case, framework), lengths)
    feeds = {}
    for spec in specs:
        shape = spec.concrete(lengths)
        own = rung if rungs.admits(rung, spec) else "normal"
        rng = generator(f"{case.id}/{spec.name}/{shape}/{own}/{seed}")
        values = ordinary(spec, shape, rng) if own == "normal" else rungs.values(own, spec, shape, rng)
        array = np.array(np.asarray(values).astype(dtype_named(spec.dtype)), order="C")
        array.flags.writeable = False
        feeds[spec.name] = array
    return Sample(feeds=feeds, lengths=dict(lengths), rung=rung, seed=seed)


def generator(key: str) -> np.random.Generator:
    """Return a generator whose numbers are a function of ``key`` alone."""
    return np.random.Generator(np.random.Philox(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")))


def _check(case: Case, space: Space, lengths: Mapping[str, int]) -> None:
    for name, dim in space.dims.items():
        if name not in lengths:
            raise UsageError(f"case {case.id!r}: no length given for dimension {name!r}")
        if lengths[name] not in dim.lengths:
            raise UsageError(f"case {case.id!r}: dimension {name} = {lengths[name]} lies outside {dim}")
    for one in space.relations:
        if not one.holds(lengths):
            told = ", ".join(f"{name} = {lengths[name]}" for name in one.names)
            raise UsageError(f"case {case.id!r}: {told} does not satisfy {one.text!r}")
    if not space.holds({name: lengths[name] for name in space.dims}):
        raise UsageError(f"case {case.id!r}: {dict(lengths)} is none of its profiles {[dict(profile) for profile in space.profiles]}")


def lengths_to_try(case: Case, framework: str) -> list[dict[str, int]]:
    """Return the shapes of one cell: the example every model is exported with, then another one.

    The other shape moves every dynamic axis at once; a case without dynamic axes has one shape.
    """
    space = space_of(case, framework)
    example, other = dict(space.example), space.other
    return [example] if other == example else [example, other]


def lengths_of(case: Case, framework: str, feeds: Mapping[str, Any]) -> dict[str, int]:
    """Return the dimension lengths of real feeds. Raises `UsageError` where they do not fit the declaration."""
    specs, space = case.specs(framework), space_of(case, framework)
    if set(feeds) != {spec.name for spec in specs}:
        raise UsageError(f"case {case.id!r}: data() gave {sorted(feeds)}, the case declares {sorted(s.name for s in specs)}")
    lengths: dict[str, int] = {}
    made: list[Relation] = []
    for spec in specs:
        array = feeds[spec.name]
        where = f"case {case.id!r}, input {spec.name!r}: data() gave"
        if array.dtype.name != spec.dtype:
            raise UsageError(f"{where} dtype {array.dtype.name}, the case declares {spec.dtype}")
        if len(array.shape) != len(spec.shape):
            raise UsageError(f"{where} {len(array.shape)} axes, the case declares {len(spec.shape)}")
        for axis, (length, declared) in enumerate(zip(array.shape, spec.shape, strict=True)):
            if isinstance(declared, DimExpr):
                made.append(related(declared.node, "==", ("number", int(length))))
                continue
            fits = length in declared.lengths if isinstance(declared, Dim) else length == declared
            if not fits or (isinstance(declared, Dim) and lengths.setdefault(declared.name, length) != length):
                raise UsageError(f"{where} length {length} on axis {axis}, the case declares {declared}")
    found = space.nearest(space.example, lengths, made)
    if found is None:
        wanted = " and ".join(one.text for one in (*space.relations, *made)) or "one of its profiles"
        raise UsageError(f"case {case.id!r}: data() gave the lengths {lengths}, which do not go together: {wanted}")
    return found


def dynamic_axes(specs: Sequence[TensorSpec], space: Space | None = None) -> dict[str, dict[int, tuple[str, int, int]]]:
    """Return input name -> axis -> (name, low, high) for every axis that can have more than one length.

    The name of an axis made of others is the text of its expression. ``space``: what the lengths keep to besides their ranges.
    """
    known = space_from(specs) if space is None else space
    axes: dict[str, dict[int, tuple[str, int, int]]] = {}
    for spec in specs:
        for axis, length in enumerate(spec.shape):
            if not isinstance(length, int):
                low, high = known.ends(length)
                if low < high:
                    axes.setdefault(spec.name, {})[axis] = (length.text if isinstance(length, DimExpr) else length.name, low, high)
    return axes


def told_of(case: Case, framework: str) -> dict[str, Any]:
    """Return what converters and runtimes are told of the lengths of a case, as plain data."""
    space = space_of(case, framework)
    return {"dynamic": dynamic_axes(case.specs(framework), space), "space": space.to_json()}


def ordinary(spec: TensorSpec, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Return the values of one input at the rung ``normal``, not yet in its dtype. Raises `UsageError` for an unknown domain."""
    domain: Domain | None = spec.domain
    assert domain is not None
    match domain.kind:
        case "normal":
            return rng.normal(0.0, domain.high, shape)
        case "uniform":
            return rng.uniform(domain.low, domain.high, shape)
        case "integers":
            return rng.integers(int(domain.low), int(domain.high), shape, endpoint=True)
        case "ids":
            return _ids(shape, int(domain.high), rng)
        case "mask":
            return _mask(shape, rng)
        case "probability":
            raw = rng.gamma(1.0, 1.0, shape)
            return raw / raw.sum(axis=-1, keepdims=True)
        case "positions":
            return np.broadcast_to(np.arange(shape[-1] if shape else 1), shape)
        case other:
            raise UsageError(f"input {spec.name!r} has the unknown domain {other!r}")


def _ids(shape: tuple[int, ...], below: int, rng: np.random.Generator) -> Any:
    values = rng.integers(0, below, shape)
    flat = values.reshape(-1)
    if flat.size > 1:
        first, last = rng.permutation(flat.size)[:2]
        flat[first], flat[last] = 0, below - 1
    return values


def _mask(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    if not shape:
        return np.ones(shape)
    length = shape[-1]
    kept = rng.integers(1, length + 1, shape[:-1]) if length else np.zeros(shape[:-1], int)
    if kept.size > 1 and length > 1:
        kept.reshape(-1)[0] = length
        kept.reshape(-1)[-1] = max(1, length // 2)
    return np.arange(length) < np.asarray(kept)[..., None]
