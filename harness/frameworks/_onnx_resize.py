"""Resize of the ONNX reference evaluator, fast: one axis after the other instead of a search for neighbours for every element.

What each axis is multiplied with is asked of the evaluator's own operator, on unit vectors; so the meaning is its meaning, but for NaN and
infinities: it multiplies them with the zero that neighbours count in other channels, and makes these NaN too.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def resize(_: Any) -> Any:
    """Return ``Resize``. What is no product over axes is left to the evaluator's own."""
    from onnx.reference.ops.op_resize import Resize as Own

    class Resize(Own):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, roi: Any = None, scales: Any = None, sizes: Any = None, **attributes: Any) -> tuple[Any, ...]:
            plain = attributes.get("axes") is None and attributes.get("keep_aspect_ratio_policy") in (None, "stretch")
            cropped = attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize"
            given = [part if part is not None and len(part) else None for part in (scales, sizes)]
            if not plain or cropped or x.dtype.kind != "f" or (given[0] is None) == (given[1] is None):
                return tuple(super()._run(x, roi, scales, sizes, **attributes))
            found = x.astype(np.float64)
            for axis, length in enumerate(x.shape):
                one = [None if part is None else part[axis : axis + 1] for part in given]
                if (one[0] is not None and one[0][0] == 1) or (one[1] is not None and one[1][0] == length):
                    continue
                columns = [super(Resize, self)._run(unit, None, *one, **attributes)[0] for unit in np.eye(length)]
                found = _along(axis, found, np.array(columns))
            return (found.astype(x.dtype),)

    return Resize


def _along(axis: int, x: Any, columns: Any) -> Any:
    """Return the sums of ``x`` by ``columns`` (length, new length) along an axis; what counts nothing has no part, be it infinite."""

    def summed(values: Any, weights: Any) -> Any:
        return np.moveaxis(np.tensordot(values.astype(np.float64), weights.astype(np.float64), axes=(axis, 0)), -1, axis)

    known = np.isfinite(x)
    total = summed(np.where(known, x, 0.0), columns)
    if known.all():
        return total
    high, low = x == np.inf, x == -np.inf
    rises = summed(high, columns > 0) + summed(low, columns < 0) > 0
    falls = summed(low, columns > 0) + summed(high, columns < 0) > 0
    none = (summed(np.isnan(x), columns != 0) > 0) | (rises & falls)
    return np.where(none, np.nan, np.where(rises, np.inf, np.where(falls, -np.inf, total)))
