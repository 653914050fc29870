"""Models that are taken through the stand-ins for CANN: fixed, batches, image sizes, dims, ranges, and what ATC refuses."""

from harness import Case, Dim, TensorSpec
from harness.core.spec import ids

BATCH = Dim("batch", allowed=(1, 2, 4))
SEQ = Dim("seq", allowed=(3, 5, 8))


def parsed(text: str):
    import onnx

    return onnx.parser.parse_model(text)


def with_weights(text: str, seed: int = 3):
    """Return the model of a text whose inputs after the first ones named x... are weights."""
    import numpy as np
    import onnx

    model = parsed(text)
    generator = np.random.default_rng(seed)
    for info in [info for info in model.graph.input if info.name.startswith("w")]:
        shape = [d.dim_value for d in info.type.tensor_type.shape.dim]
        model.graph.initializer.append(onnx.numpy_helper.from_array(generator.normal(0, 0.5, shape).astype(np.float32), info.name))
        model.graph.input.remove(info)
    return model


def dense(batch: str = "batch", opset: int = 15):
    return with_weights(f"""<ir_version: 8, opset_import: ["" : {opset}]> g (float[{batch}, 6] x, float[6, 4] w)
    => (float[{batch}, 4] probs, float[{batch}, 4] logits) {{ logits = MatMul(x, w) probs = Softmax<axis = 1>(logits) }}""")


FIXED = """<ir_version: 8, opset_import: ["" : 15]> g (float[2, 6] x, float[6, 4] w) => (float[2, 4] y) { y = MatMul(x, w) }"""


def image():
    return with_weights("""<ir_version: 8, opset_import: ["" : 15]> g (float[1, 3, H, W] x, float[4, 3, 3, 3] w) => (float[1, 4, H, W] y)
    { c = Conv<pads = [1, 1, 1, 1]>(x, w) y = Relu(c) }""")


def tokens():
    return with_weights("""<ir_version: 8, opset_import: ["" : 15]> g (int64[batch, seq] x_ids, float[batch, seq] x_mask, float[16, 4] w)
    => (float[batch, 4] pooled) { e = Gather<axis = 0>(w, x_ids) a = Constant<value_ints = [2]>() m = Unsqueeze(x_mask, a)
    s = Mul(e, m) r = Constant<value_ints = [1]>() pooled = ReduceSum<keepdims = 0>(s, r) }""")


def newer():
    return dense(opset=19)


def net():
    import torch

    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4))


def keras_net():
    import keras

    x = keras.Input((6,), name="x")
    hidden = keras.layers.Dense(8, activation="relu")(x)
    return keras.Model(x, [keras.layers.Dense(4)(hidden), keras.layers.Dense(3)(hidden)])


def paddle_net():
    import paddle

    return paddle.nn.Sequential(paddle.nn.Linear(6, 8), paddle.nn.ReLU(), paddle.nn.Linear(8, 4))


def cell():
    from mindspore import nn

    return nn.SequentialCell(nn.Dense(6, 8), nn.ReLU(), nn.Dense(8, 4))


def spec(name: str, *shape: object, dtype: str = "float32", **more: object) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape, **more)


CASES = [
    Case(id="static", level="unit", inputs=(spec("x", 2, 6),), build={"onnx": lambda: dense("2")}),
    Case(id="batches", level="unit", inputs=(spec("x", BATCH, 6),), build={"onnx": dense, "torch": net}),
    Case(
        id="frameworks", level="unit", inputs=(spec("x", BATCH, 6),),
        build={"tensorflow": keras_net, "paddle": paddle_net, "mindspore": cell},
    ),
    Case(id="any-batch", level="unit", inputs=(spec("x", Dim("batch", 1, 64), 6),), build={"onnx": dense}),
    Case(id="many-batches", level="unit", inputs=(spec("x", Dim("batch", 1, 500), 6),), build={"onnx": dense}),
    Case(id="images", level="unit", inputs=(spec("x", 1, 3, Dim("H", allowed=(8, 12)), Dim("W", allowed=(8, 10))),), build={"onnx": image}),
    Case(
        id="tokens", level="unit", build={"onnx": tokens},
        inputs=(spec("x_ids", BATCH, SEQ, dtype="int64", domain=ids(16)), spec("x_mask", BATCH, SEQ)),
    ),
    Case(id="too-new", level="unit", inputs=(spec("x", BATCH, 6),), build={"onnx": newer}),
]  # fmt: skip
