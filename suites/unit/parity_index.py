"""Embedding, gather and scatter: first and last ids, negative and duplicate indices, every axis."""

from __future__ import annotations

import importlib

from _unit_build import (
    BATCH,
    LENGTH,
    f32,
    flags,
    flax_layer,
    i64,
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

from harness import ids, integers

IDS = i64("x", BATCH, LENGTH, domain=ids(17))
TOKENS = f32("x", BATCH, LENGTH, 7)
ROWS = f32("x", 11, 7)


def two_tables(library, base):
    """Return a helper for token plus position embeddings; torch and Paddle spell it alike."""

    def make(_):
        nn = importlib.import_module(library).nn

        class Net(getattr(nn, base)):
            def __init__(self):
                super().__init__()
                self.token = nn.Embedding(17, 5)
                self.place = nn.Embedding(32, 5)

            def forward(self, x, y):
                return self.token(x) + self.place(y)

        return Net()

    return make


CASES = [
    unit(
        "embedding", "embedding", IDS,
        torch=torch_layer(lambda nn: nn.Embedding(17, 5)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Embedding(17, 5)(x)),
        paddle=paddle_layer(lambda nn: nn.Embedding(17, 5)),
        onnx=onnx_graph("y = Gather(embedding, x)", embedding=(17, 5)),
        mindspore=mindspore_layer(lambda nn: nn.Embedding(17, 5)),
        jax=flax_layer(lambda nnx, rngs: nnx.Embed(17, 5, rngs=rngs)),
    ),
    unit(  # Paddle answers zeros for the padding id, torch the row that is stored there
        "embedding-padding-id", "embedding_padding", IDS,
        torch=torch_layer(lambda nn: nn.Embedding(17, 5, padding_idx=0)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Embedding(17, 5, mask_zero=True)(x)),
        paddle=paddle_layer(lambda nn: nn.Embedding(17, 5, padding_idx=0)),
    ),
    unit(
        "embedding-bag-mean", "embedding_bag", IDS,
        torch=torch_layer(lambda nn: nn.EmbeddingBag(17, 5, mode="mean")),
        tensorflow=keras_fn(lambda keras, x: keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(17, 5)(x))),
    ),
    unit(
        "embedding-two-tables", "positional_embedding", IDS, i64("y", BATCH, LENGTH, domain=integers(0, 31)),
        torch=two_tables("torch", "Module"),
        tensorflow=keras_fn(lambda keras, x, y: keras.layers.Embedding(17, 5)(x) + keras.layers.Embedding(32, 5)(y)),
        paddle=two_tables("paddle", "Layer"),
        onnx=onnx_graph("a = Gather(token, x)", "b = Gather(place, y)", "out = Add(a, b)", token=(17, 5), place=(32, 5), outputs=["out"]),
        jax=jax_fn(lambda jax, w, x, y: w["embed_token"][x] + w["embed_place"][y], embed_token=(17, 5), embed_place=(32, 5)),
    ),
    unit(
        "one-hot", "one_hot", IDS,
        torch=torch_fn(lambda torch, x: torch.nn.functional.one_hot(x, 17)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.one_hot(x, 17, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.nn.functional.one_hot(x, 17).astype("int64")),
        onnx=onnx_graph("y = OneHot<axis = 1>(x, depth, values)", depth=17, values=[-0.5, 2.0]),
        jax=jax_fn(lambda jax, x: jax.nn.one_hot(x, 17, axis=1)),
    ),
    unit(
        "index-select-axis2", "index_select", TOKENS, i64("y", 5, domain=ids(7)),
        torch=torch_fn(lambda torch, x, y: torch.index_select(x, 2, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.take(x, y, axis=2)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.index_select(x, y, axis=2)),
        onnx=onnx_graph("out = Gather<axis = 2>(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.numpy.take(x, y, axis=2)),
    ),
    unit(
        "gather-negative-ids", "gather_negative", ROWS, i64("y", BATCH, LENGTH, domain=integers(-11, 10)),
        torch=torch_fn(lambda torch, x, y: x[y]),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.take(x, y, axis=0)),
        paddle=paddle_fn(lambda paddle, x, y: x[y]),
        onnx=onnx_graph("out = Gather(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: x[y]),
    ),
    unit(
        "gather-elements-axis1", "gather_elements", f32("x", BATCH, 9, 5), i64("y", BATCH, 4, 5, domain=ids(9)),
        torch=torch_fn(lambda torch, x, y: torch.gather(x, 1, y)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.take_along_axis(x, y, axis=1)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.take_along_axis(x, y, 1)),
        onnx=onnx_graph("out = GatherElements<axis = 1>(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.numpy.take_along_axis(x, y, axis=1)),
    ),
    unit(
        "gather-nd-pairs", "gather_nd", f32("x", 9, 9, 5), i64("y", BATCH, 4, 2, domain=ids(9)),
        torch=torch_fn(lambda torch, x, y: x[y[..., 0], y[..., 1]]),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.take(keras.ops.reshape(x, (81, 5)), y[..., 0] * 9 + y[..., 1], axis=0)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.gather_nd(x, y)),
        onnx=onnx_graph("out = GatherND(x, y)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: x[y[..., 0], y[..., 1]]),
    ),
    unit(
        "scatter-add-duplicates", "scatter_add", f32("x", BATCH, 9), i64("y", BATCH, 6, domain=ids(9)), f32("z", BATCH, 6),
        torch=torch_fn(lambda torch, x, y, z: torch.scatter_add(x, 1, y, z)),
        tensorflow=keras_fn(lambda keras, x, y, z: x + keras.ops.sum(keras.ops.one_hot(y, 9) * keras.ops.expand_dims(z, -1), axis=1)),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle.put_along_axis(x, y, z, 1, reduce="add")),
        onnx=onnx_graph('out = ScatterElements<axis = 1, reduction = "add">(x, y, z)', outputs=["out"], opset=18),
        jax=jax_fn(lambda jax, x, y, z: x.at[jax.numpy.arange(x.shape[0])[:, None], y].add(z)),
    ),
    unit(  # one index per row: an overwrite with duplicates has no defined winner
        "scatter-overwrite", "scatter", f32("x", BATCH, 9, 5), i64("y", BATCH, 1, 5, domain=ids(9)), f32("z", BATCH, 1, 5),
        torch=torch_fn(lambda torch, x, y, z: torch.scatter(x, 1, y, z)),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle.put_along_axis(x, y, z, 1)),
        onnx=onnx_graph("out = ScatterElements<axis = 1>(x, y, z)", outputs=["out"]),
    ),
    unit(
        "scatter-reduce-max", "scatter_reduce", f32("x", BATCH, 9), i64("y", BATCH, 6, domain=ids(9)), f32("z", BATCH, 6),
        torch=torch_fn(lambda torch, x, y, z: torch.scatter_reduce(x, 1, y, z, "amax", include_self=True)),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle.put_along_axis(x, y, z, 1, reduce="amax")),
        onnx=onnx_graph('out = ScatterElements<axis = 1, reduction = "max">(x, y, z)', outputs=["out"], opset=18),
        jax=jax_fn(lambda jax, x, y, z: x.at[jax.numpy.arange(x.shape[0])[:, None], y].max(z)),
    ),
    unit(
        "index-add-rows", "index_add", ROWS, i64("y", 6, domain=ids(11)), f32("z", 6, 7),
        torch=torch_fn(lambda torch, x, y, z: torch.index_add(x, 0, y, z, alpha=0.5)),
        tensorflow=keras_fn(lambda keras, x, y, z: x + 0.5 * keras.ops.segment_sum(z, y, num_segments=11)),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle.index_add(x, y, 0, 0.5 * z)),
        onnx=onnx_graph(
            "i = Unsqueeze(y, axes)", "s = Mul(z, half)", 'out = ScatterND<reduction = "add">(x, i, s)',
            axes=[1], half=0.5, outputs=["out"], opset=18,
        ),
        jax=jax_fn(lambda jax, x, y, z: x.at[y].add(0.5 * z)),
    ),
    unit(
        "masked-fill", "masked_fill", TOKENS, flags("y", BATCH, LENGTH),
        torch=torch_fn(lambda torch, x, y: x.masked_fill(y.unsqueeze(-1), -7.5)),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.where(keras.ops.expand_dims(y, -1), -7.5, x)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.masked_fill(x, y.unsqueeze(-1), -7.5)),
        onnx=onnx_graph("m = Unsqueeze(y, axes)", "out = Where(m, low, x)", axes=[-1], low=-7.5, outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.numpy.where(y[..., None], -7.5, x)),
    ),
    unit(  # the size of the result depends on the values
        "nonzero", "nonzero", i64("x", BATCH, LENGTH, domain=integers(-1, 1)),
        torch=torch_fn(lambda torch, x: torch.nonzero(x)),
        paddle=paddle_fn(lambda paddle, x: paddle.nonzero(x)),
        onnx=onnx_graph("n = NonZero(x)", "y = Transpose(n)"),
        jax=jax_fn(lambda jax, x: jax.numpy.stack(jax.numpy.nonzero(x), axis=-1)),
    ),
    unit(
        "masked-select", "masked_select", TOKENS,
        torch=torch_fn(lambda torch, x: torch.masked_select(x, x > 0.25)),
        paddle=paddle_fn(lambda paddle, x: paddle.masked_select(x, x > 0.25)),
        onnx=onnx_graph(
            "m = Greater(x, level)", "f = Reshape(x, flat)", "g = Reshape(m, flat)", "y = Compress(f, g)", level=0.25, flat=[-1]
        ),
        jax=jax_fn(lambda jax, x: x[x > 0.25]),
    ),
    unit(
        "slice-assign", "index_put", TOKENS,
        torch=torch_fn(lambda torch, x: torch.slice_scatter(x, 2.0 * x[..., 1:3], 2, 4, 6)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.concatenate([x[..., :4], 2.0 * x[..., 1:3], x[..., 6:]], axis=-1)),
        paddle=paddle_fn(lambda paddle, x: paddle.slice_scatter(x, 2.0 * x[..., 1:3], axes=[2], starts=[4], ends=[6], strides=[1])),
        jax=jax_fn(lambda jax, x: x.at[..., 4:6].set(2.0 * x[..., 1:3])),
    ),
]  # fmt: skip
