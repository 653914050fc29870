"""Managed virtual environments: one per lock file, built on request, never while tests run."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import platformdirs

from harness.core.errors import ParityError, Unavailable

MARKER = "parity-ready.json"


def root() -> Path:
    """Return the folder of the managed environments (``PARITY_ENVS`` overrides it)."""
    return Path(os.environ.get("PARITY_ENVS") or Path(platformdirs.user_data_dir("parity")) / "envs")


def folder(name: str, lock: Path) -> Path:
    """Return where the environment of this very lock file belongs: another lock, another folder."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    return root() / f"{name}-{digest}"


def find(name: str, lock: Path) -> Path | None:
    """Return the interpreter of a finished environment, or None."""
    place = folder(name, lock)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return python if (place / MARKER).is_file() and python.exists() else None


def locked(lock: Path) -> dict[str, str]:
    """Return the versions a lock file pins, by distribution."""
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;#]+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(pins)


def interpreter(version: str) -> str:
    """Return a Python of this minor version (``3.8``); each candidate is run and asked.

    Looks at the running interpreter, the PATH, and where pyenv and uv keep theirs. Raises
    `Unavailable` naming the version when there is none.
    """
    if not version or version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    for candidate in _candidates(version):
        try:
            asked = subprocess.run(
                [candidate, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if asked.returncode == 0 and asked.stdout.strip() == version:
            return candidate
    raise Unavailable(
        f"no Python {version} was found", f"install Python {version} (pyenv, uv or your system's package) and put it on the PATH"
    )


def _candidates(version: str) -> Iterator[str]:
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    home = Path.home()
    patterns = [
        f"{os.environ.get('PYENV_ROOT') or home / '.pyenv'}/versions/{version}*/bin/python",
        f"{home}/.local/share/uv/python/cpython-{version}*/bin/python3",
        f"/opt/python*{version}*/bin/python3",
        f"/usr/bin/python{version}",
    ]
    for pattern in patterns:
        yield from sorted(glob.glob(pattern), reverse=True)  # noqa: PTH207 (the patterns are absolute)


def build(name: str, lock: Path, version: str, imports: tuple[str, ...], say: Callable[[str], None]) -> Path:
    """Build the environment of a lock file; return its interpreter. Finished ones are left as they are.

    Safe when two processes ask at once. An interrupted build leaves no usable environment behind and
    the next one starts afresh. Raises `ParityError` with the tail of pip's output when it fails, or
    when a package that should import does not.
    """
    place = folder(name, lock)
    place.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{place}.lock"):
        if ready := find(name, lock):
            say(f"{name} is already built: {ready}")
            return ready
        shutil.rmtree(place, ignore_errors=True)
        base = interpreter(version)
        start = time.monotonic()
        say(f"building {name} with {base}")
        _step([base, "-m", "venv", str(place)], f"creating the environment {name}")
        python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        count = len(locked(lock))
        say(f"installing {count} pinned packages")
        _step(
            [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "-q", "-r", str(lock)],
            f"installing {lock.name}",
        )
        for module in imports:
            say(f"importing {module}")
            _step([str(python), "-c", f"import {module}"], f"importing {module}")
        draft = place / f"{MARKER}.tmp"
        draft.write_text(json.dumps({"name": name, "lock": lock.name, "seconds": round(time.monotonic() - start, 1)}))
        draft.replace(place / MARKER)
        say(f"{name} is ready after {time.monotonic() - start:.0f} s: {python}")
        return python


def _step(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ParityError(f"{what} failed (exit code {done.returncode}):\n{tail}")


def built() -> list[tuple[str, Path, int]]:
    """Return name, folder and size in bytes of every finished environment."""
    rows = []
    for marker in sorted(root().glob(f"*/{MARKER}")):
        try:
            name = str(json.loads(marker.read_text())["name"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        size = sum(f.stat().st_size for f in marker.parent.rglob("*") if f.is_file() and not f.is_symlink())
        rows.append((name, marker.parent, size))
    return rows


def remove(name: str) -> list[Path]:
    """Remove every environment of this name, finished or not; return the folders removed."""
    gone = [place for place in root().glob(f"{name}-*") if place.is_dir() and re.fullmatch(r"[0-9a-f]{12}", place.name[len(name) + 1 :])]
    for place in gone:
        shutil.rmtree(place)
    return gone
