"""The list of what stays in float32: found with few trials, and proven the cheapest against every list there is."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from harness.ascend.keep import Trial, cheapest, narrowed
from harness.ascend.mixlist import mixlist_of, read
from tests.ascend.graphs import feeds, normalised, parsed, session, squares, with_weights

Lists = dict[frozenset[str], Trial]


def every(names: list[str]) -> list[frozenset[str]]:
    return [frozenset(chosen) for size in range(len(names) + 1) for chosen in itertools.combinations(names, size)]


def tiny() -> Any:
    """Return two branches that overflow for reasons of their own, and a product that does not."""
    random = np.random.default_rng(2)
    body = "a = Mul(x, x) b = ReduceSum(a, axes) c = Sqrt(b) d = Exp(x) e = Log(d) f = Div(e, c) y = MatMul(f, w)"
    weight = random.normal(0, 1, (64, 4)).astype(np.float32)
    return with_weights(parsed(body), axes=np.array([-1], np.int64), w=weight)


GRAPHS = {
    "squares": (squares, {"x": np.full((2, 64), 100.0, np.float32)}, 1e-3),
    "normalised": (normalised, feeds(400.0), 5e-3),
    "two branches": (tiny, {"x": np.abs(feeds(1.0)["x"]) * 5 + 40}, 2e-3),
}


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_on_a_graph_it_is_the_cheapest_of_all_lists(name: str) -> None:
    build, given, tolerance = GRAPHS[name]
    one = session(build(), mode="must_keep_origin_dtype")
    known: Lists = {}

    def run(chosen: frozenset[str]) -> Trial:
        answer = one.study(given, {"mode": "force_fp16", "keep": sorted(chosen)})
        kept = sum(row["cube"] + row["vector"] for row in answer["rows"] if row["inputs"] == "float32")
        known[chosen] = Trial(drift=max(answer["drift"].values()), cost=kept / sum(row["cube"] + row["vector"] for row in answer["rows"]))
        return known[chosen]

    layers = one.study(given, {"mode": "force_fp16", "layers": True})["rows"]
    own: dict[str, float] = {}
    for row in layers:
        own[row["type"]] = max(own.get(row["type"], 0.0), row["own"] or 0.0)
    names = sorted(own)
    found = cheapest(names, run, tolerance, own)
    assert found is not None
    assert found.names, "without a list it must fail"
    assert found.proof == "smallest"
    met = [run(chosen) for chosen in every(names)]
    assert found.trial.cost == min(trial.cost for trial in met if trial.drift <= tolerance)
    for less in found.names:
        assert run(frozenset(found.names) - {less}).drift > tolerance, f"{less} could be left out"
    made = mixlist_of(found.names, names)
    again = read(made.text(), "here")
    mixed = one.study(given, {"mode": "mixed_float16", "keep": list(again.black), "lower": list(again.white)})
    assert max(mixed["drift"].values()) == found.trial.drift, "the list for a mixed mode says the same"


@pytest.mark.parametrize("seed", range(40))
def test_on_random_rules_it_is_the_cheapest_of_all_lists(seed: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"t{number}" for number in range(int(random.integers(1, 7)))]
    cost = {name: float(random.integers(1, 6)) for name in names}
    needs = [frozenset(random.choice(names, int(random.integers(1, len(names) + 1)), replace=False)) for _ in range(3)]

    def run(chosen: frozenset[str]) -> Trial:
        return Trial(drift=0.0 if any(need <= chosen for need in needs) else 1.0, cost=sum(cost[name] for name in chosen))

    found = cheapest(names, run, 0.5, {name: float(random.random()) for name in names})
    assert found is not None
    assert found.trial.cost == min(run(chosen).cost for chosen in every(names) if run(chosen).drift <= 0.5)
    assert found.proof == "smallest"


def test_with_few_trials_it_says_that_it_does_not_know() -> None:
    names = [f"t{number}" for number in range(12)]
    runs: set[frozenset[str]] = set()

    def run(chosen: frozenset[str]) -> Trial:
        runs.add(chosen)
        return Trial(drift=0.0 if {"t3", "t7", "t9"} <= chosen else 1.0, cost=float(len(chosen)))

    found = cheapest(names, run, 0.5, {}, most=100)
    assert found is not None
    assert found.names == ("t3", "t7", "t9")
    assert found.proof == "irreducible"
    assert found.trials == len(runs)


def test_nothing_to_keep_and_nothing_that_helps() -> None:
    found = cheapest(["a", "b"], lambda chosen: Trial(drift=0.1, cost=float(len(chosen))), 0.2, {})
    assert found is not None
    assert (found.names, found.proof) == ((), "smallest")
    assert cheapest(["a", "b"], lambda chosen: Trial(drift=0.1, cost=0.0), 0.01, {}) is None


@pytest.mark.parametrize("seed", range(20))
def test_of_many_names_those_that_matter_are_left(seed: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"n{number:03}" for number in range(int(random.integers(1, 90)))]
    needed = frozenset(random.choice(names, min(len(names), int(random.integers(1, 5))), replace=False))

    def run(chosen: frozenset[str]) -> Trial:
        return Trial(drift=0.0 if needed <= chosen else 1.0, cost=float(len(chosen)))

    found = narrowed(names, run, 0.5, {name: float(random.random()) for name in names}, most=1000)
    assert found is not None
    assert (set(found.names), found.proof) == (needed, "irreducible")
    assert found.trials < 40 + 12 * len(needed)
    short = narrowed(names, run, 0.5, {}, most=2)
    assert short is not None
    assert needed <= set(short.names)
    assert short.trials <= 2
    assert narrowed(names, lambda chosen: Trial(drift=1.0, cost=0.0), 0.5, {}) is None
