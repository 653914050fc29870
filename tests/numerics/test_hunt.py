"""The hunt on planted shape bugs: each is found within the usual budget, shrunk to its true minimum, and told in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from spaces import Judge, Ranges

from harness.core.spec import Dim
from harness.numerics.hunt import REFUSES, WRONG, Hunted, hunt, plan
from harness.numerics.strategies import Example

SPACE = Ranges(Dim("batch", 1, 16), Dim("H", 4, 64, example=8), Dim("seq", 1, 1024, example=12))
RUNGS = ("normal", "large")
Lengths = Mapping[str, int]


def planned(space: Any = SPACE, count: int = 12, **more: Any) -> list[Example]:
    """Return the plan for a space, its export sample left out."""
    usual: dict[str, Any] = {
        "first": (), "corners": space.ends(), "seed": 7, "known": [Example(lengths=space.example)], "affordable": lambda _: True,
    }  # fmt: skip
    return plan(space, RUNGS, count, **{**usual, **more})


def hunted(judge: Judge, space: Any = SPACE, **more: Any) -> Hunted:
    """Return what a hunt finds."""
    return hunt(space, RUNGS, planned(space), judge, exported=space.example, known=[Example(lengths=space.example)], **more)


PLANTED: dict[str, tuple[Callable[[Lengths], bool], Lengths, str]] = {
    "baked batch": (lambda n: n["batch"] != 2, {"batch": 1, "H": 4, "seq": 1}, "batch != 2 (the export sample)"),
    "2k+1 pooling": (lambda n: n["H"] % 2 == 1, {"batch": 1, "H": 5, "seq": 1}, "H is odd"),
    "odd and large": (lambda n: n["H"] % 2 == 1 and n["batch"] >= 3, {"batch": 3, "H": 5, "seq": 1}, "H is odd and batch >= 3"),
    "all axes move": (
        lambda n: n["batch"] != 2 and n["H"] != 8 and n["seq"] != 12, {"batch": 1, "H": 4, "seq": 1},
        "batch, H and seq all differ from the export sample",
    ),
    "broadcast at 1": (lambda n: n["batch"] == 1, {"batch": 1, "H": 4, "seq": 1}, "batch == 1"),
    "sequence >= 2^9": (lambda n: n["seq"] >= 512, {"batch": 1, "H": 4, "seq": 512}, "seq >= 512"),
    "constant reshape": (lambda n: n["H"] * n["seq"] != 96, {"batch": 1, "H": 4, "seq": 1}, "any axis differs from the export sample"),
    "every 8th": (lambda n: n["seq"] % 8 == 0, {"batch": 1, "H": 4, "seq": 8}, "seq is a multiple of 8"),
    "more of one": (lambda n: n["batch"] > n["H"], {"batch": 5, "H": 4, "seq": 1}, "batch > H"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found_and_shrunk_to_its_minimum(name: str) -> None:
    wrong, least, words = PLANTED[name]
    judge = Judge(lambda example: wrong(example.lengths))
    found = hunted(judge)
    assert found.smallest == Example(lengths=least)
    if name != "constant reshape":  # 96 elements come from many shapes, which three conditions need not tell apart
        assert found.region.startswith(f"fails when {words}; holds on")
    assert len(judge.asked) < 160
    assert len({example.key for example in judge.asked}) == len(judge.asked), "nothing is asked twice"


def test_the_minimum_is_one_of_which_no_axis_can_be_shorter() -> None:
    """A predicate that goes up and down: multiples of 7 from 21 on, where halving and subtracting lead nowhere."""
    judge = Judge(lambda e: e.lengths["seq"] % 7 == 0 and e.lengths["seq"] > 20 and e.lengths["batch"] % 3 == 0)
    start = Example(lengths={"batch": 15, "H": 63, "seq": 1022}, rung="large", seed=200)
    found = hunt(SPACE, RUNGS, [start], judge, exported=SPACE.example)
    assert found.smallest == Example(lengths={"batch": 3, "H": 4, "seq": 21})


def test_the_rung_shrinks_to_ordinary_inputs_and_stays_where_it_matters() -> None:
    start = [Example(lengths={"batch": 9, "H": 40, "seq": 100}, rung="large", seed=9)]
    free = hunt(SPACE, RUNGS, start, Judge(lambda e: e.lengths["H"] > 10), exported=SPACE.example)
    assert free.smallest == Example(lengths={"batch": 1, "H": 11, "seq": 1})
    bound = hunt(SPACE, RUNGS, start, Judge(lambda e: e.rung == "large" and e.lengths["seq"] > 3), exported=SPACE.example)
    assert bound.smallest == Example(lengths={"batch": 1, "H": 4, "seq": 4}, rung="large")
    assert bound.region.startswith("fails when seq >= 4 and the inputs are large;")


def test_lengths_that_hang_together_stay_admissible() -> None:
    space = Ranges(Dim("k", 1, 40, example=4), Dim("n", 2, 80, example=8), relation=lambda n: n["n"] == 2 * n["k"])
    judge = Judge(lambda e: e.lengths["k"] % 3 == 0)
    found = hunt(space, RUNGS, [Example(lengths={"k": 36, "n": 72})], judge, exported=space.example, known=[Example(lengths=space.example)])
    assert found.smallest == Example(lengths={"k": 3, "n": 6})
    assert all(space.holds(example.lengths) for example in judge.asked)


def test_wrong_numbers_are_shrunk_before_refusals_and_both_are_told() -> None:
    judge = Judge(lambda e: e.lengths["seq"] > 99, refuses=lambda e: e.lengths["batch"] == 1)
    found = hunted(judge)
    assert found.smallest == Example(lengths={"batch": 2, "H": 4, "seq": 100}), "batch 1 is refused: not this failure"
    assert found.region.startswith("fails when seq >= 100; holds on ")
    assert "; is refused when batch == 1; runs on " in found.region


def test_what_only_refuses_is_shrunk_too() -> None:
    found = hunted(Judge(refuses=lambda e: e.lengths["batch"] > 4))
    assert found.smallest == Example(lengths={"batch": 5, "H": 4, "seq": 1})
    assert found.region.startswith("is refused when batch >= 5; runs on ")


def test_what_the_source_refuses_is_no_failure_and_on_no_side() -> None:
    judge = Judge(lambda e: e.lengths["H"] % 2 == 1, domain=lambda e: e.lengths["batch"] == 1)
    found = hunted(judge)
    assert found.smallest == Example(lengths={"batch": 2, "H": 5, "seq": 1})
    assert found.region.startswith("fails when H is odd; holds on ")
    clean = hunted(Judge(domain=lambda e: e.lengths["batch"] == 1))
    assert clean.smallest is None
    assert clean.region == ""


def test_a_target_that_is_right_costs_the_plan_and_no_more() -> None:
    judge = Judge()
    found = hunted(judge)
    assert (found.smallest, found.region, found.unrun) == (None, "", 0)
    assert len(judge.asked) == found.planned == 12
    assert judge.messages == 1


def test_the_hunt_stops_where_time_is_up() -> None:
    judge = Judge(most=5)
    found = hunted(judge)
    assert (found.planned, found.unrun) == (12, 7)
    short = Judge(lambda e: e.lengths["H"] % 2 == 1, most=20)
    found = hunted(short)
    assert found.smallest is not None
    assert found.smallest.lengths["H"] % 2 == 1, "the smallest of what was tried"
    assert len(short.asked) == 20


def test_looking_into_a_failure_has_time_of_its_own() -> None:
    judge = Judge(lambda e: e.lengths["H"] % 2 == 1, most=12)

    def more() -> None:
        judge.most = 1000

    assert hunted(judge, failing=more).smallest == Example(lengths={"batch": 1, "H": 5, "seq": 1})


def test_the_plan_is_a_function_of_its_arguments() -> None:
    assert planned() == planned()
    assert planned(seed=8) != planned()
    keys = [example.key for example in planned(count=40)]
    assert len(set(keys)) == len(keys) == 40


def test_rows_come_first_whatever_the_budget() -> None:
    rows = [Example(lengths={"batch": n, "H": 9, "seq": 3}, seed=1000) for n in (3, 4, 5)]
    found = planned(count=4, first=rows)
    assert found[:3] == rows
    assert len(found) == 7


def test_the_ends_of_ranges_are_tried_and_what_is_known_is_not() -> None:
    found = [example.lengths for example in planned()]
    assert {"batch": 1, "H": 4, "seq": 1} in found
    assert {"batch": 16, "H": 64, "seq": 1024} in found
    assert SPACE.example not in [e.lengths for e in planned(count=60) if e.rung == "normal" and e.seed == 0]


def test_what_is_not_affordable_is_left_out() -> None:
    found = planned(count=30, affordable=lambda example: sum(example.lengths.values()) < 200)
    assert found
    assert all(sum(example.lengths.values()) < 200 for example in found)


def test_kinds_are_told_by_name() -> None:
    found = hunted(Judge(lambda e: e.lengths["H"] == 4, refuses=lambda e: e.lengths["H"] == 64))
    kinds = {verdict.kind for _, verdict in found.tried}
    assert {WRONG, REFUSES} <= kinds
