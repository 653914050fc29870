"""Small models to differentiate, once for each framework that can: a polynomial of two real inputs and a lookup."""

from harness import Case, TensorSpec
from harness.core.spec import ids

X = TensorSpec(name="x", dtype="float32", shape=(2, 3))
Y = TensorSpec(name="y", dtype="float32", shape=(2, 3))
I = TensorSpec(name="i", dtype="int64", shape=(2, 3), domain=ids(3))  # noqa: E741 (named as the input is)


def torch_model():
    import torch

    class Net(torch.nn.Module):
        def forward(self, x, y, i):
            x *= 1.0  # writes into its own input, as some models do
            return x * x * x, x * y + i, i + 1

    return Net()


def torch_lookup():
    import torch

    class Net(torch.nn.Module):
        def forward(self, i):
            return torch.nn.functional.one_hot(i, 3).float()

    return Net()


def tensorflow_model():
    import tensorflow as tf

    class Net(tf.Module):
        def __call__(self, x, y, i):
            return x * x * x, x * y + tf.cast(i, tf.float32), i + 1

    return Net()


def tensorflow_lookup():
    import tensorflow as tf

    class Net(tf.Module):
        def __call__(self, i):
            return tf.one_hot(i, 3)

    return Net()


def paddle_model():
    import paddle

    class Net(paddle.nn.Layer):
        def forward(self, x, y, i):
            x.scale_(1.0)  # writes into its own input, as some models do
            return x * x * x, x * y + i.astype("float32"), i + 1

    return Net()


def paddle_lookup():
    import paddle

    class Net(paddle.nn.Layer):
        def forward(self, i):
            return paddle.nn.functional.one_hot(i, 3)

    return Net()


def jax_model():
    def net(x, y, i):
        return x * x * x, x * y + i, i + 1

    return net


def jax_lookup():
    import jax

    return lambda i: jax.nn.one_hot(i, 3)


def onnx_model():
    import onnx

    text = """<ir_version: 8, opset_import: ["" : 15]>
    g (float[2, 3] x, float[2, 3] y, int64[2, 3] i) => (float[2, 3] cube, float[2, 3] sum, int64[2, 3] next) {
        cube = Mul(x, x)
        sum = Mul(x, y)
        next = Identity(i)
    }"""
    return onnx.parser.parse_model(text)


CASES = [
    Case(
        id="polynomial", level="unit", inputs=(X, Y, I), outputs=("cube", "sum", "next"),
        build={"torch": torch_model, "tensorflow": tensorflow_model, "paddle": paddle_model, "jax": jax_model, "onnx": onnx_model},
    ),
    Case(
        id="lookup", level="unit", inputs=(I,),
        build={"torch": torch_lookup, "tensorflow": tensorflow_lookup, "paddle": paddle_lookup, "jax": jax_lookup},
    ),
]  # fmt: skip
