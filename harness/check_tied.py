"""Which axes that a file leaves unnamed are one length: the model is run, each of them changed alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.core.case import Case
from harness.core.dims import Dim
from harness.core.space import Space, space_of
from harness.engine.worker import WorkerFailure
from harness.numerics.sampling import draw

Ask = Callable[[str, Mapping[str, Any]], Any]
Say = Callable[[str], None]
Places = Sequence[tuple[str, Dim]]


def tied(case: Case, axes: Mapping[tuple[str, int], Dim], ref: Mapping[str, str], ask: Ask, say: Say) -> Case:
    """Return the case with one dimension for the unknown axes at one place of several inputs, where only equal lengths run.

    ``axes``: the dimension that was made up for each axis of which the model says nothing (Keras ``None``, Paddle ``-1``), by input
    and axis. Where the model does not run with them equal, or the worker dies, they stay as they are, and ``say`` hears that.
    """
    groups: dict[tuple[int, int, int], list[tuple[str, Dim]]] = {}
    for (name, axis), dim in axes.items():
        groups.setdefault((axis, dim.low, dim.high), []).append((f"{name}.{axis}", dim))
    several = {place: group for place, group in groups.items() if len(group) > 1}
    if not several:
        return case
    framework = next(iter(case.build))
    space = space_of(case, framework)
    joined: dict[str, Dim] = {}
    try:
        if not _runs(case, ref, ask, space.example):
            _unsure(several.values(), "the model does not run with them equal", say)
            return case
        for (axis, _, _), group in several.items():
            bound = [(place, dim) for place, dim in group if not _runs(case, ref, ask, _moved(space, dim))]
            if len(bound) > 1:
                one = _one("batch" if axis == 0 else f"axis_{axis}", bound[0][1], space.dims)
                joined.update({dim.name: one for _, dim in bound})
                say(f"{_places(bound)} are one length, {one.name}: the model does not run with two; --dim says otherwise")
    except WorkerFailure as failure:
        _unsure(several.values(), str(failure).splitlines()[0], say)
        return case
    return _with(case, joined) if joined else case


def _runs(case: Case, ref: Mapping[str, str], ask: Ask, lengths: Mapping[str, int]) -> bool:
    """Return whether the source runs at these lengths. Raises `WorkerFailure` where its process dies."""
    framework = next(iter(case.build))
    feeds = dict(draw(case, framework, lengths).feeds)
    try:
        ask("reference", {"framework": framework, "ref": ref, "feeds": feeds, "draws": 0})
    except WorkerFailure as failure:
        if failure.kind != "error":
            raise
        return False
    return True


def _moved(space: Space, dim: Dim) -> Mapping[str, int]:
    """Return the example with one dimension at another length, and others only where relations make them follow."""
    rest = [n for n in space.choices(dim.name, {}) if n != space.example[dim.name]]
    return space.complete({dim.name: min(rest, key=lambda n: (n < 2, n))}) or space.example if rest else space.example


def _one(word: str, like: Dim, taken: Mapping[str, Dim]) -> Dim:
    while word in taken:
        word += "_"
    return Dim(word, like.low, like.high, multiple=like.multiple, example=like.example, explicit=False)


def _unsure(groups: Any, why: str, say: Say) -> None:
    for group in groups:
        say(f"whether {_places(group)} are one length is not known ({why}); taken for lengths of their own, --dim says otherwise")


def _places(group: Places) -> str:
    return " and ".join(place for place, _ in group)


def _with(case: Case, joined: Mapping[str, Dim]) -> Case:
    """Return the case with other dimensions in place of some, which stand for whole axes."""
    specs = tuple(
        dataclasses.replace(spec, shape=tuple(joined.get(n.name, n) if isinstance(n, Dim) else n for n in spec.shape))
        for spec in case.specs(next(iter(case.build)))
    )
    return dataclasses.replace(case, inputs=specs)
