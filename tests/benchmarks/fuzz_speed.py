"""How fast the fuzzer goes, beside a plain loop that calls the same source and the same session on the same shapes, in one run.

``python -m tests.benchmarks.fuzz_speed [--examples N] [--rounds N] [--width N] [--layers N] [--threads N]`` prints examples per second
of both and their ratio, in brackets that of the processor times: the least of several rounds that take turns, since other work only
ever adds. The fuzzer draws, carries feeds to two workers and outputs back, and judges; the loop does nothing of this and has both
sides in its own process.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from harness.core.declared import find_case
from harness.core.protocols import Source, option_values
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.core.space import space_of
from harness.engine.both import Both
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.fuzz_ask import Asked
from harness.engine.judging import declared
from harness.engine.manifest import manifest
from harness.engine.pool import Limits, Pool
from harness.engine.serve import Serve
from harness.engine.trace import Trace
from harness.numerics.hunt import HOLDS, plan
from harness.numerics.strategies import Example

ROUTE = "torch>onnx.dynamo>onnxruntime[threads={threads}]@cpu"
CASE = """
from harness import Case, Dim, TensorSpec

def build():
    import torch
    layer = torch.nn.TransformerEncoderLayer({width}, 4, {width} * 2, batch_first=True)
    return torch.nn.TransformerEncoder(layer, {layers}, enable_nested_tensor=False)

SHAPE = (Dim("batch", 1, 8, example=2), Dim("length", 1, 64, example=12), {width})
CASE = Case(id="encoder", level="module", inputs=(TensorSpec(name="x", dtype="float32", shape=SHAPE),),
            build={{"torch": build}})
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, number in (("examples", 32), ("rounds", 5), ("width", 128), ("layers", 4), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=number)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as folder, Pool(Limits(threads=given.threads)) as pool:
        os.environ["PARITY_CACHE"] = folder
        file = Path(folder) / "parity_encoder.py"
        file.write_text(CASE.format(width=given.width, layers=given.layers))
        measured(file, pool, given)


def measured(file: Path, pool: Pool, given: argparse.Namespace) -> None:
    """Prepare the cell, run both in turns, print the ratio."""
    described = manifest(file, file.parent, file.parent, lambda path, roots: Serve().describe(path, roots))
    case = described.cases[0]
    route = parse_route(ROUTE.format(threads=given.threads), registry())
    cell = Cell(id=case.id, case=case, route=route, file=described.file, digest=described.digest)
    steps = Engine(pool, Cache()).steps
    trace = Trace(toolchains=("torch", "onnxruntime"))
    steps.require(cell, trace)
    samples, _ = steps.samples(cell, trace, ())
    artifact = steps.source(cell, trace, steps.reference(cell, trace, samples[0]))
    artifact = steps.convert(cell, trace, cell.route.converters[0], artifact, samples[0])
    space = space_of(case, "torch")
    examples = plan(space, ["normal"], given.examples, first=(), corners=space.corners(given.examples), seed=1, known=[], affordable=bool)
    with Both(cell, steps, artifact, samples[0]) as both:
        asked = Asked(both, declared(case), "", quick=True)
        works = (lambda: fuzzed(asked, examples), plain(file, asked, examples, both, given.threads))
        (ours, busy), (loop, alone) = in_turn(given.rounds, *works)
    sys.stdout.write(
        f"{len(examples)} shapes of an encoder of {given.layers} layers: fuzzer {len(examples) / ours:.1f} examples/s, plain loop "
        f"{len(examples) / loop:.1f}: {loop / ours:.2f} (aim 0.7) [processor times {alone / busy:.2f}]; "
        f"float64 twins asked: {asked.tiers.asked}\n"
    )


def fuzzed(asked: Asked, examples: list[Example]) -> None:
    """Judge all examples as the fuzzer does."""
    asked.within(600.0)
    verdicts = asked(examples)
    assert [verdict.kind for verdict in verdicts] == [HOLDS] * len(examples), verdicts


def plain(file: Path, asked: Asked, examples: list[Example], both: Both, threads: int) -> Callable[[], object]:
    """Return the loop: one call of the source and one of the session for each shape, nothing else."""
    import torch

    torch.set_num_threads(threads)
    framework = registry().get("frameworks", "torch")
    model = framework.build(find_case(str(file), "encoder"))
    source = Source(artifact=both.artifact, feeds=both.first.feeds, dynamic={})
    session = both.runtime.load(source, "cpu", option_values(both.runtime, both.cell.route.runtime.options, ROUTE))
    feeds = [dict(asked.sample(example).feeds) for example in examples]

    def loop() -> None:
        for given in feeds:
            framework.run(model, given)
            session.run(given)

    return loop


def in_turn(rounds: int, *works: Callable[[], Any]) -> list[tuple[float, float]]:
    """Return the least wall-clock and processor seconds of each; the first round, in which things are made ready, is left out."""
    times: list[list[tuple[float, float]]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, taken in zip(works, times, strict=True):
            start, spent = time.perf_counter(), busy()
            work()
            taken += [(time.perf_counter() - start, busy() - spent)] if number else []
    return [(min(wall for wall, _ in taken), min(cpu for _, cpu in taken)) for taken in times]


def busy() -> float:
    """Return the processor seconds of this process and its workers."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in [own, *own.children(recursive=True)])


if __name__ == "__main__":
    main()
