"""The contract model, once for each framework: dense layers on a dynamic batch, two outputs of one shape."""

from harness import Case, Dim, TensorSpec

X = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), 6))


def torch_model():
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(6, 6)
            self.norm = torch.nn.BatchNorm1d(6)
            self.second = torch.nn.Linear(6, 4)

        def forward(self, x):
            hidden = self.norm(torch.relu(self.first(x)))
            out = self.second(hidden)
            return out, torch.softmax(out, -1)

    return Net()


def keras_model():
    import keras

    x = keras.Input((6,), name="x")
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(6, activation="relu")(x))
    out = keras.layers.Dense(4)(hidden)
    return keras.Model(x, [out, keras.layers.Softmax()(out)])


def paddle_model():
    import paddle

    class Net(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.first = paddle.nn.Linear(6, 6)
            self.norm = paddle.nn.BatchNorm1D(6)
            self.second = paddle.nn.Linear(6, 4)

        def forward(self, x):
            out = self.second(self.norm(paddle.nn.functional.relu(self.first(x))))
            return out, paddle.nn.functional.softmax(out, -1)

    return Net()


def onnx_model():
    import numpy as np
    import onnx

    text = """<ir_version: 8, opset_import: ["" : 15]>
    g (float[batch, 6] x, float[6, 6] w1, float[6] b1, float[6] s, float[6] b, float[6] m, float[6] v, float[6, 4] w2, float[4] b2)
    => (float[batch, 4] logits, float[batch, 4] probs) {
        a = MatMul(x, w1)
        c = Add(a, b1)
        r = Relu(c)
        n = BatchNormalization<epsilon = 0.00001>(r, s, b, m, v)
        d = MatMul(n, w2)
        logits = Add(d, b2)
        probs = Softmax<axis = 1>(logits)
    }"""
    model = onnx.parser.parse_model(text)
    generator = np.random.default_rng(3)
    for info in list(model.graph.input)[1:]:
        shape = [d.dim_value for d in info.type.tensor_type.shape.dim]
        model.graph.initializer.append(onnx.numpy_helper.from_array(generator.uniform(0.3, 1.2, shape).astype(np.float32), info.name))
        model.graph.input.remove(info)
    return model


def mindspore_model():
    from mindspore import nn, ops

    class Net(nn.Cell):
        def __init__(self):
            super().__init__()
            self.first = nn.Dense(6, 6)
            self.norm = nn.BatchNorm1d(6)
            self.second = nn.Dense(6, 4)

        def construct(self, x):
            out = self.second(self.norm(ops.relu(self.first(x))))
            return out, ops.softmax(out, -1)

    return Net()


def mxnet_model():
    from mxnet.gluon import nn

    class Net(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            with self.name_scope():
                self.first = nn.Dense(6, in_units=6)
                self.norm = nn.BatchNorm(in_channels=6)
                self.second = nn.Dense(4, in_units=6)

        def hybrid_forward(self, F, x):
            out = self.second(self.norm(F.relu(self.first(x))))
            return out, F.softmax(out, axis=-1)

    return Net()


def jax_model():
    import jax
    import jax.numpy as jnp

    weights = {
        "first": {"kernel": jnp.ones((6, 6)), "bias": jnp.zeros(6)},
        "norm": {"mean": jnp.zeros(6), "var": jnp.ones(6), "scale": jnp.ones(6), "bias": jnp.zeros(6)},
        "second": {"kernel": jnp.ones((6, 4)), "bias": jnp.zeros(4)},
    }

    def net(weights, x):
        norm = weights["norm"]
        hidden = jax.nn.relu(x @ weights["first"]["kernel"] + weights["first"]["bias"])
        hidden = (hidden - norm["mean"]) / jnp.sqrt(norm["var"] + 1e-5) * norm["scale"] + norm["bias"]
        out = hidden @ weights["second"]["kernel"] + weights["second"]["bias"]
        return out, jax.nn.softmax(out, -1)

    return net, weights


def number():
    return 3


BUILDERS = {
    "torch": torch_model, "tensorflow": keras_model, "paddle": paddle_model, "onnx": onnx_model,
    "mindspore": mindspore_model, "mxnet": mxnet_model, "jax": jax_model,
}  # fmt: skip
CASES = [
    Case(id="contract", level="unit", inputs=(X,), build=BUILDERS, weights="random", outputs=("logits", "probs")),
    Case(id="no-model", level="unit", inputs=(X,), build=dict.fromkeys(BUILDERS, number)),
]
