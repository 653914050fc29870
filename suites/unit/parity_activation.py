"""Activations, over inputs wide enough to reach every bend: 6, 3, the thresholds and both tails."""

from __future__ import annotations

from _unit_build import (
    BATCH,
    LENGTH,
    f32,
    flax_layer,
    jax_fn,
    keras_fn,
    mindspore_layer,
    onnx_graph,
    paddle_fn,
    paddle_layer,
    torch_fn,
    torch_layer,
    unit,
)

from harness import normal

X = f32("x", BATCH, LENGTH, 7, domain=normal(4.0))


def activation(id, family, torch, tensorflow, paddle, **others):
    """Return a case from three functions: of torch.nn.functional, keras and paddle.nn.functional."""
    return unit(
        id, family, X,
        torch=torch_fn(lambda lib, x: torch(lib.nn.functional, x)),
        tensorflow=keras_fn(tensorflow),
        paddle=paddle_fn(lambda lib, x: paddle(lib.nn.functional, x)),
        **others,
    )  # fmt: skip


CASES = [
    unit(
        "relu", "relu", X,
        torch=torch_layer(lambda nn: nn.ReLU()),
        tensorflow=keras_fn(lambda keras, x: keras.layers.ReLU()(x)),
        paddle=paddle_layer(lambda nn: nn.ReLU()),
        onnx=onnx_graph("y = Relu(x)"),
        mindspore=mindspore_layer(lambda nn: nn.ReLU()),
        jax=jax_fn(lambda jax, x: jax.nn.relu(x)),
    ),
    unit(
        "prelu-per-channel", "prelu", f32("x", BATCH, 6, LENGTH, domain=normal(2.0)), nhwc=True,
        torch=torch_layer(lambda nn: nn.PReLU(6)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.PReLU(shared_axes=[1])(x)),
        paddle=paddle_layer(lambda nn: nn.PReLU(6)),
        onnx=onnx_graph("y = PRelu(x, slope)", slope=(6, 1)),
        jax=jax_fn(lambda jax, w, x: jax.numpy.where(x > 0, x, w["slope"] * x), slope=(6, 1)),
    ),
    unit(
        "softmax-axis1", "softmax", X,
        torch=torch_layer(lambda nn: nn.Softmax(dim=1)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Softmax(axis=1)(x)),
        paddle=paddle_layer(lambda nn: nn.Softmax(axis=1)),
        onnx=onnx_graph("y = Softmax<axis = 1>(x)"),
        mindspore=mindspore_layer(lambda nn: nn.Softmax(axis=1)),
        jax=jax_fn(lambda jax, x: jax.nn.softmax(x, axis=1)),
    ),
    unit(
        "gelu-tanh", "gelu_tanh", X,
        torch=torch_layer(lambda nn: nn.GELU(approximate="tanh")),
        tensorflow=keras_fn(lambda keras, x: keras.activations.gelu(x, approximate=True)),
        paddle=paddle_layer(lambda nn: nn.GELU(approximate=True)),
        onnx=onnx_graph('y = Gelu<approximate = "tanh">(x)', opset=20),
        mindspore=mindspore_layer(lambda nn: nn.GELU(approximate=True)),
        jax=jax_fn(lambda jax, x: jax.nn.gelu(x, approximate=True)),
    ),
    activation(
        "gelu-erf", "gelu", lambda f, x: f.gelu(x), lambda keras, x: keras.activations.gelu(x), lambda f, x: f.gelu(x),
        onnx=onnx_graph(
            "s = Div(x, root)", "e = Erf(s)", "p = Add(e, one)", "h = Mul(x, half)", "y = Mul(h, p)", root=2**0.5, one=1.0, half=0.5
        ),
        mindspore=mindspore_layer(lambda nn: nn.GELU(approximate=False)),
        jax=jax_fn(lambda jax, x: jax.nn.gelu(x, approximate=False)),
    ),
    activation(
        "leaky-relu-0.07", "leaky_relu",
        lambda f, x: f.leaky_relu(x, 0.07), lambda keras, x: keras.layers.LeakyReLU(0.07)(x), lambda f, x: f.leaky_relu(x, 0.07),
        onnx=onnx_graph("y = LeakyRelu<alpha = 0.07>(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.leaky_relu(x, 0.07)),
    ),
    activation(
        "elu-0.6", "elu", lambda f, x: f.elu(x, 0.6), lambda keras, x: keras.layers.ELU(0.6)(x), lambda f, x: f.elu(x, 0.6),
        onnx=onnx_graph("y = Elu<alpha = 0.6>(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.elu(x, 0.6)),
    ),
    activation(
        "celu-1.7", "celu", lambda f, x: f.celu(x, 1.7), lambda keras, x: keras.activations.celu(x, 1.7), lambda f, x: f.celu(x, 1.7),
        onnx=onnx_graph("y = Celu<alpha = 1.7>(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.celu(x, 1.7)),
    ),
    activation(
        "selu", "selu", lambda f, x: f.selu(x), lambda keras, x: keras.activations.selu(x), lambda f, x: f.selu(x),
        onnx=onnx_graph("y = Selu(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.selu(x)),
    ),
    activation(
        "silu", "silu", lambda f, x: f.silu(x), lambda keras, x: keras.activations.silu(x), lambda f, x: f.silu(x),
        onnx=onnx_graph("s = Sigmoid(x)", "y = Mul(x, s)"),
        jax=jax_fn(lambda jax, x: jax.nn.silu(x)),
    ),
    activation(
        "mish", "mish", lambda f, x: f.mish(x), lambda keras, x: keras.layers.Activation("mish")(x), lambda f, x: f.mish(x),
        onnx=onnx_graph("y = Mish(x)", opset=18),
        jax=jax_fn(lambda jax, x: jax.nn.mish(x)),
    ),
    activation(
        "relu6", "relu6", lambda f, x: f.relu6(x), lambda keras, x: keras.activations.relu6(x), lambda f, x: f.relu6(x),
        onnx=onnx_graph("y = Clip(x, low, high)", low=0.0, high=6.0),
        jax=jax_fn(lambda jax, x: jax.nn.relu6(x)),
    ),
    activation(
        "hardswish", "hardswish",
        lambda f, x: f.hardswish(x), lambda keras, x: keras.layers.Activation("hard_swish")(x), lambda f, x: f.hardswish(x),
        onnx=onnx_graph("y = HardSwish(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.hard_swish(x)),
    ),
    activation(
        "hardsigmoid", "hardsigmoid",
        lambda f, x: f.hardsigmoid(x), lambda keras, x: keras.activations.hard_sigmoid(x),
        lambda f, x: f.hardsigmoid(x, slope=0.2, offset=0.4),
        onnx=onnx_graph("y = HardSigmoid<alpha = 0.2, beta = 0.4>(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.hard_sigmoid(x)),
    ),
    activation(
        "hardtanh-uneven", "hardtanh",
        lambda f, x: f.hardtanh(x, -1.5, 2.5), lambda keras, x: keras.ops.clip(x, -1.5, 2.5), lambda f, x: f.hardtanh(x, -1.5, 2.5),
        jax=jax_fn(lambda jax, x: jax.numpy.clip(x, -1.5, 2.5)),
    ),
    activation(
        "sigmoid", "sigmoid", lambda f, x: f.sigmoid(x), lambda keras, x: keras.activations.sigmoid(x), lambda f, x: f.sigmoid(x),
        onnx=onnx_graph("y = Sigmoid(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.sigmoid(x)),
    ),
    activation(
        "tanh", "tanh", lambda f, x: f.tanh(x), lambda keras, x: keras.activations.tanh(x), lambda f, x: f.tanh(x),
        onnx=onnx_graph("y = Tanh(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.tanh(x)),
    ),
    unit(  # the tail matters: a sigmoid flushed to 0 becomes minus infinity here
        "logsigmoid-tail", "logsigmoid", f32("x", BATCH, LENGTH, 7, domain=normal(20.0)),
        torch=torch_layer(lambda nn: nn.LogSigmoid()),
        tensorflow=keras_fn(lambda keras, x: keras.activations.log_sigmoid(x)),
        paddle=paddle_layer(lambda nn: nn.LogSigmoid()),
        onnx=onnx_graph("n = Neg(x)", "p = Softplus(n)", "y = Neg(p)"),
        jax=jax_fn(lambda jax, x: jax.nn.log_sigmoid(x)),
    ),
    unit(
        "softplus-beta-threshold", "softplus", X,
        torch=torch_layer(lambda nn: nn.Softplus(beta=2.0, threshold=3.0)),
        tensorflow=keras_fn(lambda keras, x: keras.activations.softplus(2.0 * x) / 2.0),
        paddle=paddle_layer(lambda nn: nn.Softplus(beta=2, threshold=3)),
        onnx=onnx_graph("y = Softplus(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.softplus(2.0 * x) / 2.0),
    ),
    activation(
        "softsign", "softsign", lambda f, x: f.softsign(x), lambda keras, x: keras.activations.softsign(x), lambda f, x: f.softsign(x),
        onnx=onnx_graph("y = Softsign(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.soft_sign(x)),
    ),
    activation(
        "tanhshrink", "tanhshrink",
        lambda f, x: f.tanhshrink(x), lambda keras, x: keras.activations.tanh_shrink(x), lambda f, x: f.tanhshrink(x),
    ),
    activation(
        "softshrink-0.8", "softshrink",
        lambda f, x: f.softshrink(x, 0.8), lambda keras, x: keras.activations.soft_shrink(x, 0.8), lambda f, x: f.softshrink(x, 0.8),
        onnx=onnx_graph("y = Shrink<lambd = 0.8, bias = 0.8>(x)"),
    ),
    activation(
        "hardshrink-1.3", "hardshrink",
        lambda f, x: f.hardshrink(x, 1.3), lambda keras, x: keras.activations.hard_shrink(x, 1.3), lambda f, x: f.hardshrink(x, 1.3),
        onnx=onnx_graph("y = Shrink<lambd = 1.3>(x)"),
    ),
    activation(
        "threshold-0.4", "threshold",
        lambda f, x: f.threshold(x, 0.4, -2.0), lambda keras, x: keras.activations.threshold(x, 0.4, -2.0),
        lambda f, x: f.thresholded_relu(x, 0.4, -2.0),
        onnx=onnx_graph("y = ThresholdedRelu<alpha = 0.4>(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.where(x > 0.4, x, -2.0)),
    ),
    activation(
        "log-softmax-axis1", "log_softmax",
        lambda f, x: f.log_softmax(x, dim=1), lambda keras, x: keras.activations.log_softmax(x, axis=1),
        lambda f, x: f.log_softmax(x, axis=1),
        onnx=onnx_graph("y = LogSoftmax<axis = 1>(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.log_softmax(x, axis=1)),
    ),
    unit(
        "glu-axis1", "glu", f32("x", BATCH, 6, LENGTH),
        torch=torch_layer(lambda nn: nn.GLU(dim=1)),
        tensorflow=keras_fn(lambda keras, x: keras.activations.glu(x, axis=1)),
        paddle=paddle_layer(lambda nn: nn.GLU(axis=1)),
        jax=jax_fn(lambda jax, x: jax.nn.glu(x, axis=1)),
    ),
    unit(
        "maxout-2", "maxout", f32("x", BATCH, 6, LENGTH, 5),
        torch=torch_fn(lambda torch, x: x.unflatten(1, (3, 2)).amax(2)),
        paddle=paddle_layer(lambda nn: nn.Maxout(2, axis=1)),
    ),
    unit(  # nothing may be left of dropout in inference
        "dropout-inference", "dropout", X,
        torch=torch_layer(lambda nn: nn.Sequential(nn.Linear(7, 5), nn.Dropout(0.4), nn.Tanh())),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Dropout(0.4)(keras.layers.Dense(5)(x))),
        paddle=paddle_layer(lambda nn: nn.Sequential(nn.Linear(7, 5), nn.Dropout(0.4, mode="downscale_in_infer"), nn.Tanh())),
        onnx=onnx_graph("d = Dropout(x, ratio)", "y = Tanh(d)", ratio=0.4),
        jax=flax_layer(lambda nnx, rngs: nnx.Sequential(nnx.Linear(7, 5, rngs=rngs), nnx.Dropout(0.4, rngs=rngs), nnx.tanh)),
    ),
]  # fmt: skip
