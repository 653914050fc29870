"""Lengths that go together: one made of another, two that are related, multiples. Exporters have to be told."""

from __future__ import annotations

from _unit_build import BATCH, LENGTH, f32, jax_fn, keras_fn, onnx_graph, paddle_fn, torch_fn, unit

from harness import Dim

LONG = Dim("long", 3, 65)
QUADS = Dim("quads", 4, 64, multiple=4)
TWICE = {
    "torch": torch_fn(lambda torch, x, y: torch.cat([x, x * x, x[:, :1]], dim=1) * y),
    "tensorflow": keras_fn(lambda keras, x, y: keras.ops.concatenate([x, x * x, x[:, :1]], axis=1) * y),
    "paddle": paddle_fn(lambda paddle, x, y: paddle.concat([x, x * x, x[:, :1]], axis=1) * y),
    "jax": jax_fn(lambda jax, x, y: jax.numpy.concatenate([x, x * x, x[:, :1]], axis=1) * y),
    "onnx": onnx_graph(
        "s = Mul(x, x)", "f = Slice(x, zero, one, one)", "c = Concat<axis = 1>(x, s, f)", "out = Mul(c, y)",
        outputs=["out"], zero=[0], one=[1],
    ),
}  # fmt: skip

CASES = [
    unit("twice-and-one-derived", "lengths", f32("x", BATCH, LENGTH), f32("y", BATCH, 2 * LENGTH + 1), **TWICE),
    unit(
        "twice-and-one-related", "lengths", f32("x", BATCH, LENGTH), f32("y", BATCH, LONG),
        relations=("long == 2*length + 1",), **TWICE,
    ),
    unit(
        "quads-transposed", "lengths", f32("x", BATCH, QUADS),
        torch=torch_fn(lambda torch, x: x.reshape(x.shape[0], x.shape[1] // 4, 4).transpose(1, 2).reshape(x.shape) * 2.0),
        tensorflow=keras_fn(
            lambda keras, x: keras.layers.Flatten()(keras.layers.Permute((2, 1))(keras.layers.Reshape((-1, 4))(x))) * 2.0
        ),
        paddle=paddle_fn(lambda paddle, x: paddle.flatten(paddle.transpose(paddle.reshape(x, [0, -1, 4]), [0, 2, 1]), 1) * 2.0),
        onnx=onnx_graph(
            "r = Reshape(x, quads)", "t = Transpose<perm = [0, 2, 1]>(r)", "y = Reshape(t, flat)", quads=[0, -1, 4], flat=[0, -1],
        ),
        jax=jax_fn(lambda jax, x: x.reshape(x.shape[0], x.shape[1] // 4, 4).transpose(0, 2, 1).reshape(x.shape) * 2.0),
    ),
]  # fmt: skip
