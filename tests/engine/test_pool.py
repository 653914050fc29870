"""When workers are replaced."""

from __future__ import annotations

from typing import Any

import pytest

from harness.engine import pool as pools
from harness.engine.pool import Limits, Pool


class Idle:
    """A worker that does nothing and weighs what it is told."""

    made: list[Idle] = []
    pid, requests, alive, busy_since = 1, 1, True, 0.0

    def __init__(self, located: Any, *_: Any, **__: Any) -> None:
        self.name = located.toolchain.name
        self.size = 0
        Idle.made.append(self)

    def memory(self) -> int:
        return self.size

    def close(self) -> None:
        self.alive = False

    kill = close


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    Idle.made.clear()
    monkeypatch.setattr(pools, "Worker", Idle)
    return Pool(Limits(memory=1000, total_memory=900))


def test_a_worker_that_has_grown_starts_anew_after_the_cell(pool: Pool) -> None:
    with pool:
        pool.start(["onnx"])
        (worker,) = Idle.made
        worker.size = 400
        pool.relax(keep=["onnx"])
        assert worker.alive
        worker.size = 600
        pool.relax(keep=["onnx"])
        assert not worker.alive
        pool.start(["onnx"])
        assert len(Idle.made) == 2


def test_idle_workers_go_when_all_together_are_too_large(pool: Pool) -> None:
    with pool:
        pool.start(["onnx", "onnxruntime", "openvino"])
        for age, worker in enumerate(Idle.made):
            worker.size, worker.busy_since = 400, float(age)
        pool.relax(keep=["onnx"])
        assert [worker.alive for worker in Idle.made] == [True, False, True]


def test_a_retired_worker_is_gone(pool: Pool) -> None:
    with pool:
        pool.retire("onnx")
        pool.start(["onnx"])
        pool.retire("onnx")
        assert not Idle.made[0].alive
