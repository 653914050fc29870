"""GridSample and RoiAlign of the ONNX reference evaluator, put right; see `harness.frameworks._onnx_operators`.

Its own `GridSample` computes coordinates in float32, knows the names of operator set 20 alone (``linear`` and ``cubic``, not
``bilinear`` and ``bicubic``) and for ``cubic`` moves the point into the image, where the operator pads each of the sixteen pixels
that are read. It follows ``torch.nn.functional.grid_sample`` (ONNX operators, GridSample), whose formulas these are
(aten/native/GridSampler.h). Its own `RoiAlign` takes regions before operator set 16 for ``half_pixel``, which came with that set;
before it was what is called ``output_half_pixel`` now.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_ALPHA = -0.75
# What operator set 16 calls the modes.
_LATER = {"bilinear": "linear", "bicubic": "cubic"}


def grid_sample(base: Any) -> Any:
    """Return ``GridSample`` of images of any number of axes."""

    class GridSample(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, grid: Any, mode: Any = None, padding_mode: Any = None, align_corners: Any = None
        ) -> tuple[Any, ...]:  # fmt: skip
            mode, padding, aligned = _LATER.get(mode, mode or "linear"), padding_mode or "zeros", bool(align_corners)
            made = np.empty((*x.shape[:2], *grid.shape[1:-1]), x.dtype)
            for image, points, out in zip(x, grid, made):
                out[...] = _sampled(image, points, mode, padding, aligned)
            return (made,)

    return GridSample


def _sampled(image: Any, points: Any, mode: str, padding: str, aligned: bool) -> Any:
    """Return (C, ...): the image (C, D1, ..., Dn) at points (..., n), whose last coordinate counts along D1."""
    taps = []
    for axis, length in enumerate(image.shape[1:]):
        at = points[..., points.shape[-1] - 1 - axis]
        at = (at + 1) / 2 * (length - 1) if aligned else ((at + 1) * length - 1) / 2
        if mode != "cubic":
            at = _inside(at, length, padding, aligned)
        if mode == "nearest":
            taps.append([(_whole(at), np.ones_like(at))])
            continue
        low = np.floor(at)
        part = at - low
        if mode == "linear":
            taps.append([(_whole(low), 1 - part), (_whole(low + 1), part)])
        else:
            pixels = [_whole(_inside(low + n, length, padding, aligned)) for n in (-1, 0, 1, 2)]
            taps.append(list(zip(pixels, (_far(1 + part), _near(part), _near(1 - part), _far(2 - part)))))
    total: Any = 0
    for chosen in np.ndindex(*(len(part) for part in taps)):
        picked = [part[place] for part, place in zip(taps, chosen)]
        known = np.all([(i >= 0) & (i < n) for (i, _), n in zip(picked, image.shape[1:])], axis=0)
        weight = np.prod([w for _, w in picked], axis=0)
        values = image[(slice(None), *(np.clip(i, 0, n - 1) for (i, _), n in zip(picked, image.shape[1:])))]
        total = total + np.where(known, values, 0) * weight
    return total


def _whole(at: Any) -> Any:
    """Return the nearest whole numbers, of two the even one; what no image reaches, and NaN, is outside of all."""
    return np.where(np.abs(at) < 2**31, np.rint(at), -1).astype(np.int64)


def _inside(at: Any, length: int, padding: str, aligned: bool) -> Any:
    """Return coordinates moved into the image; with zeros around it they stay."""
    if padding == "border":
        return np.clip(at, 0, length - 1)
    if padding != "reflection":
        return at
    low, span = (0.0, length - 1.0) if aligned else (-0.5, float(length))
    if span == 0:
        return np.zeros_like(at)
    turns, rest = np.divmod(np.abs(at - low), span)
    return np.clip(np.where(turns % 2 == 0, rest, span - rest) + low, 0, length - 1)


def _near(x: Any) -> Any:
    """Return the weight of a pixel up to one away (Keys, Cubic convolution interpolation, 1981)."""
    return ((_ALPHA + 2) * x - (_ALPHA + 3)) * x * x + 1


def _far(x: Any) -> Any:
    """Return the weight of a pixel between one and two away."""
    return ((_ALPHA * x - 5 * _ALPHA) * x + 8 * _ALPHA) * x - 4 * _ALPHA


def roi_align(_: Any) -> Any:
    """Return ``RoiAlign``, the evaluator's own with the meaning that its operator set gives a region."""
    from onnx.reference.ops.op_roi_align import RoiAlign as Own

    class RoiAlign(Own):  # type: ignore[misc]
        op_domain = ""

        def _run(self, *args: Any, **attributes: Any) -> tuple[Any, ...]:
            if self.run_params["opsets"][""] < 16:
                attributes["coordinate_transformation_mode"] = "output_half_pixel"
            return tuple(super()._run(*args, **attributes))

    return RoiAlign
