"""Stacks of recurrent layers in both directions, alone and behind a convolution."""

from __future__ import annotations

from _module_build import BATCH, LENGTH, f32, keras_net, module, net

TOKENS = f32("x", BATCH, LENGTH, 5)


def stack(kind, library):
    """Two bidirectional layers of 7; Paddle takes the batch first by default."""
    options = {"batch_first": True, "bidirectional": True} if library == "torch" else {"direction": "bidirect"}
    return net(library, lambda nn: {"rnn": getattr(nn, kind)(5, 7, num_layers=2, **options)}, lambda lib, self, x: self.rnn(x)[0])


def keras_stack(kind):
    def forward(keras, x):
        for _ in range(2):
            x = keras.layers.Bidirectional(getattr(keras.layers, kind)(7, return_sequences=True))(x)
        return x

    return keras_net(forward)


def mindspore_stack(_):
    import mindspore

    class Net(mindspore.nn.Cell):
        def __init__(self):
            super().__init__()
            self.rnn = mindspore.nn.LSTM(5, 7, num_layers=2, has_bias=True, batch_first=True, bidirectional=True)

        def construct(self, x):
            out, _ = self.rnn(x)
            return out

    return Net()


def conv_gru(lib, self, x):
    hidden = lib.nn.functional.relu(self.conv(lib.moveaxis(x, 1, 2)))
    return self.head(self.gru(lib.moveaxis(hidden, 1, 2))[0])


def keras_conv_gru(keras, x):
    hidden = keras.layers.Conv1D(9, 3, padding="same", activation="relu")(x)
    return keras.layers.Dense(4)(keras.layers.GRU(6, return_sequences=True)(hidden))


CASES = [
    module(
        "lstm-stack-bidirectional", "lstm_stack", TOKENS,
        torch=stack("LSTM", "torch"), paddle=stack("LSTM", "paddle"), tensorflow=keras_stack("LSTM"), mindspore=mindspore_stack,
    ),
    module(
        "gru-stack-bidirectional", "gru_stack", TOKENS,
        torch=stack("GRU", "torch"), paddle=stack("GRU", "paddle"), tensorflow=keras_stack("GRU"),
    ),
    module(
        "conv-then-gru", "conv_recurrent", TOKENS,
        torch=net(
            "torch",
            lambda nn: {"conv": nn.Conv1d(5, 9, 3, padding=1), "gru": nn.GRU(9, 6, batch_first=True), "head": nn.Linear(6, 4)},
            conv_gru,
        ),
        paddle=net(
            "paddle", lambda nn: {"conv": nn.Conv1D(5, 9, 3, padding=1), "gru": nn.GRU(9, 6), "head": nn.Linear(6, 4)}, conv_gru
        ),
        tensorflow=keras_net(keras_conv_gru),
    ),
]  # fmt: skip
