"""Blocks of Gluon: a residual block and a bidirectional LSTM."""

from __future__ import annotations

from harness import Case, Dim, TensorSpec

BATCH = Dim("batch", 1, 8, example=2)
IMAGE = TensorSpec(name="x", dtype="float32", shape=(BATCH, 6, 9, 11))
SEQUENCE = TensorSpec(name="x", dtype="float32", shape=(Dim("length", 1, 16, example=5), BATCH, 7))


def residual():
    from mxnet.gluon import nn

    class Residual(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            with self.name_scope():
                self.body = nn.HybridSequential()
                self.body.add(
                    nn.Conv2D(6, 3, padding=1, use_bias=False, in_channels=6), nn.BatchNorm(in_channels=6), nn.Activation("relu"),
                    nn.Conv2D(6, 3, padding=1, use_bias=False, in_channels=6), nn.BatchNorm(in_channels=6),
                )  # fmt: skip

        def hybrid_forward(self, F, x):
            return F.relu(self.body(x) + x)

    return Residual()


def lstm():
    from mxnet.gluon import rnn

    return rnn.LSTM(5, num_layers=2, bidirectional=True, input_size=7)


CASES = [
    Case(id="mxnet/residual-block", family="residual_block", level="module", weights="random", inputs=(IMAGE,), build={"mxnet": residual}),
    Case(id="mxnet/lstm-bidirectional", family="lstm", level="module", weights="random", inputs=(SEQUENCE,), build={"mxnet": lstm}),
]
