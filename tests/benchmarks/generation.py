"""What real models give: generated unit and module cases, the share of operators they run, and the time to find them.

Run with ``python -m tests.benchmarks.generation [CASE ...]``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.core.registry import registry
from harness.core.route import find_routes
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import manifest
from harness.engine.pool import Limits, Pool
from harness.engine.serve import Serve
from harness.generate.discover import generated

FILE = Path(__file__).with_name("parity_generation.py")


def main(names: list[str]) -> None:
    """Print one line for each model."""
    console = Console()
    table = Table("model", "framework", "unit", "module", "run in unit tests", "in unit or module tests", "seconds", "left out")
    with tempfile.TemporaryDirectory() as folder, Pool(Limits()) as pool:
        engine = Engine(pool, Cache(Path(folder)))
        described = manifest(FILE, FILE.parents[2], Path(folder), lambda file, roots: Serve().describe(file, roots))
        for case in described.cases:
            framework = next(iter(case.build))
            if (names and case.id not in names) or not hasattr(registry().get("frameworks", framework), "walk"):
                continue
            route = next(route for route in find_routes(registry(), max_hops=2, devices=("cpu",)) if route.framework == framework)
            cell = Cell(id=case.id, case=case, route=route, file=described.file, digest=described.digest)
            start = time.perf_counter()
            found = generated(cell, engine.steps, Path(folder), console.print)
            seconds = time.perf_counter() - start
            levels = [part.level for part in found.cases]
            most = sorted((one for one in found.left if one["ops"]), key=lambda one: -one["share"])[:3]
            left = "; ".join(f"{one['type']} {one['share']:.1%}" for one in most)
            share = found.coverage
            table.add_row(
                case.id, framework, str(levels.count("unit")), str(levels.count("module")), f"{share['unit']:.1%}", f"{share['any']:.1%}",
                f"{seconds:.1f}", left,
            )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
