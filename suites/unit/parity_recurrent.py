"""Recurrent layers: gates with random biases, both directions, given first states, returned last states."""

from __future__ import annotations

from _unit_build import BATCH, LENGTH, f32, jax_fn, keras_fn, mindspore_layer, onnx_graph, paddle_layer, torch_layer, unit

TOKENS = f32("x", BATCH, LENGTH, 5)
TIME_MAJOR = f32("x", LENGTH, BATCH, 5)


def lstm_with_state(specs):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(5, 7, batch_first=True)

        def forward(self, x, y, z):
            out, (hidden, cell) = self.lstm(x, (y.unsqueeze(0), z.unsqueeze(0)))
            return out, hidden, cell

    return Net()


def paddle_lstm_with_state(specs):
    import paddle

    class Net(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.lstm = paddle.nn.LSTM(5, 7)

        def forward(self, x, y, z):
            out, (hidden, cell) = self.lstm(x, (y.unsqueeze(0), z.unsqueeze(0)))
            return out, hidden, cell

    return Net()


def paddle_gru_layer_norm(specs):
    import paddle

    class Net(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.gru = paddle.nn.GRU(5, 6)
            self.norm = paddle.nn.LayerNorm(6)

        def forward(self, x):
            return self.norm(self.gru(x)[0])

    return Net()


def gru_layer_norm(specs):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = torch.nn.GRU(5, 6, batch_first=True)
            self.norm = torch.nn.LayerNorm(6)

        def forward(self, x):
            return self.norm(self.gru(x)[0])

    return Net()


def keras_bidirectional(layer, units):
    """Return the two directions stacked on the last axis, last states included."""
    return keras_fn(
        lambda keras, x: keras.layers.Bidirectional(getattr(keras.layers, layer)(units, return_sequences=True, return_state=True))(x)
    )


def jax_lstm(jax, w, x, state, reverse=False):
    """Return the sequence and the last states of an LSTM over axis 1."""

    def step(state, row):
        hidden, cell = state
        read, forget, new, out = jax.numpy.split(row @ w["kernel"] + hidden @ w["recurrent"] + w["bias"], 4, -1)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(read) * jax.numpy.tanh(new)
        hidden = jax.nn.sigmoid(out) * jax.numpy.tanh(cell)
        return (hidden, cell), hidden

    last, rows = jax.lax.scan(step, state, x.swapaxes(0, 1), reverse=reverse)
    return rows.swapaxes(0, 1), *last


def jax_gru(jax, w, x):
    """Return the sequence and the last state of a GRU over axis 1; the reset gate comes after the product."""

    def step(hidden, row):
        given, kept = row @ w["kernel"] + w["bias"], hidden @ w["recurrent"] + w["recurrent_bias"]
        (reset, update, new), (reset_h, update_h, new_h) = jax.numpy.split(given, 3, -1), jax.numpy.split(kept, 3, -1)
        update = jax.nn.sigmoid(update + update_h)
        hidden = (1 - update) * jax.numpy.tanh(new + jax.nn.sigmoid(reset + reset_h) * new_h) + update * hidden
        return hidden, hidden

    last, rows = jax.lax.scan(step, jax_zeros(jax, x), x.swapaxes(0, 1))
    return rows.swapaxes(0, 1), last


def jax_zeros(jax, x):
    """Return a first state in the type of the input."""
    return jax.numpy.zeros((x.shape[0], 7), x.dtype)


def jax_both_ways(jax, w, x):
    """Return an LSTM in both directions, stacked on the last axis."""
    zeros = (jax_zeros(jax, x),) * 2
    ways = [{name: array[way] for name, array in w.items()} for way in (0, 1)]
    return jax.numpy.concatenate([jax_lstm(jax, one, x, zeros, reverse=bool(way))[0] for way, one in enumerate(ways)], -1)


LSTM = {"kernel": (5, 28), "recurrent": (7, 28), "bias": (28,)}
GRU = {"kernel": (5, 21), "recurrent": (7, 21), "bias": (21,), "recurrent_bias": (21,)}

CASES = [
    unit(
        "rnn-tanh", "rnn", TOKENS,
        torch=torch_layer(lambda nn: nn.RNN(5, 7, batch_first=True)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.SimpleRNN(7, return_sequences=True, return_state=True)(x)),
        paddle=paddle_layer(lambda nn: nn.SimpleRNN(5, 7)),
    ),
    unit(
        "rnn-relu-no-bias", "rnn", TOKENS,
        torch=torch_layer(lambda nn: nn.RNN(5, 7, nonlinearity="relu", bias=False, batch_first=True)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.SimpleRNN(7, activation="relu", use_bias=False)(x)),
        # Paddle keeps its bias: its CPU kernel takes the process down without one.
        paddle=paddle_layer(lambda nn: nn.SimpleRNN(5, 7, activation="relu")),
    ),
    unit(
        "lstm-time-major", "lstm", TIME_MAJOR,
        torch=torch_layer(lambda nn: nn.LSTM(5, 7)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.LSTM(7, return_sequences=True)(keras.ops.transpose(x, (1, 0, 2)))),
        paddle=paddle_layer(lambda nn: nn.LSTM(5, 7, time_major=True)),
        onnx=onnx_graph(
            "y, h = LSTM<hidden_size = 7>(x, w, r, b)", outputs=["y", "h"], w=(1, 28, 5), r=(1, 28, 7), b=(1, 56),
        ),
        mindspore=mindspore_layer(lambda nn: nn.LSTM(5, 7, has_bias=True)),
        jax=jax_fn(lambda jax, w, x: jax_lstm(jax, w, x.swapaxes(0, 1), (jax_zeros(jax, x.swapaxes(0, 1)),) * 2)[0].swapaxes(0, 1), **LSTM),
    ),
    unit(
        "lstm-bidirectional", "bidirectional_lstm", TOKENS,
        torch=torch_layer(lambda nn: nn.LSTM(5, 7, batch_first=True, bidirectional=True)),
        tensorflow=keras_bidirectional("LSTM", 7),
        paddle=paddle_layer(lambda nn: nn.LSTM(5, 7, direction="bidirect")),
        jax=jax_fn(jax_both_ways, kernel=(2, 5, 28), recurrent=(2, 7, 28), bias=(2, 28)),
    ),
    unit(
        "lstm-given-state", "lstm", TOKENS, f32("y", BATCH, 7), f32("z", BATCH, 7),
        torch=lstm_with_state,
        tensorflow=keras_fn(
            lambda keras, x, y, z: keras.layers.LSTM(7, return_sequences=True, return_state=True)(x, initial_state=[y, z])
        ),
        paddle=paddle_lstm_with_state,
        jax=jax_fn(lambda jax, w, x, y, z: jax_lstm(jax, w, x, (y, z)), **LSTM),
        outputs=["sequence", "hidden", "cell"],
    ),
    unit(
        "lstm-go-backwards", "lstm_reverse", TOKENS,
        tensorflow=keras_fn(lambda keras, x: keras.layers.LSTM(7, return_sequences=True, go_backwards=True, unit_forget_bias=True)(x)),
    ),
    unit(
        "gru-reset-after", "gru", TOKENS,
        torch=torch_layer(lambda nn: nn.GRU(5, 7, batch_first=True)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.GRU(7, return_sequences=True, return_state=True)(x)),
        paddle=paddle_layer(lambda nn: nn.GRU(5, 7)),
        onnx=onnx_graph(
            "t = Transpose<perm = [1, 0, 2]>(x)", "y, h = GRU<hidden_size = 7, linear_before_reset = 1>(t, w, r, b)", outputs=["y", "h"],
            w=(1, 21, 5), r=(1, 21, 7), b=(1, 42),
        ),
        jax=jax_fn(jax_gru, **GRU),
    ),
    unit(
        "gru-reset-before", "gru_reset_before", TOKENS,
        tensorflow=keras_fn(lambda keras, x: keras.layers.GRU(7, reset_after=False, return_sequences=True)(x)),
        onnx=onnx_graph(
            "t = Transpose<perm = [1, 0, 2]>(x)", "y, h = GRU<hidden_size = 7>(t, w, r, b)", outputs=["y", "h"],
            w=(1, 21, 5), r=(1, 21, 7), b=(1, 42),
        ),
    ),
    unit(
        "gru-bidirectional", "bidirectional_gru", TOKENS,
        torch=torch_layer(lambda nn: nn.GRU(5, 7, batch_first=True, bidirectional=True)),
        tensorflow=keras_bidirectional("GRU", 7),
        paddle=paddle_layer(lambda nn: nn.GRU(5, 7, direction="bidirect")),
    ),
    unit("gru-layer-norm", "gru_norm", TOKENS, torch=gru_layer_norm, paddle=paddle_gru_layer_norm,
         tensorflow=keras_fn(lambda keras, x: keras.layers.LayerNormalization()(keras.layers.GRU(6, return_sequences=True)(x)))),
    unit(
        "lstm-cell", "lstm_cell", f32("x", BATCH, 5),
        torch=torch_layer(lambda nn: nn.LSTMCell(5, 7)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.RNN(keras.layers.LSTMCell(7))(keras.ops.expand_dims(x, 1))),
        paddle=paddle_layer(lambda nn: nn.LSTMCell(5, 7)),
    ),
    unit(
        "gru-cell", "gru_cell", f32("x", BATCH, 5),
        torch=torch_layer(lambda nn: nn.GRUCell(5, 7)),
        tensorflow=keras_fn(lambda keras, x: keras.layers.RNN(keras.layers.GRUCell(7))(keras.ops.expand_dims(x, 1))),
        paddle=paddle_layer(lambda nn: nn.GRUCell(5, 7)),
    ),
]  # fmt: skip
