"""The zoo: small ONNX graphs with weights that hide nothing, on which every operator applies.

Lengths are distinct primes where an axis could be mistaken, and equal in the graphs called so, where a shape must not tell.
Biases are random, running statistics far from 0 and 1 and one of their channels has little variance.
"""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from harness.core.case import Case
from harness.core.spec import TensorSpec, dims_of
from harness.core.tolerance import Tolerance
from harness.faults import _zoo_nets, _zoo_ops
from harness.faults._zoo_build import Entry

ZOO: Mapping[str, Entry] = {entry.name: entry for entry in (*_zoo_nets.ENTRIES, *_zoo_ops.ENTRIES)}
"""Graphs by name; ``ZOO["lstm"].build()`` returns an `onnx.ModelProto`, ``.inputs`` its specifications."""

_HELD = {
    "resize-cubic": Tolerance(
        max_rms_rel=5e-6,
        reason="float32 positions are off by 1e-6, in two axes: cubic weights are, times the largest of 16 neighbours, however small the "
        "result",
    )
}
_RUNGS = ("normal", "large", "huge", "offset", "halves", "special")


def cases() -> list[Case]:
    """Return as ordinary cases what the reference evaluator is right about."""
    return [
        Case(
            id=f"zoo/{entry.name}",
            family="selfcheck",
            level="module",
            inputs=entry.inputs,
            build={"onnx": entry.build},
            outputs=entry.outputs,
            tolerance=_HELD.get(entry.name),
        )
        for entry in ZOO.values()
        if entry.reference
    ]


def feeds(entry: Entry, seed: int = 0) -> list[dict[str, Any]]:
    """Return admissible inputs for a graph: its example lengths, other ones, and values that faults need to show.

    Values stay in the declared domain, except that floats of an unbounded domain are also drawn large, far from zero, on halves, and
    with a NaN and infinities among them.
    """
    dims = dims_of(entry.inputs)
    lengths = [{name: dim.example for name, dim in dims.items()}, {name: dim.other() for name, dim in dims.items()}]
    lengths += [{name: dim.admissible()[-1] for name, dim in dims.items()}, {name: dim.low for name, dim in dims.items()}] if dims else []
    rng = np.random.Generator(np.random.Philox(seed))
    chosen = [(_RUNGS[0], part) for part in lengths] + [(rung, lengths[0]) for rung in _RUNGS[1:]]
    return [{spec.name: _draw(spec, spec.concrete(part), rung, rng) for spec in entry.inputs} for rung, part in chosen]


def _draw(spec: TensorSpec, shape: tuple[int, ...], rung: str, rng: Any) -> Any:
    assert spec.domain is not None
    kind, low, high = spec.domain.kind, spec.domain.low, spec.domain.high
    if kind in ("integers", "ids"):
        values = rng.integers(int(low), int(high) + (kind == "integers"), shape)
        values.reshape(-1)[:2] = [int(low), int(high) - (kind == "ids")][: values.size]
        return values.astype(spec.dtype)
    if kind == "mask":
        values = rng.uniform(size=shape) < 0.6
        values[..., 0] = True
        return values
    values = rng.uniform(low, high, shape) if kind == "uniform" else rng.normal(0.0, high, shape)
    if rung == "halves":
        values = np.round(values * 2) / 2
    elif rung in ("large", "huge") and kind == "normal":
        values *= 30 if rung == "large" else 1000
    elif rung == "offset" and kind == "normal":
        values += 1000 * high
    elif rung == "special" and kind == "normal":
        values.reshape(-1)[:3] = [np.nan, np.inf, -np.inf][: values.size]
    return values.astype(spec.dtype)
