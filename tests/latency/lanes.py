"""Lanes without processes: a clock that only moves when told, and sides whose calls move it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.latency.measure import Failed

CRASH: Mapping[str, Any] = {"kind": "crash", "message": "the worker died of SIGSEGV during latency_block", "signal": "SIGSEGV"}


class Clock:
    """Seconds that pass only where something takes them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class FakeLane:
    """Calls of ``took(number of the turn)`` seconds each; ``log`` hears every turn. Fails, or is interrupted, at the turn named."""

    def __init__(
        self, name: str, clock: Clock, took: Callable[[int], float], log: list[str],
        drift: Callable[[float], float] = lambda now: 1.0, *, fails: int = 0, stops: int = 0, copies: bool = False,
    ) -> None:  # fmt: skip
        self._name, self._clock, self._took, self._log = name, clock, took, log
        self._drift = drift
        self._fails, self._stops, self._copies = fails, stops, copies
        self.turns = 0

    def open(self) -> dict[str, Any]:
        """Take a second to load and half a second for the first call."""
        self._clock.now += 1.5
        self._log.append(f"{self._name} opens")
        return {"load": 1.0, "first": 0.5, "how": "made up", "synchronised": True, "resident": 10, "cpus": [3], "copies": self._copies}

    def block(self, calls: int, inner: int, copy: bool) -> Any:
        """Take as long as that takes."""
        self.turns += 1
        if self.turns == self._fails:
            raise Failed(CRASH)
        if self.turns == self._stops:
            raise KeyboardInterrupt
        took = self._took(self.turns) * self._drift(self._clock.now) * (10.0 if copy else 1.0)
        self._clock.now += took * calls * inner
        self._log.append(self._name + (" copies" if copy else ""))
        return np.full(calls, took)

    def close(self) -> dict[str, Any]:
        """Say how much memory it took."""
        self._log.append(f"{self._name} closes")
        return {"peak": 1000, "threads": 2}
