"""RNN, GRU and LSTM of the ONNX evaluator: against torch in float64, and ONNX Runtime for what torch does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frameworks.evaluators import check, model, normal, onnxruntime

torch = pytest.importorskip("torch")
STEPS, BATCH, WIDTH, HIDDEN = 5, 3, 4, 3
# Torch's order of gates, as places in ONNX's: GRU r z n from z r h, LSTM i f g o from i o f c.
GATES = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 2, 3, 1)}
X = normal(0, STEPS, BATCH, WIDTH)


def weights(op: str, directions: int) -> list[Any]:
    """Return W, R and B."""
    gates = len(GATES[op])
    shapes = ((directions, gates * HIDDEN, WIDTH), (directions, gates * HIDDEN, HIDDEN), (directions, 2 * gates * HIDDEN))
    return [normal(place + 1, *shape) for place, shape in enumerate(shapes)]


def states(op: str, directions: int) -> list[Any]:
    return [normal(place + 7, directions, BATCH, HIDDEN) for place in range(2 if op == "LSTM" else 1)]


def by_torch(op: str, given: list[Any], initial: list[Any], lengths: Any = None) -> list[Any]:
    """Return Y and the last states of torch's layer with these weights, float64."""
    directions = given[0].shape[0]
    layer = getattr(torch.nn, op)(WIDTH, HIDDEN, bidirectional=directions == 2).double()
    for k in range(directions):
        half = given[2].shape[1] // 2
        found = {"weight_ih": given[0][k], "weight_hh": given[1][k], "bias_ih": given[2][k, :half], "bias_hh": given[2][k, half:]}
        for name, array in found.items():
            parts = np.split(array.astype(np.float64), len(GATES[op]))
            ordered = torch.from_numpy(np.concatenate([parts[place] for place in GATES[op]]))
            getattr(layer, f"{name}_l0{'_reverse' * k}").data = ordered
    x = torch.from_numpy(X.astype(np.float64))
    start = [torch.from_numpy(array.astype(np.float64)) for array in initial]
    packed = x if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(x, torch.from_numpy(lengths), enforce_sorted=False)
    with torch.no_grad():
        y, last = layer(packed, tuple(start) if op == "LSTM" else start[0])
    if lengths is not None:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=STEPS)
    y = y.numpy().reshape(STEPS, BATCH, directions, HIDDEN).transpose(0, 2, 1, 3)
    return [y, *(part.numpy() for part in (last if op == "LSTM" else (last,)))]


def inputs(given: list[Any], initial: list[Any], lengths: Any = None, x: Any = None) -> list[Any]:
    return [X if x is None else x, *given, lengths, *initial]


def layer(op: str, given: list[Any], opset: int = 14, **attributes: Any) -> Any:
    more = {"linear_before_reset": 1} if op == "GRU" else {}  # which is what torch has
    return model(op, given, 3 if op == "LSTM" else 2, opset, hidden_size=HIDDEN, **more, **attributes)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("opset", [7, 14])
def test_both_directions(op: str, opset: int) -> None:
    given, initial = weights(op, 2), states(op, 2)
    fed = inputs(given, initial)
    check(layer(op, fed, opset, direction="bidirectional"), fed, by_torch(op, given, initial))


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_one_direction_with_sequences_of_unequal_length(op: str, direction: str) -> None:
    lengths = np.array([5, 2, 3])
    both, begin = weights(op, 2), states(op, 2)
    k = int(direction == "reverse")
    wanted = by_torch(op, both, begin, lengths)
    given, initial = ([array[k : k + 1] for array in part] for part in (both, begin))
    fed = inputs(given, initial, lengths.astype(np.int32))
    check(layer(op, fed, direction=direction), fed, [wanted[0][:, k : k + 1], *(part[k : k + 1] for part in wanted[1:])])


@pytest.mark.parametrize("op", GATES)
def test_batch_first(op: str) -> None:
    given, initial = weights(op, 2), states(op, 2)
    y, *last = by_torch(op, given, initial)
    fed = inputs(given, [array.swapaxes(0, 1) for array in initial], x=X.swapaxes(0, 1))
    wanted = [y.transpose(2, 0, 1, 3), *(part.swapaxes(0, 1) for part in last)]
    check(layer(op, fed, direction="bidirectional", layout=1), fed, wanted)


@pytest.mark.parametrize("op", GATES)
def test_backwards_alone_is_forwards_from_the_end(op: str) -> None:
    given, initial = weights(op, 1), states(op, 1)
    fed = inputs(given, initial, x=X[::-1].copy())
    y, *last = by_torch(op, given, initial)
    check(layer(op, fed, direction="reverse"), fed, [y[::-1], *last])


def like_runtime(op: str, fed: list[Any], *, planted: bool = True, **attributes: Any) -> None:
    proto = model(op, fed, 3 if op == "LSTM" else 2, 14, hidden_size=HIDDEN, **attributes)
    check(proto, fed, onnxruntime(proto, fed), double=1e-5, planted=planted)


@pytest.mark.parametrize("op", GATES)
def test_what_goes_into_a_gate_is_clipped(op: str) -> None:
    like_runtime(op, inputs(weights(op, 1), [10 * array for array in states(op, 1)]), clip=0.3)


CHOSEN = {"RNN": ["Affine"], "GRU": ["HardSigmoid", "LeakyRelu"], "LSTM": ["Sigmoid", "ScaledTanh", "Affine"]}


@pytest.mark.parametrize("op", GATES)
def test_alpha_and_beta_go_to_the_functions_that_have_them(op: str) -> None:
    alphas = {"RNN": [0.4], "GRU": [0.3, 0.1], "LSTM": [1.3, 0.6]}[op]
    betas = {"RNN": [0.2], "GRU": [0.4], "LSTM": [0.7, 0.1]}[op]
    fed = inputs(weights(op, 1), states(op, 1))
    # Affine is one of the two functions that the plain RNN has.
    like_runtime(op, fed, activations=CHOSEN[op], activation_alpha=alphas, activation_beta=betas, planted=op != "RNN")


@pytest.mark.parametrize("name", [
    "Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu", "Softsign", "Softplus",
])  # fmt: skip
def test_every_function_has_the_meaning_and_the_defaults_of_its_name(name: str) -> None:
    # ONNX Runtime has other defaults for these than the operators of their names, which the specification refers to.
    alpha = {"activation_alpha": [1.0]}
    more = {"Affine": alpha, "ThresholdedRelu": alpha, "ScaledTanh": {**alpha, "activation_beta": [1.0]}}.get(name, {})
    fed = inputs(weights("RNN", 2), states("RNN", 2))
    like_runtime("RNN", fed, direction="bidirectional", activations=["Tanh", name], **more)
    wanted = onnxruntime(model("RNN", fed, 2, 14, hidden_size=HIDDEN, direction="bidirectional", activations=["Tanh", name], **more), fed)
    check(model("RNN", fed, 2, 14, hidden_size=HIDDEN, direction="bidirectional", activations=["Tanh", name]), fed, wanted, double=1e-5)


def test_peepholes_and_coupled_gates() -> None:
    fed = [*inputs(weights("LSTM", 1), states("LSTM", 1)), normal(20, 1, 3 * HIDDEN)]
    like_runtime("LSTM", fed)
    like_runtime("LSTM", fed, input_forget=1)


@pytest.mark.parametrize("before", [0, 1])
def test_the_reset_gate_applies_before_or_after_the_product(before: int) -> None:
    like_runtime("GRU", inputs(weights("GRU", 2), states("GRU", 2)), direction="bidirectional", linear_before_reset=before)


def test_a_function_that_is_none_is_refused_by_name() -> None:
    from harness.frameworks._onnx_evaluator import evaluator, refusal

    fed = inputs(weights("RNN", 1), states("RNN", 1))
    proto = model("RNN", fed, 2, 14, hidden_size=HIDDEN, activations=["Sine"])
    with pytest.raises(NotImplementedError, match="Sine") as error:
        evaluator()(proto).run(None, {f"i{place}": array for place, array in enumerate(fed) if array is not None})
    assert refusal(error.value) is not None


def test_the_sigmoid_keeps_its_tail() -> None:
    from harness.frameworks._onnx_recurrent import sigmoid

    x = np.array([-700.0, -40.0, -1.0, 0.0, 1.0, 40.0, 700.0])
    np.testing.assert_allclose(sigmoid(x), torch.sigmoid(torch.from_numpy(x)).numpy(), rtol=1e-14)
    assert sigmoid(x.astype(np.float32)).dtype == np.float32
