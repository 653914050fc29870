"""What the harness costs: three ratios, each measured in one run on one machine.

``python -m tests.benchmarks.ratios [overhead] [replay] [collect]`` prints one line for each: the two times,
their ratio and the aim. Times are wall-clock; the least of several rounds, because other work on the machine
only ever adds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import manifest
from harness.engine.pool import Limits, Pool
from harness.engine.serve import Serve

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "suites" / "module"
ROUTE = "torch>onnx.dynamo>onnxruntime@cpu"
CASES = ("residual-block-downsample", "bottleneck-block", "inverted-residual-relu6")

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")

PLAIN = """
import sys
sys.path[:0] = [{root!r}, {folder!r}]
from tests.benchmarks.plain import run
run({file!r}, {case!r})
"""


def least(rounds: int, work: Callable[[], object]) -> float:
    """Return the least wall-clock seconds of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def told(name: str, ours: float, other: float, what: str, aim: float) -> None:
    """Print one ratio."""
    sys.stdout.write(f"{name}: {ours:.2f} s against {other:.2f} s {what}: {ours / other:.3f} (aim {aim})\n")


def overhead() -> None:
    """Compare cells with the same framework, converter and runtime calls made in one process."""
    from tests.benchmarks.plain import run

    file = MODULE / "parity_vision.py"
    os.environ["PARITY_CACHE"] = tempfile.mkdtemp(prefix="parity-bench-")
    described = manifest(file, ROOT, Path(os.environ["PARITY_CACHE"]), lambda path, roots: Serve().describe(path, roots))
    cases = [case for case in described.cases if case.id in CASES]
    route = parse_route(ROUTE, registry())
    with Pool(Limits()) as pool:
        cells = [Cell(id=c.id, case=c, route=route, file=described.file, digest=described.digest) for c in cases]

        def ours() -> None:
            engine = Engine(pool, Cache(fresh=True))  # one that has made nothing yet
            for cell in cells:
                record = engine.run_cell(cell)
                assert record.ok, record.error

        def plain() -> None:
            for case in cases:
                run(described.file, case.id)

        ours(), plain()  # imports and first-call compilations of both sides
        told("warm cell", least(3, ours), least(3, plain), "for the calls alone", 1.10)
    node = f"{file}::{CASES[0]}[{ROUTE}]"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "parity",
        node,
        "--parity-fresh",
        "--parity-route",
        ROUTE,
    ]
    script = PLAIN.format(root=str(ROOT), folder=str(MODULE), file=str(file), case=CASES[0])
    with tempfile.TemporaryDirectory() as reports:
        whole = least(3, lambda: _shell([*command, "--parity-report", reports]))
    told("cold cell", whole, least(3, lambda: _shell([sys.executable, "-c", script])), "for a script of its own", 1.3)


def replay() -> None:
    """Compare an unchanged second run of a suite with the first."""
    os.environ["PARITY_CACHE"] = tempfile.mkdtemp(prefix="parity-bench-")
    with tempfile.TemporaryDirectory() as reports:
        command = [
            *PYTEST, "-m", "parity", str(MODULE), "--parity-report", reports,
            "--parity-source", "torch", "--parity-target", "onnxruntime", "--parity-target", "torch.exported",
        ]  # fmt: skip
        first = least(1, lambda: _shell(command))
        told("unchanged re-run", least(2, lambda: _shell(command)), first, "for the first run", 0.05)


def collect() -> None:
    """Compare collection with that of as many plain parametrised tests."""
    command = [*PYTEST, "--collect-only"]
    listed = _shell([*command, "-m", "parity", str(ROOT / "suites")])
    items = sum("::" in line for line in listed.splitlines())
    with tempfile.TemporaryDirectory() as folder:
        files = len(list((ROOT / "suites").rglob("parity_*.py")))
        for number in range(files):
            count = items // files + (number < items % files)
            (Path(folder) / f"test_{number}.py").write_text(
                "import pytest\n\n"
                f"@pytest.mark.parametrize('route', [f'case-{{n}}-torch>onnx.dynamo>onnxruntime@cpu' for n in range({count})])\n"
                "def test_cell(route):\n    pass\n"
            )
        plain = least(3, lambda: _shell([*command, folder]))
    told(f"collection of {items} cells", least(3, lambda: _shell([*command, "-m", "parity", str(ROOT / "suites")])), plain, "plain", 2.0)


def _shell(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    every = {"overhead": overhead, "replay": replay, "collect": collect}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", choices=[*every, []], help="default: all")
    for chosen in parser.parse_args().which or every:
        every[chosen]()
