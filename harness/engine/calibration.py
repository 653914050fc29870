"""What a quantisation finds the ranges of inner tensors with: real data where the case has them, else ordinary inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.protocols import option_values
from harness.core.registry import Registry
from harness.core.route import Route
from harness.core.spec import Dim
from harness.core.value import value
from harness.numerics.sampling import Sample, draw, lengths_of, lengths_to_try

if TYPE_CHECKING:
    from harness.engine.cell import Cell
    from harness.engine.steps import Steps
    from harness.engine.trace import Trace

LEAST = 4
"""Draws at least, however many rows each has: one draw knows little of the ranges."""


@value
class Calibration:
    """Feeds to calibrate with, and where they come from, in words."""

    feeds: tuple[Mapping[str, Any], ...]
    told: str

    @property
    def digest(self) -> str:
        """SHA-256 of all feeds, in order."""
        each = (Sample(feeds=feeds, lengths={}).digest for feeds in self.feeds)
        return hashlib.sha256("/".join(each).encode()).hexdigest()


def static_hop(route: Route, registry: Registry) -> str:
    """Return the first converter of the route that was asked for, or only has, static shapes; "" for none."""
    for hop in route.converters:
        if option_values(registry.get("converters", hop.name), hop.options, f"route {route}").get("dynamic") is False:
            return str(hop)
    return ""


def calibrated_hop(route: Route, registry: Registry) -> str:
    """Return the first converter of the route whose result only knows the ranges it was calibrated with; "" for none."""
    for hop in route.converters:
        adapter = registry.get("converters", hop.name)
        if hasattr(adapter, "calibrates") and adapter.calibrates(option_values(adapter, hop.options, f"route {route}")):
            return str(hop)
    return ""


def calibration_of(steps: Steps, cell: Cell, trace: Trace, wanted: int) -> Calibration:
    """Return ``wanted`` samples, rows along the batch axis where there is one.

    Raises `UsageError` for data whose names, dtypes or shapes are not those that the case declares.
    """
    case, framework = cell.case, cell.route.framework
    if not case.has_data:
        return _drawn(case, framework, wanted, bool(static_hop(cell.route, steps.registry)))
    samples, entry = steps.samples(cell, trace)
    assert entry is not None
    own: list[Mapping[str, Any]] = [entry.arrays(f"calibration-{number}") for number in range(entry.facts["calibration"])]
    for feeds in own:
        _check(case, framework, feeds)
    given = own or [sample.feeds for sample in samples if sample.rung == "real"]
    dim = "" if static_hop(cell.route, steps.registry) else split_dim(case, framework)
    pieces = [piece for feeds in given for piece in _split(case, framework, feeds, dim)]
    # Evenly over all there is: data are often sorted.
    chosen = pieces if len(pieces) <= wanted else [pieces[place * len(pieces) // wanted] for place in range(wanted)]
    where = "calibration data of the case" if own else "real data of the case, which are also those that are judged"
    return Calibration(feeds=tuple(chosen), told=f"calibrated with {_count(len(chosen), 'sample')} of {len(pieces)} of the {where}")


def _check(case: Case, framework: str, feeds: Mapping[str, Any]) -> None:
    try:
        lengths_of(case, framework, feeds)
    except UsageError as error:
        raise UsageError(f"calibration data: {error}") from None


def _drawn(case: Case, framework: str, wanted: int, static: bool) -> Calibration:
    """Return drawn samples. What is judged is among them: one number of a bell curve beyond all others says nothing of a conversion."""
    shapes = lengths_to_try(case, framework)[: 1 if static else None]
    lengths = shapes[0]
    dim = split_dim(case, framework)
    count = min(wanted, max(LEAST, -(-wanted // max(1, lengths.get(dim, 1)))))
    judged = [draw(case, framework, shape).feeds for shape in shapes]
    others = [draw(case, framework, lengths, seed=seed).feeds for seed in range(1, count + 1)]
    told = f"calibrated with {_count(len(judged) + count, 'drawn sample')}, those that are judged among them, for want of real data"
    return Calibration(feeds=(*judged, *others), told=told)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def split_dim(case: Case, framework: str) -> str:
    """Return the dynamic dimension that is the first axis of every input and no other axis; "" for none."""
    specs = case.specs(framework)
    first = [spec.shape[0] if spec.shape else 1 for spec in specs]
    if not first or not all(isinstance(dim, Dim) for dim in first):
        return ""
    name = {dim.name for dim in first if isinstance(dim, Dim)}
    rest = {dim.name for spec in specs for dim in spec.shape[1:] if isinstance(dim, Dim)}
    return next(iter(name)) if len(name) == 1 and not name & rest else ""


def _split(case: Case, framework: str, feeds: Mapping[str, Any], dim: str) -> Sequence[Mapping[str, Any]]:
    """Return feeds row by row along ``dim``, or as they are where the case does not take single rows."""
    rows = next(iter(feeds.values())).shape[0] if dim else 1
    pieces = [{name: array[row : row + 1] for name, array in feeds.items()} for row in range(rows)]
    if rows == 1:
        return [feeds]
    try:
        lengths_of(case, framework, pieces[0])
    except UsageError:
        return [feeds]
    return pieces
