"""Each limit with its passing twin, and the fault planted just beyond it; a metric that is no number never passes."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.presets import PRESETS
from harness.core.tolerance import Tolerance
from harness.numerics.compare import compare
from harness.numerics.declared import ELEMENTS, judge_declared, same_top_k, ulp
from harness.numerics.metrics import distance, measure

NAN, INF = float("nan"), float("inf")


def f32(*numbers: Any) -> Any:
    return np.array(numbers, np.float32)


def broken(actual: Any, expected: Any, **limits: Any) -> dict[str, str]:
    """Return the limits that do not hold; the same whether `measure` was asked before or not."""
    tolerance = Tolerance(**limits)
    metrics, facts = judge_declared(actual, expected, tolerance)
    again, same = judge_declared(actual, expected, tolerance, measure(actual, expected))
    assert facts == same
    assert str({key: item for key, item in metrics.items() if key in again}) == str(again)
    return facts


ONES = np.ones(1000, np.float32)


def off(count: int, by: float = 1.0) -> Any:
    """Return a thousand ones, ``count`` of them off by ``by``."""
    found = ONES.copy()
    found[:count] += np.float32(by)
    return found


UNIT = f32(3, 4)
HALF = f32(0.5, 0.5)
# limits, what is just inside, what is just beyond, the expected values
TWINS: dict[str, tuple[dict[str, Any], Any, Any, Any]] = {
    "atol": ({"atol": 0.25}, f32(1.25), f32(1.2500001), f32(1.0)),
    "rtol": ({"rtol": 0.25}, f32(-2.5), f32(-2.5000005), f32(-2.0)),
    "both add": ({"rtol": 0.25, "atol": 0.5}, f32(3.0), f32(3.0000005), f32(2.0)),
    "zero bound": ({"rtol": 0.0}, f32(0.0, -0.0), f32(0.0, 1e-45), f32(0.0, 0.0)),
    "min_fraction": ({"atol": 0.5, "min_fraction": 0.999}, off(1), off(2), ONES),
    "max_ulp": ({"max_ulp": 2}, np.nextafter(np.nextafter(f32(1), f32(2)), f32(2)), f32(1 + 3 * 2**-23), f32(1)),
    "min_cosine": ({"min_cosine": 0.96}, f32(4, 3), f32(4.05, 3), UNIT),
    "min_sqnr_db": ({"min_sqnr_db": 20.0}, f32(3, 4.5), f32(3, 4.51), UNIT),
    "max_rms_rel": ({"max_rms_rel": 0.1}, f32(3, 4.5), f32(3, 4.51), UNIT),
    "max_rmse": ({"max_rmse": 0.5}, f32(3.5, 4.5), f32(3.5, 4.51), UNIT),
    "max_mean_rel": ({"max_mean_rel": 0.1}, f32(3, 4.79), f32(3, 4.81), UNIT),
    # 0.5 log(0.5/0.6) + 0.5 log(0.5/0.4) = 0.02041
    "max_kl": ({"max_kl": 0.0205}, f32(0.6, 0.4), f32(0.61, 0.39), HALF),
    "max_kl of a sum": ({"max_kl": 0.01}, HALF, f32(0.6, 0.6), HALF),
    "max_kl of the worst row": ({"max_kl": 0.0205}, f32([0.6, 0.4], [0.5, 0.5]), f32([0.5, 0.5], [0.7, 0.3]), f32(HALF, HALF)),
    "max_kl logits": ({"max_kl": 0.0205, "kl_of": "logits"}, np.log(f32(6, 4)), np.log(f32(61, 39)), f32(7, 7)),
    "max_kl range": ({"max_kl": 0.05, "kl_of": "range"}, f32(0, 1, 2.2), f32(0, 1, 9), f32(0, 1, 2)),
    "top_k": ({"top_k": 2}, f32(9, 7, 5, 1), f32(9, 4, 5, 1), f32(7, 9, 5, 1)),
    "min_top_k": ({"top_k": 1, "min_top_k": 0.5}, f32([1, 2], [1, 2]), f32([1, 2], [2, 1], [1, 2]), f32([1, 2], [2, 1])),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_limit_holds_up_to_its_bound_and_no_further(name: str) -> None:
    limits, inside, beyond, expected = TWINS[name]
    if name == "min_top_k":
        assert not broken(inside, expected, **limits)
        assert list(broken(beyond, f32([2, 1], [1, 2], [1, 2]), **limits)) == ["min_top_k"]
        return
    assert not broken(inside, expected, **limits)
    assert len(broken(beyond, expected, **limits)) == 1
    assert not broken(expected, expected, **limits), "equal outputs satisfy every limit"


SPOILT = [limits for limits, *_ in TWINS.values() if limits != {"rtol": 0.0}]


@pytest.mark.parametrize("limits", SPOILT, ids=str)
@pytest.mark.parametrize("bad", [NAN, INF], ids=str)
def test_a_number_lost_on_one_side_fails_every_limit_it_reaches(limits: dict[str, Any], bad: float) -> None:
    expected = f32([0.25, 0.5, 0.25], [0.3, 0.3, 0.4])
    actual = np.full_like(expected, bad)
    # All tied at infinity any set of the largest is right; what fails then is the hard fact.
    assert broken(actual, expected, **limits) or ("top_k" in limits and bad == INF)
    assert not compare({"y": actual}, {"y": expected}, lambda *_: Tolerance(**limits))[0].match


@pytest.mark.parametrize("key", ["cosine", "sqnr_db", "ulp", "rms_rel", "kl"])
def test_a_metric_that_is_no_number_never_passes(key: str) -> None:
    limits = {"cosine": "min_cosine", "sqnr_db": "min_sqnr_db", "ulp": "max_ulp", "rms_rel": "max_rms_rel", "kl": "max_kl"}
    bound = {limits[key]: 0.0 if key in ("cosine", "sqnr_db") else 1e9}
    _, facts = judge_declared(f32(1), f32(1), Tolerance(**bound), {key: NAN})
    assert list(facts) == [limits[key]]
    assert "nan" in facts[limits[key]]


def test_rows_that_are_no_probabilities_have_no_divergence() -> None:
    assert "nan" in broken(f32(-0.5, 1.5), HALF, max_kl=1e9)["max_kl"]
    assert not broken(f32(0, 1), f32(0, 1), max_kl=0.0)
    assert "divergence inf exceeds" in broken(f32(1, 0), HALF, max_kl=1e9)["max_kl"]
    masked = f32(-INF, 1, 2)
    assert not broken(masked, masked.copy(), max_kl=0.0, kl_of="logits")


def test_all_limits_must_hold_and_each_is_told() -> None:
    facts = broken(f32(30, 40), UNIT, rtol=0.1, max_ulp=4, min_cosine=0.99, max_rms_rel=0.05)
    assert list(facts) == [ELEMENTS, "max_ulp", "max_rms_rel"], "scale is what cosine cannot see"
    assert facts["max_rms_rel"] == "relative root mean square error 9 exceeds 0.05"
    assert facts[ELEMENTS].startswith("2 of 2 elements are outside |actual - expected| <= atol + rtol * |expected| with rtol=0.1")
    assert "only 0.998 of 1000 elements" in broken(off(2), ONES, atol=0.5, min_fraction=0.999)["min_fraction"]


def test_used_is_the_factor_at_which_the_output_would_only_just_pass() -> None:
    expected = np.linspace(-3, 3, 101)
    actual = expected + np.linspace(0, 1e-3, 101)
    used = judge_declared(actual, expected, Tolerance(rtol=1e-2, atol=1e-2))[0]["used"]
    assert not broken(actual, expected, rtol=1e-2 * used * (1 + 1e-12), atol=1e-2 * used * (1 + 1e-12))
    assert broken(actual, expected, rtol=1e-2 * used * (1 - 1e-9), atol=1e-2 * used * (1 - 1e-9))
    assert judge_declared(off(1), ONES, Tolerance(atol=0.5, min_fraction=0.999))[0]["used"] == 0.0
    assert judge_declared(off(2), ONES, Tolerance(atol=0.5, min_fraction=0.999))[0]["used"] == 2.0


def test_what_was_measured_already_is_taken_where_the_default_decides() -> None:
    usual = Tolerance(rtol=0.1, atol=0.1, mode="oracle")
    metrics, facts = judge_declared(off(3), ONES, usual, {"outside": 3})
    assert metrics == {"outside": 3}
    assert list(facts) == [ELEMENTS]
    assert judge_declared(off(3), ONES, usual)[1] == facts


def test_single_elements_can_be_left_to_another_bound() -> None:
    metrics, facts = judge_declared(f32(30, 40), UNIT, Tolerance(rtol=0.1, max_rmse=1.0, mode="oracle"), elements=False)
    assert list(facts) == ["max_rmse"]
    assert list(metrics) == ["rmse"]


def test_an_output_without_rtol_and_atol_is_judged_by_its_other_limits() -> None:
    (found,) = compare({"y": f32(3, 4.1)}, {"y": UNIT}, lambda *_: Tolerance(min_cosine=0.999))
    assert found.match
    assert found.bound == {"mode": "declared", "min_cosine": 0.999}
    (found,) = compare({"y": f32(4, 3)}, {"y": UNIT}, lambda *_: Tolerance(min_cosine=0.999))
    assert found.facts == ("cosine 0.96 is below 0.999",)


def test_empty_outputs_satisfy_every_limit() -> None:
    empty = np.empty((0, 3), np.float32)
    for limits, *_ in TWINS.values():
        assert not broken(empty, empty, **limits)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16], ids=str)
def test_ulp_is_the_gap_above_the_expected_value(dtype: Any) -> None:
    tiny = np.finfo(dtype).smallest_subnormal if dtype is not ml_dtypes.bfloat16 else ml_dtypes.finfo(dtype).smallest_subnormal
    a = np.array([1.0, -tiny, 0.0, np.nan, np.inf, np.nan, np.inf], dtype)
    e = np.array([1.0, tiny, -0.0, np.nan, np.inf, 1.0, -np.inf], dtype)
    assert ulp(a, e).tolist() == [0, 2, 0, 0, 0, INF, INF]
    eps = (np.finfo if dtype is not ml_dtypes.bfloat16 else ml_dtypes.finfo)(dtype).eps
    assert ulp(np.array([1.0, 1 + eps], dtype), np.array([1 + eps, 1 + 3 * eps], dtype)).tolist() == [1, 2]
    assert ulp(np.array([2 - eps], dtype), np.array([2.0], dtype)).tolist() == [0.5], "below a power of two the gap is half as wide"
    top = np.array([np.inf], dtype)
    assert ulp(top, np.nextafter(top, np.array([0], dtype))).tolist() == [INF]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ulp_is_that_of_numpy(dtype: Any) -> None:
    drawn = np.random.default_rng(5)
    e = (drawn.standard_normal(500) * 2.0 ** drawn.integers(-30, 14, 500)).astype(dtype)
    a = np.nextafter(e, drawn.standard_normal(500).astype(dtype))
    assert np.array_equal(ulp(a, e), np.abs(a.astype(np.float64) - e.astype(np.float64)) / np.spacing(np.abs(e)).astype(np.float64))


def test_ulp_of_integers_is_their_difference() -> None:
    assert ulp(np.array([0, 255], np.uint8), np.array([1, 0], np.uint8)).tolist() == [1, 255]
    assert ulp(np.array([2**62 + 1]), np.array([2**62])).tolist() == [1]
    assert ulp(np.array([-(2**63)]), np.array([2**63 - 1])).tolist() == [2.0**64]
    assert ulp(np.array([True]), np.array([False])).tolist() == [1]


def test_top_k_is_a_set_and_ties_may_change_places() -> None:
    def same(a: Any, e: Any, k: int, window: float = 0.0) -> bool:
        return bool(same_top_k(f32(*a), f32(*e), k, window))

    assert same([1, 2, 3], [1, 3, 2], 2), "a set has no order"
    assert not same([1, 2, 3], [1, 3, 2], 1)
    assert same([3, 3, 1], [3, 2.9, 1], 1), "a tie on one side"
    assert not same([2, 3, 1], [3, 2.9, 1], 1)
    assert same([2.95, 3, 1], [3, 2.9, 1], 1, 0.11), "a tie within the declared window"
    assert same([2, 3, 1], [3, 2.9, 1], 1, 0.11), "what was chosen is within the window of the best"
    assert not same([2, 3, 1], [3, 2.9, 1], 1, 0.09)
    assert not same([NAN, 3, 1], [NAN, 3, 1], 1)
    assert same([-INF, 3, 1], [-INF, 3, 1], 2)


def test_top_k_of_all_there_are_proves_nothing_and_fails() -> None:
    assert broken(f32(1, 2), f32(2, 1), top_k=2) == {"min_top_k": "top_k=2 needs more than 2 scores in the last axis, got 2"}


PAIRS = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.9, 0.99, 1.01, 1.1, 3.0]), st.integers(-6, 6))


def near(seed: int, factor: float, exponent: int, rtol: float, atol: float) -> tuple[Any, Any]:
    """Return a float64 pair whose farthest element takes up ``factor`` of the bound."""
    drawn = np.random.default_rng(seed)
    expected = drawn.standard_normal((3, 5)) * 10.0**exponent
    share = drawn.uniform(-0.9, 0.9, expected.shape)
    share.flat[drawn.integers(expected.size)] = 1.0
    return expected + share * factor * (atol + rtol * np.abs(expected)), expected


@given(PAIRS, st.sampled_from(["numpy", "optimum", "onnx-backend", "torch-mlir"]))
@settings(max_examples=300, deadline=None)
def test_the_presets_that_are_allclose_agree_with_it(drawn: tuple[int, float, int], preset: str) -> None:
    limits = PRESETS[preset]("float64")
    actual, expected = near(*drawn, **limits)
    by_default = {"numpy": {}, "optimum": {"atol": 1e-5}}.get(preset, limits)
    assert np.allclose(actual, expected, **by_default) == (not broken(actual, expected, **limits))


@given(PAIRS, st.sampled_from(["float64", "float32", "float16", "bfloat16", "int32"]))
@settings(max_examples=200, deadline=None)
def test_the_torch_preset_agrees_with_assert_close(drawn: tuple[int, float, int], dtype: str) -> None:
    torch = pytest.importorskip("torch")
    limits = PRESETS["torch"](dtype)
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    actual, expected = (part.astype(kind) for part in near(*drawn[:2], 0, limits["rtol"], limits["atol"]))
    sides = [torch.from_numpy(part.astype(np.float64).copy()).to(getattr(torch, dtype)) for part in (actual, expected)]
    ratio = distance(actual.astype(np.float64), expected.astype(np.float64))
    allowed = limits["atol"] + limits["rtol"] * np.abs(expected.astype(np.float64))
    used = float(np.max(ratio / np.maximum(allowed, 1e-300)))
    if abs(used - 1) < {"float16": 1e-2, "bfloat16": 5e-2}.get(dtype, 1e-5):
        return  # torch computes the bound in the dtype itself, and may round it to either side
    try:
        torch.testing.assert_close(*sides)
        close = True
    except AssertionError:
        close = False
    assert close == (not broken(actual, expected, **limits))


@pytest.mark.filterwarnings("ignore:CompareFunc:DeprecationWarning")
@given(PAIRS)
@settings(max_examples=30, deadline=None)
def test_the_polygraphy_preset_is_never_tighter_and_at_most_twice_as_wide(drawn: tuple[int, float, int]) -> None:
    comparator = pytest.importorskip("polygraphy.comparator")
    actual, expected = near(*drawn, rtol=1e-5, atol=1e-5)

    def close(**bounds: float) -> bool:
        sides = [comparator.IterationResult({"y": part}, runner_name=name) for part, name in ((actual, "a"), (expected, "e"))]
        return bool(comparator.CompareFunc.simple(**bounds)(*sides)["y"])

    ours = not broken(actual, expected, **PRESETS["polygraphy"]("float64"))
    assert close() <= ours <= close(rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(("dtype", "bound", "share"), [("float32", 1e-4, 0.9999), ("float16", 1e-3, 0.999), ("bfloat16", 4e-3, 0.996)])
def test_the_ascend_preset_is_a_relative_bound_for_a_share_of_the_elements(dtype: str, bound: float, share: float) -> None:
    expected = np.full(10_000, 2.0)
    beyond = round((1 - share) * expected.size)
    for count, factor, passes in ((beyond, 1.1, True), (beyond + 1, 1.1, False), (expected.size, 0.9, True)):
        actual = expected.copy()
        actual[:count] *= 1 + factor * bound
        assert (not broken(actual, expected, **PRESETS["ascend"](dtype))) is passes
    hidden = np.zeros(100), np.full(100, 0.5)
    assert broken(hidden[1], hidden[0], **PRESETS["ascend"](dtype)), "an error at a golden zero is seen"


def test_the_ascend_comparison_flags_what_its_metrics_can_see() -> None:
    drawn = np.random.default_rng(7).standard_normal((4, 64)).astype(np.float32)
    limits = PRESETS["ascend-compare"]("float32")
    assert not broken(drawn * np.float32(1.001), drawn, **limits)
    assert list(broken(drawn * np.float32(1.06), drawn, **limits)) == ["max_rms_rel"]
    assert {"min_cosine", "max_rms_rel", "max_kl"} <= set(broken(np.roll(drawn, 1, 0), drawn, **limits))
