"""Moved and rounded weights: the same numbers in blocks, in threads and at once, in the room of the result."""

from __future__ import annotations

import hashlib
import tracemalloc

import numpy as np
import pytest

from harness.core import weights
from harness.core.weights import REACH, jitter, rounded

X = np.random.default_rng(7).normal(size=(53, 401)).astype(np.float32)
X[0, :8] = [0, 1, 2.5, 0.375, np.inf, -np.inf, np.nan, 1e-42]


def at_once(name: str, array: np.ndarray, bits: int, seed: int) -> np.ndarray:
    """Return what `jitter` is to give, written as its definition says."""
    wide = array.astype(np.float64)
    key = hashlib.sha256(f"{seed}/{name}/{wide.shape}".encode()).digest()
    draws = np.random.Generator(np.random.Philox(int.from_bytes(key[:16], "little"))).uniform(-1.0, 1.0, wide.shape)
    with np.errstate(invalid="ignore"):
        fraction = np.ldexp(np.frexp(wide)[0], bits // 2 + 1)
        moved = wide * (1.0 + REACH * 2.0 ** -(bits + 1) * draws)
        return np.where((fraction == np.floor(fraction)) | ~np.isfinite(wide), wide, moved)


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("block", [64, 1 << 16])
def test_a_weight_is_moved_alike_in_blocks_and_threads(block: int, threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "BLOCK", block)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    for array, dtype, bits in ((X, "float32", 23), (X.T, "float32", 23), (X.astype(np.float16), "float16", 10), (X[0, 9], "float32", 23)):
        np.testing.assert_array_equal(jitter("w", np.asarray(array), dtype, seed=3), at_once("w", np.asarray(array), bits, 3))
    assert jitter("w", np.zeros((0, 4), np.float32), "float32", seed=1).shape == (0, 4)


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "tfloat32", "int8"])
def test_a_weight_is_rounded_alike_in_blocks_and_threads(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    array = X[1:]
    whole = rounded("w", array, "float32", precision=precision)
    monkeypatch.setattr(weights, "BLOCK", 64)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    np.testing.assert_array_equal(rounded("w", array, "float32", precision=precision), whole)
    step = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "tfloat32": 2.0**-11, "int8": None}[precision]
    bound = np.max(np.abs(array), axis=0) / 254 if step is None else np.abs(array) * step + 2.0**-25
    assert np.all(np.abs(whole - array) <= bound * 1.0001)


def test_moving_needs_little_more_room_than_the_result() -> None:
    array = np.ones((1500, 1000), np.float32) * np.float32(0.1)
    tracemalloc.start()
    moved = jitter("w", array, "float32", seed=1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.5 * moved.nbytes
