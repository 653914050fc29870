"""What comparing two tensors costs, beside reading them and beside what others take; all in one run on one machine.

``python -m tests.benchmarks.compare_speed [--elements N] [--threads N] [--polygraphy FOLDER]`` prints one line for each:
the two times, their ratio, in brackets that of the processor times, and the aim. The least of several rounds that take
turns; wall-clock ratios mean something on an idle machine only. The tensors are float32, normally
distributed; the actual differs in almost every element, by about 1e-6 of the standard deviation. FOLDER is one that
`pip install --target FOLDER polygraphy` made; polygraphy is looked for there and nowhere else.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from harness.numerics.blocks import cores
from harness.numerics.metrics import measure
from tests.benchmarks.ratios import least

RTOL, ATOL = 1e-4, 1e-5

Work = Callable[[], object]


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", type=int, default=32 << 20)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--polygraphy", default="", metavar="FOLDER")
    given = parser.parse_args()
    actual, expected = tensors(given.elements)
    sys.stdout.write(f"two float32 tensors of {given.elements:,} elements, {given.threads} threads unless said otherwise\n")
    beside_reading(actual, expected, given.threads)
    beside_others(actual, expected, given.threads, given.polygraphy)
    other_inputs(actual, expected, given.threads)


def tensors(elements: int) -> tuple[Any, Any]:
    """Return actual and expected."""
    rng = np.random.default_rng(0)
    expected = rng.standard_normal(elements, dtype=np.float32)
    return expected + np.float32(1e-6) * rng.standard_normal(elements, dtype=np.float32), expected


def ours(actual: Any, expected: Any, threads: int) -> Work:
    """Return the comparison that is judged."""
    return lambda: measure(actual, expected, rtol=RTOL, atol=ATOL, threads=threads)


def in_turn(rounds: int, *works: Work) -> list[tuple[float, float]]:
    """Return the least wall-clock and the least processor seconds of each; they take turns, so that a busy machine is one for all."""
    found = [[_timed(work) for work in works] for _ in range(rounds)]
    return [(min(wall for wall, _ in each), min(cpu for _, cpu in each)) for each in zip(*found, strict=True)]


def _timed(work: Work) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def told(what: str, mine: tuple[float, float], other: tuple[float, float], aim: str) -> None:
    """Print two times and their ratio, of wall-clock and in brackets of processor time."""
    slower = aim.endswith("as long")
    wall, cpu = (x / y if slower else y / x for x, y in zip(mine, other, strict=True))
    word = "times as long" if slower else "times as fast"
    sys.stdout.write(f"{mine[0] * 1e3:.0f} ms against {other[0] * 1e3:.0f} ms for {what}: {wall:.2f} {word} ({cpu:.2f}; aim {aim})\n")


def beside_reading(actual: Any, expected: Any, threads: int) -> None:
    """Print how many times as long as reading both tensors the comparison takes."""
    for count in sorted({1, threads}):
        parts = [part for array in (actual, expected) for part in np.array_split(array, count)]
        sink = np.empty((len(parts), parts[0].size), np.float32)
        with ThreadPoolExecutor(count) as pool:

            def summed(pool: Any = pool, parts: Any = parts) -> object:
                return list(pool.map(np.sum, parts))

            def copied(pool: Any = pool, parts: Any = parts, sink: Any = sink) -> object:
                return list(pool.map(copy_to, sink, parts))

            mine, read, copy = in_turn(15, ours(actual, expected, count), summed, copied)
        told(f"np.sum of both, threads: {count} each", mine, read, "3 times as long")
        told(f"a copy of both, threads: {count} each", mine, copy, "3 times as long")


def copy_to(row: Any, part: Any) -> None:
    """Copy a part to the start of a row."""
    np.copyto(row[: part.size], part)


def beside_others(actual: Any, expected: Any, threads: int, folder: str) -> None:
    """Print how many times as fast as other comparisons ours is."""

    def numpy() -> None:
        np.testing.assert_allclose(actual, expected, RTOL, ATOL)

    mine, other = in_turn(3, ours(actual, expected, threads), numpy)
    told("numpy.testing.assert_allclose", mine, other, "5 times as fast")
    compare = polygraphy(actual, expected, folder)
    if compare:
        told("Polygraphy's default compare", *in_turn(2, ours(actual, expected, threads), compare), "50 times as fast")
    else:
        sys.stdout.write("polygraphy: not installed\n")


def polygraphy(actual: Any, expected: Any, folder: str) -> Work | None:
    """Return Polygraphy's default comparison of one output, its log thrown away, or None where it is not installed."""
    sys.path.insert(0, folder)
    try:
        from polygraphy.comparator import IterationResult, SimpleCompareFunc
    except ImportError:
        return None
    finally:
        sys.path.remove(folder)
    compare = SimpleCompareFunc()
    sides = [IterationResult({"y": array}, runner_name=name) for name, array in (("actual", actual), ("expected", expected))]

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            compare(*sides)

    return run


def other_inputs(actual: Any, expected: Any, threads: int) -> None:
    """Print times for other dtypes and layouts, for equal and small tensors, and the memory taken."""
    side = int(expected.size**0.5)
    square = (actual[: side * side].reshape(side, side), expected[: side * side].reshape(side, side))
    pairs = {dtype: (actual.astype(dtype), expected.astype(dtype)) for dtype in ("float16", "float64", "int8", "int64")}
    pairs |= {"transposed": (square[0].T, square[1].T), "transposed on one side": (square[0].T.copy(), square[1].T)}
    pairs |= {"equal": (expected.copy(), expected), "with a NaN in each block": (np.where(expected > 4, np.nan, actual), expected)}
    pairs |= {"of 1,000 elements": (actual[:1000], expected[:1000])}
    for what, pair in pairs.items():
        sys.stdout.write(f"{what}: {least(5, ours(*pair, threads)) * 1e3:.3g} ms\n")
    tracemalloc.start()
    ours(actual, expected, threads)()
    peak = tracemalloc.get_traced_memory()[1]
    sys.stdout.write(f"peak memory beside the tensors: {peak / 2**20:.1f} MiB (aim 64)\n")


if __name__ == "__main__":
    main()
