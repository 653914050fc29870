"""Refuses a declaration of lengths that contradicts itself, and picks the example that satisfies it."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import TYPE_CHECKING, Mapping, Sequence

from harness.core.errors import UsageError, unknown
from harness.core.relations import Relation, related

if TYPE_CHECKING:
    from harness.core.space import Space


def checked(space: Space) -> Space:
    """Return the space with its example: what was given explicitly, and lengths for the rest that go with it.

    Where no length was given the example is the first profile, one without 0 and 1 where there is such.
    Raises `UsageError` for a relation or profile that
    names an unknown dimension, profiles or relations that nothing satisfies, and an explicit example that does not.
    """
    for one in space.relations:
        for name in one.names:
            if name not in space.dims:
                raise UsageError(f"relation {one.text!r}: {unknown('dimension', name, space.dims)}")
    _check_profiles(space)
    given = {name: dim.example for name, dim in space.dims.items() if dim.explicit}
    wanted = {**space.example, **space.profiles[0]} if space.profiles and not given else space.example
    if not space.relations and not space.profiles:
        return space
    if space.nearest(wanted) is None:
        raise UsageError(_impossible(space))
    large = [related(("name", name), ">=", ("number", 2)) for name in space.dims if name not in given]
    example = space.softly(wanted, (large,), given)
    if example is None:
        raise UsageError(_bad_example(space, given))
    return dataclasses.replace(space, example=MappingProxyType(example))


def _check_profiles(space: Space) -> None:
    for profile in space.profiles:
        where = f"profile {dict(profile)}"
        if set(profile) != set(space.profiles[0]) or not profile:
            raise UsageError(
                f"{where} names {_listed(profile)}, {dict(space.profiles[0])} names {_listed(space.profiles[0])}; name the same in each"
            )
        for name, length in profile.items():
            if name not in space.dims:
                raise UsageError(f"{where}: {unknown('dimension', name, space.dims)}")
            if length not in space.dims[name].lengths:
                raise UsageError(f"{where}: {name} = {length!r} is not admissible; it must be one of {space.dims[name]}")
        if space.nearest(space.example, profile) is None:
            alone = dataclasses.replace(space, profiles=(profile,))
            raise UsageError(f"{where}: {_impossible(alone)}")


def _impossible(space: Space) -> str:
    needed = _needed(space, {})
    return f"{_named(needed)} cannot hold{' together' if len(needed) > 1 else ''}: {_ranges(space, needed)}"


def _bad_example(space: Space, given: Mapping[str, int]) -> str:
    broken = _needed(space, given)
    lengths = ", ".join(f"{name}={given[name]}" for name in given if not broken or any(name in one.names for one in broken))
    better = ", ".join(f"{name}={length}" for name, length in (space.nearest(space.example) or {}).items())
    return f"the example {lengths} does not satisfy {_named(broken) if broken else 'any profile'}; {better} would"


def _needed(space: Space, given: Mapping[str, int]) -> Sequence[Relation]:
    """Return relations that cannot hold together beside ``given``: leaving out any one of them would help."""
    needed = space.relations
    for one in space.relations:
        fewer = tuple(other for other in needed if other is not one)
        if dataclasses.replace(space, relations=fewer).nearest(space.example, given) is None:
            needed = fewer
    return needed


def _named(relations: Sequence[Relation]) -> str:
    return f"relation{'s' if len(relations) > 1 else ''} {' and '.join(repr(one.text) for one in relations)}"


def _ranges(space: Space, relations: Sequence[Relation]) -> str:
    names = dict.fromkeys(name for one in relations for name in one.names)
    fixed = space.profiles[0] if len(space.profiles) == 1 else {}
    return ", ".join(f"{name} = {fixed[name]}" if name in fixed else str(space.dims[name]) for name in names)


def _listed(names: Mapping[str, int]) -> str:
    return ", ".join(names) or "nothing"
