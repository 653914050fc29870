"""Walking over arrays of any layout in pieces that fit a core's second-level cache."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

BLOCK = 1 << 16
"""Elements of one piece. Two float64 buffers of it, the float32 pieces and a temporary take 2 MiB: a core's second-level cache."""

MOST_THREADS = 16
"""More do not help, because memory is the limit by then, and each holds buffers of its own."""

Done = TypeVar("Done")


def blocks(*arrays: Any, size: int = BLOCK) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yield ``(start, pieces)``: for each array its elements ``start`` to ``start + size`` in C order.

    Takes arrays of one shape, of any dtypes and strides, memory-mapped or not, 0-d or empty (yields
    nothing). Pieces are 1-D, contiguous and read-only; the last may be shorter. C-contiguous
    arrays are not copied, others one piece at a time; pieces stay valid after the walk. The pieces
    depend on the shape and on ``size`` alone. Raises `ValueError` for arrays of different shapes.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    whole = Whole(*arrays)
    for start in range(0, whole.size, size):
        yield start, whole.piece(start, min(start + size, whole.size))


class Whole:
    """Same-shape arrays that can be read at any flat range; safe to share between threads."""

    def __init__(self, *arrays: Any) -> None:
        plain = [np.asarray(array) for array in arrays]
        if len({array.shape for array in plain}) != 1:
            raise ValueError(f"expected arrays of one shape, got {', '.join(str(array.shape) for array in plain) or 'none'}")
        self.size = int(plain[0].size)
        self._sources = [_flat(array) for array in plain]

    def piece(self, start: int, stop: int) -> tuple[Any, ...]:
        """Return elements ``start`` to ``stop`` of each array, in C order."""
        return tuple(_read(source, start, stop) for source in self._sources)


def _flat(array: Any) -> Any:
    """Return a 1-D read-only view of a contiguous array, else the array with at least one axis."""
    view = array.reshape(-1) if array.flags.c_contiguous else array.view()
    view.flags.writeable = False
    return view


def _read(source: Any, start: int, stop: int) -> Any:
    if source.ndim == 1 and source.flags.c_contiguous:
        return source[start:stop]
    piece = np.empty(stop - start, source.dtype)
    _gather(source, start, piece)
    piece.flags.writeable = False
    return piece


def _gather(source: Any, start: int, out: Any) -> None:
    """Copy elements ``start`` to ``start + out.size`` of ``source`` in C order: part of a row, whole rows, part of a row."""
    if source.ndim == 1:
        np.copyto(out, source[start : start + out.size])
        return
    row = source[0].size
    first, skipped = divmod(start, row)
    done = 0
    if skipped:
        done = min(row - skipped, out.size)
        _gather(source[first], skipped, out[:done])
        first += 1
    rows = (out.size - done) // row
    if rows:
        np.copyto(out[done : done + rows * row].reshape(rows, *source.shape[1:]), source[first : first + rows])
        done += rows * row
    if done < out.size:
        _gather(source[first + rows], 0, out[done:])


def cores() -> int:
    """Return how many threads a pass over big arrays uses: the cores this process may run on, at most `MOST_THREADS`."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, MOST_THREADS)


def spread(tasks: int, make: Callable[[], Callable[[int], Done]], threads: int) -> list[Done]:
    """Return what the tasks 0, 1, ... gave, in that order, whatever the number of threads.

    Each thread calls ``make`` once for a worker with buffers of its own, and the worker for each task
    it takes. What a worker raises is raised here.
    """
    if min(tasks, threads) < 2:
        work = make()
        return [work(number) for number in range(tasks)]
    waiting = deque(range(tasks))  # whose popleft is atomic
    done: dict[int, Done] = {}

    def run() -> None:
        work = make()
        while True:
            try:
                number = waiting.popleft()
            except IndexError:
                return
            done[number] = work(number)

    with ThreadPoolExecutor(min(tasks, threads), thread_name_prefix="parity-metrics") as pool:
        for future in [pool.submit(run) for _ in range(min(tasks, threads))]:
            future.result()
    return [done[number] for number in range(tasks)]
