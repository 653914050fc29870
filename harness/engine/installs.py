"""What a vendor installs outside of Python: found by the variables, folders and programs it sets up, never by a guess."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.errors import Unavailable
from harness.core.value import value


@value
class Install:
    """How an installation is recognised.

    ``name``: what people call it. ``variables``: set by its own script, each naming its folder. ``programs``: on the PATH once that has
    run. ``folders``: where it lies where nobody chose another place. ``script``: what in its folder sets the variables. ``release``:
    the file below its folder, a pattern, with a line ``version=``; "" for none. ``passed``: variables that workers need of it. ``how``:
    how to get it.
    """

    name: str
    variables: tuple[str, ...]
    programs: tuple[str, ...]
    folders: tuple[str, ...]
    script: str
    release: str
    passed: tuple[str, ...]
    how: str


def install_from(table: Mapping[str, Any]) -> Install:
    """Return the installation that a table ``[install]`` describes. Raises `KeyError` or `TypeError` for an incomplete one."""
    lists = {name: tuple(map(str, table[name])) for name in ("variables", "programs", "folders", "passed")}
    return Install(name=table["name"], script=table["script"], release=table["release"], how=table["how"], **lists)


def find(install: Install, toolchain: str) -> dict[str, str]:
    """Return the release of an installation and digests of its programs, by name.

    Raises `Unavailable` where nothing is installed, or where the environment of what is has not been set.
    """
    named = {name: os.environ[name] for name in install.variables if os.environ.get(name)}
    homes = [Path(folder) for folder in named.values() if Path(folder).is_dir()]
    programs = {name: found for name in install.programs if (found := shutil.which(name))}
    if not homes and not programs:
        raise Unavailable(*_absent(install, toolchain, named))
    told = {name: hashlib.sha256(Path(place).read_bytes()).hexdigest()[:12] for name, place in programs.items()}
    return {install.name: _release(install, homes, list(programs.values())), **told}


def _absent(install: Install, toolchain: str, named: Mapping[str, str]) -> tuple[str, str]:
    """Return why there is nothing to use, and what to do about it."""
    if named:
        name, folder = next(iter(named.items()))
        return f"toolchain {toolchain}: {name} is {folder}, and there is no such folder", install.how
    for folder in install.folders:
        if (Path(folder) / install.script).is_file():
            return f"toolchain {toolchain}: {install.name} lies in {folder}, not yet set up", f"source {folder}/{install.script}"
    missing = f"no {' or '.join(install.programs)} on the PATH" + (f", no {' or '.join(install.variables)}" if install.variables else "")
    return f"toolchain {toolchain}: {install.name} is not installed ({missing})", install.how


def _release(install: Install, homes: list[Path], programs: list[str]) -> str:
    """Return the version that an installation says it has, "unknown" where it says none."""
    if not install.release:
        return "unknown"
    roots = [*homes, *(parent for place in programs for parent in Path(os.path.realpath(place)).parents[1:3])]
    for root in roots:
        for path in sorted(glob.glob(str(root / install.release))):  # noqa: PTH207 (the pattern has a folder in it)
            found = re.search(r"(?m)^\s*version\s*=\s*(\S+)", Path(path).read_text(encoding="utf-8", errors="replace"))
            if found:
                return found[1]
    return "unknown"
