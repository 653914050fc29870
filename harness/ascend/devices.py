"""Which Ascend NPUs this machine has, as the driver's own tool ``npu-smi`` tells it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Sequence

from harness.core.value import value

SECONDS = 30.0
_ROW = re.compile(r"^\|(.+)\|\s*$")


@value
class Npu:
    """One chip. ``number`` and ``chip`` as npu-smi counts them; ``name`` as it is printed, such as 310P3 or 910B3; ``bus``: PCI address."""

    number: int
    chip: int
    name: str
    health: str
    bus: str = ""

    @property
    def soc(self) -> str:
        """The ``--soc_version`` that the name tells; "" for Ascend910, which several chips are called."""
        return "" if self.name in ("Ascend910", "Ascend950", "910", "950") else "Ascend" + self.name.replace("Ascend", "", 1)

    def __str__(self) -> str:
        return f"NPU {self.number} chip {self.chip}: {self.name}, health {self.health}"


def parse(text: str) -> list[Npu]:
    """Return the chips in the table of ``npu-smi info``: two rows each, split at ``|``; whatever else it prints is passed over."""
    found: list[Npu] = []
    first: tuple[int, str, str] | None = None
    for line in text.splitlines():
        row = _ROW.match(line)
        cells = [cell.strip() for cell in row.group(1).split("|")] if row else []
        if len(cells) < 3:
            first = None if cells and cells[0].lower().startswith("no running") else first
            continue
        name = re.fullmatch(r"(\d+)\s+(\S+)", cells[0])
        if name and re.fullmatch(r"[A-Za-z]+", cells[1]):
            first = (int(name.group(1)), name.group(2), cells[1])
            continue
        chip = re.match(r"(\d+)", cells[0])
        if first is not None and chip and (":" in cells[1] or cells[1] in ("NA", "-")):
            found.append(Npu(number=first[0], chip=int(chip.group(1)), name=first[1], health=first[2], bus=cells[1]))
            first = None
    return found


def ask() -> tuple[list[Npu], str]:
    """Return the chips of this machine, and why there are none: "" where there are."""
    program = shutil.which("npu-smi")
    if program is None:
        return [], "npu-smi is not on the PATH, so the driver is not installed"
    try:
        done = subprocess.run([program, "info"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"npu-smi info gave no answer: {error}"
    text = done.stdout.decode("utf-8", "replace")
    found = parse(text) if done.returncode == 0 else []
    if found:
        return found, ""
    last = (text.strip().splitlines() or ["nothing"])[-1]
    return [], f"npu-smi info ended with {done.returncode} and shows no chip: {last[:200]}"


def told(found: Sequence[Npu], why: str) -> str:
    """Return the answer of `ask` in words."""
    return "; ".join(map(str, found)) or why
