"""Moving data about: every axis has its own length, negative and strided slices, sizes read at run time."""

from __future__ import annotations

from _unit_build import (
    BATCH,
    HEIGHT,
    LENGTH,
    WIDTH,
    f32,
    jax_fn,
    keras_fn,
    onnx_graph,
    paddle_fn,
    paddle_layer,
    same,
    torch_fn,
    torch_layer,
    unit,
)

X = f32("x", BATCH, LENGTH, 6)
CUBE = f32("x", BATCH, 5, LENGTH, 7)

CASES = [
    unit(
        "reshape-split-heads", "reshape", X,
        torch=torch_fn(lambda torch, x: x.reshape(x.shape[0], -1, 2, 3)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Reshape((-1, 2, 3))(x)),
        paddle=paddle_fn(lambda paddle, x: paddle.reshape(x, [0, -1, 2, 3])),
        onnx=onnx_graph("y = Reshape(x, shape)", shape=[0, 0, 2, 3]),
        jax=jax_fn(lambda jax, x: x.reshape(x.shape[0], -1, 2, 3)),
    ),
    unit(
        "flatten-from-axis1", "flatten", f32("x", BATCH, 3, 5, 7),
        torch=torch_layer(lambda nn: nn.Flatten(1, 2)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Flatten()(x)),
        paddle=paddle_layer(lambda nn: nn.Flatten(1, 2)),
        onnx=onnx_graph("y = Flatten<axis = 2>(x)"),
        jax=jax_fn(lambda jax, x: x.reshape(x.shape[0], 15, 7)),
    ),
    unit(
        "transpose-rotate-axes", "transpose", CUBE,
        torch=torch_fn(lambda torch, x: x.permute(0, 2, 3, 1)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.Permute((2, 3, 1))(x)),
        paddle=paddle_fn(lambda paddle, x: paddle.transpose(x, [0, 2, 3, 1])),
        onnx=onnx_graph("y = Transpose<perm = [0, 2, 3, 1]>(x)"),
        jax=jax_fn(lambda jax, x: jax.numpy.transpose(x, (0, 2, 3, 1))),
    ),
    unit(
        "squeeze-unsqueeze", "squeeze", f32("x", BATCH, 1, LENGTH, 1),
        torch=torch_fn(lambda torch, x: x.squeeze(3).unsqueeze(0)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.expand_dims(keras.ops.squeeze(x, axis=3), 1)),
        paddle=paddle_fn(lambda paddle, x: paddle.unsqueeze(paddle.squeeze(x, 3), 0)),
        onnx=onnx_graph("s = Squeeze(x, last)", "y = Unsqueeze(s, first)", last=[3], first=[0]),
        jax=jax_fn(lambda jax, x: jax.numpy.expand_dims(jax.numpy.squeeze(x, 3), 0)),
    ),
    unit(
        "concat-three-axis2", "concat", X, f32("y", BATCH, LENGTH, 3), f32("z", BATCH, LENGTH, 1),
        torch=torch_fn(lambda torch, x, y, z: torch.cat([y, x, z], dim=2)),
        tensorflow=keras_fn(lambda keras, x, y, z: keras.layers.Concatenate(axis=2)([y, x, z])),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle.concat([y, x, z], axis=2)),
        onnx=onnx_graph("out = Concat<axis = 2>(y, x, z)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y, z: jax.numpy.concatenate([y, x, z], axis=2)),
    ),
    unit(
        "stack-axis1", "stack", X, f32("y", BATCH, LENGTH, 6), **same(lambda f, x, y: f.stack([y, x, y], 1)),
    ),
    unit(
        "split-uneven", "split", f32("x", BATCH, 9, LENGTH),
        torch=torch_fn(lambda torch, x: torch.split(x, [2, 3, 4], dim=1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.split(x, [2, 5], axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.split(x, [2, 3, 4], axis=1)),
        onnx=onnx_graph("a, b, c = Split<axis = 1>(x, sizes)", sizes=[2, 3, 4], outputs=["a", "b", "c"]),
        jax=jax_fn(lambda jax, x: jax.numpy.split(x, [2, 5], axis=1)),
    ),
    unit(  # equal pieces: an exchange of two outputs keeps every shape
        "chunk-equal", "chunk", f32("x", BATCH, 9, LENGTH),
        torch=torch_fn(lambda torch, x: torch.chunk(x, 3, dim=1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.split(x, 3, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.chunk(x, 3, axis=1)),
        onnx=onnx_graph("a, b, c = Split<axis = 1>(x)", outputs=["a", "b", "c"]),
        jax=jax_fn(lambda jax, x: jax.numpy.split(x, 3, axis=1)),
    ),
    unit(
        "unbind-axis1", "unbind", f32("x", BATCH, 3, LENGTH),
        torch=torch_fn(lambda torch, x: torch.unbind(x, 1)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.unstack(x, axis=1)),
        paddle=paddle_fn(lambda paddle, x: paddle.unbind(x, 1)),
    ),
    unit(
        "broadcast-to-other", "expand", f32("x", BATCH, 1, 6), f32("y", BATCH, LENGTH, 6),
        torch=torch_fn(lambda torch, x, y: x.expand_as(y).clone()),
        tensorflow=keras_fn(lambda keras, x, y: x + keras.ops.zeros_like(y)),
        paddle=paddle_fn(lambda paddle, x, y: paddle.expand_as(x, y)),
        onnx=onnx_graph("s = Shape(y)", "out = Expand(x, s)", outputs=["out"]),
        jax=jax_fn(lambda jax, x, y: jax.numpy.broadcast_to(x, y.shape)),
    ),
    unit(
        "tile-two-axes", "tile", X, **same(lambda f, x: f.tile(x, (1, 3, 2))),
        onnx=onnx_graph("y = Tile(x, repeats)", repeats=[1, 3, 2]),
    ),
    unit(
        "repeat-interleave", "repeat_interleave", X,
        torch=torch_fn(lambda torch, x: torch.repeat_interleave(x, 3, dim=2)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.repeat(x, 3, axis=2)),
        paddle=paddle_fn(lambda paddle, x: paddle.repeat_interleave(x, 3, axis=2)),
        jax=jax_fn(lambda jax, x: jax.numpy.repeat(x, 3, axis=2)),
    ),
    unit("flip-two-axes", "flip", X, **same(lambda f, x: f.flip(x, (1, 2)))),
    unit(
        "roll-forward-and-back", "roll", X,
        torch=torch_fn(lambda torch, x: torch.roll(x, (2, -1), (1, 2))),
        tensorflow=keras_fn(lambda keras, x: keras.ops.roll(x, (2, -1), axis=(1, 2))),
        paddle=paddle_fn(lambda paddle, x: paddle.roll(x, (2, -1), (1, 2))),
        jax=jax_fn(lambda jax, x: jax.numpy.roll(x, (2, -1), (1, 2))),
    ),
    unit(
        "slice-strided-negative", "slice", f32("x", BATCH, LENGTH, 9),
        **same(lambda f, x: x[:, -1:, 1:-1:3]),
        onnx=onnx_graph("y = Slice(x, starts, ends, axes, steps)", starts=[-1, 1], ends=[2**31 - 1, -1], axes=[1, 2], steps=[1, 3]),
    ),
    unit(
        "slice-negative-step", "slice_reverse", f32("x", BATCH, LENGTH, 9),
        tensorflow=keras_fn(lambda keras, x: x[:, :, 7:1:-2]),
        paddle=paddle_fn(lambda paddle, x: x[:, :, 7:1:-2]),
        onnx=onnx_graph("y = Slice(x, starts, ends, axes, steps)", starts=[7], ends=[1], axes=[2], steps=[-2]),
        jax=jax_fn(lambda jax, x: x[:, :, 7:1:-2]),
    ),
    unit(
        "pixel-shuffle", "pixel_shuffle", f32("x", BATCH, 12, HEIGHT, WIDTH), nhwc=True,
        torch=torch_layer(lambda nn: nn.PixelShuffle(2)),
        paddle=paddle_layer(lambda nn: nn.PixelShuffle(2)),
        onnx=onnx_graph('y = DepthToSpace<blocksize = 2, mode = "CRD">(x)'),
    ),
    unit(
        "pixel-unshuffle", "pixel_unshuffle", f32("x", BATCH, 3, 8, 12),
        torch=torch_layer(lambda nn: nn.PixelUnshuffle(2)),
        paddle=paddle_layer(lambda nn: nn.PixelUnshuffle(2)),
        onnx=onnx_graph("y = SpaceToDepth<blocksize = 2>(x)"),
    ),
    unit(
        "channel-shuffle", "channel_shuffle", f32("x", BATCH, 6, HEIGHT, WIDTH),
        torch=torch_layer(lambda nn: nn.ChannelShuffle(3)),
        paddle=paddle_layer(lambda nn: nn.ChannelShuffle(3)),
        onnx=onnx_graph(
            "r = Reshape(x, apart)", "t = Transpose<perm = [0, 2, 1, 3]>(r)", "s = Shape(x)", "y = Reshape(t, s)", apart=[0, 3, 2, -1]
        ),
    ),
    unit(
        "tril-below-diagonal", "tril", f32("x", BATCH, 7, 9),
        torch=torch_fn(lambda torch, x: torch.tril(x, -1) + 2.0 * torch.triu(x, 2)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.tril(x, -1) + 2.0 * keras.ops.triu(x, 2)),
        paddle=paddle_fn(lambda paddle, x: paddle.tril(x, -1) + 2.0 * paddle.triu(x, 2)),
        onnx=onnx_graph(
            "a = Trilu<upper = 0>(x, below)", "b = Trilu(x, above)", "c = Mul(b, two)", "y = Add(a, c)", below=-1, above=2, two=2.0
        ),
        jax=jax_fn(lambda jax, x: jax.numpy.tril(x, -1) + 2.0 * jax.numpy.triu(x, 2)),
    ),
    unit(
        "diagonal-offset", "diagonal", f32("x", BATCH, 7, 9),
        torch=torch_fn(lambda torch, x: torch.diagonal(x, 1, 1, 2)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.diagonal(x, 1, 1, 2)),
        paddle=paddle_fn(lambda paddle, x: paddle.diagonal(x, 1, 1, 2)),
        jax=jax_fn(lambda jax, x: jax.numpy.diagonal(x, 1, 1, 2)),
    ),
    unit(  # positions made from the length: a length baked in at export shows at the other shape
        "arange-of-length", "arange", X,
        torch=torch_fn(lambda torch, x: x + torch.arange(x.shape[1], dtype=x.dtype).unsqueeze(-1)),
        tensorflow=keras_fn(lambda keras, x: x + keras.ops.cumsum(keras.ops.ones_like(x), axis=1) - 1.0),
        paddle=paddle_fn(lambda paddle, x: x + paddle.arange(paddle.shape(x)[1]).astype(x.dtype).unsqueeze(-1)),
        onnx=onnx_graph(
            "s = Shape<start = 1, end = 2>(x)", "n = Squeeze(s)", "r = Range(zero, n, one)", "f = CastLike(r, x)",
            "u = Unsqueeze(f, axes)", "y = Add(x, u)", zero=0, one=1, axes=[1],
        ),
        jax=jax_fn(lambda jax, x: x + jax.numpy.arange(x.shape[1], dtype=x.dtype)[:, None]),
    ),
    unit(
        "meshgrid", "meshgrid", f32("x", BATCH), f32("y", 7),
        torch=torch_fn(lambda torch, x, y: torch.meshgrid(x, y, indexing="ij")),
        tensorflow=keras_fn(lambda keras, x, y: keras.ops.meshgrid(x, y, indexing="ij")),
        paddle=paddle_fn(lambda paddle, x, y: paddle.meshgrid(x, y)),
    ),
    unit(
        "sliding-windows", "unfold_axis", f32("x", BATCH, 5, 11),
        torch=torch_fn(lambda torch, x: x.unfold(2, 3, 2)),
        paddle=paddle_fn(lambda paddle, x: paddle.unfold(x, 2, 3, 2)),
    ),
    unit(
        "moveaxis", "moveaxis", CUBE, **same(lambda f, x: f.moveaxis(x, 1, -1)),
    ),
    unit(
        "moveaxis-from-the-end", "moveaxis", CUBE, **same(lambda f, x: f.moveaxis(x, -1, -2)),
    ),
    unit(  # values of both signs: a cast truncates towards zero
        "cast-truncates", "cast", X,
        torch=torch_fn(lambda torch, x: (x * 3.0).to(torch.int32)),
        tensorflow=keras_fn(lambda keras, x: keras.ops.cast(x * 3.0, "int32")),
        paddle=paddle_fn(lambda paddle, x: (x * 3.0).astype("int32")),
        onnx=onnx_graph("m = Mul(x, three)", "y = Cast<to = 6>(m)", three=3.0),
        jax=jax_fn(lambda jax, x: (x * 3.0).astype("int32")),
    ),
]  # fmt: skip
