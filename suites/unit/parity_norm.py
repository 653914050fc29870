"""Normalisation: an epsilon that is no default, axes other than the last, groups, no affine part."""

from __future__ import annotations

from _unit_build import (
    BATCH,
    HEIGHT,
    LENGTH,
    WIDTH,
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

IMAGE = f32("x", BATCH, 6, HEIGHT, WIDTH)
TOKENS = f32("x", BATCH, LENGTH, 9)
SMALL = f32("x", BATCH, LENGTH, 9, domain=normal(0.02))  # a variance near epsilon: a wrong epsilon shows

CASES = [
    unit(
        "batch-norm1d-eps", "batch_norm1d", f32("x", BATCH, 7),
        torch=torch_layer(lambda nn: nn.BatchNorm1d(7, eps=1e-3)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.BatchNormalization(epsilon=1e-4)(x)),
        paddle=paddle_layer(lambda nn: nn.BatchNorm1D(7, epsilon=1e-3)),
        onnx=onnx_graph("y = BatchNormalization<epsilon = 0.001>(x, scale, bias, mean, var)", scale=(7,), bias=(7,), mean=(7,), var=(7,)),
        mindspore=mindspore_layer(lambda nn: nn.BatchNorm1d(7, eps=1e-3)),
        jax=flax_layer(lambda nnx, rngs: nnx.BatchNorm(7, epsilon=1e-3, rngs=rngs)),
    ),
    unit(
        "batch-norm2d", "batch_norm2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.BatchNorm2d(6)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.BatchNormalization()(x)),
        paddle=paddle_layer(lambda nn: nn.BatchNorm2D(6)),
        onnx=onnx_graph("y = BatchNormalization(x, scale, bias, mean, var)", scale=(6,), bias=(6,), mean=(6,), var=(6,)),
        mindspore=mindspore_layer(lambda nn: nn.BatchNorm2d(6, eps=1e-5)),
        jax=flax_layer(lambda nnx, rngs: nnx.BatchNorm(6, axis=1, rngs=rngs)),
    ),
    unit(
        "batch-norm2d-no-affine", "batch_norm2d", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.BatchNorm2d(6, affine=False)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.BatchNormalization(center=False, scale=False)(x)),
        paddle=paddle_layer(lambda nn: nn.BatchNorm2D(6, weight_attr=False, bias_attr=False)),
    ),
    unit(
        "batch-norm3d-eps", "batch_norm3d", f32("x", BATCH, 4, 3, 5, 7), nhwc=True,
        torch=torch_layer(lambda nn: nn.BatchNorm3d(4, eps=1e-2)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.BatchNormalization(epsilon=1e-2)(x)),
        paddle=paddle_layer(lambda nn: nn.BatchNorm3D(4, epsilon=1e-2)),
    ),
    unit(  # folding is where batch normalisation goes wrong: with and without the bias of the convolution
        "conv-batch-norm-relu", "conv_bn_fusion", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.Sequential(nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8, eps=1e-3), nn.ReLU())),
        tensorflow=keras_fn(lambda keras, x: keras.layers.ReLU()(keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 3)(x)))),
        paddle=paddle_layer(lambda nn: nn.Sequential(nn.Conv2D(6, 8, 3), nn.BatchNorm2D(8, epsilon=1e-3), nn.ReLU())),
        onnx=onnx_graph(
            "c = Conv(x, w, b)", "n = BatchNormalization<epsilon = 0.001>(c, scale, bias, mean, var)", "y = Relu(n)",
            w=(8, 6, 3, 3), b=(8,), scale=(8,), bias=(8,), mean=(8,), var=(8,),
        ),
    ),
    unit(
        "layer-norm-small-variance", "layer_norm", SMALL,
        torch=torch_layer(lambda nn: nn.LayerNorm(9, eps=1e-5)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.LayerNormalization(epsilon=1e-5)(x)),
        paddle=paddle_layer(lambda nn: nn.LayerNorm(9, epsilon=1e-5)),
        onnx=onnx_graph("y = LayerNormalization<axis = -1, epsilon = 0.00001>(x, scale, bias)", scale=(9,), bias=(9,)),
        mindspore=mindspore_layer(lambda nn: nn.LayerNorm((9,), begin_norm_axis=-1, begin_params_axis=-1, epsilon=1e-5)),
        jax=flax_layer(lambda nnx, rngs: nnx.LayerNorm(9, epsilon=1e-5, rngs=rngs)),
    ),
    unit(
        "layer-norm-two-axes", "layer_norm", f32("x", BATCH, LENGTH, 5, 7),
        torch=torch_layer(lambda nn: nn.LayerNorm((5, 7), eps=1e-3, bias=False)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.LayerNormalization(axis=(2, 3), epsilon=1e-3, center=False)(x)),
        paddle=paddle_layer(lambda nn: nn.LayerNorm([5, 7], epsilon=1e-3, bias_attr=False)),
        jax=jax_fn(lambda jax, w, x: jax.nn.standardize(x, axis=(2, 3), epsilon=1e-3) * w["scale"], scale=(5, 7)),
    ),
    unit(
        "group-norm-3-groups", "group_norm", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.GroupNorm(3, 6, eps=1e-3)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.GroupNormalization(3, epsilon=1e-4)(x)),
        paddle=paddle_layer(lambda nn: nn.GroupNorm(3, 6, epsilon=1e-3)),
        onnx=onnx_graph(
            "r = Reshape(x, groups)", "n = InstanceNormalization<epsilon = 0.001>(r, ones, zeros)", "s = Shape(x)",
            "c = Reshape(n, s)", "m = Mul(c, scale)", "y = Add(m, bias)",
            groups=[0, 3, -1], ones=[1.0] * 3, zeros=[0.0] * 3, scale=(6, 1, 1), bias=(6, 1, 1),
        ),
        jax=jax_fn(
            lambda jax, w, x: jax.nn.standardize(x.reshape(x.shape[0], 3, -1), epsilon=1e-3).reshape(x.shape) * w["scale"] + w["bias"],
            scale=(6, 1, 1), bias=(6, 1, 1),
        ),
    ),
    unit(
        "instance-norm-affine", "instance_norm", IMAGE, nhwc=True,
        torch=torch_layer(lambda nn: nn.InstanceNorm2d(6, eps=1e-3, affine=True)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.GroupNormalization(-1, epsilon=1e-3)(x)),
        paddle=paddle_layer(lambda nn: nn.InstanceNorm2D(6, epsilon=1e-3)),
        onnx=onnx_graph("y = InstanceNormalization<epsilon = 0.001>(x, scale, bias)", scale=(6,), bias=(6,)),
        jax=jax_fn(lambda jax, w, x: jax.nn.standardize(x, axis=(2, 3), epsilon=1e-3) * w["scale"], scale=(6, 1, 1)),
    ),
    unit(  # these read the running statistics in inference mode, unlike every default instance norm
        "instance-norm-tracked", "instance_norm", IMAGE,
        torch=torch_layer(lambda nn: nn.InstanceNorm2d(6, affine=True, track_running_stats=True)),
    ),
    unit(
        "rms-norm-small-variance", "rms_norm", SMALL,
        torch=torch_layer(lambda nn: nn.RMSNorm(9, eps=1e-4)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.RMSNormalization(epsilon=1e-4)(x)),
        paddle=paddle_fn(lambda paddle, x: x * paddle.rsqrt(paddle.mean(x * x, axis=-1, keepdim=True) + 1e-4)),
        onnx=onnx_graph(
            "s = Mul(x, x)", "m = ReduceMean<axes = [-1]>(s)", "v = Add(m, eps)", "r = Sqrt(v)", "n = Div(x, r)", "y = Mul(n, scale)",
            eps=1e-4, scale=(9,),
        ),
        jax=flax_layer(lambda nnx, rngs: nnx.RMSNorm(9, epsilon=1e-4, rngs=rngs)),
    ),
    unit(
        "local-response-norm", "local_response_norm", IMAGE,
        torch=torch_layer(lambda nn: nn.LocalResponseNorm(3, alpha=0.5, beta=0.6, k=1.5)),
        paddle=paddle_layer(lambda nn: nn.LocalResponseNorm(3, alpha=0.5, beta=0.6, k=1.5)),
    ),
    unit(
        "normalize-p1", "lp_normalize", TOKENS,
        torch=torch_fn(lambda torch, x: torch.nn.functional.normalize(x, p=1.0, dim=2)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.normalize(x, axis=2, order=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.normalize(x, p=1, axis=2)),
    ),
    unit(
        "normalize-l2-over-time", "l2_normalize", TOKENS,
        torch=torch_fn(lambda torch, x: torch.nn.functional.normalize(x, dim=1, eps=1e-6)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.UnitNormalization(axis=1)(x)),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.normalize(x, axis=1, epsilon=1e-6)),
        onnx=onnx_graph("y = LpNormalization<axis = 1, p = 2>(x)"),
        jax=jax_fn(lambda jax, x: x / jax.numpy.maximum(jax.numpy.linalg.norm(x, axis=1, keepdims=True), 1e-6)),
    ),
    unit(
        "weight-norm-linear", "weight_norm", TOKENS,
        torch=torch_layer(lambda nn: nn.utils.parametrizations.weight_norm(nn.Linear(9, 5), dim=0)),
        paddle=paddle_layer(lambda nn: nn.utils.weight_norm(nn.Linear(9, 5), dim=1)),
    ),
]  # fmt: skip
