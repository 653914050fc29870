"""Decoder blocks as large language models use them: RMSNorm, rotary positions, SwiGLU, a causal mask, shared keys."""

from __future__ import annotations

from _module_build import (
    BATCH,
    LENGTH,
    attend,
    causal,
    f32,
    flax_net,
    keras_attend,
    keras_heads,
    keras_merge,
    keras_net,
    merge_heads,
    module,
    net,
    split_heads,
    turned,
)

TOKENS = f32("x", BATCH, LENGTH, 16)
HEADS, SIZE = 4, 4


def root_mean_square(x, scale):
    """``x`` over the root of its mean square; the mean is a sum, which all three spell alike."""
    return x * ((x * x).sum(-1)[..., None] / 16.0 + 1e-6) ** -0.5 * scale


def rotary(f, cat, x):
    """Rotary positions in the half-split form; the angles follow from the length of the input."""
    half = SIZE // 2
    step = f.cumsum(f.ones_like(x[..., :half]), 2) - 1.0
    angle = step * 0.1 ** (f.cumsum(f.ones_like(x[..., :half]), 3) - 1.0)
    first, second = x[..., :half], x[..., half:]
    return cat([first * f.cos(angle) - second * f.sin(angle), second * f.cos(angle) + first * f.sin(angle)], -1)


def block(groups, cat):
    """Return the forward of a decoder block whose keys and values have ``groups`` heads."""

    def forward(lib, self, x):
        hidden = root_mean_square(x, self.norm1.weight)
        q = rotary(lib, getattr(lib, cat), split_heads(lib, self.q(hidden), HEADS, SIZE))
        k = rotary(lib, getattr(lib, cat), split_heads(lib, self.k(hidden), groups, SIZE))
        v = split_heads(lib, self.v(hidden), groups, SIZE)
        k, v = [lib.repeat_interleave(t, HEADS // groups, 1) for t in (k, v)]
        bias = causal(lib, lib.matmul(q, turned(lib, k)))
        x = x + self.o(merge_heads(lib, attend(lib, q, k, v, bias)))
        hidden = root_mean_square(x, self.norm2.weight)
        return x + self.down(lib.nn.functional.silu(self.gate(hidden)) * self.up(hidden))

    return forward


def layers(groups, no_bias):
    """Return the children; a norm holds nothing but its scale, so LayerNorm stands in for it in both."""

    def make(nn):
        def linear(inputs, outputs):
            return nn.Linear(inputs, outputs, **no_bias)

        return {
            "norm1": nn.LayerNorm(16, **no_bias), "norm2": nn.LayerNorm(16, **no_bias),
            "q": linear(16, 16), "k": linear(16, groups * SIZE), "v": linear(16, groups * SIZE), "o": linear(16, 16),
            "gate": linear(16, 27), "up": linear(16, 27), "down": linear(27, 16),
        }  # fmt: skip

    return make


def keras_block(groups):
    """Return what `block` computes, in Keras."""

    def forward(keras, x):
        ops = keras.ops

        def dense(units, name):
            return keras.layers.Dense(units, use_bias=False, name=name)

        hidden = keras.layers.RMSNormalization(epsilon=1e-6, name="norm1")(x)
        q = rotary(ops, ops.concatenate, keras_heads(keras, dense(16, "q")(hidden), HEADS, SIZE))
        k = rotary(ops, ops.concatenate, keras_heads(keras, dense(groups * SIZE, "k")(hidden), groups, SIZE))
        v = keras_heads(keras, dense(groups * SIZE, "v")(hidden), groups, SIZE)
        k, v = [ops.repeat(t, HEADS // groups, axis=1) for t in (k, v)]
        bias = causal(ops, ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))))
        x = x + dense(16, "o")(keras_merge(keras, keras_attend(keras, q, k, v, bias)))
        hidden = keras.layers.RMSNormalization(epsilon=1e-6, name="norm2")(x)
        return x + dense(16, "down")(ops.silu(dense(27, "gate")(hidden)) * dense(27, "up")(hidden))

    return keras_net(forward)


def flax_block(groups):
    """Return what `block` computes, in Flax, whose attention repeats shared keys by itself."""

    def forward(jax, self, x):
        hidden = self.norm1(x)
        q, k = [
            rotary(jax.numpy, jax.numpy.concatenate, t.reshape(*x.shape[:2], heads, SIZE).swapaxes(1, 2)).swapaxes(1, 2)
            for t, heads in ((self.q(hidden), HEADS), (self.k(hidden), groups))
        ]
        v = self.v(hidden).reshape(*x.shape[:2], groups, SIZE)
        x = x + self.o(jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape))
        hidden = self.norm2(x)
        return x + self.down(jax.nn.silu(self.gate(hidden)) * self.up(hidden))

    def make(nnx, rngs):
        sizes = {
            "q": (16, 16), "k": (16, groups * SIZE), "v": (16, groups * SIZE), "o": (16, 16),
            "gate": (16, 27), "up": (16, 27), "down": (27, 16),
        }  # fmt: skip
        norms = {name: nnx.RMSNorm(16, epsilon=1e-6, rngs=rngs) for name in ("norm1", "norm2")}
        return {**norms, **{name: nnx.Linear(*size, use_bias=False, rngs=rngs) for name, size in sizes.items()}}

    return flax_net(make, forward)


def experts(lib, self, x):
    """Two of four experts, weighted; every expert runs, so that shapes do not depend on values."""
    scores = lib.nn.functional.softmax(self.router(x), -1)
    best, _ = lib.topk(scores, 2, -1)
    kept = lib.where(scores >= best[..., 1:], scores, lib.zeros_like(scores))
    kept = kept / kept.sum(-1)[..., None]
    return sum(kept[..., i : i + 1] * getattr(self, f"expert{i}")(x) for i in range(4))


def expert_layers(nn):
    return dict({f"expert{i}": nn.Linear(16, 16) for i in range(4)}, router=nn.Linear(16, 4))


def keras_experts(keras, x):
    ops = keras.ops
    scores = keras.layers.Dense(4, activation="softmax", name="router")(x)
    best, _ = ops.top_k(scores, 2)
    kept = ops.where(scores >= best[..., 1:], scores, 0.0)
    kept = kept / ops.sum(kept, axis=-1, keepdims=True)
    return sum(kept[..., i : i + 1] * keras.layers.Dense(16, name=f"expert{i}")(x) for i in range(4))


CASES = [
    module(
        "decoder-rmsnorm-rotary-swiglu", "decoder_block", TOKENS,
        torch=net("torch", layers(4, {"bias": False}), block(4, "cat")),
        paddle=net("paddle", layers(4, {"bias_attr": False}), block(4, "concat")),
        tensorflow=keras_block(4),
        jax=flax_block(4),
    ),
    module(
        "decoder-grouped-query", "grouped_query_attention", TOKENS,
        torch=net("torch", layers(2, {"bias": False}), block(2, "cat")),
        paddle=net("paddle", layers(2, {"bias_attr": False}), block(2, "concat")),
        tensorflow=keras_block(2),
        jax=flax_block(2),
    ),
    module(
        "mixture-of-experts-top2", "mixture_of_experts", TOKENS,
        torch=net("torch", expert_layers, experts),
        paddle=net("paddle", expert_layers, experts),
        tensorflow=keras_net(keras_experts),
    ),
]  # fmt: skip
