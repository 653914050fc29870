"""The fast Resize says what the slow one of the onnx package says, and, where torch has the same, what torch says in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frameworks.evaluators import check, feeds, model, normal

torch = pytest.importorskip("torch")
X = normal(1, 1, 2, 4, 5)
SCALES = {"up": [1.0, 1.0, 2.0, 1.5], "down": [1.0, 1.0, 0.6, 0.5], "batch": [2.0, 1.0, 1.0, 0.5]}
MODES: list[dict[str, Any]] = [
    {"mode": "nearest", "nearest_mode": "ceil"},
    {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    {"mode": "linear"}, {"mode": "linear", "antialias": 1}, {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
    {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"}, {"mode": "cubic", "cubic_coeff_a": -0.5},
    {"mode": "cubic", "exclude_outside": 1}, {"mode": "cubic", "antialias": 1, "exclude_outside": 1},
]  # fmt: skip


def slow(proto: Any, inputs: list[Any], dtype: Any) -> Any:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(proto).run(None, feeds(inputs, dtype))[0]


@pytest.mark.parametrize("scales", SCALES)
@pytest.mark.parametrize("attributes", MODES, ids=str)
def test_the_meaning_is_that_of_the_slow_one(scales: str, attributes: dict[str, Any]) -> None:
    given = [X, None, np.array(SCALES[scales], np.float32)]
    proto = model("Resize", given, opset=19, **attributes)
    check(proto, given, [slow(proto, given, np.float32)], double=1e-5, planted=False)


@pytest.mark.parametrize("given", [
    [X, None, None, np.array([1, 3, 7, 4])],
    [X, None, np.array([2.0, 0.5], np.float32)],
    [X, np.array([0, 0, 0.1, 0.2, 1, 1, 0.8, 0.7], np.float32), np.array([1, 1, 1.5, 1.5], np.float32)],
], ids=["sizes", "axes", "cropped"])  # fmt: skip
def test_sizes_axes_and_a_region(given: list[Any]) -> None:
    more: dict[str, Any] = {"axes": [2, 3]} if len(given) == 3 and given[1] is None else {}
    if len(given) == 3 and given[1] is not None:
        more = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 3.0}
    proto = model("Resize", given, opset=19, mode="linear", **more)
    check(proto, given, [slow(proto, given, np.float32)], double=1e-5, planted=False)


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_the_aspect_ratio_is_kept_where_it_is_asked_for(policy: str) -> None:
    given = [X, None, None, np.array([7, 9])]
    proto = model("Resize", given, opset=19, mode="linear", axes=[2, 3], keep_aspect_ratio_policy=policy)
    check(proto, given, [slow(proto, given, np.float32)], double=1e-5, planted=False)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("antialias", [0, 1])
@pytest.mark.parametrize("size", [(6, 7), (3, 2)])
def test_what_torch_makes_of_images(mode: str, antialias: int, size: tuple[int, int]) -> None:
    given = [X, None, None, np.array([1, 2, *size])]
    proto = model(
        "Resize", given, opset=19, mode=mode, antialias=antialias, coordinate_transformation_mode="pytorch_half_pixel",
        # Torch's coefficient is that of the operator's default, but for antialiasing, where it follows Pillow.
        cubic_coeff_a=-0.5 if antialias else -0.75, exclude_outside=antialias,
    )  # fmt: skip
    image = torch.from_numpy(X.astype(np.float64))
    wanted = torch.nn.functional.interpolate(image, size, mode=f"bi{mode}", align_corners=False, antialias=bool(antialias)).numpy()
    check(proto, given, [wanted], double=1e-12, planted=False)


def test_numbers_that_are_none_stay_where_they_are() -> None:
    """A neighbour that counts nothing, as in other channels, is not looked at: 0 times infinity is no number."""
    x = X.copy()
    x[0, 0, 0, 0], x[0, 0, 3, 4], x[0, 1, 2, 2] = np.nan, np.inf, -np.inf
    given = [x, None, np.array(SCALES["up"], np.float32)]
    wanted = torch.nn.functional.interpolate(torch.from_numpy(x.astype(np.float64)), scale_factor=(2.0, 1.5), mode="bilinear").numpy()
    assert np.isnan(wanted).any()
    assert np.isposinf(wanted).any()
    assert np.isneginf(wanted).any()
    proto = model("Resize", given, opset=19, mode="linear")
    from harness.frameworks._onnx_evaluator import double_evaluator, evaluator

    assert np.isfinite(wanted[0, 0, 3:5, 2:4]).all()
    for kind, dtype in ((evaluator(), None), (double_evaluator(), np.float64)):
        (got,) = kind(proto).run(None, feeds(given, dtype))
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    with np.errstate(all="ignore"):
        assert not np.array_equal(np.isfinite(slow(proto, given, np.float32)), np.isfinite(wanted)), "the slow one is right here"


def test_whole_numbers_stay_whole() -> None:
    x = np.arange(24, dtype=np.int32).reshape(1, 1, 4, 6)
    given = [x, None, np.array(SCALES["up"], np.float32)]
    proto = model("Resize", given, opset=19, mode="nearest")
    check(proto, given, [slow(proto, given, None)], planted=False)
