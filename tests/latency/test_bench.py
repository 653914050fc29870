"""What a worker times, and what becomes of a cell that is measured: right, wrong, slower, crashed, interrupted."""

from __future__ import annotations

import dataclasses
import functools
import gc
from collections.abc import Callable

import numpy as np
import pytest

from harness.core.outcome import Outcome, Stage
from harness.core.record import Record, record_from
from harness.engine.serve_latency import OWN, THROUGH
from harness.latency.baseline import ABSTAINED, PASSED, SLOWER
from harness.latency.statistics import Effect
from tests.latency.stand_in import PLAN, RIGHT, WRONG, Desk, Target, Unsynchronised

Desks = Callable[..., Desk]
CELL = "double[plain>plain-target@cpu]"


def record(desk: Desk, *more: str, **bench: object) -> Record:
    """Return the record of the one cell."""
    return desk.run(*more, **bench).records[CELL]


def test_a_call_ends_when_the_device_has_done_its_work(desk: Desks) -> None:
    """0.1 ms to hand over, 1 ms behind the call: without waiting the target would seem twenty times as fast as its source."""
    found = record(desk())
    assert found.outcome is Outcome.MATCH
    latency = found.latency or {}
    assert latency["target"]["how"] == OWN
    assert latency["target"]["synchronised"] is True
    assert latency["target"]["p50"] == pytest.approx(0.0011)
    assert latency["source"]["p50"] == pytest.approx(0.002)
    assert latency["ratio"]["estimate"] == pytest.approx(0.55)
    assert latency["target"]["load"] > 0


def test_first_call_and_load_are_kept_apart_from_warm_calls(desk: Desks) -> None:
    latency = record(desk()).latency or {}
    assert latency["target"]["first"] == pytest.approx(0.0011)
    assert latency["target"]["launches"] == PLAN.launches
    assert latency["target"]["calls"] >= 3 * PLAN.rounds * PLAN.launches
    assert latency["pinned"] == {"cpus": [0], "threads": 1}
    assert latency["target"]["resident"] == 5


def test_a_device_that_nobody_can_wait_for_is_timed_from_arrays_to_arrays(desk: Desks) -> None:
    here = desk(functools.partial(Target, kind=Unsynchronised, device="gpu"))
    latency = record(here).latency or {}
    assert latency["target"]["how"] == THROUGH
    assert latency["target"]["p50"] == pytest.approx(0.0061)
    assert any("no synchronise()" in note for note in latency["notes"])


def test_on_a_device_copies_are_timed_beside(desk: Desks) -> None:
    latency = record(desk(functools.partial(Target, device="gpu"))).latency or {}
    assert latency["target"]["p50"] == pytest.approx(0.0011)
    assert latency["target"]["copy"]["p50"] == pytest.approx(0.0061)
    assert "copy" not in latency["source"]


def test_a_call_that_computes_something_else_is_not_timed(desk: Desks) -> None:
    found = record(desk(functools.partial(Target, lies=1.0)))
    assert found.outcome is Outcome.ERROR
    assert found.stage is Stage.BENCH
    assert "computes something else" in (found.error or {})["message"]
    assert found.comparisons, "that it was right when it was judged stays known"
    assert "p50" not in (found.latency or {})["target"]


def test_a_record_with_latency_survives_its_line(desk: Desks) -> None:
    import json

    found = record(desk(), batches=(1,))
    assert record_from(json.loads(found.line())).latency == json.loads(found.line())["latency"]


def test_a_crash_in_the_middle_is_the_outcome_and_the_source_goes_on(desk: Desks) -> None:
    here = desk()
    here.target.dies = 400
    found = here.run()
    crashed = found.records[CELL]
    assert (crashed.stage, crashed.outcome) == (Stage.BENCH, Outcome.CRASH)
    assert (crashed.error or {})["signal"] == "SIGSEGV"
    assert crashed.comparisons
    latency = crashed.latency or {}
    assert latency["target"]["failure"]["kind"] == "crash"
    assert latency["source"]["launches"] == PLAN.launches
    assert CELL not in found.entries, "what crashed is no baseline"


def test_what_was_measured_before_an_interruption_is_kept(desk: Desks) -> None:
    here = desk()
    here.target.stops = 400
    found = here.run()
    assert found.interrupted
    latency = found.records[CELL].latency or {}
    assert latency["target"]["p50"] == pytest.approx(0.0011)
    assert latency["target"]["launches"] < PLAN.launches
    assert any("interrupted" in note for note in latency["notes"])
    assert not any(worker.alive for worker in here.workers)


def test_against_its_own_baseline_it_passes_and_a_tenth_slower_fails(desk: Desks) -> None:
    here = desk()
    known = here.run().entries
    assert (record(here, known=known).latency or {})["gate"]["outcome"] == PASSED
    here.target.work = 0.00111
    slower = record(here, known=known)
    assert (slower.stage, slower.outcome) == (Stage.BENCH, Outcome.MISMATCH)
    assert (slower.latency or {})["gate"]["outcome"] == SLOWER
    assert (slower.error or {})["kind"] == "slower"
    assert all(comparison.match for comparison in slower.comparisons)


def test_wrong_and_slower_are_both_told(desk: Desks) -> None:
    here = desk()
    known = here.run(WRONG).entries
    here.target.work = 0.01
    found = record(here, WRONG, known=known)
    assert (found.stage, found.outcome) == (Stage.COMPARE, Outcome.MISMATCH)
    assert (found.latency or {})["gate"]["outcome"] == SLOWER
    assert any(message.startswith("measurement: ") for message in found.messages)


def test_wrong_and_as_fast_as_ever_is_wrong(desk: Desks) -> None:
    here = desk()
    found = record(here, WRONG, known=here.run(WRONG).entries)
    assert found.outcome is Outcome.MISMATCH
    assert (found.latency or {})["gate"]["outcome"] == PASSED


def test_on_another_machine_the_gate_abstains_and_nothing_fails(desk: Desks) -> None:
    here = desk()
    (entry,) = here.run().entries.values()
    known = {CELL: dataclasses.replace(entry, fingerprint={**entry.fingerprint, "cpu": "Other"})}
    here.target.work = 0.01
    found = record(here, known=known)
    assert found.outcome is Outcome.MATCH
    assert (found.latency or {})["gate"]["outcome"] == ABSTAINED
    assert "the processor was Other" in (found.latency or {})["gate"]["reason"]


def test_a_noisy_baseline_passes_what_it_cannot_tell_and_says_so(desk: Desks) -> None:
    here = desk()
    (entry,) = here.run().entries.values()
    noisy = Effect(estimate=entry.effect.estimate, error=0.2, freedom=4.0, launches=5, rounds=9)
    known = {CELL: dataclasses.replace(entry, effect=noisy)}
    here.target.work = 0.00125
    gate = (record(here, known=known).latency or {})["gate"]
    assert gate["outcome"] == PASSED
    assert gate["detectable"] > 0.5


def test_throughput_is_told_at_every_batch_size_the_case_admits(desk: Desks) -> None:
    latency = record(desk(), batches=(1, 8, 9)).latency or {}
    one, eight, nine = latency["batches"]
    assert one["per_second"] == pytest.approx(1 / 0.0011, rel=1e-3)
    assert eight["per_second"] == pytest.approx(8 / 0.0011, rel=1e-3)
    assert eight["source_per_second"] == pytest.approx(8 / 0.002, rel=1e-3)
    assert "per_second" not in nine
    assert nine["error"]


def test_a_case_without_a_batch_dimension_says_so(desk: Desks) -> None:
    body = WRONG.replace('Dim("batch", 1, 8, example=2)', "2")
    (only,) = (record(desk(), body, batches=(4,)).latency or {})["batches"]
    assert only == {"batch": 4, "error": "no input has a batch dimension"}


def test_a_cell_that_does_not_run_is_not_measured_and_says_so(desk: Desks) -> None:
    body = 'def fails(x):\n    raise RuntimeError("no")\n' + WRONG.replace("lambda x: x * np.float32(3)", "fails")
    here = desk()
    here.bench.registry.runtimes["plain-target"] = type(here.target)(here.clock)
    found = record(here, body)
    assert found.outcome is Outcome.ERROR
    assert found.latency is None
    assert any("not measured" in message for message in found.messages)


def test_the_garbage_collector_rests_and_is_woken(desk: Desks) -> None:
    here = desk()
    asleep = []
    run = here.target.kind.synchronise
    here.target.kind = type("Watching", (here.target.kind,), {"synchronise": lambda self: (asleep.append(not gc.isenabled()), run(self))})
    record(here)
    assert np.mean(asleep) > 0.9
    assert gc.isenabled()


def test_the_time_of_a_simulator_is_never_shown(desk: Desks) -> None:
    here = desk(functools.partial(Target, device="npu-simulated"))
    cell = here.bench.cell(RIGHT)
    here.target.devices = ("npu-simulated",)  # type: ignore[assignment]
    cell = dataclasses.replace(cell, route=dataclasses.replace(cell.route, device="npu-simulated"))
    found = here.measured(cell).records[cell.id]
    assert found.outcome is Outcome.MATCH
    assert found.latency is None
    assert any("a simulator and says nothing of the device" in message for message in found.messages)
