"""What comparing two tensors costs, beside reading them and beside what others take; all in one run on one machine.

``python -m tests.benchmarks.compare_speed [--elements N] [--threads N] [--polygraphy FOLDER]`` prints one line for each:
the two times, their ratio and the aim. Wall-clock, the least of several rounds. The tensors are float32, filled with a normal
distribution; the actual differs in almost every element by about 1e-6 of the standard deviation. FOLDER is one that
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


def told(what: str, other: float, ours: float, aim: str, *, upside_down: bool = False) -> None:
    """Print one ratio: how many times as long the other takes, or we do."""
    ratio = f"{ours / other:.2f} times as long" if upside_down else f"{other / ours:.1f} times as fast"
    sys.stdout.write(f"measure {ours * 1e3:.0f} ms against {other * 1e3:.0f} ms {what}: {ratio} (aim {aim})\n")


def tensors(elements: int) -> tuple[Any, Any]:
    """Return actual and expected."""
    rng = np.random.default_rng(0)
    expected = rng.standard_normal(elements, dtype=np.float32)
    return expected + np.float32(1e-6) * rng.standard_normal(elements, dtype=np.float32), expected


def reading(arrays: tuple[Any, ...], threads: int, work: Callable[[Any, int], object]) -> Callable[[], object]:
    """Return a function that does ``work`` on all parts of the arrays, spread over threads."""
    parts = [part for array in arrays for part in np.array_split(array, threads)]
    pool = ThreadPoolExecutor(threads)
    return lambda: list(pool.map(work, parts, range(len(parts))))


def polygraphy(actual: Any, expected: Any, folder: str) -> Callable[[], object] | None:
    """Return Polygraphy's default comparison of one output, or None where it is not installed."""
    sys.path.insert(0, folder)
    try:
        from polygraphy.comparator import CompareFunc, IterationResult
        from polygraphy.logger import G_LOGGER
    except ImportError:
        return None
    finally:
        sys.path.remove(folder)
    G_LOGGER.module_severity = G_LOGGER.CRITICAL
    compare = CompareFunc.simple()
    sides = [IterationResult({"y": array}, runner_name=name) for name, array in (("expected", expected), ("actual", actual))]

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            assert compare(*sides)

    return run


def memory(work: Callable[[], object]) -> float:
    """Return the peak of what Python and NumPy allocated meanwhile, in MiB."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", type=int, default=32 << 20)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--polygraphy", default="", metavar="FOLDER")
    given = parser.parse_args()
    actual, expected = tensors(given.elements)
    threads = given.threads
    sys.stdout.write(f"two float32 tensors of {given.elements:,} elements, {threads} threads\n")

    def ours() -> object:
        return measure(actual, expected, rtol=RTOL, atol=ATOL, threads=threads)

    fast = least(7, ours)
    alone = least(3, lambda: measure(actual, expected, rtol=RTOL, atol=ATOL, threads=1))
    sink = np.empty(-(-given.elements // threads), np.float32)
    buffers = [np.empty_like(sink) for _ in range(2 * threads)]

    def copy(part: Any, number: int) -> None:
        np.copyto(buffers[number][: part.size], part)

    for name, work in (("np.sum", lambda part, _: np.sum(part)), ("np.max", lambda part, _: np.max(part)), ("a copy", copy)):
        read = least(7, reading((actual, expected), threads, work))
        told(f"for {name} of both, {threads} threads", read, fast, "3", upside_down=True)
    told("for np.sum of both, 1 thread", least(7, lambda: (np.sum(actual), np.sum(expected))), alone, "none, 1 thread", upside_down=True)
    told("in numpy.testing.assert_allclose", least(3, lambda: np.testing.assert_allclose(actual, expected, RTOL, ATOL)), fast, "5")
    other = polygraphy(actual, expected, given.polygraphy) if given.polygraphy else None
    if other:
        told("in Polygraphy's default compare", least(1, other), fast, "50")
    else:
        sys.stdout.write("polygraphy: not installed\n")
    for dtype in (np.float16, np.float64, np.int32):
        x, y = (array.astype(dtype) for array in (actual, expected))
        told(f"in assert_allclose, {np.dtype(dtype).name}", least(2, lambda x=x, y=y: np.testing.assert_allclose(x, y, RTOL, ATOL + 1e-2)),
             least(3, lambda x=x, y=y: measure(x, y, rtol=RTOL, atol=ATOL, threads=threads)), "none")  # fmt: skip
    equal = expected.copy()
    told("when one element differs", least(3, ours), least(5, lambda: measure(equal, expected, threads=threads)), "none")
    small = actual[:1000], expected[:1000]
    sys.stdout.write(f"1,000 elements: {least(200, lambda: measure(*small)) * 1e6:.0f} us\n")
    sys.stdout.write(f"peak memory beside the tensors: {memory(ours):.1f} MiB (aim 64)\n")


if __name__ == "__main__":
    main()
