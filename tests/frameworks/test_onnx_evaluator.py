"""Where the reference evaluator of the onnx package is wrong, ours is right."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")


@pytest.mark.parametrize("opset", [7, 8, 9, 13, 14, 15, 17])
def test_batch_normalization_in_inference_uses_the_stored_statistics(opset: int) -> None:
    from harness.frameworks._onnx_evaluator import double_evaluator, evaluator

    text = (
        f'<ir_version: 8, opset_import: ["" : {opset}]> g (float[n, 3, 4] x, float[3] s, float[3] b, float[3] m, float[3] v) '
        "=> (float[n, 3, 4] y) { y = BatchNormalization<epsilon = 0.01>(x, s, b, m, v) }"
    )
    generator = np.random.default_rng(1)
    x, s, b, m, v = (generator.uniform(0.5, 2.0, shape).astype(np.float32) for shape in ((2, 3, 4), (3,), (3,), (3,), (3,)))
    wanted = s[:, None] * (x - m[:, None]) / np.sqrt(v[:, None] + 0.01) + b[:, None]
    feeds = dict(zip("xsbmv", (x, s, b, m, v), strict=True))
    (got,) = evaluator()(onnx.parser.parse_model(text)).run(None, feeds)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
    wide = {name: array.astype(np.float64) for name, array in feeds.items()}
    (exact,) = double_evaluator()(onnx.parser.parse_model(text)).run(None, wide)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(exact, wanted, rtol=1e-5)


def both(text: str, **feeds: np.ndarray) -> list[np.ndarray]:
    """Return the first output of the evaluator and of its float64 twin."""
    from harness.frameworks._onnx_evaluator import double_evaluator, evaluator

    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g {text}')
    (single,) = evaluator()(model).run(None, feeds)
    (double,) = double_evaluator()(model).run(None, {name: array.astype(np.float64) for name, array in feeds.items()})
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    return [single, double]


def test_softplus_neither_overflows_nor_loses_its_tail() -> None:
    x = np.array([1000.0, 89.0, 0.0, -20.0, -80.0], np.float32)
    for got in both("(float[5] x) => (float[5] y) { y = Softplus(x) }", x=x):
        np.testing.assert_allclose(got, [1000.0, 89.0, np.log(2.0), 2.0611536e-09, 1.8048513e-35], rtol=1e-6)


@pytest.mark.parametrize(("order", "wanted"), [(2, [[0.0, 0.0], [0.6, -0.8]]), (1, [[0.0, 0.0], [3 / 7, -4 / 7]])])
def test_what_has_no_length_is_normalised_to_zero(order: int, wanted: list[list[float]]) -> None:
    x = np.array([[0.0, 0.0], [3.0, -4.0]], np.float32)
    for got in both(f"(float[2, 2] x) => (float[2, 2] y) {{ y = LpNormalization<axis = 1, p = {order}>(x) }}", x=x):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


@pytest.mark.parametrize(("opset", "text"), [
    (9, "(float[2, 4] x) => (float[2, 3] v, int64[2, 3] i) { v, i = TopK<axis = 1, k = 3>(x) }"),
    (10, "(float[2, 4] x) => (float[2, n] v, int64[2, n] i) { k = Constant<value = int64[1] {3}>() v, i = TopK<axis = 1>(x, k) }"),
    (17, "(float[2, 4] x) => (float[2, n] v, int64[2, n] i) { k = Constant<value = int64[1] {3}>() v, i = TopK<axis = 1>(x, k) }"),
])  # fmt: skip
def test_of_equal_values_the_one_of_the_lower_index_comes_first(opset: int, text: str) -> None:
    from harness.frameworks._onnx_evaluator import evaluator

    x = np.array([[1.0, 2.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0]], np.float32)
    v, i = evaluator()(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> g {text}')).run(None, {"x": x})
    assert i.tolist() == [[1, 3, 0], [0, 1, 2]]
    assert v.tolist() == [[2.0, 2.0, 1.0], [0.0, 0.0, 0.0]]


def test_the_smallest_come_in_the_same_order() -> None:
    from harness.frameworks._onnx_evaluator import evaluator

    x = np.array([3.0, 1.0, 3.0, 1.0, 2.0], np.float32)
    text = "g (float[5] x, int64[1] k) => (float[n] v, int64[n] i) { v, i = TopK<largest = 0>(x, k) }"
    v, i = evaluator()(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')).run(None, {"x": x, "k": np.array([4])})
    assert (v.tolist(), i.tolist()) == ([1.0, 1.0, 2.0, 3.0], [1, 3, 4, 0])
