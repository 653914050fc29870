"""Models that somebody names instead of declaring: a file, or ``file.py:name``. Runs inside workers only.

Nothing here unpickles. A framework that can open files has ``claims(path)``, ``open(path)`` and
``owns(model)``, ``signature(model)`` where a model knows its own inputs, and ``lengths(model)`` where it knows
the ranges of its symbolic lengths.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
from typing import Any, Mapping

import numpy as np

from harness.core.case import Case, RealData
from harness.core.declared import load_module
from harness.core.errors import UsageError, unknown
from harness.core.external import attach


def split(target: str) -> tuple[str, str]:
    """Return the file or module, and the name in it ("" for a model file)."""
    place, colon, name = target.rpartition(":")
    if colon and name.replace(".", "_").isidentifier() and not os.path.exists(target):
        return place, name
    return target, ""


def named(target: str) -> tuple[Any, str]:
    """Return the object that ``file.py:name`` or ``package.module:name`` names, and the file it is declared in."""
    place, name = split(target)
    if place.endswith(".py"):
        module = load_module(place)
    else:
        try:
            module = importlib.import_module(place)
        except ImportError as error:
            raise UsageError(f"{target}: module {place!r} cannot be imported: {error}; give a file as path/to/file.py:name") from error
    item: Any = module
    for part in name.split("."):
        if not hasattr(item, part):
            raise unknown(f"name in {place}", part, [key for key in vars(item) if not key.startswith("_")])
        item = getattr(item, part)
    return item, os.path.realpath(str(module.__file__))


def opened(target: str, registry: Any, framework: str = "") -> tuple[str, Any, Any]:
    """Return framework, model and example inputs (a mapping, a tuple or None) of what ``target`` names.

    Raises `UsageError` for what is no model of a known framework.
    """
    place, name = split(target)
    frameworks = [registry.get("frameworks", framework)] if framework else list(registry.frameworks.values())
    if not name:
        path = os.path.realpath(place)
        if not os.path.exists(path):
            raise UsageError(f"{place}: there is no such file; give a model file, a SavedModel folder, or file.py:name")
        able = [adapter for adapter in frameworks if hasattr(adapter, "claims") and adapter.claims(path)]
        if not able:
            raise UsageError(f"{place}: no source framework reads this; known are {', '.join(_kinds(registry))}, or file.py:name")
        return able[0].name, able[0].open(path), None
    item, _ = named(target)
    examples = None
    if not any(_owns(adapter, item) for adapter in frameworks) and callable(item):
        item = item()
    if isinstance(item, tuple) and len(item) == 2:
        item, examples = item
    owners = [adapter for adapter in frameworks if _owns(adapter, item)]
    if not owners:
        wanted = "a Case, a model, or a function returning a model or a (model, example inputs) pair"
        raise UsageError(f"{target} gave {type(item).__module__}.{type(item).__name__}; expected {wanted}")
    return owners[0].name, item, examples


def _owns(adapter: Any, item: Any) -> bool:
    return hasattr(adapter, "owns") and bool(adapter.owns(item))


def _kinds(registry: Any) -> list[str]:
    return sorted({kind for adapter in registry.frameworks.values() for kind in getattr(adapter, "files", ())})


def looked_at(target: str, registry: Any, framework: str = "") -> dict[str, Any]:
    """Return what can be learned of a source: its framework, inputs, lengths, examples and files; or the case it names.

    ``inputs``: name, dtype and shape of each; a length that is not fixed is a symbol, an expression of symbols, or None.
    ``lengths``: ``ranges`` of symbols (low, high or None) and ``relations`` between them, where the model says any.
    """
    place, name = split(target)
    if name:
        item, file = named(target)
        if isinstance(item, Case):
            return {"case": item.id, "file": file}
    framework, model, examples = opened(target, registry, framework)
    adapter = registry.get("frameworks", framework)
    known = adapter.signature(model) if hasattr(adapter, "signature") else None
    feeds = _feeds(target, model, examples, known)
    inputs = known or [[key, array.dtype.name, list(array.shape)] for key, array in (feeds or {}).items()]
    lengths = adapter.lengths(model) if hasattr(adapter, "lengths") else {}
    return {"framework": framework, "inputs": inputs, "examples": feeds, "files": files_of(target), "lengths": lengths}


def files_of(target: str) -> list[str]:
    """Return the files a named source or artifact is made of. Raises `UsageError` where there are none."""
    place, name = split(target)
    if name:
        return [named(target)[1]]
    path = os.path.realpath(place)
    if not os.path.exists(path):
        raise UsageError(f"{place}: there is no such file")
    if os.path.isdir(path):
        return sorted(os.path.join(root, file) for root, _, files in os.walk(path) for file in files)
    stem = os.path.splitext(path)[0]
    return [path, *(stem + end for end in (".pdiparams", ".bin") if os.path.isfile(stem + end))]


def weights_beside(target: str) -> list[str]:
    """Return the files in which an ONNX model keeps its weights, none for anything else. Raises `UsageError` where they are not there."""
    path = os.path.realpath(target)
    if not path.endswith(".onnx") or not os.path.isfile(path):
        return []
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:  # then nothing here opens it either
        return []
    try:
        proto = onnx.load(path, load_external_data=False)
    except DecodeError:  # told by whoever opens it
        return []
    return [os.path.join(os.path.dirname(path), location) for location in attach(proto, path, path)]


def _feeds(target: str, model: Any, examples: Any, known: Any) -> dict[str, Any] | None:
    if examples is None:
        return None
    if isinstance(examples, Mapping):
        return {str(name): _array(item) for name, item in examples.items()}
    given = list(examples) if isinstance(examples, (tuple, list)) else [examples]
    names = [entry[0] for entry in known] if known and len(known) == len(given) else _parameters(model)[: len(given)]
    if len(names) < len(given):
        raise UsageError(f"{target} gives {len(given)} example inputs, the model takes {len(names)}: {', '.join(names)}")
    return dict(zip(names, map(_array, given)))


def _array(item: Any) -> Any:
    """Return a tensor of any framework as an array."""
    return np.asarray(item.detach().cpu() if hasattr(item, "detach") else item)


def _parameters(model: Any) -> list[str]:
    """Return the names of a model's positional parameters; ``x0``, ``x1``, ... where it does not name them."""
    call = next((getattr(model, name) for name in ("forward", "call", "construct") if callable(getattr(model, name, None))), model)
    try:
        found = [
            p.name for p in inspect.signature(call).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name != "self"
        ]  # fmt: skip
    except (TypeError, ValueError):
        found = []
    return found or [f"x{index}" for index in range(16)]


def given_case(data: Mapping[str, Any], target: str, arrays: str = "") -> Case:
    """Return the case of a named source: ``data`` is its `Case.to_json`, ``arrays`` an ``.npz`` of real inputs."""
    from harness.core.registry import registry

    case = Case.from_json(dict(data, has_data=False))
    framework = next(iter(case.build))

    def build() -> Any:
        return opened(target, registry(), framework)[1]

    def real() -> RealData:
        with np.load(arrays, allow_pickle=False) as stored:
            return RealData(feeds={name: stored[name] for name in stored.files})

    return dataclasses.replace(case, build={framework: build}, data=real if arrays else None)
