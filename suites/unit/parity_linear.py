"""Linear layers and matrix products."""

from __future__ import annotations

from _unit_build import (
    BATCH,
    LENGTH,
    f32,
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


def mindspore_matmul(_):
    import mindspore

    class MatMul(mindspore.nn.Cell):
        def construct(self, x, y):
            return mindspore.ops.matmul(x, y)

    return MatMul()


CASES = [
    unit(
        "linear-on-sequence", "linear", f32("x", BATCH, LENGTH, 11),
        torch=torch_layer(lambda nn: nn.Linear(11, 7)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Dense(7)(x)),
        paddle=paddle_layer(lambda nn: nn.Linear(11, 7)),
        onnx=onnx_graph("h = MatMul(x, w)", "y = Add(h, b)", w=(11, 7), b=(7,)),
        mindspore=mindspore_layer(lambda nn: nn.Dense(11, 7, has_bias=True)),
        jax=jax_fn(lambda jax, w, x: x @ w["kernel"] + w["bias"], kernel=(11, 7), bias=(7,)),
    ),
    unit(  # a square weight: a transpose too many keeps every shape
        "linear-square-no-bias", "linear", f32("x", BATCH, 9),
        torch=torch_layer(lambda nn: nn.Linear(9, 9, bias=False)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Dense(9, use_bias=False)(x)),
        paddle=paddle_layer(lambda nn: nn.Linear(9, 9, bias_attr=False)),
        onnx=onnx_graph("y = MatMul(x, w)", w=(9, 9)),
        mindspore=mindspore_layer(lambda nn: nn.Dense(9, 9, has_bias=False)),
        jax=jax_fn(lambda jax, w, x: x @ w["kernel"], kernel=(9, 9)),
    ),
    unit(
        "gemm-alpha-beta", "gemm", f32("x", BATCH, 5), f32("y", 5, 7), f32("z", 7),
        torch=torch_fn(lambda torch, x, y, z: torch.addmm(z, x, y, beta=0.5, alpha=2.0)),
        tensorflow=keras_fn(lambda keras, x, y, z: 0.5 * z + 2.0 * keras.ops.matmul(x, y)),
        paddle=paddle_fn(lambda paddle, x, y, z: 0.5 * z + 2.0 * paddle.matmul(x, y)),
        onnx=onnx_graph("out = Gemm<alpha = 2.0, beta = 0.5>(x, y, z)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y, z: 0.5 * z + 2.0 * (x @ y)),
    ),
    unit(
        "gemm-transposed", "gemm", f32("x", 5, BATCH), f32("y", 7, 5),
        torch=torch_fn(lambda torch, x, y: torch.mm(x.t(), y.t())),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.matmul(keras.ops.transpose(x), keras.ops.transpose(y))),
        paddle=paddle_fn(lambda paddle, x, y: paddle.matmul(x, y, transpose_x=True, transpose_y=True)),
        onnx=onnx_graph("out = Gemm<transA = 1, transB = 1>(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: x.T @ y.T),
    ),
    unit(
        "matmul-broadcast-4d", "matmul", f32("x", BATCH, 3, LENGTH, 5), f32("y", 3, 5, 7),
        torch=torch_fn(lambda torch, x, y: torch.matmul(x, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.matmul(x, y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.matmul(x, y)),
        onnx=onnx_graph("out = MatMul(x, y)", outputs=["out"]),
        mindspore=mindspore_matmul,
        jax=jax_fn(lambda jax, x, y: jax.numpy.matmul(x, y)),
    ),
    unit(
        "matmul-by-vector", "matmul", f32("x", BATCH, LENGTH, 7), f32("y", 7),
        torch=torch_fn(lambda torch, x, y: torch.matmul(x, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.matmul(x, y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.matmul(x, y)),
        onnx=onnx_graph("out = MatMul(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: x @ y),
    ),
    unit(
        "baddbmm", "bmm", f32("x", BATCH, LENGTH, 7), f32("y", BATCH, LENGTH, 5), f32("z", BATCH, 5, 7),
        torch=torch_fn(lambda torch, x, y, z: torch.baddbmm(x, y, z, beta=0.3, alpha=1.7)),
        tensorflow=keras_fn(lambda keras, x, y, z: 0.3 * x + 1.7 * keras.ops.matmul(y, z)),
        paddle=paddle_fn(lambda paddle, x, y, z: 0.3 * x + 1.7 * paddle.bmm(y, z)),
        jax=jax_fn(lambda jax, x, y, z: 0.3 * x + 1.7 * jax.lax.batch_matmul(y, z)),
    ),
    unit(
        "einsum-contract-last", "einsum", f32("x", BATCH, LENGTH, 5), f32("y", BATCH, 7, 5),
        torch=torch_fn(lambda torch, x, y: torch.einsum("bld,bkd->bkl", x, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.einsum("bld,bkd->bkl", x, y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.einsum("bld,bkd->bkl", x, y)),
        onnx=onnx_graph('out = Einsum<equation = "bld,bkd->bkl">(x, y)', outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.numpy.einsum("bld,bkd->bkl", x, y)),
    ),
    unit(
        "outer-product", "outer", f32("x", BATCH), f32("y", 7),
        torch=torch_fn(lambda torch, x, y: torch.outer(x, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.outer(x, y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.outer(x, y)),
        jax=jax_fn(lambda jax, x, y: jax.numpy.outer(x, y)),
    ),
    unit(
        "bilinear", "bilinear", f32("x", BATCH, 5), f32("y", BATCH, 3),
        torch=torch_layer(lambda nn: nn.Bilinear(5, 3, 7)),
        tensorflow=keras_fn(
            lambda keras, x, y: keras.ops.einsum("boj,bj->bo", keras.layers.EinsumDense("bi,ioj->boj", (7, 3), bias_axes="o")(x), y)
        ),
        paddle=paddle_layer(lambda nn: nn.Bilinear(5, 3, 7)),
        jax=jax_fn(lambda jax, w, x, y: jax.numpy.einsum("bi,oij,bj->bo", x, w["kernel"], y) + w["bias"], kernel=(7, 5, 3), bias=(7,)),
    ),
    unit(
        "cosine-similarity", "cosine_similarity", f32("x", BATCH, LENGTH, 7), f32("y", BATCH, LENGTH, 7),
        torch=torch_fn(lambda torch, x, y: torch.nn.functional.cosine_similarity(x, y, dim=1)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.sum(keras.ops.normalize(x, axis=1) * keras.ops.normalize(y, axis=1), axis=1)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.nn.functional.cosine_similarity(x, y, axis=1)),
    ),
    unit(
        "pairwise-distance-matrix", "cdist", f32("x", BATCH, LENGTH, 5), f32("y", BATCH, 3, 5),
        torch=torch_fn(lambda torch, x, y: torch.cdist(x, y, p=2.0, compute_mode="donot_use_mm_for_euclid_dist")),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.norm(keras.ops.expand_dims(x, 2) - keras.ops.expand_dims(y, 1), axis=-1)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.cdist(x, y, p=2.0, compute_mode="donot_use_mm_for_euclid_dist")),
    ),
]  # fmt: skip
