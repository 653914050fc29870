"""The verb ``gradient`` of a worker: which inputs move an output of the source, and how much. Runs inside workers only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.core.errors import Unsupported, UsageError
from harness.core.registry import Registry


class Gradients:
    """Part of `harness.engine.serve.Serve`, which holds the adapters and the live models."""

    _registry: Registry

    def _model(self, framework: str, ref: Mapping[str, str]) -> Any:
        raise NotImplementedError("Serve builds the models")

    def gradient(self, framework: str, ref: Mapping[str, str], feeds: Mapping[str, Any], output: str, weights: Any) -> dict[str, Any]:
        """Differentiate ``sum(weights * output)`` of the case with respect to its inputs, in its own framework.

        ``weights`` has the shape of the output. Returns ``gradient``: for each real input of ``feeds`` an array of its
        shape and dtype, zeros where the output does not depend on it (in a way that can be differentiated); inputs of whole
        numbers and booleans are left out, so that {} says there is none to move. ``seconds`` tells how long it took.
        Raises `Unsupported` where the framework cannot differentiate, `UsageError` for an output the model does not
        have or weights of another shape.
        """
        adapter = self._registry.get("frameworks", framework)
        if not hasattr(adapter, "gradient"):
            raise Unsupported(f"{framework} gives no gradients; search without them")
        model = self._model(framework, ref)
        real = [name for name, array in feeds.items() if is_real(array)]
        start = time.perf_counter()
        slopes = adapter.gradient(model, {name: np.array(a) for name, a in feeds.items()}, {output: np.array(weights)}) if real else {}
        seconds = time.perf_counter() - start
        found = {}
        for name in real:
            slope = np.asarray(slopes[name])
            if slope.shape != feeds[name].shape:
                raise UsageError(f"{framework} returned a gradient of shape {slope.shape} for input {name!r} of shape {feeds[name].shape}")
            found[name] = slope.astype(feeds[name].dtype)
        return {"gradient": found, "seconds": {"gradient": seconds}}


def is_real(array: Any) -> bool:
    """Return whether an array holds real numbers; bfloat16 counts, though NumPy knows it only by name."""
    return bool(array.dtype.kind == "f") or str(array.dtype.name) == "bfloat16"
