"""Functions and layers of MindSpore beyond those that the shared families declare; they run in an environment of their own."""

from __future__ import annotations

from _unit_build import BATCH, HEIGHT, LENGTH, WIDTH, f32, i64, mindspore_layer, unit

from harness import ids, uniform

IMAGE = f32("x", BATCH, 4, HEIGHT, WIDTH)
TOKENS = f32("x", BATCH, LENGTH, 8)
OTHER = f32("y", BATCH, LENGTH, 8)
POSITIVE = f32("x", BATCH, LENGTH, 8, domain=uniform(0.2, 3.0))


def cell(id, family, spec, make):
    """Return the case of ``make(mindspore.nn)``."""
    return unit(f"mindspore/{id}", family, spec, mindspore=mindspore_layer(make))


def function(id, family, *specs, fn):
    """Return the case of ``fn(mindspore.ops, *inputs)``."""

    def make(_):
        import mindspore

        class One(mindspore.nn.Cell):
            def construct(self, x):
                return fn(mindspore.ops, x)

        class Two(mindspore.nn.Cell):
            def construct(self, x, y):
                return fn(mindspore.ops, x, y)

        return One() if len(specs) == 1 else Two()

    return unit(f"mindspore/{id}", family, *specs, mindspore=make)


# MindSpore reads the source of what it compiles, and it cannot read a lambda inside a call.
def matmul_transposed(ops, x, y):
    return ops.matmul(x, ops.transpose(y, (0, 2, 1)))


def mean_axis(ops, x):
    return ops.mean(x, 1, True)


def sum_axis(ops, x):
    return ops.sum(x, 2)


def max_axis(ops, x):
    return ops.amax(x, -1)


def concat_split(ops, x, y):
    return ops.cat((x, y), 1)


def stack(ops, x, y):
    return ops.stack((x, y), 1)


def transpose(ops, x):
    return ops.transpose(x, (0, 2, 3, 1))


def pad(ops, x):
    return ops.pad(x, (1, 2, 0, 3))


def clip(ops, x):
    return ops.clamp(x, -0.4, 0.7)


def where(ops, x, y):
    return ops.where(x > 0.1, x, y)


def exp_log(ops, x):
    return ops.log(x) + ops.exp(-x)


def sqrt_rsqrt(ops, x):
    return ops.sqrt(x) - ops.rsqrt(x)


def erf(ops, x):
    return ops.erf(x)


def sigmoid_tanh(ops, x):
    return ops.sigmoid(x) * ops.tanh(x)


def top_k(ops, x):
    return ops.topk(x, 3)[0]


def argmax(ops, x):
    return ops.argmax(x, -1)


def cumsum(ops, x):
    return ops.cumsum(x, 1)


CASES = [
    cell("conv2d-pad-groups", "conv2d", IMAGE, lambda nn: nn.Conv2d(4, 6, 3, stride=2, pad_mode="pad", padding=1, group=2, has_bias=True)),
    cell("conv2d-same-stride2", "conv2d", IMAGE, lambda nn: nn.Conv2d(4, 6, 3, stride=2, has_bias=True)),
    cell("conv1d", "conv1d", f32("x", BATCH, 4, 17), lambda nn: nn.Conv1d(4, 5, 3, pad_mode="valid", has_bias=True)),
    cell("conv2d-transpose", "conv_transpose2d", IMAGE, lambda nn: nn.Conv2dTranspose(4, 5, 3, stride=2, pad_mode="pad", padding=1)),
    cell("max-pool2d-same", "max_pool2d", IMAGE, lambda nn: nn.MaxPool2d(3, 2, pad_mode="same")),
    cell("avg-pool2d-valid", "avg_pool2d", IMAGE, lambda nn: nn.AvgPool2d(2, 2)),
    cell("batch-norm2d", "batch_norm", IMAGE, lambda nn: nn.BatchNorm2d(4, eps=1e-3)),
    cell("group-norm", "group_norm", IMAGE, lambda nn: nn.GroupNorm(2, 4)),
    cell("layer-norm", "layer_norm", TOKENS, lambda nn: nn.LayerNorm((8,), epsilon=1e-5)),
    cell("dense-activation", "linear", TOKENS, lambda nn: nn.Dense(8, 5, activation="tanh")),
    cell("embedding", "embedding", i64("x", BATCH, LENGTH, domain=ids(19)), lambda nn: nn.Embedding(19, 6)),
    cell("gelu-tanh", "gelu", TOKENS, lambda nn: nn.GELU(approximate=True)),
    cell("leaky-relu", "leaky_relu", TOKENS, lambda nn: nn.LeakyReLU(0.3)),
    cell("elu", "elu", TOKENS, lambda nn: nn.ELU()),
    cell("hard-swish", "hardswish", TOKENS, lambda nn: nn.HSwish()),
    cell("hard-sigmoid", "hardsigmoid", TOKENS, lambda nn: nn.HSigmoid()),
    cell("prelu", "prelu", IMAGE, lambda nn: nn.PReLU(4, 0.3)),
    cell("softmax-axis1", "softmax", IMAGE, lambda nn: nn.Softmax(1)),
    cell("log-softmax", "log_softmax", TOKENS, lambda nn: nn.LogSoftmax(-1)),
    function("matmul-transposed", "matmul", TOKENS, OTHER, fn=matmul_transposed),
    function("mean-axis", "reduce_mean", TOKENS, fn=mean_axis),
    function("sum-axis", "reduce_sum", TOKENS, fn=sum_axis),
    function("max-axis", "reduce_max", TOKENS, fn=max_axis),
    function("concat-split", "concat", TOKENS, OTHER, fn=concat_split),
    function("stack", "stack", TOKENS, OTHER, fn=stack),
    function("transpose", "transpose", IMAGE, fn=transpose),
    function("pad", "pad", IMAGE, fn=pad),
    function("clip", "clamp", TOKENS, fn=clip),
    function("where", "where", TOKENS, OTHER, fn=where),
    function("exp-log", "exp", POSITIVE, fn=exp_log),
    function("sqrt-rsqrt", "sqrt", POSITIVE, fn=sqrt_rsqrt),
    function("erf", "erf", TOKENS, fn=erf),
    function("sigmoid-tanh", "sigmoid", TOKENS, fn=sigmoid_tanh),
    function("top-k", "topk", TOKENS, fn=top_k),
    function("argmax", "argmax", TOKENS, fn=argmax),
    function("cumsum", "cumsum", TOKENS, fn=cumsum),
]
