"""A product, a rectifier and another product, once for each framework that can round between them; weights are exact in 8 bits."""

import numpy as np

from harness import Case, TensorSpec

RNG = np.random.default_rng(11)


def whole(rows, columns):
    """Return multiples of 1/64 whose largest is the same in every row and column."""
    made = RNG.integers(-120, 121, (rows, columns))
    made[(np.arange(rows)[:, None] + np.arange(columns)) % min(rows, columns) == 0] = 127
    return made / 64.0


W, B, V = whole(5, 7), RNG.normal(size=7).astype(np.float32).astype(np.float64), whole(7, 3)


def torch_model():
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3, bias=False))
    for part, array in ((net[0].weight, W.T), (net[0].bias, B), (net[2].weight, V.T)):
        part.data.copy_(torch.from_numpy(array.copy()))
    return net


def tensorflow_model():
    import keras

    x = keras.Input((5,), name="x", batch_size=6)
    first, last = keras.layers.Dense(7), keras.layers.Dense(3, use_bias=False)
    net = keras.Model(x, last(keras.layers.ReLU()(first(x))))
    first.set_weights([W, B])
    last.set_weights([V])
    return net


def paddle_model():
    import paddle

    nn = paddle.nn
    net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3, bias_attr=False))
    for part, array in ((net[0].weight, W), (net[0].bias, B), (net[2].weight, V)):
        part.set_value(array.astype(np.float32))
    return net


def onnx_model():
    import onnx
    import onnx.parser

    lines = "h = Gemm(x, w, b)\ni = Relu(h)\ny = MatMul(i, v)"
    made = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\ng (float[6,5] x) => (float[6,3] y) {{\n{lines}\n}}')
    for name, array in (("w", W), ("b", B), ("v", V)):
        made.graph.initializer.append(onnx.numpy_helper.from_array(array.astype(np.float32), name))
    return made


CHAIN = Case(
    id="chain", level="unit", inputs=(TensorSpec(name="x", dtype="float32", shape=(6, 5)),), outputs=("y",),
    build={"torch": torch_model, "tensorflow": tensorflow_model, "paddle": paddle_model, "onnx": onnx_model},
)  # fmt: skip
