"""Convolutions of the ONNX evaluator, against torch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frameworks.evaluators import check, model, normal, onnxruntime
from tests.frameworks.test_onnx_windows import same, wide

torch = pytest.importorskip("torch")
functional = torch.nn.functional
X, W, B = normal(1, 2, 4, 7, 8), normal(2, 6, 4, 3, 2), normal(3, 6)


@pytest.mark.parametrize("auto", ["VALID", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("steps", [(1, 1), (2, 3)])
@pytest.mark.parametrize("dilations", [(1, 1), (1, 2)])
def test_conv_pads_by_itself(auto: str, steps: tuple[int, int], dilations: tuple[int, int]) -> None:
    padded = wide(X) if auto == "VALID" else same(wide(X), (3, 2), steps, dilations, auto == "SAME_LOWER", 0.0)
    wanted = functional.conv2d(padded, wide(W), wide(B), steps, dilation=dilations).numpy()
    proto = model("Conv", [X, W, B], auto_pad=auto, strides=steps, dilations=dilations)
    # With a step of one the length does not matter for the padding, with longer ones VALID may come out right by chance.
    check(proto, [X, W, B], [wanted], planted=(auto == "VALID") == (steps == (1, 1)))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("group", [1, 2, 4])
def test_conv_with_padding_of_its_own(rank: int, group: int) -> None:
    x, w = normal(4, 2, 4, *(7, 6, 5)[:rank]), normal(5, 8, 4 // group, *(3, 2, 2)[:rank])
    begin, end = [1, 0, 2][:rank], [0, 1, 1][:rank]
    padded = functional.pad(wide(x), [n for pair in zip(reversed(begin), reversed(end), strict=True) for n in pair])
    conv = getattr(functional, f"conv{rank}d")
    wanted = conv(padded, wide(w), stride=2, dilation=(2, 1, 1)[:rank], groups=group).numpy()
    proto = model("Conv", [x, w], pads=[*begin, *end], strides=[2] * rank, dilations=[2, 1, 1][:rank], group=group)
    check(proto, [x, w], [wanted], planted=False)


def test_what_does_not_fit_the_groups_is_refused() -> None:
    from harness.frameworks._onnx_evaluator import evaluator

    proto = model("Conv", [X, W[:, :2]], group=2)
    with pytest.raises(ValueError, match="do not fit 2 groups"):
        evaluator()(proto).run(None, {"i0": X[:, :3], "i1": W[:, :2]})


@pytest.mark.parametrize("auto", ["VALID", "SAME_UPPER", "SAME_LOWER"])
def test_conv_of_integers(auto: str) -> None:
    generator = np.random.default_rng(6)
    x, w = (generator.integers(0, 255, shape).astype(np.uint8) for shape in ((2, 4, 7, 8), (3, 4, 3, 3)))
    zero = np.array(7, np.uint8)
    proto = model("ConvInteger", [x, w, zero], opset=10, auto_pad=auto, strides=[2, 2])
    check(proto, [x, w, zero], onnxruntime(proto, [x, w, zero]))
    scale = [np.array(value, np.float32) for value in (0.02, 0.03, 12.0)]
    given = [x, scale[0], zero, w, scale[1], zero, scale[2], zero]
    quantised = model("QLinearConv", given, opset=10, auto_pad=auto, strides=[2, 1])
    wanted = onnxruntime(quantised, given)
    from harness.frameworks._onnx_evaluator import evaluator

    (got,) = evaluator()(quantised).run(None, {f"i{place}": array for place, array in enumerate(given)})
    assert got.shape == wanted[0].shape
    assert np.abs(got.astype(int) - wanted[0]).max() <= 1, "a tie may be rounded to either side"


def transposed(rank: int, group: int, **options: Any) -> tuple[list[Any], Any]:
    x, w, b = normal(7, 2, 4, *(5, 4, 3)[:rank]), normal(8, 4, 3, *(3, 2, 3)[:rank]), normal(9, 3 * group)
    conv = getattr(functional, f"conv_transpose{rank}d")
    return [x, w, b], conv(wide(x), wide(w), wide(b), groups=group, **options).numpy()


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("group", [1, 2])
def test_conv_transpose_in_groups(rank: int, group: int) -> None:
    inputs, wanted = transposed(rank, group, stride=2, padding=1, output_padding=1, dilation=2)
    proto = model(
        "ConvTranspose", inputs, group=group, strides=[2] * rank, pads=[1] * (2 * rank), output_padding=[1] * rank, dilations=[2] * rank
    )  # fmt: skip
    check(proto, inputs, [wanted], planted=group > 1)


@pytest.mark.parametrize("auto", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
def test_conv_transpose_to_a_shape_asked_for(auto: str) -> None:
    inputs, whole = transposed(2, 1, stride=(3, 2))
    # 15 x 9 without padding; an odd number of cells too many, of which the later half is the larger one for SAME_UPPER alone.
    lengths = (12, 8) if auto == "NOTSET" else (14, 6)
    begins = [(n - m) // 2 if auto == "SAME_UPPER" else (n - m) - (n - m) // 2 for n, m in zip(whole.shape[2:], lengths, strict=True)]
    wanted = whole[:, :, begins[0] : begins[0] + lengths[0], begins[1] : begins[1] + lengths[1]]
    proto = model("ConvTranspose", inputs, auto_pad=auto, strides=[3, 2], output_shape=lengths)
    check(proto, inputs, [wanted], planted=auto == "NOTSET")
    np.testing.assert_allclose(onnxruntime(proto, inputs)[0], wanted, rtol=1e-4, atol=1e-4)


def test_conv_transpose_same_is_as_long_as_the_steps_make_it() -> None:
    inputs, whole = transposed(2, 2, stride=(2, 1))
    wanted = whole[:, :, 0:10, 0:4]  # 11 and 5 without padding, 10 and 4 with
    proto = model("ConvTranspose", inputs, auto_pad="SAME_UPPER", strides=[2, 1], group=2)
    check(proto, inputs, [wanted])
