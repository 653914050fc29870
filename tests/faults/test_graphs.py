"""Every operator does what it says on the zoo: it applies, the result is valid, is another model and computes something else."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

from evaluators import difference  # noqa: E402

from harness.core.errors import UsageError  # noqa: E402
from harness.faults.graphs import OPERATORS, mutate  # noqa: E402
from harness.faults.operator import applicable  # noqa: E402
from harness.faults.reality import REAL, SUB_NOISE  # noqa: E402
from harness.faults.zoo import ZOO, feeds  # noqa: E402

TRIES = 8
# What no float32 program can show: it calibrates a judge, which must not claim to see it.
BELOW_NOISE = {"bit-low"}


@functools.cache
def built(name: str) -> Any:
    return ZOO[name].build()


def places(operator: str) -> list[tuple[str, Any]]:
    return [(name, site) for name in ZOO for site in OPERATORS[operator].sites(built(name))]


def test_there_are_many_operators() -> None:
    assert len(OPERATORS) >= 150
    assert sum(operator.family != "weights" for operator in OPERATORS.values()) >= 100


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_is_a_real_change_somewhere_and_valid_everywhere(name: str) -> None:
    operator, found = OPERATORS[name], places(name)
    assert len(found) >= 2, operator.needs
    assert operator.tells
    tried = []
    for graph, site in found[:: max(1, len(found) // TRIES)]:
        clean = built(graph)
        before = clean.SerializeToString()
        mutant = operator.apply(clean, site, 0)
        assert clean.SerializeToString() == before, "the model it was given was changed"
        assert mutant.SerializeToString() != before
        onnx.checker.check_model(mutant)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tried.append((graph, site.index, difference(clean, mutant, feeds(ZOO[graph]))))
        if tried[-1][2].kind == REAL and not tried[-1][2].note.startswith("only"):
            return
    if name in BELOW_NOISE and any(found.kind == SUB_NOISE for _, _, found in tried):
        return
    pytest.fail(f"no site computes something else: {tried}")


@pytest.mark.parametrize("graph", ZOO)
def test_sites_are_the_same_for_equal_models_and_name_what_is_there(graph: str) -> None:
    first, second = ZOO[graph].build(), ZOO[graph].build()
    assert first.SerializeToString() == second.SerializeToString()
    tensors = {name for part in graphs(first.graph) for name in [*names(part), *(info.name for info in part.input)]}
    stored = {tensor.name for tensor in first.graph.initializer}
    for name, sites in applicable(OPERATORS, first).items():
        assert list(OPERATORS[name].sites(second)) == list(sites)
        assert [site.index for site in sites] == list(range(len(sites)))
        for site in sites:
            assert site.node in tensors, name
            assert site.tensor in tensors | stored, name
            assert site.layer, name


def graphs(graph: Any) -> list[Any]:
    inner = [part.g for node in graph.node for part in node.attribute if part.HasField("g")]
    return [graph, *(deep for part in inner for deep in graphs(part))]


def names(graph: Any) -> list[str]:
    return [name for node in graph.node for name in node.output]


def test_the_same_seed_gives_the_same_mutant_and_another_another() -> None:
    model = built("conv-net")
    first, second, third = (mutate(model, "sign-flipped", 0, seed)[0].SerializeToString() for seed in (0, 0, 1))
    assert first == second != third


def test_an_operator_that_does_not_apply_says_what_it_needs() -> None:
    with pytest.raises(UsageError, match="'gru-reset-order' has no site 0 in this model; it needs a GRU node, and this model has none"):
        mutate(built("conv-net"), "gru-reset-order")


def test_a_site_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        UsageError, match=r"has no site 9 in this model; it needs a BatchNormalization.* applies at 2 sites, 0 to 1: 0: node=n "
    ):
        mutate(built("conv-net"), "eps-1e-12", 9)


def test_an_unknown_operator_is_told_with_those_like_it() -> None:
    with pytest.raises(UsageError, match="unknown fault operator 'gelu-from'; did you mean gelu-form"):
        mutate(built("conv-net"), "gelu-from")


def test_a_foreign_site_is_refused() -> None:
    with pytest.raises(UsageError, match="has no site"):
        OPERATORS["eps-1e-3"].apply(built("rms-norm"), OPERATORS["eps-1e-3"].sites(built("conv-net"))[0])


def test_baked_lengths_are_those_of_the_example() -> None:
    model = built("dynamic-shapes")
    for length in (2, 3):
        mutant, site, _ = mutate(model, "length-baked", 0, lengths={"batch": length})
        assert site.detail == str(length)
        assert not mutant.metadata_props
