"""Toolchains: which interpreter an adapter's worker runs in, and how to get it when it is missing.

A toolchain is described by ``fixtures/toolchains/NAME.toml``. It is found in the current environment
when its packages import there, else in a managed virtual environment (see `harness.engine.envs`). What a vendor installs outside of
Python is found by what it installs (see `harness.engine.installs`).
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from harness.core import toml
from harness.core.errors import Unavailable, UsageError, unknown
from harness.core.value import value
from harness.engine import envs, installs


@value
class Toolchain:
    """A named set of packages and a Python version.

    ``requires``: requirements the current environment must meet to serve; a toolchain without any
    only lives in its managed environment. ``lock``: the lock file of the managed one, "" for none. ``install``: what the vendor installs
    outside of Python, None for nothing.
    """

    name: str
    summary: str
    imports: tuple[str, ...]
    distributions: tuple[str, ...]
    requires: tuple[str, ...] = ()
    python: str = ""
    lock: Path | None = None
    extra: str = ""
    env: Mapping[str, str]
    install: installs.Install | None = None

    @property
    def how(self) -> str:
        """Return the command that brings it onto this machine."""
        if self.install:
            return self.install.how
        if self.lock:
            return f"parity env build {self.name}"
        return f"pip install 'parity-harness[{self.extra or self.name}]'"


@value
class Located:
    """Where a toolchain was found: its interpreter, its origin in words, and its versions by distribution."""

    toolchain: Toolchain
    python: str
    origin: str
    versions: Mapping[str, str]


def data_folder() -> Path:
    """Return the folder ``fixtures``: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    beside = package.parent / "fixtures"
    return beside if (beside / "toolchains").is_dir() else package / "_fixtures"


@functools.lru_cache(maxsize=1)
def toolchains() -> dict[str, Toolchain]:
    """Return every described toolchain by name. Raises `UsageError` naming the file that is wrong."""
    found = {}
    for path in sorted((data_folder() / "toolchains").glob("*.toml")):
        table = toml.read(path)
        try:
            found[table["name"]] = _toolchain(path, table)
        except (KeyError, TypeError) as error:
            raise UsageError(f"{path}: a toolchain needs name, summary, imports and distributions ({error})") from None
    return found


def _toolchain(path: Path, table: Mapping[str, Any]) -> Toolchain:
    return Toolchain(
        name=table["name"],
        summary=table["summary"],
        imports=tuple(table["imports"]),
        distributions=tuple(table["distributions"]),
        requires=tuple(table.get("requires", ())),
        python=table.get("python", ""),
        lock=path.parent / table["lock"] if table.get("lock") else None,
        extra=table.get("extra", ""),
        env={key: str(setting) for key, setting in table.get("env", {}).items()},
        install=installs.install_from(table["install"]) if "install" in table else None,
    )


@functools.lru_cache(maxsize=64)
def locate(name: str) -> Located:
    """Return where a toolchain is. Imports nothing of it.

    Raises `Unavailable` with the reason and the way to get it, `UsageError` for an unknown name.
    """
    known = toolchains()
    if name not in known:
        raise unknown("toolchain", name, known)
    toolchain = known[name]
    problem = _problem_here(toolchain)
    if not problem:
        versions = {d: importlib.metadata.version(d) for d in toolchain.distributions}
        if toolchain.install:
            versions.update(installs.find(toolchain.install, name))
        return Located(toolchain=toolchain, python=sys.executable, origin="current environment", versions=versions)
    if toolchain.lock:
        built = envs.find(toolchain.name, toolchain.lock)
        if built:
            return Located(toolchain=toolchain, python=str(built), origin="managed environment", versions=envs.locked(toolchain.lock))
        problem = f"{problem}, and its managed environment is not built" if toolchain.requires else "its managed environment is not built"
    raise Unavailable(f"toolchain {name}: {problem}", toolchain.how)


def _problem_here(toolchain: Toolchain) -> str:
    """Return why the current environment cannot serve, or ""."""
    if not toolchain.requires:
        return "it never runs in the current environment"
    for text in toolchain.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise UsageError(f"toolchain {toolchain.name}: requirement {text!r} cannot be read: {error}") from None
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            return f"package {requirement.name} is not installed"
        if not requirement.specifier.contains(version, prereleases=True):
            return f"package {requirement.name} is {version}, it needs {requirement.specifier}"
    for module in toolchain.imports:
        if importlib.util.find_spec(module.split(".")[0]) is None:
            return f"module {module} cannot be found"
    return ""


_PASSED_ON = ("CUDA_", "NVIDIA_", "ASCEND_", "ATC_", "LD_LIBRARY_PATH", "DYLD_", "PATH", "LANG", "LC_", "TZ", "SYSTEMROOT")


def environment(toolchain: Toolchain, home: Path, threads: int) -> dict[str, str]:
    """Return a worker's environment: its own HOME and scratch, no pip, no hub, ``threads`` threads."""
    more = toolchain.install.passed if toolchain.install else ()
    passed = {key: setting for key, setting in os.environ.items() if key.startswith((*_PASSED_ON, *more))}
    scratch = home / "tmp"
    return {
        **passed,
        "HOME": str(home), "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch),
        "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config"),
        "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1",
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "PIP_REQUIRE_VIRTUALENV": "1", "UV_OFFLINE": "1",
        "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2", "GLOG_minloglevel": "2", "TORCHINDUCTOR_COMPILE_THREADS": "1",
        **toolchain.env,
    }  # fmt: skip
