"""The metrics against a slow and plain oracle: every dtype, layout, border and special value."""

from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from harness.numerics import metrics, sweep
from harness.numerics.blocks import BLOCK
from harness.numerics.metrics import cosine, distance, measure, outside, widen
from harness.numerics.sweep import CHUNK

FLOATS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
OTHERS = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.bool_, ml_dtypes.float8_e4m3fn, ">f4")
SAME = {"rel": 1e-11, "abs": 1e-12}


def plain(actual: Any, expected: Any, rtol: float, atol: float) -> dict[str, Any]:
    """Return the metrics by their definitions, on whole float64 arrays; sums in exact arithmetic."""
    a, e = np.asarray(actual).astype(np.float64), np.asarray(expected).astype(np.float64)
    with np.errstate(all="ignore"):
        d = np.asarray(np.abs(a - e))
        d[(a == e) | (np.isnan(a) & np.isnan(e))] = 0
        d[np.isnan(d)] = np.inf
        rel = np.asarray(d / np.abs(e))[(e != 0) & np.isfinite(e)]
    finite = np.isfinite(a) & np.isfinite(e)
    af, ef = (x[finite].reshape(-1).tolist() for x in (a, e))
    ee, aa = math.fsum(x * x for x in ef), math.fsum(x * x for x in af)
    dd = math.fsum(x * x for x in d.reshape(-1).tolist())
    rms = math.sqrt(ee / len(ef)) if ef else 0.0
    noise = math.sqrt(dd / d.size)
    worst = np.unravel_index(int(np.argmax(d)), d.shape)
    peak = float(d[worst])
    none = 0.0 if peak == 0 else math.inf
    allowed = atol + rtol * np.abs(np.where(np.isfinite(e), e, 0.0))
    return {
        "max_abs": peak, "mean_abs": math.fsum(d.reshape(-1).tolist()) / d.size, "max_rel": float(rel.max()) if rel.size else 0.0,
        "scaled": peak / rms if rms else none, "rms_rel": noise / rms if rms else none,
        "sqnr_db": math.inf if dd == 0 else -math.inf if ee == 0 or dd == math.inf else 10 * math.log10(ee / dd),
        "cosine": math.fsum(x * y for x, y in zip(af, ef, strict=True)) / math.sqrt(aa) / math.sqrt(ee) if aa and ee else float(aa == ee),
        "ulp": ulp(actual, expected, d), "worst": [int(i) for i in worst], "size": d.size,
        "count_nan_differ": int(np.sum(np.isnan(a) != np.isnan(e))),
        "count_inf_differ": int(np.sum((np.isposinf(a) != np.isposinf(e)) | (np.isneginf(a) != np.isneginf(e)))),
        "outside": int(np.sum(~(d <= allowed))),
    }  # fmt: skip


def ulp(actual: Any, expected: Any, d: Any) -> float | None:
    """Return the largest distance over the spacing of the expected dtype at the expected value."""
    if actual.dtype != expected.dtype or not is_float(expected.dtype):
        return None
    native = expected.astype(expected.dtype.newbyteorder("=")) if expected.dtype.kind == "f" else expected
    with np.errstate(all="ignore"):
        # np.spacing of the largest value below the next power of two: the gap at that value, not beyond it.
        unit = np.abs(np.spacing(np.abs(native))).astype(np.float64)
        steps = d / unit
    steps = np.asarray(steps)
    steps[d == 0] = 0
    steps[np.isinf(d)] = np.inf
    return float(steps.max())


def is_float(dtype: Any) -> bool:
    return np.dtype(dtype).kind == "f" or "float" in np.dtype(dtype).name


def draw(dtype: Any, shape: tuple[int, ...], seed: int) -> tuple[Any, Any]:
    """Return a pair of arrays that differ in about half of the elements, with zeros on either side."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        e = rng.integers(info.min // 2, info.max // 2, shape, dtype=dtype)
        return np.where(rng.random(shape) < 0.5, e, e + rng.integers(0, 3, shape).astype(dtype)).astype(dtype), e
    if np.dtype(dtype) == np.bool_:
        return rng.random(shape) < 0.5, rng.random(shape) < 0.5
    e = np.where(rng.random(shape) < 0.1, 0, rng.standard_normal(shape) * 3)
    a = np.where(rng.random(shape) < 0.5, e, e + rng.standard_normal(shape) * 1e-2)
    return a.astype(dtype), e.astype(dtype)


def agrees(actual: Any, expected: Any, rtol: float = 1e-3, atol: float = 1e-3, threads: int | None = None) -> dict[str, Any]:
    """Measure both ways and assert that they say the same."""
    found = measure(actual, expected, rtol=rtol, atol=atol, threads=threads)
    wanted = plain(np.asarray(actual), np.asarray(expected), rtol, atol)
    for key, value in wanted.items():
        if isinstance(value, float):
            assert found[key] == pytest.approx(value, nan_ok=True, **SAME), key
        else:
            assert found[key] == value, key
    at = tuple(found["worst"])
    pair = (found["actual_at_worst"], found["expected_at_worst"])
    assert pair == pytest.approx((float(actual[at]), float(expected[at])), nan_ok=True)
    return found


@pytest.mark.parametrize("dtype", [*FLOATS, *OTHERS], ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4, 5), (8191,), (2, BLOCK + 5)], ids=str)
@pytest.mark.parametrize("bound", [(0.0, 0.0), (1e-3, 1e-3), (1e-2, 0.0), (0.0, 5e-3)], ids=str)
def test_every_dtype_agrees_with_the_definitions(dtype: Any, shape: tuple[int, ...], bound: tuple[float, float]) -> None:
    if np.dtype(dtype).itemsize == 8 and np.dtype(dtype).kind in "iu":
        pytest.skip("not exact in float64: has tests of its own")
    a, e = draw(dtype, shape, seed=len(shape) + np.dtype(dtype).itemsize)
    agrees(np.asarray(a), np.asarray(e), *bound)


@pytest.mark.parametrize(
    "dtypes", [(np.float32, np.float64), (np.float16, np.float32), (np.int32, np.float32), (np.int64, np.int32)], ids=str
)
def test_mixed_dtypes_agree_with_the_definitions(dtypes: Any) -> None:
    a, e = draw(np.float64, (3, 500), 5)
    found = agrees((a * 9).astype(dtypes[0]), (e * 9).astype(dtypes[1]))
    assert found["ulp"] is None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, ml_dtypes.bfloat16], ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("seed", range(6))
def test_every_layout_agrees_with_the_definitions(dtype: Any, seed: int) -> None:
    a, e = draw(dtype, (12, 30, 140), seed)
    views = [
        (a.T, e.T), (a[::-1, ::2], e[::-1, ::2]), (a[:, 3], e[:, 3]), (np.asfortranarray(a), e),
        (a, np.ascontiguousarray(e[..., ::-1])[..., ::-1]),
        (np.broadcast_to(a[:1], e.shape), e),
    ]  # fmt: skip
    agrees(*views[seed])


SPECIAL = (np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.0)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: np.dtype(d).name)
def test_special_values_in_every_pairing(dtype: Any) -> None:
    a, e = (x.reshape(-1).astype(dtype) for x in np.meshgrid(SPECIAL, SPECIAL))
    agrees(a, e)
    for x, y in zip(a, e, strict=True):
        agrees(np.array([x]), np.array([y]))
        agrees(np.array([x, dtype(3.0)]), np.array([y, dtype(3.5)]))


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("seed", range(4))
def test_special_values_strewn_over_several_blocks(dtype: Any, seed: int) -> None:
    a, e = draw(dtype, (3 * BLOCK + 17,), seed)
    rng = np.random.default_rng(seed)
    at = rng.integers(0, a.size, 50)
    e[at] = rng.choice(SPECIAL, 50).astype(dtype)
    a[at] = e[at] if seed < 2 else rng.choice(SPECIAL, 50).astype(dtype)
    agrees(a, e)


def test_patterns_say_where_they_first_differ() -> None:
    e = np.zeros((3, BLOCK), np.float32)
    a = e.copy()
    a[1, 5] = e[1, 5] = np.nan
    a[2, 7] = np.nan
    a[2, 8], e[2, 8] = np.inf, -np.inf
    found = measure(a, e)
    assert found["patterns"] == {
        "NaN": {"actual": 2, "expected": 1, "differ": 1, "first": [2, 7]},
        "+inf": {"actual": 1, "expected": 0, "differ": 1, "first": [2, 8]},
        "-inf": {"actual": 0, "expected": 1, "differ": 1, "first": [2, 8]},
    }
    assert (found["count_nan_differ"], found["count_inf_differ"]) == (1, 1)
    assert (found["worst"], found["max_abs"], found["sqnr_db"], found["ulp"]) == ([2, 7], math.inf, -math.inf, math.inf)
    assert measure(e, e)["patterns"] == {}


@pytest.mark.parametrize("at", [0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 2])
@pytest.mark.parametrize("value", [1.5, np.nan, np.inf])
def test_one_wrong_element_at_a_block_border(at: int, value: float) -> None:
    e = np.ones(2 * BLOCK + 3, np.float32)
    a = e.copy()
    a[at] = value
    found = agrees(a, e)
    assert (found["worst"], found["outside"]) == ([at], 1)


def test_the_first_of_equal_maxima_is_the_worst() -> None:
    e = np.zeros(40 * BLOCK, np.float32)
    a = e.copy()
    a[[3 * BLOCK, 3 * BLOCK + 1, 39 * BLOCK]] = 2.0, -2.0, 2.0
    assert measure(a, e, threads=2)["worst"] == [3 * BLOCK]


def test_zeros_of_either_sign_are_equal() -> None:
    found = agrees(np.array([0.0, -0.0], np.float32), np.array([-0.0, 0.0], np.float32), 0.0, 0.0)
    assert (found["max_abs"], found["ulp"], found["cosine"], found["sqnr_db"]) == (0.0, 0.0, 1.0, math.inf)


@pytest.mark.parametrize("scale", [1e200, 1e300, 1e-161, 1e-200, 5e-324, 1e-310, 1.0])
@pytest.mark.parametrize("error", [1e-3, 1e-200, 0.0])
def test_squares_beyond_float64(scale: float, error: float) -> None:
    e = np.array([3.0, -4.0, 0.0, 1.0, 8.0]) * scale
    a = e.copy()
    a[1] += error * scale
    a[4] = 7 * scale
    found = measure(a, e)
    x, y = ([Fraction(v) for v in values.tolist()] for values in (a, e))
    noise, signal = sum((p - q) ** 2 for p, q in zip(x, y, strict=True)), sum(q * q for q in y)
    assert found["rms_rel"] == pytest.approx(math.sqrt(noise / signal))
    assert found["sqnr_db"] == pytest.approx(10 * math.log10(signal / noise))
    assert found["scaled"] == pytest.approx(math.sqrt(Fraction(found["max_abs"]) ** 2 * 5 / signal))
    assert found["mean_abs"] == pytest.approx(float(sum(abs(p - q) for p, q in zip(x, y, strict=True)) / 5), abs=5e-324)
    dot, norm = sum(p * q for p, q in zip(x, y, strict=True)), sum(p * p for p in x)
    assert found["cosine"] == pytest.approx(math.sqrt(dot * dot / (norm * signal)))


def test_signal_and_error_of_very_different_size() -> None:
    e = np.array([1e160, -1e160])
    a = e.copy()
    e2, a2 = np.array([1.0, 1.0]), np.array([1.0, 1.0 + 1e-16])
    assert measure(a, e)["sqnr_db"] == math.inf
    assert measure(a2, e2)["max_abs"] == 0.0
    tiny = measure(np.array([1e-200, 0.0]), np.array([0.0, 1e200]))
    assert (tiny["max_abs"], tiny["rms_rel"], tiny["cosine"], tiny["sqnr_db"]) == (1e200, 1.0, 0.0, 0.0)
    small = measure(np.array([1e-200, 2e-200]), np.array([1e200, 2e200]))
    assert small["cosine"] == pytest.approx(1.0)
    noise = measure(np.array([1e-200, 1e200]), np.array([0.0, 1e200]))
    assert noise["sqnr_db"] == pytest.approx(8000)
    assert noise["max_rel"] == 0.0


def test_a_difference_beyond_float64_is_infinite() -> None:
    found = measure(np.array([1.7e308, 1.0]), np.array([-1.7e308, 1.0]), rtol=0.0, atol=1.0)
    assert (found["max_abs"], found["rms_rel"], found["sqnr_db"], found["outside"]) == (math.inf, math.inf, -math.inf, 1)
    assert found["count_inf_differ"] == 0
    assert found["cosine"] == pytest.approx(-1.0)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: np.dtype(d).name)
def test_denormals(dtype: Any) -> None:
    least = np.nextafter(np.array(0, dtype), np.array(1, dtype))
    e = np.array([least, 0, least * dtype(5), 1], dtype)
    a = np.array([0, least, least * dtype(7), 1], dtype)
    found = measure(a, e, rtol=0.0, atol=float(least))
    assert (found["max_abs"], found["ulp"], found["outside"]) == (2 * float(least), 2.0, 1)
    assert found["max_rel"] == 1.0
    assert measure(a[:3], e[:3])["rms_rel"] == pytest.approx(math.sqrt(6 / 26))


def test_ratios_that_float32_cannot_hold() -> None:
    found = agrees(np.array([1e30, 1.0], np.float32), np.array([1e-30, 1.0], np.float32))
    assert found["max_rel"] == pytest.approx(1e60)
    found = agrees(np.array([3e38, 1e-44], np.float32), np.array([3e38, 0.0], np.float32))
    assert found["max_rel"] == 0.0
    e = np.array([1e38, 1e30], np.float32)
    agrees(np.array([-3e38, 1e30], np.float32), np.array([3e38, 1e30], np.float32))
    agrees(np.nextafter(e, np.float32(0)), e)


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_of_quotients_that_float32_rounds_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    e = rng.standard_normal(20_000).astype(np.float32)
    agrees(e * np.float32(-2.7), e)
    agrees(e * np.float32(1.3), e)


def test_an_ulp_is_that_of_the_expected_value() -> None:
    one = np.array([1.0], np.float32)
    assert measure(np.nextafter(one, np.float32(2)), one)["ulp"] == 1.0
    assert measure(np.nextafter(one, np.float32(0)), one)["ulp"] == 0.5
    assert measure(np.array([1.0 + 2**-7], ml_dtypes.bfloat16), np.array([1], ml_dtypes.bfloat16))["ulp"] == 1.0
    assert measure(np.array([3]), np.array([1]))["ulp"] is None


def test_an_ulp_at_zero_is_the_least_denormal() -> None:
    least = np.float32(1.4e-45)
    assert measure(np.array([least * np.float32(3)]), np.array([0], ">f4"))["ulp"] == 3.0
    assert measure(np.array([1.0]), np.array([0.0]))["ulp"] == math.inf


def test_the_largest_ulp_need_not_have_the_largest_relative_error() -> None:
    e = np.ones(3 * BLOCK, np.float32)
    e[BLOCK:] = 1.99
    a = e.copy()
    a[5] += np.float32(1e-6)
    a[2 * BLOCK] -= np.float32(1.9e-6)
    agrees(a, e)
    agrees(a[::-1], e[::-1])


def test_integers_of_64_bits_are_compared_exactly() -> None:
    big = 2**60
    for dtype in (np.int64, np.uint64):
        found = measure(np.array([big + 1, 5], dtype), np.array([big, 5], dtype), rtol=0.0, atol=0.0)
        assert (found["max_abs"], found["outside"], found["worst"]) == (1.0, 1, [0])
        assert (found["actual_at_worst"], found["expected_at_worst"]) == (big + 1, big)
    wide = measure(np.array([2**63 - 1]), np.array([-(2**63)]), rtol=0.0, atol=0.0)
    assert wide["max_abs"] == float(2**64 - 1)
    assert measure(np.array([0], np.uint64), np.array([2**64 - 1], np.uint64))["max_abs"] == float(2**64 - 1)
    mixed = measure(np.array([2**63 - 1, -1]), np.array([2**63, 2**64 - 1], np.uint64), rtol=0.0, atol=1.0)
    assert (mixed["max_abs"], mixed["outside"]) == (float(2**64), 1)
    narrow = measure(np.array([2**60 + 1]), np.array([7], np.int8))
    assert narrow["max_abs"] == float(2**60 - 6)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_integers_of_64_bits_over_several_blocks(dtype: Any) -> None:
    a, e = draw(dtype, (2 * BLOCK + 9,), 1)
    found = measure(a, e, rtol=0.0, atol=1.0)
    exact = [abs(x - y) for x, y in zip(a.tolist(), e.tolist(), strict=True)]
    assert found["max_abs"] == max(exact) and found["worst"] == [exact.index(max(exact))]
    assert found["mean_abs"] == pytest.approx(sum(exact) / a.size)
    assert found["outside"] == sum(x > 1 for x in exact)
    noise, signal = sum(x * x for x in exact), sum(x * x for x in e.tolist())
    assert found["sqnr_db"] == pytest.approx(10 * math.log10(signal / noise))


def test_complex_numbers_are_compared_by_component() -> None:
    e = np.array([[1 + 1j, 2 - 1j], [0, 3j]], np.complex64)
    a = e.copy()
    a[1, 0] += 0.5j
    found = measure(a, e, rtol=0.0, atol=0.1)
    assert (found["max_abs"], found["worst"], found["outside"], found["size"]) == (0.5, [1, 0], 1, 4)
    assert (found["actual_at_worst"], found["expected_at_worst"]) == (0.5, 0.0)
    assert measure(a.T, e.T)["worst"] == [0, 1]
    assert measure(a.real, e)["max_abs"] == 3.0


def test_empty_arrays_have_no_distance() -> None:
    found = measure(np.empty((0, 3), np.float32), np.empty((0, 3), np.float32), rtol=0.0, atol=0.0)
    assert found == {
        "max_abs": 0.0, "mean_abs": 0.0, "max_rel": 0.0, "scaled": 0.0, "rms_rel": 0.0, "sqnr_db": math.inf, "cosine": 1.0, "ulp": 0.0,
        "worst": [], "size": 0, "count_nan_differ": 0, "count_inf_differ": 0, "patterns": {}, "outside": 0,
    }  # fmt: skip


def test_outside_is_there_only_when_a_bound_is_given() -> None:
    e = np.ones(3)
    assert "outside" not in measure(e, e)
    assert measure(e, e + 1, atol=0.5)["outside"] == outside(e, e + 1, 0.0, 0.5) == 3
    assert measure(e, e + 1, rtol=0.5)["outside"] == 0


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="of one shape"):
        measure(np.ones(3), np.ones((3, 1)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_bound_is_that_of_float64(dtype: Any) -> None:
    """Elements on, just below and just above the bound, on a grid where float32 arithmetic would err."""
    rng = np.random.default_rng(3)
    e = rng.standard_normal(5000).astype(dtype)
    a = (e + 1e-3 * np.abs(e) + 1e-4).astype(dtype)
    for _ in range(3):
        agrees(a, e, 1e-3, 1e-4)
        a = np.nextafter(a, dtype(9))
    grid = np.arange(1, 4000).astype(dtype)
    for rtol, atol in ((2**-3, 0.0), (2**-3, 2**-4), (0.0, 1.0)):
        agrees(grid + (grid * dtype(rtol) + dtype(atol)), grid, rtol, atol)


@pytest.mark.parametrize("seed", range(40))
def test_the_bound_is_that_of_float64_at_random(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = FLOATS[seed % 4]
    e = (rng.standard_normal(2000) * 10.0 ** rng.integers(-4, 4, 2000)).astype(dtype)
    rtol, atol = 10.0 ** rng.integers(-5, 0, 2)
    a = (e.astype(float) + (rtol * np.abs(e.astype(float)) + atol) * rng.choice([1, -1, 0.5, 0, 1 + 1e-7, 1 - 1e-7], 2000)).astype(dtype)
    agrees(a, e, rtol, atol)


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "special", "equal", "sparse"])
def test_the_number_of_threads_changes_nothing(kind: str) -> None:
    a, e = draw(np.float32 if kind in ("special", "equal", "sparse") else np.dtype(kind), (CHUNK * BLOCK * 3 + 1234,), 7)
    if kind == "special":
        a[::1000], e[::1500] = np.nan, np.inf
    if kind in ("equal", "sparse"):
        a = e.copy()
        a[:: 40 * BLOCK] += kind == "sparse"
    first = repr(measure(a, e, rtol=1e-3, atol=1e-3, threads=1))
    for threads in (2, 3, 8):
        assert repr(measure(a, e, rtol=1e-3, atol=1e-3, threads=threads)) == first
    strided = np.stack([a, a], axis=1)[:, 0]
    assert repr(measure(strided, e, rtol=1e-3, atol=1e-3)) == first


def test_big_arrays_take_little_memory_beside_them() -> None:
    e = np.random.default_rng(0).standard_normal((4096, 2048)).astype(np.float32)
    a = e * np.float32(1 + 1e-6)
    a[::7, ::5] = np.nan
    for x, y in ((a, e), (a.T, e.T)):
        tracemalloc.start()
        measure(x, y, rtol=1e-7, atol=0.0, threads=2)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16 << 20


def test_memory_maps_are_measured_in_place(tmp_path: Path) -> None:
    e = np.memmap(tmp_path / "e.bin", np.float32, "w+", shape=(5, BLOCK))
    e[:] = np.arange(BLOCK)
    e.flush()
    a = np.memmap(tmp_path / "e.bin", np.float32, "r", shape=(5, BLOCK))
    assert measure(a, e)["max_abs"] == 0.0
    other = np.array(e)
    other[4, 3] += 1
    tracemalloc.start()
    found = measure(other, a)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["worst"] == [4, 3] and peak < 5 * BLOCK * 8


def test_a_nearly_zero_actual_keeps_its_cosine() -> None:
    rng = np.random.default_rng(0)
    e = rng.standard_normal(10_000)
    a = rng.standard_normal(10_000) * 1e-12
    assert measure(a, e)["cosine"] == pytest.approx(cosine(a, e), abs=1e-13)
    assert measure(e, a)["cosine"] == pytest.approx(cosine(a, e), abs=1e-13)


@pytest.mark.parametrize("seed", range(150))
def test_anything_in_small_blocks(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random dtypes, magnitudes, agreement and special values, with blocks so small that every path meets every other."""
    for module in (metrics, sweep):
        monkeypatch.setattr(module, "BLOCK", 64)
    rng = np.random.default_rng(seed)
    dtypes = rng.choice(len(FLOATS), 2) if seed % 3 else [rng.choice(len(FLOATS))] * 2
    size = int(rng.integers(1, 6000))
    e = rng.standard_normal(size) * 10.0 ** rng.integers(-3, 4, size)
    a = e * (1 + rng.choice([0, 1e-7, 1e-3, 0.4, 3], 1) * rng.standard_normal(size)) if seed % 5 else rng.standard_normal(size)
    for side, every in ((a, 1 + int(rng.integers(2, 500))), (e, 1 + int(rng.integers(2, 500)))):
        side[::every] = rng.choice([0.0, -0.0, 1.0, 1e-6], side[::every].size)
    at = rng.integers(0, size, int(rng.integers(0, 1 + size // 50)))
    e[at] = rng.choice(SPECIAL, at.size)
    a[at] = e[at] if seed % 2 else rng.choice(SPECIAL, at.size)
    run = slice(*sorted(rng.integers(0, size, 2)))
    a[run] = e[run]
    bound = 10.0 ** rng.integers(-6, 0, 2) * rng.integers(0, 2, 2)
    with np.errstate(over="ignore"):
        agrees(a.astype(FLOATS[dtypes[0]]), e.astype(FLOATS[dtypes[1]]), *bound.tolist(), threads=1 + seed % 3)


def test_inputs_are_left_alone() -> None:
    a, e = draw(np.float64, (3, 50), 1)
    a[0, 0], e[1, 1] = np.nan, np.inf
    before = a.copy(), e.copy()
    measure(a, e, rtol=0.0, atol=0.0)
    assert np.array_equal(a, before[0], equal_nan=True) and np.array_equal(e, before[1])
    a.flags.writeable = e.flags.writeable = False
    measure(a, e)


def test_distance_widen_and_cosine() -> None:
    a, e = np.array([np.nan, np.inf, 1.0, np.nan]), np.array([np.nan, np.inf, 3.0, 0.0])
    assert distance(a, e).tolist() == [0.0, 0.0, 2.0, math.inf]
    assert widen(np.array([True])).dtype == np.float64
    assert cosine(np.zeros(2), np.zeros(2)) == 1.0 and cosine(np.zeros(2), np.ones(2)) == 0.0
    assert cosine([3, 4], [3, 4]) == pytest.approx(1.0)
    assert cosine([1e300, 1e300], [1e300, 0.0]) == pytest.approx(math.sqrt(0.5))
    assert cosine([1e-300, 1e-300], [1e-300, 0.0]) == pytest.approx(math.sqrt(0.5))
    assert math.isnan(cosine([math.nan, 1.0], [1.0, 1.0]))
