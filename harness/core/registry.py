"""Finds adapters: every file of the three folders, and the entry points of third parties.

Nothing is registered by hand. Two adapters of one kind and name are an error that names both.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

from harness.core.errors import UsageError, unknown
from harness.core.value import value

KINDS = ("frameworks", "converters", "runtimes")
ENTRY_POINTS = "parity.adapters"


@value
class Registry:
    """Every adapter found, by kind and name; ``origins`` says which module each came from."""

    frameworks: dict[str, Any]
    converters: dict[str, Any]
    runtimes: dict[str, Any]
    origins: dict[tuple[str, str], str]

    def get(self, kind: str, name: str) -> Any:
        """Return one adapter. Raises `UsageError` with the nearest names when there is none."""
        found = getattr(self, kind)
        if name not in found:
            raise unknown(kind[:-1], name, found)
        return found[name]

    def owner(self, format: str) -> Any | None:
        """Return the framework that owns an in-memory ``format``, or None for a file format.

        A framework whose source is a file has a method ``save(model, dest) -> entry``.
        """
        return next((fw for fw in self.frameworks.values() if fw.format == format and not hasattr(fw, "save")), None)


def kind_of(adapter: Any) -> str:
    """Return which kind of adapter ``adapter`` is. Raises `UsageError` for anything else."""
    if hasattr(adapter, "convert") and hasattr(adapter, "sources"):
        return "converters"
    if hasattr(adapter, "load") and hasattr(adapter, "accepts"):
        return "runtimes"
    if hasattr(adapter, "build") and hasattr(adapter, "oracle"):
        return "frameworks"
    raise UsageError(f"{adapter!r} in ADAPTERS is no framework, converter or runtime; see harness/core/protocols.py")


def _modules() -> list[str]:
    names = []
    for kind in KINDS:
        package = importlib.import_module(f"harness.{kind}")
        names += [f"harness.{kind}.{m.name}" for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")]
    return sorted(names) + _third_party()


def _third_party() -> list[str]:
    try:
        from importlib import metadata
    except ImportError:  # Python 3.7: third-party adapters need a newer one
        return []
    points: Any = metadata.entry_points()
    group = points.select(group=ENTRY_POINTS) if hasattr(points, "select") else points.get(ENTRY_POINTS, ())
    return sorted({point.value.split(":")[0] for point in group})


@functools.lru_cache(maxsize=1)
def registry() -> Registry:
    """Return every adapter there is, found once per process."""
    found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    origins: dict[tuple[str, str], str] = {}
    for module in _modules():
        for adapter in importlib.import_module(module).ADAPTERS:
            kind = kind_of(adapter)
            if adapter.name in found[kind]:
                raise UsageError(f"{kind[:-1]} {adapter.name!r} is defined in {origins[kind, adapter.name]} and again in {module}")
            found[kind][adapter.name] = adapter
            origins[kind, adapter.name] = module
    return Registry(origins=origins, **found)
