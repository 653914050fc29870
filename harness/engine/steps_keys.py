"""What a result depends on, as the parts of a cache key: code, packages, interpreter, declaration, files read."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
from harness.core.errors import Unavailable
from harness.core.outcome import Stage
from harness.core.registry import KINDS
from harness.engine.cache import Cache, digest_file, key_of
from harness.engine.toolchains import locate

if TYPE_CHECKING:
    from harness.engine.cell import Cell
    from harness.engine.trace import Trace


class Keys:
    """Part of `harness.engine.steps.Steps`, which asks the workers."""

    _cache: Cache

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], dict[str, str]] = {}
        self._read: dict[str, dict[str, str]] = {}

    def _ask(self, trace: Trace, toolchain: str, verb: str, arguments: Mapping[str, Any]) -> Any:
        raise NotImplementedError("Steps asks the workers")

    def recipe(self, cell: Cell, adapter: Any, trace: Trace) -> dict[str, Any]:
        """Return what a source model depends on."""
        case = cell.case
        return {
            "case": case.id, "digest": cell.digest, "framework": adapter.name, "seed": case.seed,
            "adapter": self._adapter(adapter), "declaration": case.to_json(), "read": self._files(cell, adapter, trace),
        }  # fmt: skip

    def _files(self, cell: Cell, adapter: Any, trace: Trace) -> dict[str, str]:
        """Return the digests of the files that the builder reads: those it read when it was last asked, unless one has changed."""
        name = key_of({"ref": cell.ref, "framework": adapter.name, "adapter": self._adapter(adapter)})
        if name not in self._read:
            place = self._cache.root / "read" / f"{name}.json"
            known = _stored(place) if not self._cache.fresh else None
            if known is None or any(digest_of(path) != digest for path, digest in known.items()):
                trace.stage = Stage.BUILD
                answer = self._ask(trace, adapter.toolchain, "build", {"framework": adapter.name, "ref": cell.ref})
                known = {path: digest_of(path) for path in answer["files"]}
                place.parent.mkdir(parents=True, exist_ok=True)
                draft = place.with_suffix(f".{os.getpid()}")
                draft.write_text(json.dumps(known))
                draft.replace(place)
            self._read[name] = known
        return self._read[name]

    def _adapter(self, adapter: Any) -> dict[str, Any]:
        """Return what an adapter's results depend on: its own code, its packages, its interpreter."""
        located = locate(adapter.toolchain)
        code = _code(type(adapter).__module__, *getattr(adapter, "made_of", ()))
        return {"code": code, "versions": self._versions_of(adapter), "python": located.python}

    def _versions_of(self, adapter: Any) -> dict[str, str]:
        key = (type(adapter).__name__, adapter.name)
        if key not in self._versions:
            located = locate(adapter.toolchain)
            versions = dict(located.versions)
            if located.origin == "current environment":
                versions.update({name: _version(name, adapter) for name in adapter.distributions})
            self._versions[key] = versions
        return self._versions[key]


def _version(distribution: str, adapter: Any) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        how = locate(adapter.toolchain).toolchain.how
        raise Unavailable(f"{adapter.name} needs the package {distribution}, which is not installed", how) from None


def _stored(place: Path) -> dict[str, str] | None:
    """Return what was written down, None for nothing or for what cannot be read."""
    try:
        found = json.loads(place.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def digest_of(path: str) -> str:
    """Return the SHA-256 of a file, "" for one that is gone."""
    try:
        return digest_file(Path(path))
    except OSError:
        return ""


_SHARED = (
    "harness.engine.serve", "harness.engine.serve_probe", "harness.engine.serve_reference", "harness.engine.serve_session",
    "harness.engine.serve_parts", "harness.core.weights", "harness.core.outputs", "harness.core.given", "harness.core.generated",
    "harness.core.external",
)  # fmt: skip


@functools.cache
def _code(*modules: str) -> str:
    """Return a digest of an adapter's file and modules, of the private modules beside adapters, and of the code that drives it."""
    total = hashlib.sha256()
    files = [importlib.import_module(name).__file__ for name in (*modules, *_SHARED)]
    package = Path(harness.__file__).parent
    private = sorted(path for kind in KINDS for path in (package / kind).glob("_*.py"))
    for path in (*(Path(file) for file in files if file), *private):
        total.update(path.read_bytes())
    return total.hexdigest()


@functools.cache
def code_below(*modules: str) -> str:
    """Return a digest of these modules, and of every module of those that are packages."""
    total = hashlib.sha256()
    for name in modules:
        file = Path(importlib.import_module(name).__file__ or "")
        for path in sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else (file,):
            total.update(path.read_bytes())
    return total.hexdigest()


@functools.cache
def cpu() -> str:
    """Return the processor's model name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
