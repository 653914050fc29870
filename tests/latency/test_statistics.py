"""Ratios, their intervals, and the gate, on made-up times whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.latency.statistics import Effect, effect_of, percentiles, slowdown


class Machine:
    """A machine that drifts, stalls now and then, and gives each process its own speed."""

    def __init__(self, seed: int, apart: float = 0.005, launches: int = 5, rounds: int = 30) -> None:
        self._rng = np.random.default_rng(seed)
        self._apart, self._launches, self._rounds = apart, launches, rounds

    def run(self, slower: float = 1.0) -> tuple[list[list[np.ndarray]], list[list[np.ndarray]]]:
        """Return the times of target and source by launch and round; the target takes ``slower`` times as long as the source."""
        rng = self._rng
        target, source = [], []
        for _ in range(self._launches):
            drift = np.exp(np.cumsum(rng.normal(0.0, 0.05, self._rounds)))
            own = np.exp(rng.normal(0.0, self._apart, 2))
            target.append([slower * own[0] * self._turn(d) for d in drift])
            source.append([own[1] * self._turn(d) for d in drift])
        return target, source

    def _turn(self, drift: float) -> np.ndarray:
        stall = 1.0 + self._rng.exponential(0.5) if self._rng.random() < 0.1 else 1.0
        return np.asarray(drift * stall * np.exp(self._rng.normal(0.0, 0.02, 9)))


def effect(machine: Machine, slower: float = 1.0) -> Effect:
    """Return the effect of one run."""
    found = effect_of(*machine.run(slower))
    assert found is not None
    return found


def test_percentiles_need_calls_beyond_them() -> None:
    assert set(percentiles([1.0])) == {"p50"}
    assert set(percentiles(range(1, 100))) == {"p50", "p90"}
    assert percentiles(range(101)) == {"p50": 50.0, "p90": 90.0, "p99": 99.0}
    assert percentiles([]) == {}


def test_a_ratio_is_found_through_drift_and_stalls() -> None:
    found = effect(Machine(1), 1.5)
    assert found.ratio == pytest.approx(1.5, rel=0.02)
    low, high = found.interval()
    assert low < 1.5 < high
    assert found.launches == 5
    assert found.rounds == 5 * 15  # the quieter half


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    machine = Machine(2)
    ends = [effect(machine, 1.2).interval() for _ in range(100)]
    assert np.mean([low <= 1.2 <= high for low, high in ends]) >= 0.93


def test_processes_that_differ_widen_the_interval() -> None:
    assert effect(Machine(3, apart=0.1)).error > 3 * effect(Machine(3, apart=0.002)).error


def test_without_a_common_round_there_is_no_ratio() -> None:
    assert effect_of([[]], [[np.ones(3)]]) is None
    assert effect_of([], []) is None


def test_a_single_round_has_no_error_that_is_known() -> None:
    found = effect_of([[np.ones(3)]], [[np.ones(3)]])
    assert found is not None
    assert math.isinf(found.error)


def test_rounds_that_one_side_lacks_do_not_count() -> None:
    found = effect_of([[np.ones(3)] * 5], [[np.full(3, 2.0)] * 3])
    assert found is not None
    assert found.rounds == 2  # the quieter half of three
    assert found.ratio == pytest.approx(0.5)


def test_equal_runs_raise_no_alarm() -> None:
    machine = Machine(4)
    alarms = sum(slowdown(effect(machine), effect(machine), above=0.05).slower for _ in range(200))
    assert alarms <= 2


def test_a_tenth_slower_is_found() -> None:
    machine = Machine(5)
    found = sum(slowdown(effect(machine), effect(machine, 1.1), above=0.05).slower for _ in range(100))
    assert found >= 95


def test_a_mean_of_calls_as_a_rule_is_fooled_by_drift_that_the_gate_sees_through() -> None:
    machine, naive, ours = Machine(6), 0, 0
    for _ in range(100):
        first, later = machine.run(), machine.run()
        naive += np.mean(np.concatenate(sum(later[0], []))) > 1.1 * np.mean(np.concatenate(sum(first[0], [])))
        ours += slowdown(effect_of(*first), effect_of(*later), above=0.05).slower  # type: ignore[arg-type]
    assert naive > 10
    assert ours <= 1


def test_noise_that_hides_a_slow_down_is_told() -> None:
    noisy = slowdown(effect(Machine(7, apart=0.2)), effect(Machine(8, apart=0.2), 1.1), above=0.05)
    assert not noisy.slower
    assert noisy.detectable > 0.1


def test_what_is_said_to_be_detectable_is_detected() -> None:
    machine = Machine(9, apart=0.01)
    found, said = [], []
    for _ in range(60):
        before, now = effect(machine), effect(machine)
        least = slowdown(before, now, above=0.05).detectable
        said.append(least)
        slow = Effect(estimate=now.estimate + math.log1p(least), error=now.error, freedom=now.freedom, launches=5, rounds=75)
        found.append(slowdown(before, slow, above=0.05).slower)
    assert np.mean(found) >= 0.9
    assert np.median(said) < 0.25


def test_faster_is_never_slower() -> None:
    assert not slowdown(effect(Machine(10)), effect(Machine(11), 0.5), above=0.05).slower


def test_which_rounds_count_favours_neither_side() -> None:
    target, source = Machine(12).run()
    one, other = effect_of(target, source), effect_of(source, target)
    assert one is not None
    assert other is not None
    assert one.estimate == pytest.approx(-other.estimate)


def test_rounds_in_which_something_else_ran_do_not_count() -> None:
    quiet = [np.ones(3)] * 6
    busy = [np.full(3, 5.0)] * 4  # slows the target five times, and the source not at all
    found = effect_of([[*busy, *quiet]], [[*([np.ones(3)] * 10)]])
    assert found is not None
    assert found.ratio == pytest.approx(1.0)
