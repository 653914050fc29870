"""What a Keras layer is, in words that layers share whatever their names and weights."""

from __future__ import annotations

from typing import Any

from harness.frameworks._walks import digest, settings

_NAMES = ("keras_history", "input_layers", "output_layers")
"""Where a configuration refers to layers by their names."""


def signature_of(item: Any) -> str:
    """Return a digest that layers and operations of the same types and settings share; those inside count, names do not."""
    try:
        config = item.get_config()
    except Exception:  # a layer need not be able to say what it was made of
        config = {}
    weights = [tuple(weight.shape) for weight in getattr(item, "weights", ())]
    inner = [signature_of(part) for part in getattr(item, "_layers", ())]
    return digest(type(item).__module__, type(item).__qualname__, _nameless(config, {}), settings(item), weights, inner)


def _nameless(item: Any, names: dict[str, str], referring: bool = False) -> Any:
    """Return a configuration with the names of layers replaced by numbers, in order of appearance; functions by their names."""
    if isinstance(item, dict):
        return {str(key): _nameless(part, names, referring or key == "name" or key in _NAMES) for key, part in item.items()}
    if isinstance(item, (list, tuple)):
        return [_nameless(part, names, referring) for part in item]
    if referring and isinstance(item, str):
        return _number(item, names)
    if callable(item) and hasattr(item, "__name__"):
        return item.__name__
    return item if isinstance(item, (int, float, str, bool, type(None))) else type(item).__name__


def _number(name: str, names: dict[str, str]) -> str:
    return names.setdefault(name, f"#{len(names)}")
