"""The walk over arrays in pieces: whatever the layout, the pieces put together are the array in C order."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from harness.numerics.blocks import blocks, spread

BASE = np.arange(6 * 7 * 10, dtype=np.float32).reshape(6, 7, 10)

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.transpose(2, 0, 1),
    "fortran": np.asfortranarray,
    "every other": lambda x: x[::2, :, 1::3],
    "reversed": lambda x: x[::-1, :, ::-1],
    "broadcast": lambda x: np.broadcast_to(x[:, :1], (6, 4, 10)),
    "row": lambda x: x[:, 3, 4],
    "scalar": lambda x: x[2, 3, 4],
    "empty": lambda x: x[:, :0],
    "ones": lambda x: x[:, None, :, None, :, None].transpose(2, 1, 0, 3, 4, 5),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 3, 7, 70, 64, 10_000])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, ml_dtypes.bfloat16, bool, ">i2"])
def test_pieces_put_together_are_the_array(layout: str, size: int, dtype: Any) -> None:
    array = LAYOUTS[layout](BASE.astype(dtype))
    other = np.ascontiguousarray(array).reshape(array.shape)
    found = list(blocks(array, other, size=size))
    whole = np.asarray(array).reshape(-1)
    assert sum(len(one) for _, (one, _) in found) == whole.size
    for start, (one, two) in found:
        assert one.ndim == 1 and one.flags.c_contiguous and not one.flags.writeable and one.dtype == whole.dtype
        assert np.array_equal(one, whole[start : start + size]) and np.array_equal(two, one)
    assert [start for start, _ in found] == list(range(0, whole.size, size))


def test_contiguous_arrays_are_not_copied() -> None:
    for _, (piece,) in blocks(BASE, size=64):
        assert np.shares_memory(piece, BASE)
    assert BASE.flags.writeable


def test_pieces_outlive_the_walk() -> None:
    view = BASE.T
    assert np.array_equal(np.concatenate([piece for _, (piece,) in blocks(view, size=50)]), view.reshape(-1))


def test_a_strided_array_is_copied_one_piece_at_a_time() -> None:
    view = np.ones((1024, 1024), np.float32).T
    tracemalloc.start()
    total = sum(int(piece.sum()) for _, (piece,) in blocks(view, size=4096))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 1 << 20
    assert peak < 1 << 17


def test_memory_maps_are_read_in_pieces(tmp_path: Path) -> None:
    array = np.memmap(tmp_path / "x.bin", np.int16, "w+", shape=(300, 500))
    array[:] = np.arange(500)
    for view in (array, array.T):
        pieces = [piece for _, (piece,) in blocks(view, size=999)]
        assert type(pieces[0]) is np.ndarray
        assert np.array_equal(np.concatenate(pieces), np.asarray(view).reshape(-1))


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of one shape.*\(6, 7, 10\).*\(10, 7, 6\)"):
        next(blocks(BASE, BASE.T))
    with pytest.raises(ValueError, match="size must be at least 1"):
        next(blocks(BASE, size=0))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_spread_returns_in_order_and_makes_one_worker_a_thread(threads: int) -> None:
    made = []

    def make() -> Callable[[int], int]:
        made.append(1)
        return lambda number: number * number

    assert spread(20, make, threads) == [n * n for n in range(20)]
    assert len(made) <= threads


@pytest.mark.parametrize("threads", [1, 3])
def test_spread_raises_what_a_worker_raised(threads: int) -> None:
    def make() -> Callable[[int], int]:
        return lambda number: 1 // (7 - number)

    with pytest.raises(ZeroDivisionError):
        spread(20, make, threads)
