"""Transformer encoder parts: attention, both norm orders, cross attention, embeddings, pooling."""

from __future__ import annotations

from _module_build import (
    BATCH,
    LENGTH,
    attend,
    f32,
    flax_net,
    i64,
    keras_attend,
    keras_heads,
    keras_merge,
    keras_net,
    merge_heads,
    module,
    net,
    split_heads,
)

from harness import Dim, ids, mask, positions

TOKENS = f32("x", BATCH, LENGTH, 12)
PADDING = f32("y", BATCH, LENGTH, domain=mask())  # 1 keeps, 0 is padding
MEMORY = f32("y", BATCH, Dim("source", 1, 32, example=6), 12)


def fused_attention(lib, self, x, y):
    q, k, v = [split_heads(lib, part, 3, 4) for part in lib.chunk(self.qkv(x), 3, -1)]
    bias = (1.0 - y.unsqueeze(1).unsqueeze(1)) * -10000.0
    return self.out(merge_heads(lib, attend(lib, q, k, v, bias)))


def keras_fused_attention(keras, x, y):
    q, k, v = [keras_heads(keras, part, 3, 4) for part in keras.ops.split(keras.layers.Dense(36, name="qkv")(x), 3, axis=-1)]
    bias = (1.0 - keras.ops.expand_dims(keras.ops.expand_dims(y, 1), 1)) * -10000.0
    return keras.layers.Dense(12, name="out")(keras_merge(keras, keras_attend(keras, q, k, v, bias)))


def pre_norm(lib, self, x, y):
    x = x + fused_attention(lib, self, self.norm1(x), y)
    return x + self.down(lib.nn.functional.gelu(self.up(self.norm2(x))))


def pre_norm_layers(nn):
    return {
        "qkv": nn.Linear(12, 36), "out": nn.Linear(12, 12), "norm1": nn.LayerNorm(12), "norm2": nn.LayerNorm(12),
        "up": nn.Linear(12, 29), "down": nn.Linear(29, 12),
    }  # fmt: skip


def keras_feed_forward(keras, x, activation):
    return keras.layers.Dense(12, name="down")(keras.layers.Dense(29, activation=activation, name="up")(x))


def keras_pre_norm(keras, x, y):
    norm = keras.layers.LayerNormalization
    x = x + keras_fused_attention(keras, norm(epsilon=1e-5, name="norm1")(x), y)
    return x + keras_feed_forward(keras, norm(epsilon=1e-5, name="norm2")(x), "gelu")


def flax_pre_norm(jax, self, x, y):
    q, k, v = [part.reshape(*x.shape[:2], 3, 4) for part in jax.numpy.split(self.qkv(self.norm1(x)), 3, -1)]
    bias = (1.0 - y[:, None, None]) * -10000.0
    x = x + self.out(jax.nn.dot_product_attention(q, k, v, bias=bias).reshape(x.shape))
    return x + self.down(jax.nn.gelu(self.up(self.norm2(x)), approximate=False))


def flax_pre_norm_layers(nnx, rngs):
    sizes = {"qkv": (12, 36), "out": (12, 12), "up": (12, 29), "down": (29, 12)}
    norms = {name: nnx.LayerNorm(12, epsilon=1e-5, rngs=rngs) for name in ("norm1", "norm2")}
    return {**norms, **{name: nnx.Linear(*size, rngs=rngs) for name, size in sizes.items()}}


def keras_post_norm(keras, x):
    norm = keras.layers.LayerNormalization
    x = norm(epsilon=1e-5, name="norm1")(x + keras.layers.MultiHeadAttention(3, 4)(x, x))
    return norm(epsilon=1e-5, name="norm2")(x + keras_feed_forward(keras, x, "relu"))


def keras_decoder_layer(keras, x, y):
    norm = keras.layers.LayerNormalization
    x = norm(epsilon=1e-5, name="norm1")(x + keras.layers.MultiHeadAttention(3, 4)(x, x))
    x = norm(epsilon=1e-5, name="norm2")(x + keras.layers.MultiHeadAttention(3, 4)(x, y))
    return norm(epsilon=1e-5, name="norm3")(x + keras_feed_forward(keras, x, "relu"))


def embed(lib, self, x, y):
    return self.norm(self.word(x) + self.place(y) + self.kind(lib.zeros_like(x)))


def keras_embed(keras, x, y):
    embedding = keras.layers.Embedding
    total = embedding(23, 12, name="word")(x) + embedding(33, 12, name="place")(y) + embedding(2, 12, name="kind")(keras.ops.zeros_like(x))
    return keras.layers.LayerNormalization(epsilon=1e-12)(total)


def masked_mean(lib, self, x, y):
    keep = y.unsqueeze(-1)
    return lib.tanh(self.dense((x * keep).sum(1) / keep.sum(1)))


def keras_masked_mean(keras, x, y):
    keep = keras.ops.expand_dims(y, -1)
    return keras.layers.Dense(7, activation="tanh")(keras.ops.sum(x * keep, axis=1) / keras.ops.sum(keep, axis=1))


def embedding_layers(nn):
    return {"word": nn.Embedding(23, 12), "place": nn.Embedding(33, 12), "kind": nn.Embedding(2, 12)}


def attention_layers(nn):
    return {"qkv": nn.Linear(12, 36), "out": nn.Linear(12, 12)}


CASES = [
    module(
        "attention-fused-qkv-padding", "attention_block", TOKENS, PADDING,
        torch=net("torch", attention_layers, fused_attention),
        paddle=net("paddle", attention_layers, fused_attention),
        tensorflow=keras_net(keras_fused_attention),
    ),
    module(
        "encoder-layer-pre-norm", "encoder_pre_norm", TOKENS, PADDING,
        torch=net("torch", pre_norm_layers, pre_norm),
        paddle=net("paddle", pre_norm_layers, pre_norm),
        tensorflow=keras_net(keras_pre_norm),
        jax=flax_net(flax_pre_norm_layers, flax_pre_norm),
    ),
    module(  # the layer each framework ships, with whatever fast path it takes
        "encoder-layer-post-norm", "encoder_post_norm", TOKENS,
        torch=net(
            "torch", lambda nn: {"layer": nn.TransformerEncoderLayer(12, 3, 29, batch_first=True)}, lambda lib, self, x: self.layer(x)
        ),
        paddle=net("paddle", lambda nn: {"layer": nn.TransformerEncoderLayer(12, 3, 29)}, lambda lib, self, x: self.layer(x)),
        tensorflow=keras_net(keras_post_norm),
    ),
    module(
        "decoder-layer-cross-attention", "decoder_layer", TOKENS, MEMORY,
        torch=net(
            "torch", lambda nn: {"layer": nn.TransformerDecoderLayer(12, 3, 29, batch_first=True)}, lambda lib, self, x, y: self.layer(x, y)
        ),
        paddle=net("paddle", lambda nn: {"layer": nn.TransformerDecoderLayer(12, 3, 29)}, lambda lib, self, x, y: self.layer(x, y)),
        tensorflow=keras_net(keras_decoder_layer),
    ),
    module(
        "embeddings-word-position-type", "embeddings", i64("x", BATCH, LENGTH, domain=ids(23)), i64("y", BATCH, LENGTH, domain=positions()),
        torch=net("torch", lambda nn: dict(embedding_layers(nn), norm=nn.LayerNorm(12, eps=1e-12)), embed),
        paddle=net("paddle", lambda nn: dict(embedding_layers(nn), norm=nn.LayerNorm(12, epsilon=1e-12)), embed),
        tensorflow=keras_net(keras_embed),
    ),
    module(
        "pooler-masked-mean", "pooler", TOKENS, PADDING,
        torch=net("torch", lambda nn: {"dense": nn.Linear(12, 7)}, masked_mean),
        paddle=net("paddle", lambda nn: {"dense": nn.Linear(12, 7)}, masked_mean),
        tensorflow=keras_net(keras_masked_mean),
    ),
]  # fmt: skip
