"""Attention primitives: scale, causal masks of unequal lengths, masks of both polarities, rotary positions."""

from __future__ import annotations

from _unit_build import BATCH, LENGTH, f32, flags, jax_fn, keras_fn, onnx_graph, paddle_fn, torch_fn, unit

from harness import Dim

QUERIES = Dim("queries", 1, 32, example=6)
Q = f32("x", BATCH, 3, QUERIES, 4)
K = f32("y", BATCH, 3, LENGTH, 4)
V = f32("z", BATCH, 3, LENGTH, 4)
TOKENS = f32("x", BATCH, LENGTH, 12)
MEMORY = f32("y", BATCH, QUERIES, 12)


def keras_scores(ops, x, y, scale):
    return scale * ops.matmul(x, ops.transpose(y, (0, 1, 3, 2)))


def paddle_attention(paddle, x, y, z, **more):
    """Paddle keeps heads on axis 2."""
    swap = [0, 2, 1, 3]
    out = paddle.nn.functional.scaled_dot_product_attention(*[t.transpose(swap) for t in (x, y, z)], **more)
    return out.transpose(swap)


def paddle_causal(paddle, scores):
    keep = paddle.tril(paddle.ones_like(scores)) > 0.5
    return paddle.nn.functional.softmax(paddle.where(keep, scores, paddle.full_like(scores, -1e9)), -1)


def jax_attention(jax, x, y, z, **more):
    """JAX keeps heads on axis 2."""
    out = jax.nn.dot_product_attention(*[t.transpose(0, 2, 1, 3) for t in (x, y, z)], **more)
    return out.transpose(0, 2, 1, 3)


def flax_cross(specs):
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self):
            self.attention = nnx.MultiHeadAttention(2, 12, qkv_features=12, use_bias=False, decode=False, rngs=nnx.Rngs(0))

        def __call__(self, x, y, z):
            return self.attention(x, y, mask=z[:, None, None])

    return Net()


def torch_mha(specs):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = torch.nn.MultiheadAttention(12, 3, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=True, average_attn_weights=False)

    return Net()


def torch_cross(specs):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = torch.nn.MultiheadAttention(12, 2, batch_first=True, bias=False)

        def forward(self, x, y, z):
            return self.attention(x, y, y, key_padding_mask=~z, need_weights=False)[0]

    return Net()


def paddle_mha(specs):
    import paddle

    class Net(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.attention = paddle.nn.MultiHeadAttention(12, 3, need_weights=True)

        def forward(self, x):
            return self.attention(x, x, x)

    return Net()


def paddle_cross(specs):
    import paddle

    class Net(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.attention = paddle.nn.MultiHeadAttention(12, 2, bias_attr=False)

        def forward(self, x, y, z):
            return self.attention(x, y, y, attn_mask=z.unsqueeze([1, 2]))

    return Net()


def rotate(f, cat, x):
    """Rotary positions in the half-split form, built from the length of the input."""
    half = x.shape[-1] // 2
    angle = f.cumsum(f.ones_like(x[..., :half]), 2) - 1.0
    angle = angle * 0.3
    first, second = x[..., :half], x[..., half:]
    return cat([first * f.cos(angle) - second * f.sin(angle), second * f.cos(angle) + first * f.sin(angle)], -1)


CASES = [
    unit(
        "attention-unequal-lengths", "scaled_dot_product_attention", Q, K, V,
        torch=torch_fn(lambda torch, x, y, z: torch.nn.functional.scaled_dot_product_attention(x, y, z)),
        tensorflow=keras_fn(
            lambda keras, x, y, z: keras.ops.matmul(keras.ops.softmax(keras_scores(keras.ops, x, y, 0.5), axis=-1), z)
        ),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle_attention(paddle, x, y, z)),
        onnx=onnx_graph(
            "t = Transpose<perm = [0, 1, 3, 2]>(y)", "s = MatMul(x, t)", "d = Mul(s, half)", "p = Softmax<axis = -1>(d)",
            "out = MatMul(p, z)", half=0.5, outputs=["out"],
        ),
        jax=jax_fn(lambda jax, x, y, z: jax_attention(jax, x, y, z)),
    ),
    unit(
        "attention-causal-own-scale", "causal_attention", f32("x", BATCH, 3, LENGTH, 4), K, V,
        torch=torch_fn(lambda torch, x, y, z: torch.nn.functional.scaled_dot_product_attention(x, y, z, is_causal=True, scale=0.3)),
        tensorflow=keras_fn(
            lambda keras, x, y, z: keras.ops.dot_product_attention(
                *[keras.ops.transpose(t, (0, 2, 1, 3)) for t in (x, y, z)], is_causal=True, scale=0.3
            )
        ),
        # The mask is spelt out: is_causal has a kernel for GPUs only.
        paddle=paddle_fn(lambda paddle, x, y, z: paddle.matmul(paddle_causal(paddle, 0.3 * paddle.matmul(x, y, transpose_y=True)), z)),
        jax=jax_fn(lambda jax, x, y, z: jax_attention(jax, x, y, z, is_causal=True, scale=0.3)),
    ),
    unit(  # bool masks mean "keep" here, "drop" in torch.nn.MultiheadAttention
        "attention-bool-mask", "masked_attention", f32("x", BATCH, 3, 5, 4), f32("y", BATCH, 3, LENGTH, 4),
        flags("z", BATCH, 1, 1, LENGTH),
        torch=torch_fn(lambda torch, x, y, z: torch.nn.functional.scaled_dot_product_attention(x, y, y, attn_mask=z)),
        tensorflow=keras_fn(
            lambda keras, x, y, z: keras.ops.matmul(
                keras.ops.softmax(keras.ops.where(z, keras_scores(keras.ops, x, y, 0.5), -1e9), axis=-1), y
            )
        ),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle_attention(paddle, x, y, y, attn_mask=z)),
        onnx=onnx_graph(
            "t = Transpose<perm = [0, 1, 3, 2]>(y)", "s = MatMul(x, t)", "d = Mul(s, half)", "m = Where(z, d, low)",
            "p = Softmax<axis = -1>(m)", "out = MatMul(p, y)", low=-1e9, half=0.5, outputs=["out"],
        ),
        jax=jax_fn(lambda jax, x, y, z: jax_attention(jax, x, y, y, mask=z)),
    ),
    unit(
        "attention-additive-mask", "additive_mask_attention", Q, K, f32("z", BATCH, 1, QUERIES, LENGTH),
        torch=torch_fn(lambda torch, x, y, z: torch.nn.functional.scaled_dot_product_attention(x, y, y, attn_mask=z)),
        tensorflow=keras_fn(
            lambda keras, x, y, z: keras.ops.matmul(keras.ops.softmax(keras_scores(keras.ops, x, y, 0.5) + z, axis=-1), y)
        ),
        paddle=paddle_fn(lambda paddle, x, y, z: paddle_attention(paddle, x, y, y, attn_mask=z)),
        jax=jax_fn(lambda jax, x, y, z: jax_attention(jax, x, y, y, bias=z)),
    ),
    unit(
        "multi-head-self-attention-weights", "multi_head_attention", TOKENS,
        torch=torch_mha,
        tensorflow=keras_fn(lambda keras, x: keras.layers.MultiHeadAttention(3, 4)(x, x, return_attention_scores=True)),
        paddle=paddle_mha,
        outputs=["tokens", "weights"],
    ),
    unit(
        "multi-head-cross-attention-padding", "cross_attention", TOKENS, MEMORY, flags("z", BATCH, QUERIES),
        torch=torch_cross,
        tensorflow=keras_fn(
            lambda keras, x, y, z: keras.layers.MultiHeadAttention(2, 5, value_dim=3, output_shape=12, use_bias=False)(
                x, y, attention_mask=keras.ops.expand_dims(z, 1)
            )
        ),
        paddle=paddle_cross,
        jax=flax_cross,
    ),
    unit(
        "rotary-half-split", "rotary_embedding", f32("x", BATCH, 3, LENGTH, 8),
        torch=torch_fn(lambda torch, x: rotate(torch, torch.cat, x)),
        tensorflow=keras_fn(lambda keras, x: rotate(keras.ops, keras.ops.concatenate, x)),
        paddle=paddle_fn(lambda paddle, x: rotate(paddle, paddle.concat, x)),
        jax=jax_fn(lambda jax, x: rotate(jax.numpy, jax.numpy.concatenate, x)),
    ),
    unit(
        "alibi-bias", "alibi", f32("x", BATCH, 3, LENGTH, LENGTH),
        torch=torch_fn(lambda torch, x: torch.softmax(x - 0.25 * torch.tril(torch.ones_like(x)).sum(-1, keepdim=True), -1).tril()),
        tensorflow=keras_fn(
            lambda keras, x: keras.ops.tril(
                keras.ops.softmax(x - 0.25 * keras.ops.sum(keras.ops.tril(keras.ops.ones_like(x)), axis=-1, keepdims=True), axis=-1)
            )
        ),
        paddle=paddle_fn(
            lambda paddle, x: paddle.tril(
                paddle.nn.functional.softmax(x - 0.25 * paddle.tril(paddle.ones_like(x)).sum(-1, keepdim=True), -1)
            )
        ),
        jax=jax_fn(
            lambda jax, x: jax.numpy.tril(jax.nn.softmax(x - 0.25 * jax.numpy.tril(jax.numpy.ones_like(x)).sum(-1, keepdims=True), -1))
        ),
    ),
]  # fmt: skip
