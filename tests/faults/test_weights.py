"""Faults in named weights, without a framework; and those of modules, with PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.faults._weight_changes import bfloat16
from harness.faults.operator import Operator, table
from harness.faults.weights import Weight, operators

RNG = np.random.Generator(np.random.Philox(4))


def weights() -> dict[str, Weight]:
    """Return a convolution, its normalisation, a dense layer, an LSTM bias and a packed projection."""
    found = [
        Weight(
            name="conv", array=normal(4, 4, 3, 3), role="conv", partners={"bn-scale": "scale", "bn-variance": "var", "conv-bias": "conv.b"}
        ),
        Weight(name="conv.b", array=normal(4), role="bias"),
        Weight(name="scale", array=normal(4), role="scale", partners={"bias": "shift", "is-scale": "scale"}),
        Weight(name="shift", array=normal(4), role="bias"),
        Weight(name="mean", array=normal(4), role="mean", partners={"variance": "var", "is-mean": "mean"}),
        Weight(name="var", array=np.abs(normal(4)), role="variance"),
        Weight(name="dense", array=normal(5, 5), role="linear"),
        Weight(name="in_proj", array=normal(12, 4), role="linear"),
        Weight(name="lstm.b", array=normal(24), role="rnn-bias", gates=("i", "f", "c", "o") * 2, recurrent=(12, 24)),
    ]
    return {weight.name: weight for weight in found}


def normal(*shape: int) -> Any:
    return RNG.normal(0.0, 1.0, shape).astype(np.float32)


def stored(model: Any, changed: Any) -> Any:
    return {name: changed.get(name, weight.array) for name, weight in model.items()}


FOUND = table(tuple(operators(lambda model: model, stored)))
MODEL = weights()


def mutant(name: str, tensor: str) -> Any:
    operator: Operator = FOUND[name]
    site = next(site for site in operator.sites(MODEL) if site.tensor == tensor)
    return operator.apply(MODEL, site, 3)


@pytest.mark.parametrize("name", FOUND)
def test_a_fault_changes_what_it_says_and_keeps_shape_and_type(name: str) -> None:
    before = {tensor: weight.array.copy() for tensor, weight in MODEL.items()}
    for site in FOUND[name].sites(MODEL):
        after = FOUND[name].apply(MODEL, site, 1)
        assert any(after[tensor].tobytes() != before[tensor].tobytes() for tensor in before), site
        for tensor, array in before.items():
            assert after[tensor].shape == array.shape
            assert after[tensor].dtype == array.dtype
            np.testing.assert_array_equal(MODEL[tensor].array, array)


def test_gates_are_exchanged_in_both_halves_of_a_bias() -> None:
    before, after = MODEL["lstm.b"].array.reshape(2, 4, 3), mutant("lstm-gates-fc", "lstm.b")["lstm.b"].reshape(2, 4, 3)
    np.testing.assert_array_equal(after, before[:, [0, 2, 1, 3]])


def test_only_the_recurrent_half_of_a_bias_is_dropped() -> None:
    after = mutant("recurrent-bias-dropped", "lstm.b")["lstm.b"]
    np.testing.assert_array_equal(after[:12], MODEL["lstm.b"].array[:12])
    assert not after[12:].any()


def test_folding_twice_scales_by_the_normalisation() -> None:
    factor = MODEL["scale"].array / np.sqrt(MODEL["var"].array + 1e-5)
    np.testing.assert_allclose(mutant("folded-twice", "conv")["conv"], MODEL["conv"].array * factor[:, None, None, None], rtol=1e-5)


def test_folding_without_the_bias_zeroes_it() -> None:
    assert not mutant("folded-without-bias", "conv")["conv.b"].any()


def test_statistics_are_exchanged_and_defaulted() -> None:
    after = mutant("mean-variance-exchanged", "mean")
    np.testing.assert_array_equal(after["mean"], MODEL["var"].array)
    np.testing.assert_array_equal(after["var"], np.abs(MODEL["mean"].array))
    after = mutant("statistics-default", "mean")
    assert not after["mean"].any()
    assert (after["var"] == 1).all()


def test_a_packed_projection_is_reordered() -> None:
    parts = MODEL["in_proj"].array.reshape(3, 4, 4)
    np.testing.assert_array_equal(mutant("qkv-reordered", "in_proj")["in_proj"], parts[[1, 0, 2]].reshape(12, 4))


def test_one_element_is_hit_by_a_flip() -> None:
    for name in ("sign-flipped", "bit-low", "bit-exponent", "element-fp16", "element-int8"):
        assert np.count_nonzero(mutant(name, "dense")["dense"] != MODEL["dense"].array) == 1


def test_bfloat16_rounds_to_nearest_even() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = normal(1000)
    np.testing.assert_array_equal(bfloat16(values), values.astype(ml_dtypes.bfloat16).astype(np.float32))


def torch_module() -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    nn = torch.nn
    parts = nn.ModuleDict({
        "conv": nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)), "lstm": nn.LSTM(5, 3, bidirectional=True), "gru": nn.GRU(5, 3),
        "fc": nn.Linear(5, 5), "embed": nn.Embedding(7, 5), "pos_embed": nn.Embedding(7, 5), "attention": nn.MultiheadAttention(6, 2),
    })  # fmt: skip
    with torch.no_grad():
        for tensor in [*parts.parameters(), *parts.buffers()]:
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 2.0).mul_(torch.where(torch.rand_like(tensor) < 0.1, 1e-4, 1.0))
    return parts.eval()


# Torch keeps the two directions of a recurrent layer in tensors of their own.
@pytest.mark.parametrize("name", sorted(set(FOUND) - {"directions-exchanged"}))
def test_every_fault_applies_to_modules_and_works_on_a_copy(name: str) -> None:
    module = torch_module()
    from harness.converters.torch_mutate import OPERATORS

    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    sites = OPERATORS[name].sites(module)
    assert sites, OPERATORS[name].needs
    after = OPERATORS[name].apply(module, sites[0], 1).state_dict()
    changed = {key for key in before if not after[key].equal(before[key])}
    assert changed
    assert sites[0].tensor in changed or name == "folded-without-bias"
    assert all(tensor.equal(before[key]) for key, tensor in module.state_dict().items())
