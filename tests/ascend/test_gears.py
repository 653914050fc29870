"""Gears for dynamic axes: the cheapest, against every other choice; and the ATC call they become."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ascend.gears import gears_for, plans, proposed
from harness.core.dims import Dim


def cost(lengths: list[int], gears: tuple[int, ...]) -> float:
    return sum(min(gear for gear in gears if gear >= one) for one in lengths) / sum(lengths) - 1.0


@given(st.sets(st.integers(1, 40), min_size=1, max_size=9), st.integers(1, 4))
def test_no_other_gears_cost_less(drawn: set[int], count: int) -> None:
    lengths = sorted(drawn)
    gears, extra = gears_for(lengths, count)
    least = min(
        cost(lengths, chosen) for chosen in itertools.combinations(lengths, min(count, len(lengths))) if chosen[-1] == lengths[-1]
    )
    assert extra == pytest.approx(least)
    assert extra == pytest.approx(cost(lengths, gears))
    assert len(gears) <= count


def test_long_ranges_end_at_their_last_length() -> None:
    gears, extra = gears_for(range(1, 4097), 8)
    assert (len(gears), gears[-1]) == (8, 4096)
    assert extra == pytest.approx(cost(list(range(1, 4097)), gears))
    assert 0.1 < extra < 0.15


def test_what_changes_decides_the_kind() -> None:
    batch, words, high = Dim("b", 1, 8), Dim("s", 1, 128), Dim("h", 32, 256, multiple=32)
    images = plans({"x": (batch, 3, 224, 224)}, "Ascend310P3")
    assert [one.kind for one in images] == ["dynamic_batch_size"] * 3
    assert images[1].call.argv("m.onnx", "m")[-1] == "--dynamic_batch_size=2,4,6,8"
    assert {one.kind for one in plans({"x": (1, 3, high, high)}, "Ascend310P3")} == {"dynamic_image_size"}
    texts = plans({"ids": (batch, words), "mask": (batch, words), "scale": (4,)}, "Ascend310P3")
    assert {one.kind for one in texts} == {"dynamic_dims"}
    assert texts[0].call.argv("m.onnx", "m")[-2:] == [
        "--input_shape=ids:-1,-1;mask:-1,-1;scale:4", "--dynamic_dims=4,64,4,64;4,128,4,128;8,64,8,64;8,128,8,128",
    ]  # fmt: skip


def test_lengths_that_follow_others_are_computed() -> None:
    words = Dim("s", 2, 4)
    (plan, *_) = plans({"x": (1, words), "y": (1, 2 * words + 1)}, "Ascend310P3")
    assert plan.call.dynamic_dims == ((2, 5), (4, 9)) or plan.call.dynamic_dims == ((3, 7), (4, 9))


def test_gears_that_were_declared_are_kept() -> None:
    (plan,) = plans({"x": (Dim("b", allowed=[1, 4, 16, 64]), 8)}, "Ascend310P3")
    assert (plan.gears["b"], plan.extra) == ((1, 4, 16, 64), 0.0)


def test_work_and_profiles_decide_what_is_proposed() -> None:
    chosen = proposed(plans({"x": (Dim("b", 1, 8), 8)}, "Ascend310P3"))
    assert chosen is not None
    assert chosen.gears["b"] == tuple(range(1, 9))
    chosen = proposed(plans({"x": (Dim("b", 1, 8), Dim("s", 1, 64))}, "Ascend310P3"))
    assert chosen is not None
    assert chosen.profiles == 16
    assert proposed(plans({"x": (1, 8)}, "Ascend310P3")) is None


def test_more_profiles_than_atc_takes_are_no_plan() -> None:
    dims = [Dim(name, 1, 64) for name in "abcd"]
    assert [one.profiles for one in plans({"x": dims}, "Ascend310P3")] == [16]
