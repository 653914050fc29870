"""Measurements of stand-ins: case files of theirs import what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.engine import steps, steps_keys
from tests.engine.fuzzed import located
from tests.latency.lanes import Clock
from tests.latency.stand_in import Desk, Target

ENGINE = Path(__file__).resolve().parents[1] / "engine"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Desk]:
    """Return what makes a desk of its own, with the target that is asked for."""
    monkeypatch.syspath_prepend(str(ENGINE))
    monkeypatch.setattr(steps, "locate", located)
    monkeypatch.setattr(steps_keys, "locate", located)

    def made(target: Callable[[Clock], Target] = Target) -> Desk:
        return Desk(tmp_path, target)

    return made
