"""Single operators of the ONNX evaluator that are put right: against torch in float64, or by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frameworks.evaluators import check, model, normal, onnxruntime

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(("channels", "size"), [(6, 3), (6, 5), (3, 1), (2, 7)])
@pytest.mark.parametrize("batch", [1, 2])
def test_local_response_normalisation_of_every_channel(channels: int, size: int, batch: int) -> None:
    x = normal(1, batch, channels, 4, 5)
    layer = torch.nn.LocalResponseNorm(size, alpha=0.5, beta=0.75, k=1.5)
    wanted = layer(torch.from_numpy(x.astype(np.float64))).numpy()
    proto = model("LRN", [x], opset=13, size=size, alpha=0.5, beta=0.75, bias=1.5)
    check(proto, [x], [wanted], planted=batch < channels)


def test_an_even_size_reaches_further_to_the_channels_that_follow() -> None:
    x = np.arange(1, 5, dtype=np.float32).reshape(1, 4, 1, 1)
    squares = [1 + 4, 4 + 9, 9 + 16, 16]
    wanted = [[[[n / (1 + 0.5 * total)]] for n, total in zip((1, 2, 3, 4), squares, strict=True)]]
    check(model("LRN", [x], opset=13, size=2, alpha=1.0, beta=1.0), [x], [np.array(wanted)])


def test_normalisation_of_three_axes() -> None:
    x = normal(2, 2, 5, 7)
    wanted = torch.nn.LocalResponseNorm(3, alpha=0.5)(torch.from_numpy(x.astype(np.float64))).numpy()
    check(model("LRN", [x], opset=13, size=3, alpha=0.5), [x], [wanted])


REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 5, 3, 2, 2)])
def test_scattered_elements_that_meet_are_joined(reduction: str, axis: int, shape: tuple[int, ...]) -> None:
    x, updates = normal(3, *shape), normal(4, *shape)
    places = np.random.default_rng(5).integers(-shape[axis], shape[axis], shape)
    wide, more = (torch.from_numpy(array.astype(np.float64)) for array in (x, updates))
    wanted = wide.scatter_reduce(axis, torch.from_numpy(places % shape[axis]), more, REDUCTIONS[reduction]).numpy()
    proto = model("ScatterElements", [x, places, updates], opset=18, axis=axis, reduction=reduction)
    check(proto, [x, places, updates], [wanted], planted=reduction == "mul" or len(shape) > 4)


def test_scattered_elements_without_joining() -> None:
    x, updates = normal(6, 4, 5), normal(7, 2, 5)
    places = np.array([[0, 1, -1, 3, 2], [2, 0, 1, -4, -1]])
    wanted = x.copy()
    for row, column in np.ndindex(2, 5):
        wanted[places[row, column], column] = updates[row, column]
    check(model("ScatterElements", [x, places, updates], opset=18), [x, places, updates], [wanted], planted=False)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scattered_slices(reduction: str) -> None:
    x, updates, places = normal(8, 4, 5, 3), normal(9, 3, 2, 3), np.array([[[0, 1], [-1, 4]], [[0, 2], [3, -1]], [[1, 1], [2, 2]]])
    by: dict[str, Any] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum, "none": lambda _, new: new}
    wanted = x.astype(np.float64)
    for place in np.ndindex(3, 2):
        wanted[tuple(places[place])] = by[reduction](wanted[tuple(places[place])], updates[place])
    proto = model("ScatterND", [x, places, updates], opset=18, reduction=reduction)
    check(proto, [x, places, updates], [wanted], planted=reduction in ("max", "min"))


# Scales along an axis came with set 13.
@pytest.mark.parametrize(("opset", "axis"), [(10, None), *((opset, axis) for opset in (13, 19, 21) for axis in (None, 1, -2))])
def test_whole_numbers_are_scaled_back(opset: int, axis: int | None) -> None:
    x = np.random.default_rng(10).integers(0, 255, (3, 4, 5)).astype(np.uint8)
    size = () if axis is None else (4,)
    scale, zero = np.abs(normal(11, *size)) + np.float32(0.1), np.full(size, 7, np.uint8)
    given = [x, np.asarray(scale), zero]
    proto = model("DequantizeLinear", given, opset=opset, **({} if axis is None else {"axis": axis}))
    wanted = (x.astype(np.float64) - 7) * (scale.astype(np.float64) if axis is None else scale.astype(np.float64)[:, None])
    check(proto, given, [wanted], planted=opset < 19)
    np.testing.assert_allclose(onnxruntime(proto, given)[0], wanted, rtol=1e-6)


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_a_quantised_product_beyond_its_type_saturates(kind: type) -> None:
    limits = np.iinfo(kind)
    generator = np.random.default_rng(12)
    a, b = (generator.integers(limits.min, limits.max, shape).astype(kind) for shape in ((5, 8), (8, 6)))
    zeros = [np.array(value, kind) for value in (3, 5, 7)]
    scales = [np.array(value, np.float32) for value in (0.25, 0.5, 4.0)]
    given = [a, scales[0], zeros[0], b, scales[1], zeros[1], scales[2], zeros[2]]
    exact = (a.astype(int) - 3) @ (b.astype(int) - 5) / 32
    wanted = np.clip(np.rint(exact) + 7, limits.min, limits.max).astype(kind)
    assert np.abs(np.rint(exact) + 7 - wanted.astype(int)).max() > 0, "nothing goes beyond the type"
    proto = model("QLinearMatMul", given, opset=10)
    check(proto, given, [wanted])
    np.testing.assert_array_equal(onnxruntime(proto, given)[0], wanted)
