"""The search finds planted differences that ordinary inputs hide, and does not make any up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from stand_ins import CORRECT, PLANTED, gelu_erf, gelu_tanh, ordinary_check, score_of

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.spec import TensorSpec, ids, integers, mask, normal, positions, probability, uniform
from harness.numerics.moves import REACH, settle, step, sweep
from harness.numerics.sampling import Sample, draw
from harness.numerics.search import CERTAIN, Found, amplify, ascend

X = (TensorSpec(name="x", dtype="float32", shape=(4, 64)),)
DOMAINS = {
    "real": TensorSpec(name="real", dtype="float32", shape=(3, 5), domain=normal(2.0)),
    "half": TensorSpec(name="half", dtype="float16", shape=(3, 5)),
    "bounded": TensorSpec(name="bounded", dtype="float32", shape=(2, 3, 4), domain=uniform(0.1, 0.7)),
    "scalar": TensorSpec(name="scalar", dtype="float64", shape=()),
    "whole": TensorSpec(name="whole", dtype="int64", shape=(7,), domain=integers(-3, 3)),
    "tokens": TensorSpec(name="tokens", dtype="int32", shape=(2, 6), domain=ids(50)),
    "kept": TensorSpec(name="kept", dtype="bool", shape=(2, 6), domain=mask()),
    "chance": TensorSpec(name="chance", dtype="float32", shape=(2, 6), domain=probability()),
    "place": TensorSpec(name="place", dtype="int64", shape=(2, 6), domain=positions()),
    "empty": TensorSpec(name="empty", dtype="float32", shape=(0, 3)),
}


def sample_of(*specs: TensorSpec) -> Sample:
    return draw(Case(id="search", inputs=specs, build={"onnx": int}), "onnx", {})


def found_for(name: str, *, seed: int = 0, budget: int = 400) -> Found:
    return amplify(score_of(*PLANTED[name]), sample_of(*X), X, budget=budget, seed=seed)


# What the search must gain on what ordinary inputs show; infinite where these show nothing at all.
GAINS = {
    "layer norm eps 1e-5 as 1e-6": 1e5,
    "layer norm eps 1e-5 as 1e-12": 1e7,
    "layer norm variance in one pass": 1e4,
    "gelu erf as tanh": 15,
    "relu6 as relu": math.inf,
    "hardswish as swish": 1e6,
    "sigmoid as hard sigmoid": 2,
    "sigmoid by tanh, its tail lost": 1e5,
    "exp clipped at 88": math.inf,
    "log1p naive": 1e6,
    "expm1 naive": 1e6,
    "softmax without its maximum": math.inf,
    "clip lost its upper bound": math.inf,
    "leaky slope lost far out": math.inf,
    "round half even as half up": math.inf,
}
# These differ in the middle of N(0, 1) by more than an ordinary check allows for; the search only makes it plainer.
PLAIN = ("sigmoid as hard sigmoid", "hardswish as swish")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_found_from_ordinary_inputs(name: str) -> None:
    for seed in range(3):
        found = found_for(name, seed=seed)
        assert found.score > 100 * CERTAIN
        assert found.amplification >= GAINS[name]
        assert found.evaluations <= 400


@pytest.mark.parametrize("name", [name for name in PLANTED if name not in PLAIN])
def test_an_ordinary_check_of_ordinary_inputs_passes_them_or_nearly(name: str) -> None:
    assert ordinary_check(*PLANTED[name], sample_of(*X).feeds["x"]) > 0.8


@pytest.mark.parametrize("name", PLANTED)
def test_a_few_evaluations_show_most_of_them(name: str) -> None:
    assert found_for(name, budget=120).score > CERTAIN


@pytest.mark.parametrize("name", CORRECT)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_correct_implementations_stay_below_what_counts_as_certain(name: str, seed: int) -> None:
    source, target = CORRECT[name]
    confirm = score_of(source, target, nudges=8)
    found = amplify(score_of(source, target), sample_of(*X), X, budget=1000, seed=seed, confirm=confirm)
    assert found.trail[0].score < 1
    assert found.score < CERTAIN


def test_a_confirmed_search_still_finds_what_differs() -> None:
    for name in ("layer norm eps 1e-5 as 1e-6", "gelu erf as tanh", "relu6 as relu", "exp clipped at 88"):
        source, target = PLANTED[name]
        found = amplify(score_of(source, target), sample_of(*X), X, budget=400, confirm=score_of(source, target, nudges=8))
        assert found.score > 100 * CERTAIN


def test_the_same_search_gives_the_same_result_and_keeps_to_its_budget() -> None:
    asked: list[int] = []
    judge = score_of(*PLANTED["gelu erf as tanh"])

    def evaluate(feeds: Mapping[str, Any]) -> float:
        asked.append(1)
        return judge(feeds)

    for confirm in (None, evaluate):
        asked.clear()
        one = amplify(evaluate, sample_of(*X), X, budget=60, seed=3, confirm=confirm)
        assert len(asked) == one.evaluations == 60
        other = amplify(evaluate, sample_of(*X), X, budget=60, seed=3, confirm=confirm)
        assert one.sample.digest == other.sample.digest
        assert (one.score, one.trail) == (other.score, other.trail)
    assert amplify(judge, sample_of(*X), X, budget=60, seed=4).sample.digest != one.sample.digest


def test_the_trail_tells_how_the_score_grew() -> None:
    found = found_for("gelu erf as tanh")
    first = found.trail[0]
    assert (first.evaluations, first.input, first.move) == (1, "", "start")
    assert [step.score for step in found.trail] == sorted({step.score for step in found.trail})
    assert found.trail[-1].score == found.score
    assert all(step.input == "x" and step.move for step in found.trail[1:])
    assert found.score == score_of(gelu_erf, gelu_tanh)(found.feeds)
    assert not found.feeds["x"].flags.writeable
    assert (found.sample.rung, found.sample.lengths) == ("found", {})


def test_an_infinite_score_ends_the_search_and_nan_tells_nothing() -> None:
    assert found_for("softmax without its maximum").evaluations < 20
    nothing = amplify(lambda feeds: math.nan, sample_of(*X), X, budget=20)
    assert (nothing.score, nothing.evaluations, nothing.amplification) == (0.0, 20, 1.0)


def test_a_difference_in_an_input_of_ids_or_of_a_mask_is_found_among_several_inputs() -> None:
    specs = (DOMAINS["real"], DOMAINS["tokens"], DOMAINS["kept"], DOMAINS["place"])

    def evaluate(feeds: Mapping[str, Any]) -> float:
        return float((feeds["tokens"] == 49).mean() + 3 * feeds["kept"].mean() + (np.abs(feeds["real"]) > 100).any())

    found = amplify(evaluate, sample_of(*specs), specs, budget=300)
    assert found.score == 5.0
    assert np.array_equal(found.feeds["place"], sample_of(*specs).feeds["place"])


def test_what_cannot_be_searched_is_told_or_left_as_it_is() -> None:
    with pytest.raises(UsageError, match="budget=0; expected at least 1"):
        amplify(lambda feeds: 0.0, sample_of(*X), X, budget=0)
    with pytest.raises(UsageError, match="no specification for input x"):
        amplify(lambda feeds: 0.0, sample_of(*X), ())
    still = (DOMAINS["place"], DOMAINS["empty"])
    assert amplify(lambda feeds: 0.5, sample_of(*still), still).evaluations == 1


def inside(spec: TensorSpec, array: Any) -> bool:
    """Return whether an array is one that the input may hold."""
    domain, values = spec.domain, array.astype(np.float64)
    assert domain is not None
    assert (array.dtype.name, array.shape, array.flags.writeable) == (spec.dtype, spec.concrete({}), False)
    return np.isfinite(values).all() and {
        "normal": np.abs(values).max() <= 1e5 * domain.high,  # the rung of the greatest magnitudes goes to 1e5
        "uniform": domain.low <= values.min() and values.max() <= domain.high,
        "integers": domain.low <= values.min() and values.max() <= domain.high and (values == np.floor(values)).all(),
        "ids": values.min() >= 0 and values.max() < domain.high,
        "mask": values.ndim == 0 or bool(values[..., 0].all() and (np.diff(values) <= 0).all()),
        "probability": bool(np.allclose(values.sum(-1), 1.0, atol=1e-5) and (values >= 0).all()),
    }[domain.kind]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in DOMAINS if name not in ("place", "empty")])
def test_moves_stay_in_the_domain(name: str) -> None:
    spec = DOMAINS[name]
    array, rng = sample_of(spec).feeds[name], np.random.default_rng(7)
    swept = list(sweep(spec, array, rng))
    assert len({move for move, _ in swept}) == len(swept)
    for move, moved in swept:
        assert inside(spec, moved), move
    for _ in range(300):
        move, array = step(spec, array, rng)
        assert inside(spec, array), move


def test_values_that_are_no_numbers_are_settled() -> None:
    found = settle(DOMAINS["bounded"], np.full((2, 3, 4), np.nan))
    assert inside(DOMAINS["bounded"], found)
    assert settle(DOMAINS["scalar"], np.array(-np.inf)) == -REACH


def slope_of_difference(feeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gradient of the squared difference of the two GELU forms."""
    x, tiny = feeds["x"].astype(np.float64), 1e-5
    squares = [np.square(gelu_erf(x + move) - gelu_tanh(x + move)) for move in (tiny, -tiny)]
    return {"x": (squares[0] - squares[1]) / (2 * tiny)}


def difference(feeds: Mapping[str, Any]) -> float:
    x = feeds["x"].astype(np.float64)
    return float(np.sqrt(np.mean(np.square(gelu_erf(x) - gelu_tanh(x)))) / 1e-5)


def test_following_a_gradient_raises_the_score() -> None:
    found = ascend(difference, slope_of_difference, sample_of(*X), X, budget=100)
    assert found.amplification > 1.5
    assert found.evaluations <= 100
    assert "gradient" in found.trail[-1].move
    downhill = ascend(difference, lambda feeds: {"x": -slope_of_difference(feeds)["x"]}, sample_of(*X), X, budget=100)
    assert downhill.amplification > 1.5, "the gradient of the source alone does not say which way the difference grows"
    assert ascend(difference, slope_of_difference, found.sample, X, budget=40).score >= found.score, "from what was found"


def test_an_ascent_stays_in_the_domain() -> None:
    bounded = (TensorSpec(name="x", dtype="float32", shape=(4, 8), domain=uniform(0.0, 1.0)),)
    found = ascend(lambda feeds: float(feeds["x"].sum()), lambda feeds: {"x": np.ones((4, 8))}, sample_of(*bounded), bounded)
    assert (found.feeds["x"] == 1.0).all()


@pytest.mark.parametrize("slopes", [{}, {"x": np.zeros((4, 64))}, {"x": np.full((4, 64), np.nan)}], ids=["none", "flat", "nan"])
def test_without_a_gradient_the_ascent_ends_where_it_began(slopes: dict[str, Any]) -> None:
    found = ascend(difference, lambda feeds: slopes, sample_of(*X), X)
    assert (found.evaluations, found.amplification) == (1, 1.0)
    assert found.sample.digest == sample_of(*X).digest
