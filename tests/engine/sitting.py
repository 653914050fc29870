"""Sessions that misbehave, each in one way, on feeds ``x`` (float32) and, where there are any, ``ids`` (int64)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Run = Callable[[Mapping[str, Any]], dict[str, Any]]


def right(x: Any, ids: Any = None) -> Any:
    """Return what is right: running sums over the length, weighed by the ids."""
    total = np.cumsum(x, axis=1)
    return total if ids is None else total * ids[..., None].astype(x.dtype)


def fine() -> Run:
    """Do nothing wrong."""
    return lambda feeds: {"y": right(**feeds)}


def _changes() -> Callable[[Any], int]:
    """Return what counts how often the shape has changed."""
    state: dict[str, Any] = {"count": 0}

    def count(x: Any) -> int:
        state["count"] += state.get("shape", x.shape) != x.shape
        state["shape"] = x.shape
        return int(state["count"])

    return count


def keeps_its_buffer() -> Run:
    """Be wrong once the shape has changed three times: up, down, up again."""
    changes = _changes()
    return lambda feeds: {"y": right(**feeds) + np.float32(changes(feeds["x"]) > 2)}


def fails_later() -> Run:
    """Fail then."""
    changes = _changes()

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        if changes(feeds["x"]) > 2:
            raise RuntimeError("no plan is left for this shape")
        return {"y": right(**feeds)}

    return run


_SHARED: dict[str, Any] = {}


def shares_state() -> Run:
    """Be wrong where the session that ran last was another one."""
    me = object()
    _SHARED["last"] = me

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        last, _SHARED["last"] = _SHARED["last"], me
        return {"y": right(**feeds) * np.float32(1.0 if last is me else 1.5)}

    return run


def aliases() -> Run:
    """Return one buffer every time, as far as shapes allow."""
    buffers: dict[tuple[int, ...], Any] = {}

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        y = right(**feeds)
        held = buffers.setdefault(("any",), np.zeros(1 << 16, np.float32))[: y.size].reshape(y.shape)  # type: ignore[arg-type]
        held[...] = y
        return {"y": held}

    return run


def writes_to_its_feeds() -> Run:
    """Compute in place."""

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        y = right(**feeds)
        feeds["x"][...] = 0
        return {"y": y}

    return run


def reads_memory_as_it_lies() -> Run:
    """Take no notice of strides."""
    return lambda feeds: {"y": right(**{name: np.ravel(a, order="K").reshape(a.shape) for name, a in feeds.items()})}


def refuses_layouts() -> Run:
    """Refuse what is not contiguous, and other types: nobody gets a wrong answer."""

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        for array in feeds.values():
            if not array.flags.c_contiguous:
                raise ValueError("not contiguous")
            if array.dtype.name not in ("float32", "int64"):
                raise ValueError(f"unexpected {array.dtype}")
        return {"y": right(**feeds)}

    return run


def halves_doubles() -> Run:
    """Take a float64 feed for float16."""
    return lambda feeds: {
        "y": right(**{n: a.astype(np.float16).astype(np.float32) if a.dtype == np.float64 else a for n, a in feeds.items()})
    }


def reads_int32_for_int64() -> Run:
    """Read two int32 for one int64."""

    def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
        ids = feeds["ids"]
        if ids.dtype == np.int32:
            ids = np.resize(np.resize(ids.reshape(-1), 2 * (ids.size // 2)).view(np.int64), ids.shape)
        return {"y": right(feeds["x"], ids)}

    return run
