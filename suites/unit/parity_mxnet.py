"""Layers of Gluon, the front end of the retired MXNet; they run in an environment of their own."""

from __future__ import annotations

from harness import Case, Dim, TensorSpec, ids

BATCH = Dim("batch", 1, 8, example=2)
LENGTH = Dim("length", 1, 16, example=5)


def floats(*shape):
    return TensorSpec(name="x", dtype="float32", shape=shape)


FLAT = floats(BATCH, 6)
IMAGE = floats(BATCH, 4, 9, 11)
TOKENS = floats(BATCH, LENGTH, 8)
WORDS = TensorSpec(name="x", dtype="float32", shape=(BATCH, LENGTH), domain=ids(17))


def layer(id, family, spec, make):
    """Return the case of ``make(mxnet.gluon.nn)``."""

    def build():
        from mxnet.gluon import nn

        return make(nn)

    return Case(id=f"mxnet/{id}", family=family, level="unit", weights="random", inputs=(spec,), build={"mxnet": build})


def function(id, family, spec, fn):
    """Return the case of ``fn(F, x)``."""

    def build():
        from mxnet.gluon import nn

        return nn.HybridLambda(lambda F, x: fn(F, x))

    return Case(id=f"mxnet/{id}", family=family, level="unit", weights="random", inputs=(spec,), build={"mxnet": build})


CASES = [
    layer("dense", "linear", FLAT, lambda nn: nn.Dense(5, in_units=6)),
    layer("dense-no-bias-not-flat", "linear", TOKENS, lambda nn: nn.Dense(5, use_bias=False, flatten=False, in_units=8)),
    layer("conv2d-stride2-pad1-groups2", "conv2d", IMAGE, lambda nn: nn.Conv2D(6, 3, strides=2, padding=1, groups=2, in_channels=4)),
    layer("conv2d-transpose", "conv_transpose2d", IMAGE, lambda nn: nn.Conv2DTranspose(5, 3, strides=2, padding=1, in_channels=4)),
    layer("batch-norm", "batch_norm", IMAGE, lambda nn: nn.BatchNorm(in_channels=4, epsilon=1e-3)),
    layer("layer-norm", "layer_norm", TOKENS, lambda nn: nn.LayerNorm(in_channels=8)),
    layer("max-pool2d", "max_pool2d", IMAGE, lambda nn: nn.MaxPool2D(3, strides=2, padding=1)),
    layer("avg-pool2d-ceil", "avg_pool2d", IMAGE, lambda nn: nn.AvgPool2D(2, strides=2, ceil_mode=True)),
    layer("global-avg-pool2d", "avg_pool2d", IMAGE, lambda nn: nn.GlobalAvgPool2D()),
    layer("prelu", "prelu", IMAGE, lambda nn: nn.PReLU()),
    layer("gelu", "gelu", TOKENS, lambda nn: nn.GELU()),
    layer("leaky-relu-0.3", "leaky_relu", IMAGE, lambda nn: nn.LeakyReLU(0.3)),
    layer("elu", "elu", IMAGE, lambda nn: nn.ELU(1.3)),
    layer("swish", "swish", IMAGE, lambda nn: nn.Swish()),
    layer("embedding", "embedding", WORDS, lambda nn: nn.Embedding(17, 6)),
    function("softmax-axis1", "softmax", IMAGE, lambda F, x: F.softmax(x, axis=1)),
    function("mean-axes", "reduce_mean", IMAGE, lambda F, x: F.mean(x, axis=(2, 3), keepdims=True)),
    function("transpose-reshape", "transpose", IMAGE, lambda F, x: F.reshape(F.transpose(x, axes=(0, 2, 3, 1)), shape=(0, -1, 4))),
    function("slice-concat", "concat", IMAGE, lambda F, x: F.concat(F.slice_axis(x, axis=1, begin=2, end=4), x, dim=1)),
    function("clip", "clamp", IMAGE, lambda F, x: F.clip(x, -0.4, 0.9)),
]
