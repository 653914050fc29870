"""A match that is certain without the source's float64 twin. The judge is the same; what it is not told of can only widen its bounds.

The bound of `harness.numerics.oracle` grows with spread, wobble and the source's own error. With all of these left out, and the source's
answer in place of its twin's, what remains is a lower limit of it, but for the places where the twin is smaller than the answer. Held to
less than half of that limit, every element and every part of a tensor lies within the full bound as well, as long as
the twin is no smaller than `NEAR` of the answer in every slice. A source that is further from its twin is plainly wrong;
`trustworthy` looks for that where both are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.record import Comparison
from harness.engine.judging import judge_one
from harness.engine.steps import Reference
from harness.numerics.compare import Bounds
from harness.numerics.oracle import scales
from harness.numerics.sampling import Sample

NEAR = 0.9
LIMIT = 0.5 * NEAR
"""The largest ratio of a distance to its lower limit that is certainly a match."""


def trustworthy(references: Sequence[Reference]) -> bool:
    """Return whether the source is near its float64 twin on these samples, in every slice of every float output."""
    return all(
        np.shape(exact) == np.shape(reference.outputs[name]) and bool(np.all(scales(exact) >= NEAR * scales(reference.outputs[name])))
        for reference in references
        for name, exact in reference.oracle.items()
        if name in reference.outputs and reference.outputs[name].dtype.kind not in "iub"
    )


def certain(
    case: Case, artifact: Artifact, sample: Sample, source: Mapping[str, Any], target: Mapping[str, Any], bounds: Bounds, precision: str
) -> tuple[bool | None, tuple[Comparison, ...]]:
    """Return True for a match beyond doubt, False for a hard fact that no bound excuses, None where the twin must be asked.

    The comparisons are those with the source's own answer.
    """
    outputs = {name: np.asarray(array) for name, array in source.items()}
    nothing = {name: np.zeros(array.shape, np.float32) for name, array in outputs.items()}
    reference = Reference(outputs=outputs, oracle=outputs, spread=nothing, emulated={}, wobble=dict.fromkeys(outputs, 0.0))
    judged = judge_one(case, artifact, sample, reference, target, bounds, precision, sample.where, ordinary=False)
    if all(c.match and max(c.metrics.get("ratio", 0.0), c.metrics.get("tensor_ratio", 0.0)) <= LIMIT for c in judged):
        return True, judged
    # Without metrics nothing was measured: an output is missing, or of another shape.
    return (False if any(not c.match and not c.metrics for c in judged) else None), judged
