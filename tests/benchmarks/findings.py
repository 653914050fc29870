"""Runs every script of docs/findings and tells which silent wrong results are still alive: ``python -m tests.benchmarks.findings``."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.core.errors import Unavailable
from harness.engine.toolchains import locate

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "findings"
SECONDS = 300


def error_of(output: str) -> str:
    """Return what a script says after ``error``: a number, or the shapes that differ. Raises `ValueError` where it says nothing."""
    found = re.search(r"^error\s+(.*)$", output, re.M)
    if found is None:
        raise ValueError("the script printed no line that begins with error")
    return found[1].strip()


def alive(error: str) -> bool:
    """Return whether a finding is still there: a shape that differs, no number, or a difference."""
    try:
        return not math.isfinite(float(error)) or float(error) != 0.0
    except ValueError:
        return True


def python_of(script: Path) -> str:
    """Return the interpreter of a script: that of the managed toolchain it names, else this one. Raises `Unavailable`."""
    named = re.search(r"^# toolchain: (\w+)$", script.read_text(encoding="utf-8"), re.M)
    return locate(named[1]).python if named else sys.executable


def run() -> Iterator[tuple[str, str, str]]:
    """Yield name, verdict and error of each script."""
    for script in sorted(FOLDER.glob("*.py")):
        try:
            done = subprocess.run(
                [python_of(script), "-W", "ignore", str(script)], capture_output=True, text=True, timeout=SECONDS, check=False
            )
            error = error_of(done.stdout)
            yield script.stem, "alive" if alive(error) else "gone", error
        except Unavailable as absent:
            yield script.stem, "unavailable", absent.how
        except (ValueError, subprocess.TimeoutExpired) as problem:
            yield script.stem, "no answer", str(problem).splitlines()[0]


def main() -> int:
    """Print a line for each script and the sum; 1 when one gave no answer."""
    counts: dict[str, int] = {}
    for name, verdict, error in run():
        counts[verdict] = counts.get(verdict, 0) + 1
        sys.stdout.write(f"{name:<55} {verdict:<10} {error}\n")
        sys.stdout.flush()
    sys.stdout.write(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) + "\n")
    return 1 if counts.get("no answer") else 0


if __name__ == "__main__":
    raise SystemExit(main())
