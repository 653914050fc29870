"""What a time depends on beside the model: two times are compared only where all of it is the same."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_NAMES = {
    "cpu": "the processor", "cores": "its cores", "cpus": "the processors used", "governor": "the frequency governor",
    "turbo": "turbo mode", "system": "the system", "threads": "the threads", "device": "the device",
    "accelerator": "the accelerator", "python": "Python",
}  # fmt: skip


def fingerprint(
    *, versions: Mapping[str, str], cpus: Sequence[int], threads: int, device: str, python: str = "", root: Path = Path("/")
) -> dict[str, Any]:
    """Return the fingerprint of this machine as it is used: plain data, "" for what cannot be read.

    ``cpus``: the processors that the workers may use. ``root``: where ``proc`` and ``sys`` are.
    """
    first = cpus[0] if cpus else 0
    return {
        "cpu": _cpu(root), "cores": os.cpu_count() or 0, "cpus": len(cpus), "threads": threads, "device": device,
        "governor": _text(root / f"sys/devices/system/cpu/cpu{first}/cpufreq/scaling_governor"),
        "turbo": _text(root / "sys/devices/system/cpu/intel_pstate/no_turbo"),
        "accelerator": _accelerators(root) if device != "cpu" else "",
        "system": f"{platform.system()} {platform.machine()}", "python": python or platform.python_version(),
        "versions": dict(sorted(versions.items())),
    }  # fmt: skip


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in words what is not the same in two fingerprints; nothing for equal ones."""
    found = [
        f"{name} was {before.get(key) or 'unknown'}, is {now.get(key) or 'unknown'}"
        for key, name in _NAMES.items()
        if before.get(key) != now.get(key)
    ]
    old, new = before.get("versions", {}), now.get("versions", {})
    return found + [
        f"{name} was {old.get(name, 'absent')}, is {new.get(name, 'absent')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def load_average() -> float | None:
    """Return how many processes wanted to run in the last minute, None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def _cpu(root: Path) -> str:
    lines = _text(root / "proc/cpuinfo").splitlines()
    for key in ("model name", "Hardware", "CPU part"):  # the last two are what ARM tells
        for line in lines:
            if line.startswith(key) and ":" in line:
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _accelerators(root: Path) -> str:
    """Return the names of NVIDIA devices and the number of Ascend devices that their drivers show."""
    found = []
    for path in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        found += [line.split(":", 1)[1].strip() for line in _text(path).splitlines() if line.startswith("Model")]
    ascend = len(list((root / "dev").glob("davinci[0-9]*")))
    return ", ".join([*found, *([f"{ascend} davinci"] if ascend else [])])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
