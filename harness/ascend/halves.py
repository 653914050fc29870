"""Numbers of a model that float16 cannot hold: ATC's default computes everything in it, and clips weights without a word."""

from __future__ import annotations

from typing import Any, Iterator

from harness.ascend.finding import DOUBT, NOTE, SHOWN, Finding
from harness.ascend.model import Model
from harness.core.external import array_of

HIGHEST, LOWEST = 65504.0, 2.0**-24
"""The largest number of float16, and its smallest above zero."""
_WIDER = (1, 11)
"""float32 and float64."""


def halves(model: Model) -> Iterator[Finding]:
    """Yield constants above the range of float16, and those, or attributes, so small that they become 0 in it."""
    large, small = [], []
    for name, tensor in [*model.stored.items(), *model.constants.items()]:
        if tensor.data_type not in _WIDER:
            continue
        array = array_of(tensor)
        if array.size and _beyond(array):
            large.append(name)
        if array.size == 1 and 0.0 < abs(float(array.reshape(-1)[0])) < LOWEST:
            small.append(name)
    for node in model.nodes():
        epsilon = node.get("epsilon")
        if isinstance(epsilon, float) and 0.0 < epsilon < LOWEST:
            small.append(node.name)
    if large:
        what = "constants beyond 65504 are clipped to it without a word where the mode is float16, as by default (--is_weight_clip)"
        repair = "values that float16 holds (a mask of -1e4), or --precision_mode=must_keep_origin_dtype"
        yield Finding(kind="range", severity=DOUBT, what=what, repair=repair, where=tuple(large[:SHOWN]), count=len(large))
    if small:
        what = "numbers below 6e-8, such as an epsilon, are 0 in float16, the default"
        repair = "an epsilon of 1e-5, or --op_precision_mode with high_precision for these"
        yield Finding(kind="range", severity=NOTE, what=what, repair=repair, where=tuple(small[:SHOWN]), count=len(small))


def _beyond(array: Any) -> bool:
    """Return whether a finite element lies beyond float16; infinities mean themselves."""
    import numpy as np

    if max(float(array.max()), -float(array.min())) <= HIGHEST:
        return False
    return bool(np.any(np.isfinite(array) & (np.abs(array) > HIGHEST)))
