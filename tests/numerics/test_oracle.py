"""The oracle bound: what correct float32 programs differ by passes, what a planted bug differs by does not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.spec import Domain, TensorSpec, normal, uniform
from harness.core.tolerance import Tolerance, default_tolerance
from harness.core.weights import REACH, jitter, rounded
from harness.numerics.compare import compare
from harness.numerics.ladder import draw_rung
from harness.numerics.local import pieces
from harness.numerics.oracle import RANGES, UNITS, Yardstick, judge, judge_whole

Program = Callable[..., np.ndarray]
RNG = np.random.default_rng(7)


def usual(_: str, dtype: str) -> Tolerance:
    return default_tolerance(dtype)


@pytest.fixture(autouse=True)
def each_test_alone() -> None:
    global RNG
    RNG = np.random.default_rng(7)


def f32(*shape: int) -> np.ndarray:
    return RNG.normal(0, 1, shape).astype(np.float32)


def stick(program: Program, *inputs: np.ndarray, source: Program | None = None, **more: object) -> Yardstick:
    """Measure a program that computes in the type of its inputs as the harness measures a source."""
    wide = [array.astype(np.float64) for array in inputs]
    exact = np.asarray(program(*wide))
    spread = np.zeros(exact.shape)
    for seed in (1, 2):
        moved = [jitter(str(n), array, "float32", seed=seed) for n, array in enumerate(inputs)]
        spread = np.maximum(spread, np.abs(np.asarray(program(*moved)) - exact) / REACH)
    return Yardstick(reference=np.asarray((source or program)(*inputs)), oracle=exact, spread=spread, **more)  # type: ignore[arg-type]


def layer_norm(x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    mean = x.mean(-1, keepdims=True)
    return ((x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + x.dtype.type(eps))).astype(x.dtype)


def gelu(x: np.ndarray) -> np.ndarray:
    return (x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))).astype(x.dtype)


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    return (x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))).astype(x.dtype)


def backwards(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Sum a product one term after the other, last first: another correct order, and the worst one."""
    total = np.zeros((x.shape[0], w.shape[1]), x.dtype)
    for k in reversed(range(x.shape[1])):
        total += x[:, k : k + 1] * w[k]
    return total


@pytest.mark.parametrize("length", [3, 64, 1024, 16384])
def test_another_order_of_summation_matches(length: int) -> None:
    x, w = f32(4, length), f32(length, 32) / np.float32(math.sqrt(length))
    found = judge(backwards(x, w), stick(np.matmul, x, w, terms=float(length)))
    assert found.match, found


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_a_long_sum_near_zero_or_far_from_it_matches(offset: float) -> None:
    x = f32(1, 200_000) + np.float32(offset)
    naive = np.cumsum(x, axis=1, dtype=np.float32)[:, -1]
    assert judge(naive, stick(lambda a: a.sum(1), x, terms=float(x.size))).match


@pytest.mark.parametrize("eps", [1e-3, 1e-6, 1e-12, 5e-5])
def test_a_wrong_epsilon_is_caught_on_ordinary_inputs(eps: float) -> None:
    x = f32(16, 64)
    assert judge(layer_norm(x), stick(layer_norm, x)).match
    assert not judge(layer_norm(x, eps), stick(layer_norm, x)).match


def test_an_approximate_gelu_is_caught() -> None:
    x = f32(8, 32)
    assert judge(gelu(x), stick(gelu, x)).match
    assert not judge(gelu_tanh(x), stick(gelu, x)).match


def test_one_bias_of_many_dropped_is_caught_however_small_its_channel() -> None:
    scale = np.logspace(-4, 3, 32).astype(np.float32)
    x, bias = f32(64, 32) * scale, f32(32) * scale
    add: Program = lambda a, b: a + b  # noqa: E731
    wrong = bias.copy()
    wrong[3] *= np.float32(0.999)
    assert judge(x + bias, stick(add, x, bias)).match
    assert not judge(x + wrong, stick(add, x, bias)).match


def test_a_weight_in_half_precision_is_caught() -> None:
    x, w = f32(8, 64), f32(64, 64) / 8
    assert not judge(x @ w.astype(np.float16).astype(np.float32), stick(np.matmul, x, w)).match


def test_half_precision_matches_where_it_was_asked_for_and_a_bug_in_it_does_not() -> None:
    x, w = f32(8, 64), f32(64, 64) / 8
    half = (x.astype(np.float16) @ w.astype(np.float16)).astype(np.float32)
    move = partial(rounded, precision="float16")
    emulated = move("x", x, "float32") @ move("w", w, "float32")
    asked = stick(np.matmul, x, w, coarse=UNITS["float16"], emulated=emulated)
    assert judge(half, asked).match
    assert not judge(half, stick(np.matmul, x, w)).match
    assert not judge((x.astype(np.float16) @ w.T.astype(np.float16)).astype(np.float32), asked).match


def test_a_source_that_is_wrong_earns_its_target_no_room_and_either_answer_is_right() -> None:
    x = f32(8, 32)

    def broken(a: np.ndarray) -> np.ndarray:
        out = np.exp(a)
        out[0, 0] = 7.0
        return out

    held = stick(np.exp, x, source=broken)
    assert judge(np.exp(x), held).match
    assert judge(broken(x), held).match
    off = np.exp(x)
    off[0, 0] = 9.0
    assert not judge(off, held).match
    off = np.exp(x)
    off[1, 1] *= np.float32(1.0001)
    assert not judge(off, held).match


def chaos(x: np.ndarray) -> np.ndarray:
    """Return the logistic map at each step: the first steps are determined, the last are not."""
    steps = [x]
    for _ in range(60):
        steps.append((x.dtype.type(3.99) * steps[-1] * (1 - steps[-1])).astype(x.dtype))
    return np.stack(steps)


def test_without_a_float64_twin_both_sides_carry_rounding() -> None:
    exact = RNG.normal(0, 1, (8, 16))
    room = 27 * UNITS["float32"] * np.sqrt(np.mean(exact**2))  # what the bound grants each of two programs
    reference, actual = (exact + room).astype(np.float32), (exact - room).astype(np.float32)
    alone = Yardstick(reference=reference, oracle=reference, spread=np.zeros(exact.shape, np.float32), alone=True)
    assert judge(actual, alone).match
    assert not judge(actual, dataclasses.replace(alone, alone=False)).match
    assert not judge((exact - 4 * room).astype(np.float32), alone).match
    x = f32(4, 64)
    source = layer_norm(x)
    own = Yardstick(reference=source, oracle=source, spread=np.zeros(x.shape, np.float32), alone=True)
    assert not judge(layer_norm(x, 2e-5), own).match


def test_chaos_is_judged_by_what_is_determined_and_never_waved_through() -> None:
    x = RNG.uniform(0.2, 0.8, 16).astype(np.float32)
    held = stick(chaos, x)
    found = judge(chaos(x), held)
    assert found.match
    assert 0.3 < found.undetermined / held.oracle.size < 0.9
    wrong = chaos(x)
    wrong[2] += np.float32(1e-4)
    assert not judge(wrong, held).match
    wrong = chaos(x)
    wrong[-1] = 1e3
    assert not judge(wrong, held).match
    late = {name: getattr(held, name)[-5:] for name in ("reference", "oracle", "spread")}
    other = chaos(np.nextafter(x, np.float32(1)))[-5:]
    (verdict,) = compare({"y": other}, {"y": late["reference"]}, usual, yardsticks={"y": Yardstick(**late)})
    assert not verdict.match
    assert "nothing of it is determined" in verdict.facts[0]
    (verdict,) = compare({"y": chaos(x)[-5:]}, {"y": late["reference"]}, usual, yardsticks={"y": Yardstick(**late)})
    assert verdict.match, "the same chaos to the last bit is no chance"


def argmax(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return np.argmax(x @ w, -1)


def norm_by_reciprocal(x: np.ndarray, eps: float = 1e-5, count: int | None = None) -> np.ndarray:
    """Normalise rows by sums, one term after the other, times the reciprocal of a count: a vectorised kernel's way."""
    share = x.dtype.type(1.0) / x.dtype.type(count or x.shape[-1])
    mean = np.add.accumulate(x, axis=-1)[..., -1:] * share
    variance = np.add.accumulate((x - mean) ** 2, axis=-1)[..., -1:] * share
    return (x - mean) * (1 / np.sqrt(variance + x.dtype.type(eps)))


@pytest.mark.parametrize("rung", ["ones", "alternating"])
@pytest.mark.parametrize("domain", [normal(2.0), uniform(0.0, 1.0)], ids=str)
def test_one_number_or_two_leave_room_for_rounding_and_none_for_a_wrong_count(rung: str, domain: Domain) -> None:
    case = Case(id="norm", inputs=(TensorSpec(name="x", dtype="float32", shape=(6, 945), domain=domain),), build={"onnx": int})
    x = draw_rung(case, "onnx", {}, rung).feeds["x"]
    yardstick = stick(layer_norm, x)
    assert judge(norm_by_reciprocal(x), yardstick).match
    assert not judge(norm_by_reciprocal(x, count=946), yardstick).match


def test_near_ties_may_fall_either_way_and_clear_winners_may_not() -> None:
    x, w = f32(64, 8), f32(8, 5)
    w[:, 1] = w[:, 0]
    w[0, 1] = np.nextafter(w[0, 0], np.float32(9))
    held = stick(argmax, x, w)
    got = held.reference.copy()
    tied = np.flatnonzero(held.spread > 0)
    assert tied.size
    got[tied[0]] = 1 - got[tied[0]]
    free = {"y": got}, {"y": held.reference}, usual
    assert compare(*free, yardsticks={"y": held})[0].match
    clear = np.flatnonzero((held.spread == 0) & (held.reference > 1))
    got[clear[0]] = 0
    assert not compare(*free, yardsticks={"y": held})[0].match


def test_a_threshold_hit_exactly_is_exact() -> None:
    x = np.array([0.5, 1.5, 2.5, -0.5, 3.0, 0.0], np.float32)
    half_up: Program = lambda a: np.floor(a + 0.5)  # noqa: E731
    assert judge(np.round(x), stick(np.round, x)).match
    assert not judge(half_up(x), stick(np.round, x)).match


def test_denormals_and_zeros_may_be_flushed() -> None:
    x = np.array([1e-40, -1e-41, 0.0, 1e-38], np.float32)
    assert judge(np.zeros(4, np.float32), stick(np.positive, x)).match
    assert not judge(np.full(4, 1e-30, np.float32), stick(np.positive, x)).match


def test_nan_and_infinity_must_be_where_the_source_or_its_twin_has_them() -> None:
    x = np.array([1.0, 89.0, 400.0], np.float32)
    with np.errstate(over="ignore"):
        held = stick(np.exp, x)
        assert np.isinf(held.reference[2])
        for value, good in ((np.inf, True), (3e38, True), (np.nan, False), (-np.inf, False)):
            got = held.reference.copy()
            got[2] = value
            assert compare({"y": got}, {"y": held.reference}, usual, yardsticks={"y": held})[0].match is good
        got = held.reference.copy()
        got[0] *= np.float32(1.001)
        assert not compare({"y": got}, {"y": held.reference}, usual, yardsticks={"y": held})[0].match
        got[0] = np.inf
        assert not compare({"y": got}, {"y": held.reference}, usual, yardsticks={"y": held})[0].match


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (5,), (3, 4, 5), (1, 1, 300_001), (2, 3, 300_000), (700, 500), (2, 1, 600, 700)])
def test_blocks_cover_every_element_once_and_agree_with_one_block(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = np.zeros(shape, int)
    flat = np.arange(seen.size).reshape(shape)
    for start, piece in pieces(shape):
        seen[piece] += 1
        if flat[piece].size:
            assert start == flat[piece].min() == flat[piece].reshape(-1)[0]
    assert np.all(seen == 1)
    x = f32(*shape) if shape else np.float32(0.3) * np.ones((), np.float32)
    y = np.exp(x) * np.float32(1 + 1e-6)
    held = stick(np.exp, x)
    in_blocks = judge(y, held)
    monkeypatch.setattr("harness.numerics.local._BLOCK", 1 << 30)
    whole = judge(y, held)
    assert in_blocks.ratio == pytest.approx(whole.ratio, rel=1e-9)
    assert in_blocks.tensor_ratio == pytest.approx(whole.tensor_ratio, rel=1e-9)
    assert (in_blocks.outside, in_blocks.worst) == (whole.outside, whole.worst)


def test_values_whose_squares_overflow_leave_the_others_judged() -> None:
    x = np.array([1.0, 2.0, 3.0, 1e200], np.float64)
    held = stick(np.positive, x)
    assert judge(x, held).match
    wrong = x.copy()
    wrong[-1] *= 1.01
    assert not judge(wrong, held).match


def test_rows_that_are_all_alike_are_one_sample_of_noise_and_not_many() -> None:
    global RNG
    RNG = np.random.default_rng(1)
    x, w = np.ones((32, 768), np.float32), f32(768, 2048) / 28
    rung = stick(lambda a, b: a @ b, x, w)
    in_order = np.cumsum(x[:1, :, None] * w[None], axis=1, dtype=np.float32)[:, -1]
    assert judge(np.repeat(in_order, 32, axis=0), dataclasses.replace(rung, ordinary=False)).match
    one_bias = (x @ w).astype(np.float32)
    one_bias[:, 5] += np.float32(1e-3)
    assert not judge(one_bias, rung).match, "a fault of one channel shows all the same"


def test_outputs_of_a_float16_source_are_determined_and_a_wrong_one_fails() -> None:
    exact = np.linspace(1.0, 9.0, 64)
    source = exact.astype(np.float16)
    stick = Yardstick(reference=source, oracle=exact, spread=np.abs(exact) * UNITS["float16"], unit=UNITS["float16"])
    assert judge(source, stick).undetermined == 0
    assert judge(source, stick).match
    assert not judge((source * np.float16(1.25)).astype(np.float16), stick).match


def test_a_step_that_half_precision_inputs_cross_is_right_and_another_is_not() -> None:
    x = (RNG.integers(-60, 60, (12, 14)) + np.where(RNG.random((12, 14)) < 0.1, -0.01, 0.4)).astype(np.float32)
    halved = x.astype(np.float16).astype(np.float64)
    exact, target = np.floor(x.astype(np.float64)), np.floor(halved)
    assert np.any(exact != target)
    yardstick = stick(np.floor, x, coarse=UNITS["float16"], emulated=target)
    assert judge(target.astype(np.float32), yardstick).match
    assert judge(exact.astype(np.float32), yardstick).match
    assert not judge((target + 1).astype(np.float32), yardstick).match
    right, rounded_first = exact.astype(np.int64), target.astype(np.int64)
    whole = dataclasses.replace(yardstick, reference=right, oracle=right, emulated=rounded_first)
    assert judge_whole(rounded_first, whole)[0] == 0
    assert judge_whole(rounded_first, dataclasses.replace(whole, emulated=None))[0] == np.count_nonzero(exact != target)
    assert judge_whole(rounded_first + 1, whole)[0] > 0


def test_what_half_precision_cannot_hold_is_its_own() -> None:
    tiny = np.float32(3e-9) * np.abs(f32(12, 14))
    least, most = RANGES["float16"]
    asked = {"coarse": UNITS["float16"], "least": least, "most": most}
    assert judge(tiny.astype(np.float16).astype(np.float32), stick(np.positive, tiny, **asked)).match
    assert not judge(tiny + np.float32(1e-6), stick(np.positive, tiny, **asked)).match
    # One number beyond the range of the type must not hide what is wrong with the others.
    x = f32(12, 14)
    x[0, 0] = 1e30
    wrong = x.astype(np.float64)
    wrong[5, 5] += 0.05
    assert not judge(wrong.astype(np.float32), stick(np.positive, x, counted=np.abs(x) <= most, **asked)).match
    with np.errstate(over="ignore"):
        right = x.astype(np.float16)
    assert judge(right, stick(np.positive, x, counted=np.abs(x) <= most, **asked)).match
