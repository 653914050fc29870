"""Pools of the ONNX evaluator: against torch in float64, and where torch has no such pool, against ONNX Runtime or by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frameworks.evaluators import check, model, normal, onnxruntime

torch = pytest.importorskip("torch")
functional = torch.nn.functional
X = normal(1, 2, 3, 7, 8)


def wide(x: Any) -> Any:
    return torch.from_numpy(x.astype(np.float64))


def same(x: Any, kernel: tuple[int, int], steps: tuple[int, int], dilations: tuple[int, int], lower: bool, fill: float) -> Any:
    """Return ``x`` padded so that there are ceil(length / step) windows."""
    around: list[int] = []
    for n, k, s, d in reversed(list(zip(x.shape[2:], kernel, steps, dilations, strict=True))):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        around += [total - total // 2, total // 2] if lower else [total // 2, total - total // 2]
    return functional.pad(x, around, value=fill)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("planted", [False, True])
def test_max_pool_same(lower: bool, planted: bool) -> None:
    kernel, steps, dilations = (3, 2), ((2, 2) if planted else (1, 1)), (1, 1)
    padded = same(wide(X), kernel, steps, dilations, lower, -np.inf)
    wanted = functional.max_pool2d(padded, kernel, steps).numpy()
    auto = "SAME_LOWER" if lower else "SAME_UPPER"
    proto = model("MaxPool", [X], opset=12, auto_pad=auto, kernel_shape=kernel, strides=steps)
    check(proto, [X], [wanted], planted=planted and lower)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("padding_counts", [0, 1])
def test_average_pool_same_with_dilations(lower: bool, padding_counts: int) -> None:
    kernel, steps, dilations = (3, 2), (2, 1), (2, 2)
    total, ones = (
        functional.conv2d(
            same(part, kernel, steps, dilations, lower, fill), torch.ones(3, 1, *kernel, dtype=torch.float64),
            stride=steps, dilation=dilations, groups=3,
        )
        for part, fill in ((wide(X), 0.0), (wide(np.ones_like(X)), float(padding_counts)))
    )  # fmt: skip
    proto = model(
        "AveragePool", [X], opset=19, auto_pad="SAME_LOWER" if lower else "SAME_UPPER", kernel_shape=kernel, strides=steps,
        dilations=dilations, count_include_pad=padding_counts,
    )  # fmt: skip
    check(proto, [X], [(total / ones).numpy()])


@pytest.mark.parametrize("length", [5, 6, 7, 8])
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("padding_counts", [False, True])
def test_a_window_that_starts_in_the_padding_is_none(length: int, kind: str, padding_counts: bool) -> None:
    x = normal(2, 1, 2, length, 9)
    options: dict[str, Any] = {"kernel_size": (3, 2), "stride": (3, 2), "padding": (1, 1), "ceil_mode": True}
    if kind == "MaxPool":
        wanted, more = functional.max_pool2d(wide(x), **options).numpy(), {}
    else:
        wanted = functional.avg_pool2d(wide(x), **options, count_include_pad=padding_counts).numpy()
        more = {"count_include_pad": int(padding_counts)}
    proto = model(kind, [x], opset=19, kernel_shape=[3, 2], strides=[3, 2], pads=[1, 1, 1, 1], ceil_mode=1, **more)
    check(proto, [x], [wanted], planted=length == 6 and kind == "AveragePool" and padding_counts)


def test_valid_is_no_padding() -> None:
    wanted = functional.max_pool2d(wide(X), (3, 2), (2, 3), dilation=(2, 1)).numpy()
    proto = model("MaxPool", [X], opset=12, auto_pad="VALID", kernel_shape=[3, 2], strides=[2, 3], dilations=[2, 1], pads=[1, 1, 1, 1])
    check(proto, [X], [wanted], planted=False)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_index_of_a_maximum_counts_through_the_whole_tensor(rank: int) -> None:
    x = np.round(normal(3, 2, 3, *(5, 6, 7)[:rank]))  # many are equal: the first of a window counts
    pool = getattr(functional, f"max_pool{rank}d")
    top, within = pool(wide(x), 3, 2, padding=1, return_indices=True)
    images = np.arange(6).reshape(2, 3, *(1,) * rank) * int(np.prod(x.shape[2:]))
    proto = model("MaxPool", [x], 2, 12, kernel_shape=[3] * rank, strides=[2] * rank, pads=[1] * (2 * rank))
    check(proto, [x], [top.numpy(), within.numpy() + images], planted=False)


def test_the_index_of_a_maximum_in_an_image_stored_column_by_column() -> None:
    top, within = functional.max_pool2d(wide(X), 2, 2, return_indices=True)
    row, column = np.divmod(within.numpy(), X.shape[3])
    images = np.arange(6).reshape(2, 3, 1, 1) * X.shape[2] * X.shape[3]
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2]}
    proto = model("MaxPool", [X], 2, 12, storage_order=1, **attributes)
    # The plain one forgets how the columns count as soon as strides are left out.
    check(proto, [X], [top.numpy(), images + column * X.shape[2] + row], planted=False)
    check(model("MaxPool", [X], 2, 12, kernel_shape=[2, 2]), [X], onnxruntime(model("MaxPool", [X], 2, 12, kernel_shape=[2, 2]), [X]))


def test_padding_never_wins() -> None:
    x = np.full((1, 1, 3, 3), -np.inf, np.float32)
    _, places = _indexed(x)
    assert places.min() >= 0
    low = np.full((1, 1, 3, 3), -128, np.int8)
    top, places = _indexed(low)
    assert (top == -128).all()
    assert places.min() >= 0


def _indexed(x: Any) -> Any:
    from harness.frameworks._onnx_evaluator import evaluator

    return evaluator()(model("MaxPool", [x], 2, 12, kernel_shape=[2, 2], pads=[1, 1, 1, 1])).run(None, {"i0": x})


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER"])
def test_lp_pool_same_with_dilations(p: int, auto: str) -> None:
    kernel, steps, dilations = (2, 3), (1, 2), (2, 2)
    padded = same(wide(X).abs() ** p, kernel, steps, dilations, auto == "SAME_LOWER", 0.0)
    ones = torch.ones(3, 1, *kernel, dtype=torch.float64)
    wanted = functional.conv2d(padded, ones, stride=steps, dilation=dilations, groups=3) ** (1 / p)
    proto = model("LpPool", [X], opset=18, p=p, auto_pad=auto, kernel_shape=kernel, strides=steps, dilations=dilations)
    check(proto, [X], [wanted.numpy()])


def test_global_lp_pool() -> None:
    wanted = np.linalg.norm(X.astype(np.float64).reshape(2, 3, -1), ord=3, axis=-1)[..., None, None]
    check(model("GlobalLpPool", [X], opset=2, p=3), [X], [wanted])
