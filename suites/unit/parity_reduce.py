"""Reductions: several axes at once, kept and dropped axes, biased and unbiased, and the running kind."""

from __future__ import annotations

from _unit_build import BATCH, LENGTH, f32, flags, i64, jax_fn, keras_fn, onnx_graph, paddle_fn, same, torch_fn, unit

from harness import integers, normal, uniform

X = f32("x", BATCH, LENGTH, 5, 7)
TOKENS = f32("x", BATCH, LENGTH, 7)

CASES = [
    unit(
        "sum-two-axes", "reduce_sum", X,
        torch=torch_fn(lambda torch, x: torch.sum(x, dim=(1, 3))),
        tensorflow=keras_fn(lambda keras, x: keras.ops.sum(x, axis=(1, 3))),
        paddle=paddle_fn(lambda paddle, x: paddle.sum(x, axis=[1, 3])),
        onnx=onnx_graph("y = ReduceSum<keepdims = 0>(x, axes)", axes=[1, 3]),
        jax=jax_fn(lambda jax, x: jax.numpy.sum(x, axis=(1, 3))),
    ),
    unit(
        "sum-integers-widens", "reduce_sum", i64("x", BATCH, LENGTH, domain=integers(-40, 40)),
        torch=torch_fn(lambda torch, x: torch.sum(x.to(torch.int32), dim=1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.sum(keras.ops.cast(x, "int32"), axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.sum(x.astype("int32"), axis=1)),
        jax=jax_fn(lambda jax, x: jax.numpy.sum(x.astype("int32"), axis=1)),
    ),
    unit(
        "mean-keepdim", "reduce_mean", X,
        torch=torch_fn(lambda torch, x: torch.mean(x, dim=(-1, 1), keepdim=True)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.mean(x, axis=(-1, 1), keepdims=True)),
        paddle=paddle_fn(lambda paddle, x: paddle.mean(x, axis=[-1, 1], keepdim=True)),
        onnx=onnx_graph("y = ReduceMean<axes = [-1, 1]>(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.mean(x, axis=(-1, 1), keepdims=True)),
    ),
    unit(
        "max-with-index", "reduce_max", TOKENS,
        torch=torch_fn(lambda torch, x: torch.max(x, dim=1)),
        tensorflow=keras_fn(lambda keras, x: [keras.ops.max(x, axis=1), keras.ops.argmax(x, axis=1)]),
        paddle=paddle_fn(lambda paddle, x: (paddle.max(x, axis=1), paddle.argmax(x, axis=1))),
        onnx=onnx_graph(
            "values = ReduceMax<axes = [1], keepdims = 0>(x)", "indices = ArgMax<axis = 1, keepdims = 0>(x)", outputs=["values", "indices"]
        ),
        outputs=["values", "indices"],
        jax=jax_fn(lambda jax, x: (jax.numpy.max(x, axis=1), jax.numpy.argmax(x, axis=1))),
    ),
    unit(
        "min-all-axes", "reduce_min", TOKENS,
        torch=torch_fn(lambda torch, x: torch.amin(x, dim=(1, 2), keepdim=True)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.min(x, axis=(1, 2), keepdims=True)),
        paddle=paddle_fn(lambda paddle, x: paddle.amin(x, axis=[1, 2], keepdim=True)),
        onnx=onnx_graph("y = ReduceMin(x, axes)", axes=[1, 2], opset=18),
        jax=jax_fn(lambda jax, x: jax.numpy.min(x, axis=(1, 2), keepdims=True)),
    ),
    unit(
        "argmin-axis1", "argmin", f32("x", BATCH, 7, LENGTH),
        torch=torch_fn(lambda torch, x: torch.argmin(x, dim=1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.argmin(x, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.argmin(x, axis=1)),
        onnx=onnx_graph("y = ArgMin<axis = 1, keepdims = 0>(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.argmin(x, axis=1)),
    ),
    unit(  # small whole numbers: there are ties, and the first of them wins
        "argmax-ties", "argmax", i64("x", BATCH, LENGTH, domain=integers(0, 3)),
        torch=torch_fn(lambda torch, x: torch.argmax(x, dim=1, keepdim=True)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.argmax(x, axis=1, keepdims=True)),
        paddle=paddle_fn(lambda paddle, x: paddle.argmax(x, axis=1, keepdim=True)),
        onnx=onnx_graph("y = ArgMax<axis = 1>(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.argmax(x, axis=1, keepdims=True)),
    ),
    unit(
        "prod-axis1", "reduce_prod", f32("x", BATCH, 5, LENGTH, domain=uniform(-1.5, 1.5)),
        torch=torch_fn(lambda torch, x: torch.prod(x, 1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.prod(x, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.prod(x, 1)),
        onnx=onnx_graph("y = ReduceProd<axes = [1], keepdims = 0>(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.prod(x, axis=1)),
    ),
    unit(
        "var-unbiased", "variance", TOKENS,
        torch=torch_fn(lambda torch, x: torch.var(x, dim=2, unbiased=True)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.var(x, axis=2) * 7.0 / 6.0),
        paddle=paddle_fn(lambda paddle, x: paddle.var(x, axis=2, unbiased=True)),
        jax=jax_fn(lambda jax, x: jax.numpy.var(x, axis=2, ddof=1)),
    ),
    unit(
        "std-biased-keepdim", "std", TOKENS,
        torch=torch_fn(lambda torch, x: torch.std(x, dim=(0, 2), correction=0, keepdim=True)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.std(x, axis=(0, 2), keepdims=True)),
        paddle=paddle_fn(lambda paddle, x: paddle.std(x, axis=[0, 2], unbiased=False, keepdim=True)),
        jax=jax_fn(lambda jax, x: jax.numpy.std(x, axis=(0, 2), keepdims=True)),
    ),
    unit(
        "norm-l1", "norm_l1", TOKENS,
        torch=torch_fn(lambda torch, x: torch.linalg.vector_norm(x, ord=1, dim=(1, 2))),
        tensorflow=keras_fn(lambda keras, x: keras.ops.norm(x, ord=1, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.linalg.norm(x, p=1, axis=1)),
        onnx=onnx_graph("y = ReduceL1<axes = [1, 2], keepdims = 0>(x)"),
    ),
    unit(
        "norm-l2-keepdim", "norm_l2", TOKENS,
        torch=torch_fn(lambda torch, x: torch.linalg.vector_norm(x, dim=1, keepdim=True)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.norm(x, axis=1, keepdims=True)),
        paddle=paddle_fn(lambda paddle, x: paddle.linalg.norm(x, p=2, axis=1, keepdim=True)),
        onnx=onnx_graph("y = ReduceL2<axes = [1]>(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.linalg.norm(x, axis=1, keepdims=True)),
    ),
    unit(  # exp of the largest value overflows unless it is subtracted first
        "logsumexp-large", "logsumexp", f32("x", BATCH, LENGTH, 7, domain=normal(60.0)),
        torch=torch_fn(lambda torch, x: torch.logsumexp(x, dim=1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.logsumexp(x, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.logsumexp(x, axis=1)),
        onnx=onnx_graph("y = ReduceLogSumExp<axes = [1], keepdims = 0>(x)"),
        jax=jax_fn(lambda jax, x: jax.nn.logsumexp(x, axis=1)),
    ),
    unit(
        "cumsum-middle-axis", "cumsum", X, **same(lambda f, x: f.cumsum(x, 1)),
        onnx=onnx_graph("y = CumSum(x, axis)", axis=1),
    ),
    unit(
        "cumsum-exclusive-reverse", "cumsum_exclusive", TOKENS,
        torch=torch_fn(lambda torch, x: torch.flip(torch.cumsum(torch.flip(x, (1,)), 1), (1,)) - x),
        tensorflow=keras_fn(lambda keras, x: keras.ops.flip(keras.ops.cumsum(keras.ops.flip(x, 1), axis=1), 1) - x),
        paddle=paddle_fn(lambda paddle, x: paddle.flip(paddle.cumsum(paddle.flip(x, [1]), 1), [1]) - x),
        onnx=onnx_graph("y = CumSum<exclusive = 1, reverse = 1>(x, axis)", axis=1),
        jax=jax_fn(lambda jax, x: jax.lax.cumsum(x, 1, reverse=True) - x),
    ),
    unit(
        "cumprod", "cumprod", f32("x", BATCH, LENGTH, 5, domain=uniform(-1.2, 1.2)),
        torch=torch_fn(lambda torch, x: torch.cumprod(x, 2)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.cumprod(x, axis=2)),
        paddle=paddle_fn(lambda paddle, x: paddle.cumprod(x, 2)),
        jax=jax_fn(lambda jax, x: jax.numpy.cumprod(x, axis=2)),
    ),
    unit(
        "cummax", "cummax", TOKENS,
        torch=torch_fn(lambda torch, x: torch.cummax(x, 1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.associative_scan(keras.ops.maximum, x, axis=2)),
        paddle=paddle_fn(lambda paddle, x: paddle.cummax(x, 1)),
        jax=jax_fn(lambda jax, x: jax.lax.cummax(x, 1)),
    ),
    unit(
        "any-and-all", "any_all", flags("x", BATCH, 5, 7),
        torch=torch_fn(lambda torch, x: (torch.any(x, dim=1), torch.all(x, dim=2, keepdim=True))),
        tensorflow=keras_fn(lambda keras, x: [keras.ops.any(x, axis=1), keras.ops.all(x, axis=2, keepdims=True)]),
        paddle=paddle_fn(lambda paddle, x: (paddle.any(x, axis=1), paddle.all(x, axis=2, keepdim=True))),
        jax=jax_fn(lambda jax, x: (jax.numpy.any(x, axis=1), jax.numpy.all(x, axis=2, keepdims=True))),
    ),
    unit(
        "count-nonzero", "count_nonzero", i64("x", BATCH, LENGTH, domain=integers(-1, 1)),
        torch=torch_fn(lambda torch, x: torch.count_nonzero(x, dim=1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.count_nonzero(x, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.count_nonzero(x, axis=1)),
        jax=jax_fn(lambda jax, x: jax.numpy.count_nonzero(x, axis=1)),
    ),
    unit(
        "median-odd", "median", f32("x", BATCH, 7, LENGTH),
        torch=torch_fn(lambda torch, x: torch.median(x, dim=1).values),
        tensorflow=keras_fn(lambda keras, x: keras.ops.median(x, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.median(x, axis=1)),
        jax=jax_fn(lambda jax, x: jax.numpy.median(x, axis=1)),
    ),
]  # fmt: skip
