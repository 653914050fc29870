"""MindSpore: an attention block with a mask, and the PanGu-alpha block with its query layer on top."""

from __future__ import annotations

import math

from harness import Case, Dim, TensorSpec, positions

BATCH = Dim("batch", 1, 6, example=2)
LENGTH = Dim("length", 1, 12, example=7)
SIZE, HEADS = 16, 4
TOKENS = TensorSpec(name="x", dtype="float32", shape=(BATCH, LENGTH, SIZE))
PLACES = TensorSpec(name="positions", dtype="int32", shape=(BATCH, LENGTH), domain=positions())


def attention(nn, ops, causal):
    """Return the cell of self-attention whose query may come from elsewhere."""

    class Attention(nn.Cell):
        def __init__(self):
            super().__init__()
            self.query = nn.Dense(SIZE, SIZE)
            self.key = nn.Dense(SIZE, SIZE)
            self.value = nn.Dense(SIZE, SIZE)
            self.out = nn.Dense(SIZE, SIZE)

        def split(self, x):
            return ops.transpose(ops.reshape(x, (x.shape[0], x.shape[1], HEADS, SIZE // HEADS)), (0, 2, 1, 3))

        def construct(self, query, x):
            q, k, v = self.split(self.query(query)), self.split(self.key(x)), self.split(self.value(x))
            scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / math.sqrt(SIZE // HEADS)
            if causal:
                places = ops.cumsum(ops.ones_like(x[0, :, 0]), 0)
                later = (ops.expand_dims(places, 0) > ops.expand_dims(places, 1)).astype(scores.dtype)
                scores = scores - later * 10000.0
            mixed = ops.matmul(ops.softmax(scores, -1), v)
            return self.out(ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), x.shape))

    return Attention()


def self_attention():
    from mindspore import nn, ops

    class Alone(nn.Cell):
        def __init__(self):
            super().__init__()
            self.attention = attention(nn, ops, False)

        def construct(self, x):
            return self.attention(x, x)

    return Alone()


def pangu_block():
    from mindspore import nn, ops

    class Block(nn.Cell):
        def __init__(self, asked):
            super().__init__()
            self.asked = asked
            self.first = nn.LayerNorm((SIZE,), epsilon=1e-5)
            self.second = nn.LayerNorm((SIZE,), epsilon=1e-5)
            self.attention = attention(nn, ops, True)
            self.wide = nn.Dense(SIZE, 4 * SIZE)
            self.narrow = nn.Dense(4 * SIZE, SIZE)

        def construct(self, x, query):
            normal = self.first(x)
            x = x + self.attention(query if self.asked else normal, normal)
            return x + self.narrow(ops.gelu(self.wide(self.second(x)), approximate="tanh"))

    class PanGu(nn.Cell):
        def __init__(self):
            super().__init__()
            self.block = Block(False)
            self.top = Block(True)
            self.queries = nn.Embedding(16, SIZE)
            self.last = nn.LayerNorm((SIZE,), epsilon=1e-5)

        def construct(self, x, positions):
            x = self.block(x, x)
            return self.last(self.top(x, self.queries(positions)))

    return PanGu()


def module(id, family, inputs, build):
    return Case(id=f"mindspore/{id}", family=family, level="module", weights="random", inputs=inputs, build={"mindspore": build})


CASES = [
    module("self-attention", "attention", (TOKENS,), self_attention),
    module("pangu-query-layer", "pangu", (TOKENS, PLACES), pangu_block),
]
