"""What comparing two tensors costs, beside reading them and beside what others take; all in one run on one machine.

``python -m tests.benchmarks.compare_speed [--elements N] [--threads N] [--polygraphy FOLDER]`` prints one line for each:
the two times, their ratio and the aim. Wall-clock, the least of several rounds that take turns. The tensors are float32, normally
distributed; the actual differs in almost every element, by about 1e-6 of the standard deviation. FOLDER is one that
`pip install --target FOLDER polygraphy` made; polygraphy is looked for there and nowhere else.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
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


def in_turn(rounds: int, *works: Work) -> list[float]:
    """Return the least seconds of each; they take turns, so that a busy machine is one for all."""
    return [min(seconds) for seconds in zip(*([least(1, work) for work in works] for _ in range(rounds)), strict=True)]


def beside_reading(actual: Any, expected: Any, threads: int) -> None:
    """Print how many times as long as reading both tensors the comparison takes."""
    for count in sorted({1, threads}):
        parts = [part for array in (actual, expected) for part in np.array_split(array, count)]
        sink = np.empty((len(parts), parts[0].size), np.float32)
        with ThreadPoolExecutor(count) as pool:

            def total(pool: Any = pool, parts: Any = parts) -> object:
                return list(pool.map(np.sum, parts))

            def copied(pool: Any = pool, parts: Any = parts, sink: Any = sink) -> object:
                return list(pool.map(copy_to, sink, parts))

            mine, summed, copy = in_turn(15, ours(actual, expected, count), total, copied)
        for what, other in (("np.sum", summed), ("a copy", copy)):
            sys.stdout.write(
                f"{mine * 1e3:.0f} ms against {other * 1e3:.0f} ms for {what} of both, {count} threads each: "
                f"{mine / other:.2f} times as long (aim 3)\n"
            )


def copy_to(row: Any, part: Any) -> None:
    """Copy a part to the start of a row."""
    np.copyto(row[: part.size], part)


def beside_others(actual: Any, expected: Any, threads: int, folder: str) -> None:
    """Print how many times as fast as other comparisons ours is."""

    def numpy() -> None:
        np.testing.assert_allclose(actual, expected, RTOL, ATOL)

    mine, other = in_turn(3, ours(actual, expected, threads), numpy)
    faster("numpy.testing.assert_allclose", mine, other, "5")
    compare = polygraphy(actual, expected, folder)
    if compare:
        faster("Polygraphy's default compare", *in_turn(2, ours(actual, expected, threads), compare), "50")
    else:
        sys.stdout.write("polygraphy: not installed\n")


def faster(what: str, mine: float, other: float, aim: str) -> None:
    """Print one ratio."""
    sys.stdout.write(f"{mine * 1e3:.0f} ms against {other * 1e3:.0f} ms in {what}: {other / mine:.1f} times as fast (aim {aim})\n")


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
