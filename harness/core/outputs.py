"""Names for the outputs of a model that returns whatever its framework likes to return."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, Mapping, Sequence

from harness.core.errors import UsageError


def flatten(result: Any, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return the tensors in ``result`` by name, in order.

    A lone tensor is ``output``; a tuple gives ``output_0``, ``output_1``; nested values join with
    ``.``; a mapping or dataclass gives its keys. None is left out. ``names``, when given, renames
    them in order. Raises `UsageError` when the count differs or a leaf is not a tensor.
    """
    found: dict[str, Any] = {}
    _walk(result, "", found)
    if not found:
        raise UsageError(f"the model returned {type(result).__name__} without any tensor; nothing can be compared")
    if names:
        if len(names) != len(found):
            raise UsageError(f"the case names {len(names)} outputs {list(names)}, the model returned {len(found)}: {list(found)}")
        found = {name: found[old] for name, old in zip(names, list(found))}
    return found


def _walk(item: Any, path: str, found: dict[str, Any]) -> None:
    if item is None:
        return
    if isinstance(item, Mapping):
        for key, part in item.items():
            _walk(part, f"{path}.{key}" if path else str(key), found)
    elif dataclasses.is_dataclass(item) and not hasattr(item, "shape"):
        for field in dataclasses.fields(item):
            _walk(getattr(item, field.name), f"{path}.{field.name}" if path else field.name, found)
    elif isinstance(item, (tuple, list)):
        for index, part in enumerate(item):
            _walk(part, f"{path}.{index}" if path else f"output_{index}", found)
    elif hasattr(item, "shape") or isinstance(item, (int, float, bool)):
        found[path or "output"] = item
    else:
        raise UsageError(f"output {path or 'output'!r} is {type(item).__name__}, not a tensor; return tensors only")


def weighed(outputs: Mapping[str, Any], cotangent: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Return each output named in ``cotangent`` with its weights.

    Raises `UsageError` for a name the outputs do not have, or weights of another shape than the output.
    """
    pairs = []
    for name, weights in cotangent.items():
        if name not in outputs:
            raise UsageError(f"the model has no output {name!r} to differentiate; it has {', '.join(outputs)}")
        shape = tuple(getattr(outputs[name], "shape", ()))
        if tuple(weights.shape) != shape:
            raise UsageError(f"weights of shape {tuple(weights.shape)} for output {name!r} of shape {shape}; they must correspond")
        pairs.append((outputs[name], weights))
    return pairs


def is_instance(item: Any, module: str, *names: str) -> bool:
    """Return whether ``item`` is of one of the classes ``names`` of ``module``, importing nothing for the question."""
    loaded: Any = sys.modules.get(module)
    if loaded is None:
        return False
    for name in names:
        kind = loaded
        for part in name.split("."):
            kind = getattr(kind, part, None)
        if isinstance(kind, type) and isinstance(item, kind):
            return True
    return False
