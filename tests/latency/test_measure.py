"""The order of turns, when warm-up ends, and what is left after a failure or an interruption."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.latency.measure import Plan, Side, measure
from harness.latency.statistics import effect_of
from harness.latency.steady import WINDOW
from harness.latency.summary import effect_summary, lines, seconds, side_summary
from tests.latency.lanes import CRASH, Clock, FakeLane

PLAN = Plan(launches=2, rounds=6, enough=3, block=0.01, seconds=1e9, warmup=5.0)


Took = Callable[[int], float]


def run(
    plan: Plan = PLAN, a: Took = lambda turn: 0.001, b: Took = lambda turn: 0.002, drift: Took = lambda now: 1.0, **odd: Any
) -> tuple[dict[str, Side], list[str]]:  # fmt: skip
    """Measure the sides a and b; ``odd`` concerns b, ``drift`` both. Return the sides and the log, which says where it was interrupted."""
    clock, sides = Clock(), dict[str, Side]()
    log: list[str] = []
    lanes = {"a": lambda: FakeLane("a", clock, a, log, drift), "b": lambda: FakeLane("b", clock, b, log, drift, **odd)}
    try:
        measure(lanes, plan, sides, clock=clock)
    except KeyboardInterrupt:
        log.append("interrupted")
    return sides, log


def turns(log: list[str]) -> str:
    """Return the turns of all launches after their warm-ups, as letters."""
    found, number = "", {"a": 0, "b": 0}
    for word in log:
        if word.endswith("opens"):
            number[word[0]] = 0
        elif word in number:
            number[word] += 1
            found += word if number[word] > WINDOW else ""
    return found


def test_every_side_has_its_turn_in_every_round_and_no_side_is_always_first() -> None:
    sides, log = run(dataclasses.replace(PLAN, rounds=40))
    order = turns(log)
    rounds = {order[n : n + 2] for n in range(0, len(order), 2)}
    assert rounds == {"ab", "ba"}
    assert [len(launch.rounds) for launch in sides["a"].launches] == [40, 40]


def test_every_other_round_is_the_one_before_turned_round() -> None:
    order = turns(run(dataclasses.replace(PLAN, launches=1))[1])
    assert [order[n : n + 2] for n in range(2, 12, 4)] == [order[n : n + 2][::-1] for n in range(0, 12, 4)]


def test_all_sides_get_a_new_process_in_every_launch() -> None:
    _, log = run()
    assert log.count("a opens") == log.count("a closes") == log.count("b opens") == log.count("b closes") == 2


def test_the_ratio_is_that_of_the_clock() -> None:
    sides, _ = run()
    found = effect_of(sides["b"].rounds, sides["a"].rounds)
    assert found is not None
    assert found.ratio == pytest.approx(2.0)
    assert found.error == 0.0


def test_drift_of_the_machine_leaves_the_ratio_alone() -> None:
    sides, _ = run(dataclasses.replace(PLAN, rounds=20), b=lambda turn: 0.0015, drift=lambda now: 1.0 + 0.2 * now)
    spread = [float(np.median(times)) for launch in sides["a"].rounds for times in launch]
    assert max(spread) > 1.2 * min(spread)
    found = effect_of(sides["b"].rounds, sides["a"].rounds)
    assert found is not None
    assert found.ratio == pytest.approx(1.5, rel=0.05)


def test_warm_up_ends_when_times_have_settled_and_not_before() -> None:
    sides, _ = run(b=lambda turn: 0.01 if turn <= 12 else 0.002)
    (launch, _) = sides["b"].launches
    assert len(launch.warmup) > WINDOW
    assert launch.steady is not None
    assert launch.steady.found
    assert np.unique(np.concatenate(launch.rounds)).tolist() == [0.002]
    assert len(sides["a"].launches[0].warmup) == WINDOW


def test_a_side_that_never_settles_is_measured_and_said_to_be_unsteady() -> None:
    sides, _ = run(b=lambda turn: 1.02**-turn)
    assert not sides["b"].steady
    assert sides["b"].launches[0].rounds
    assert side_summary(sides["b"])["steady"] is False
    assert sides["a"].steady


def test_rounds_end_with_the_seconds_but_not_before_there_are_enough() -> None:
    sides, _ = run(dataclasses.replace(PLAN, rounds=50, seconds=0.0))
    assert [len(launch.rounds) for launch in sides["b"].launches] == [3, 3]


def test_calls_too_short_for_the_clock_are_timed_together() -> None:
    sides, _ = run(a=lambda turn: 1e-6)
    assert sides["a"].launches[0].inner in (20, 21)
    assert sides["b"].launches[0].inner == 1


def test_a_turn_takes_about_its_seconds_and_three_calls_at_least() -> None:
    sides, _ = run(a=lambda turn: 0.0001, b=lambda turn: 0.5)
    assert sides["a"].launches[0].calls == 100
    assert sides["b"].launches[0].calls == 3


def test_a_side_that_crashes_is_an_outcome_and_the_others_go_on() -> None:
    sides, log = run(fails=WINDOW + 3)
    assert sides["b"].failure == CRASH
    assert len(sides["b"].launches) == 1
    assert len(sides["b"].launches[0].rounds) == 2
    assert [len(launch.rounds) for launch in sides["a"].launches] == [6, 6]
    assert log.count("b closes") == 1
    told = side_summary(sides["b"])
    assert told["failure"] == {"kind": "crash", "message": CRASH["message"], "signal": "SIGSEGV"}
    assert told["rounds"] == 2


def test_a_side_that_fails_while_it_warms_up_has_no_times() -> None:
    told = side_summary(run(fails=1)[0]["b"])
    assert told["calls"] == 0
    assert "p50" not in told


def test_an_interruption_leaves_what_was_measured_and_ends_every_process() -> None:
    sides, log = run(stops=WINDOW + 4)
    assert log[-1] == "interrupted"
    assert len(sides["b"].launches[0].rounds) == 3
    assert log.count("a closes") == log.count("b closes") == 1
    assert side_summary(sides["b"])["p50"] == 0.002


def test_copies_are_timed_beside_where_a_side_tells_them_apart() -> None:
    sides, _ = run(copies=True)
    assert side_summary(sides["b"])["copy"]["p50"] == pytest.approx(0.02)
    assert "copy" not in side_summary(sides["a"])


def test_a_summary_holds_only_what_was_measured() -> None:
    assert side_summary(Side()) == {"calls": 0, "rounds": 0, "launches": 0, "steady": False}
    told = side_summary(run()[0]["a"])
    assert told["load"] == 1.0
    assert told["first"] == 0.5
    assert told["peak"] == 1000
    assert "p99" in told


def test_lines_say_what_was_measured_and_nothing_else() -> None:
    sides, _ = run()
    latency = {"target": side_summary(sides["b"]), "source": side_summary(sides["a"]), "ratio": effect_summary(None)}
    (line,) = lines("cell", {key: item for key, item in latency.items() if item})
    assert line == "cell: p50 2 ms, p90 2 ms; first 500 ms, load 1 s, peak 0 MiB"
    assert list(lines("cell", {})) == []


@pytest.mark.parametrize(("number", "text"), [(None, "-"), (2.5, "2.5 s"), (0.0123, "12.3 ms"), (4.2e-5, "42 µs"), (5e-9, "5 ns")])
def test_times_are_told_in_their_unit(number: float | None, text: str) -> None:
    assert seconds(number) == text
