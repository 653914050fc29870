"""RNN, GRU and LSTM as the ONNX operators of these names define them; see `harness.frameworks._onnx_operators`.

The reference evaluator of onnx 1.17 has one direction only and takes ``reverse`` for forward; it ignores ``clip``,
``activations``, ``input_forget`` and ``sequence_lens``, and of the RNN it has operator set 14 alone. "Equations" and the attributes of
these three operators are what is computed here; a step beyond the length of a sequence returns zeros and keeps the state.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, Sequence

import numpy as np

Act = Callable[[Any], Any]


def recurrent() -> list[Callable[[Any], Any]]:
    """Return what makes ``RNN``, ``GRU`` and ``LSTM`` of ``onnx.reference.op_run.OpRun``."""
    return [_rnn, _gru, _lstm]


class Layer:
    """The attributes and shapes that all three share. ``default``: the activations of one direction."""

    def __init__(self, node: Any, x: Any, r: Any, default: Sequence[str], given: dict[str, Any]) -> None:
        self.outputs = len(node.output)
        self.direction = given.get("direction") or "forward"
        self.directions = 2 if self.direction == "bidirectional" else 1
        if r.shape[0] != self.directions:
            raise ValueError(f"R is for {r.shape[0]} directions, {self.direction!r} has {self.directions}")
        self.batch_first = bool(given.get("layout"))
        self.x = x.swapaxes(0, 1) if self.batch_first else x
        self.hidden = r.shape[-1]
        self.clip = given.get("clip")
        names = given.get("activations") or list(default) * self.directions
        made = list(_activations(names, given.get("activation_alpha"), given.get("activation_beta")))
        self.acts = [made[k * len(default) : (k + 1) * len(default)] for k in range(self.directions)]

    def clipped(self, values: Any) -> Any:
        """Return the input of an activation within the threshold."""
        return values if not self.clip else np.clip(values, -self.clip, self.clip)

    def state(self, initial: Any) -> Any:
        """Return (directions, batch, hidden): what the layer starts from."""
        if initial is None:
            return np.zeros((self.directions, self.x.shape[1], self.hidden), self.x.dtype)
        return initial.swapaxes(0, 1) if self.batch_first else initial

    def run(self, lengths: Any, states: Sequence[Any], step: Callable[[int, Any, tuple[Any, ...]], tuple[Any, ...]]) -> tuple[Any, ...]:
        """Return Y and the last states, as many as the node asks for. ``step``: direction, input and states to the next states."""
        steps, batch = self.x.shape[:2]
        lengths = np.full(batch, steps) if lengths is None else np.asarray(lengths)
        y = np.zeros((steps, self.directions, batch, self.hidden), self.x.dtype)
        last = []
        for k in range(self.directions):
            now = tuple(state[k] for state in states)
            for t in range(steps):
                going = t < lengths
                # Backwards, a sequence begins with its own last step.
                at = np.where(going, lengths - 1 - t, t) if self.direction == "reverse" or k == 1 else np.full(batch, t)
                made = step(k, self.x[at, np.arange(batch)], now)
                now = tuple(np.where(going[:, None], new, old).astype(y.dtype) for new, old in zip(made, now))
                y[at, k, np.arange(batch)] = np.where(going[:, None], now[0], 0)
            last.append(now)
        finals = [np.stack(parts) for parts in zip(*last)]
        if self.batch_first:
            y, finals = y.transpose(2, 0, 1, 3), [final.swapaxes(0, 1) for final in finals]
        return (y, *finals)[: self.outputs]


def _rnn(base: Any) -> Any:
    class RNN(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, initial_h: Any = None, **given: Any) -> tuple[Any, ...]:
            layer = Layer(self.onnx_node, x, r, ("Tanh",), given)
            wb, rb = _biases(b, w, r)

            def step(k: int, xt: Any, now: tuple[Any, ...]) -> tuple[Any, ...]:
                return (layer.acts[k][0](layer.clipped(xt @ w[k].T + now[0] @ r[k].T + wb[k] + rb[k])),)

            return layer.run(lengths, [layer.state(initial_h)], step)

    return RNN


def _gru(base: Any) -> Any:
    class GRU(base):  # type: ignore[misc]
        op_domain = ""

        def _run(self, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, initial_h: Any = None, **given: Any) -> tuple[Any, ...]:
            layer = Layer(self.onnx_node, x, r, ("Sigmoid", "Tanh"), given)
            wb, rb = _biases(b, w, r)
            inside = bool(given.get("linear_before_reset"))

            def step(k: int, xt: Any, now: tuple[Any, ...]) -> tuple[Any, ...]:
                (before,), (f, g), gates = now, layer.acts[k], 2 * layer.hidden
                xz, xr, xh = np.split(xt @ w[k].T + wb[k], 3, -1)
                hz, hr = np.split(before @ r[k][:gates].T + rb[k][:gates], 2, -1)
                z, reset = f(layer.clipped(xz + hz)), f(layer.clipped(xr + hr))
                wanted, bias = r[k][gates:].T, rb[k][gates:]
                new = reset * (before @ wanted + bias) if inside else (reset * before) @ wanted + bias
                return ((1 - z) * g(layer.clipped(xh + new)) + z * before,)

            return layer.run(lengths, [layer.state(initial_h)], step)

    return GRU


def _lstm(base: Any) -> Any:
    class LSTM(base):  # type: ignore[misc]
        op_domain = ""

        def _run(
            self, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, initial_h: Any = None, initial_c: Any = None, p: Any = None,
            **given: Any,
        ) -> tuple[Any, ...]:  # fmt: skip
            layer = Layer(self.onnx_node, x, r, ("Sigmoid", "Tanh", "Tanh"), given)
            wb, rb = _biases(b, w, r)
            peep = np.zeros((layer.directions, 3 * layer.hidden), x.dtype) if p is None else p

            def step(k: int, xt: Any, now: tuple[Any, ...]) -> tuple[Any, ...]:
                (before, cell), (f, g, h) = now, layer.acts[k]
                i, o, forget, c = np.split(xt @ w[k].T + before @ r[k].T + wb[k] + rb[k], 4, -1)
                pi, po, pf = np.split(peep[k], 3)
                i = f(layer.clipped(i + pi * cell))
                forget = 1 - i if given.get("input_forget") else f(layer.clipped(forget + pf * cell))
                new = forget * cell + i * g(layer.clipped(c))
                # The cell is no input that runtimes clip: ONNX Runtime and OpenVINO agree on the gates alone.
                return f(layer.clipped(o + po * new)) * h(new), new

            return layer.run(lengths, [layer.state(initial_h), layer.state(initial_c)], step)

    return LSTM


def _biases(b: Any, w: Any, r: Any) -> tuple[Any, Any]:
    """Return the biases of the input and of the recurrence, (directions, gates * hidden) each."""
    zeros = np.zeros(r.shape[:2], w.dtype)
    return (zeros, zeros) if b is None else (b[:, : r.shape[1]], b[:, r.shape[1] :])


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) that neither overflows nor loses its tail."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


# What a function is of its input, alpha and beta, and the defaults of these: None for one that it does not have.
_FUNCTIONS: dict[str, tuple[Callable[[Any, Any, Any], Any], float | None, float | None]] = {
    "relu": (lambda x, a, b: np.maximum(x, 0), None, None),
    "tanh": (lambda x, a, b: np.tanh(x), None, None),
    "sigmoid": (lambda x, a, b: sigmoid(x), None, None),
    "affine": (lambda x, a, b: a * x + b, 1.0, 0.0),
    "leakyrelu": (lambda x, a, b: np.where(x >= 0, x, a * x), 0.01, None),
    "thresholdedrelu": (lambda x, a, b: np.where(x > a, x, 0), 1.0, None),
    "scaledtanh": (lambda x, a, b: a * np.tanh(b * x), 1.0, 1.0),
    "hardsigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), 0.2, 0.5),
    "elu": (lambda x, a, b: np.where(x >= 0, x, a * np.expm1(np.minimum(x, 0))), 1.0, None),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), None, None),
    "softplus": (lambda x, a, b: np.logaddexp(np.zeros((), x.dtype), x), None, None),
}


def _activations(names: Sequence[str], alphas: Any, betas: Any) -> Iterator[Act]:
    """Yield the functions; their "values are consumed in the order of activation functions", by those that have one.

    Raises `NotImplementedError` for a function that the specification does not name.
    """
    left = [list(values or ()) for values in (alphas, betas)]
    for name in names:
        if name.lower() not in _FUNCTIONS:
            raise NotImplementedError(f"activation {name!r} is none that the operator has")
        function, *defaults = _FUNCTIONS[name.lower()]
        alpha, beta = (values.pop(0) if values and default is not None else default for default, values in zip(defaults, left))
        yield lambda x, function=function, alpha=alpha, beta=beta: function(x, alpha, beta)  # type: ignore[misc]
