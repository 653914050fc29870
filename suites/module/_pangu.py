"""PanGu-alpha: a decoder whose last layer asks with an embedding of the position instead of the hidden states.

As in the published MindSpore model: the final norm comes before the query layer, masks add -10000,
norms use epsilon 1e-5, and logits come from the tied word embedding. Every matrix of the attention
is square, so a transpose too many keeps all shapes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from _module_build import turned

HIDDEN, HEADS, SIZE, VOCAB, LONGEST = 24, 3, 8, 61, 40


def fast_gelu(f: Any, x: Any) -> Any:
    """MindSpore's FastGeLU."""
    return x * f.sigmoid(1.702 * x)


def pangu(lib: Any, fast: bool = False) -> Any:
    """Return the classes of the model for ``lib``, torch or paddle: Block, QueryLayer, Model."""
    nn, f = lib.nn, lib.nn.functional
    paddle = lib.__name__ == "paddle"
    base = nn.Layer if paddle else nn.Module

    def activation(x):
        return fast_gelu(f, x) if fast else f.gelu(x, approximate=True if paddle else "tanh")

    def split(x):
        apart = lib.reshape(x, [0, 0, HEADS, SIZE]) if paddle else lib.unflatten(x, -1, (HEADS, SIZE))
        return lib.moveaxis(apart, 2, 1)

    class Block(base):
        def __init__(self):
            super().__init__()
            self.layernorm1 = nn.LayerNorm(HIDDEN)
            self.layernorm2 = nn.LayerNorm(HIDDEN)
            self.dense1 = nn.Linear(HIDDEN, HIDDEN)
            self.dense2 = nn.Linear(HIDDEN, HIDDEN)
            self.dense3 = nn.Linear(HIDDEN, HIDDEN)
            self.attention_projection = nn.Linear(HIDDEN, HIDDEN)
            self.mapping = nn.Linear(HIDDEN, 4 * HIDDEN)
            self.projection = nn.Linear(4 * HIDDEN, HIDDEN)

        def attend(self, query, x, keep):
            q, k, v = split(self.dense1(query)), split(self.dense2(x)), split(self.dense3(x))
            scores = lib.matmul(q, turned(lib, k)) / SIZE**0.5 + (1.0 - keep.unsqueeze(1)) * -10000.0
            mixed = lib.matmul(f.softmax(scores, -1), v)
            return self.attention_projection(lib.flatten(lib.moveaxis(mixed, 1, 2), 2))

        def forward(self, x, y):
            hidden = self.layernorm1(x)
            x = x + self.attend(hidden, hidden, y)
            return x + self.projection(activation(self.mapping(self.layernorm2(x))))

    class QueryLayer(Block):
        def forward(self, x, y, z):
            x = x + self.attend(y, self.layernorm1(x), z)
            return x + self.projection(activation(self.mapping(self.layernorm2(x))))

    class Top(base):
        """The final norm, the query table and the query layer: hidden states, positions, mask."""

        def __init__(self):
            super().__init__()
            self.layernorm = nn.LayerNorm(HIDDEN)
            self.top_query_embedding = nn.Embedding(LONGEST, HIDDEN)
            self.top_query_layer = QueryLayer()

        def forward(self, x, y, z):
            return self.top_query_layer(self.layernorm(x), self.top_query_embedding(y), z)

    class Model(base):
        """Logits from token ids, positions and a padding mask of 1 and 0."""

        def __init__(self):
            super().__init__()
            self.word_embedding = nn.Embedding(VOCAB, HIDDEN)
            self.position_embedding = nn.Embedding(LONGEST, HIDDEN)
            self.block0 = Block()
            self.block1 = Block()
            self.top = Top()

        def forward(self, x, y, z):
            keep = z.unsqueeze(1) * lib.tril(lib.ones_like(z.unsqueeze(1) * z.unsqueeze(2)))
            hidden = self.word_embedding(x) + self.position_embedding(y)
            hidden = self.block1(self.block0(hidden, keep), keep)
            return lib.matmul(self.top(hidden, y, keep), self.word_embedding.weight.T)

    return SimpleNamespace(Block=Block, Top=Top, Model=Model)


def keras_pangu(keras: Any, fast: bool = False) -> Any:
    """Return the same three as functions of symbolic tensors: block, top, model."""
    ops, layers = keras.ops, keras.layers

    def norm(name, x):
        return layers.LayerNormalization(epsilon=1e-5, name=name)(x)

    def split(x):
        return ops.transpose(layers.Reshape((-1, HEADS, SIZE))(x), (0, 2, 1, 3))

    def layer(name, x, keep, query=None):
        hidden = norm(name + "layernorm1", x)
        sources = (hidden if query is None else query, hidden, hidden)
        q, k, v = [split(layers.Dense(HIDDEN, name=name + "dense" + str(i + 1))(source)) for i, source in enumerate(sources)]
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / SIZE**0.5 + (1.0 - ops.expand_dims(keep, 1)) * -10000.0
        mixed = layers.Reshape((-1, HIDDEN))(ops.transpose(ops.matmul(ops.softmax(scores, axis=-1), v), (0, 2, 1, 3)))
        x = x + layers.Dense(HIDDEN, name=name + "attention_projection")(mixed)
        wide = layers.Dense(4 * HIDDEN, name=name + "mapping")(norm(name + "layernorm2", x))
        wide = fast_gelu(ops, wide) if fast else keras.activations.gelu(wide, approximate=True)
        return x + layers.Dense(HIDDEN, name=name + "projection")(wide)

    def top(x, y, z):
        query = layers.Embedding(LONGEST, HIDDEN, name="top_query_embedding")(y)
        return layer("top_", norm("layernorm", x), z, query)

    def model(x, y, z):
        word = layers.ReversibleEmbedding(VOCAB, HIDDEN, name="word_embedding")
        square = ops.expand_dims(z, 1) * ops.expand_dims(z, 2)
        keep = ops.expand_dims(z, 1) * ops.tril(ops.ones_like(square))
        hidden = word(x) + layers.Embedding(LONGEST, HIDDEN, name="position_embedding")(y)
        for name in ("block0_", "block1_"):
            hidden = layer(name, hidden, keep)
        return word(top(hidden, y, keep), reverse=True)

    return SimpleNamespace(block=lambda x, y: layer("block_", x, y), top=top, model=model)
