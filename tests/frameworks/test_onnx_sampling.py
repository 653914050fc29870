"""GridSample of the ONNX evaluator against torch in float64, RoiAlign against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frameworks.evaluators import check, model, normal, onnxruntime

torch = pytest.importorskip("torch")
LATER = {"bilinear": "linear", "bicubic": "cubic", "nearest": "nearest"}


def by_torch(x: Any, grid: Any, mode: str, padding: str, aligned: bool) -> Any:
    wide = (torch.from_numpy(array.astype(np.float64)) for array in (x, grid))
    return torch.nn.functional.grid_sample(*wide, mode=mode, padding_mode=padding, align_corners=aligned).numpy()


def points(seed: int, *shape: int) -> Any:
    """Return points of which many lie outside of the image, none of them near the middle between two pixels."""
    return np.random.default_rng(seed).uniform(-2.5, 2.5, shape).astype(np.float32)


@pytest.mark.parametrize("mode", LATER)
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("opset", [16, 20])
def test_images(mode: str, padding: str, aligned: bool, opset: int) -> None:
    x, grid = normal(1, 2, 3, 5, 7), points(2, 2, 4, 6, 2)
    named = {"mode": mode if opset == 16 else LATER[mode], "padding_mode": padding, "align_corners": int(aligned)}
    # The plain one knows the names of set 20 alone, and pads the point instead of the pixels around it.
    planted = (opset == 16 and mode != "nearest") or (mode == "bicubic" and padding == "border")
    check(model("GridSample", [x, grid], opset=opset, **named), [x, grid], [by_torch(x, grid, mode, padding, aligned)], planted=planted)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_volumes(mode: str, padding: str) -> None:
    x, grid = normal(3, 1, 2, 3, 4, 5), points(4, 1, 2, 3, 4, 3)
    proto = model("GridSample", [x, grid], opset=20, mode=LATER[mode], padding_mode=padding)
    check(proto, [x, grid], [by_torch(x, grid, mode, padding, False)], planted=False)


@pytest.mark.parametrize("opset", [16, 20])
def test_what_is_left_out_has_the_defaults(opset: int) -> None:
    x, grid = normal(1, 2, 3, 5, 7), points(2, 2, 4, 6, 2)
    check(model("GridSample", [x, grid], opset=opset), [x, grid], [by_torch(x, grid, "bilinear", "zeros", False)], planted=False)


def test_coordinates_are_computed_in_float64() -> None:
    from harness.frameworks._onnx_evaluator import double_evaluator

    x, grid = (array.astype(np.float64) for array in (normal(5, 1, 1, 9, 9), points(6, 1, 8, 8, 2)))
    (got,) = double_evaluator()(model("GridSample", [x, grid], opset=20)).run(None, {"i0": x, "i1": grid})
    np.testing.assert_allclose(got, by_torch(x, grid, "bilinear", "zeros", False), rtol=1e-13, atol=1e-14)


def test_points_that_no_image_reaches() -> None:
    grid = np.array([[[[1e30, 0.0], [np.nan, 0.0], [-1e30, 1e30], [0.0, 0.0]]]], np.float32)
    x = normal(7, 1, 1, 3, 3)
    from harness.frameworks._onnx_evaluator import evaluator

    with np.errstate(all="ignore"):
        (got,) = evaluator()(model("GridSample", [x, grid], opset=20, mode="nearest")).run(None, {"i0": x, "i1": grid})
    assert got.ravel().tolist() == [0.0, 0.0, 0.0, float(x[0, 0, 1, 1])]


@pytest.mark.parametrize("opset", [10, 16])
@pytest.mark.parametrize("ratio", [0, 2])
def test_regions_before_half_pixels_came(opset: int, ratio: int) -> None:
    x = normal(8, 2, 3, 9, 10)
    corners = np.sort(np.random.default_rng(9).uniform(0, 9, (4, 2, 2)), axis=1).reshape(4, 4).astype(np.float32)
    given = [x, corners, np.array([0, 1, 1, 0])]
    proto = model("RoiAlign", given, opset=opset, output_height=3, output_width=2, sampling_ratio=ratio, spatial_scale=0.5)
    check(proto, given, onnxruntime(proto, given), double=1e-5, planted=opset == 10)
