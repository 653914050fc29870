"""What a walk gives: one case for each distinct call, dimensions by name, coverage as a number, and a reason for what is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.spec import Dim, TensorSpec
from harness.generate.parts import Dims, case_of, covered, domain_of, ids, plan

BATCH, SEQ = Dim("batch", 1, 8, example=2), Dim("seq", 1, 64, example=16)
PARENT = Case(id="bert", inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, SEQ)),), build={"torch": None})


def call(path: str, parent: int, *, leaf: bool = True, number: int = 0, shape: Any = (2, 16), **more: Any) -> dict[str, Any]:
    """Return a call as a walk tells it."""
    return {
        "path": path, "call": number, "type": "Linear", "config": "", "parent": parent, "leaf": leaf, "ops": 1 if leaf else 0, "said": "",
        "signature": "s", "problem": "", "input_types": [["float32", list(shape)]], "output_types": [["float32", list(shape)]],
        "input_keys": [f"in-{path}-{number}"], "output_keys": [f"out-{path}-{number}"], **more,
    }  # fmt: skip


def root(**more: Any) -> dict[str, Any]:
    return call("", -1, leaf=False, **more)


def test_calls_alike_are_tested_once_and_others_each() -> None:
    calls = [root(), call("a", 0), call("b", 0), call("c", 0, signature="other"), call("d", 0, said="True"), call("e", 0, shape=(2, 17))]
    made = plan(calls, []).chosen
    assert [(one.place, one.calls) for one in made] == [(1, (1, 2)), (3, (3,)), (4, (4,)), (5, (5,))]


def test_calls_that_part_at_another_shape_are_not_alike() -> None:
    calls = [root(), call("a", 0), call("b", 0)]
    others = [root(), call("a", 0, shape=(3, 17)), call("b", 0, shape=(3, 16))]
    assert len(plan(calls, others).chosen) == 2


def test_later_calls_of_a_loop_are_like_its_earlier_ones() -> None:
    calls = [root(), call("step", 0), call("step", 0, number=1), call("step", 0, number=2)]
    others = [root(), call("step", 0, shape=(3, 17)), call("step", 0, number=1, shape=(3, 17))]
    assert [one.calls for one in plan(calls, others).chosen] == [(1, 2, 3)]


def test_a_model_that_is_one_call_says_why() -> None:
    (left,) = plan([root(ops=1, problem="a program is one call")], []).left
    assert (left.reason, left.ops) == ("a program is one call", 1)


def test_what_wraps_a_call_that_cannot_stand_alone_is_tested_in_its_place() -> None:
    inner = {"input_keys": ["i"], "output_keys": ["o"]}
    calls = [root(), call("wrap", 0, leaf=False, **inner), call("wrap.only", 1, problem="takes a Cache", **inner)]
    assert [calls[one.place]["path"] for one in plan(calls, []).chosen] == ["wrap"]


def test_a_block_is_a_module_and_one_that_only_wraps_another_is_none() -> None:
    inner = {"input_keys": ["i"], "output_keys": ["o"]}
    calls = [
        root(), call("block", 0, leaf=False, ops=1), call("block.a", 1),
        call("wrap", 0, leaf=False, signature="w", **inner), call("wrap.only", 3, signature="v", **inner),
    ]  # fmt: skip
    assert [(calls[one.place]["path"], one.level) for one in plan(calls, []).chosen] == [
        ("block", "module"), ("block.a", "unit"), ("wrap.only", "unit"),
    ]  # fmt: skip


def test_what_gives_no_test_has_a_reason_and_counts() -> None:
    calls = [root(ops=2), call("a", 0), call("b", 0, problem="takes a DynamicCache, which a call may change"), call("c", 0, input_types=[])]
    planned = plan(calls, [])
    assert planned.ops == 5
    assert [(left.path, left.ops) for left in planned.left] == [("", 2), ("b", 1), ("c", 1)]
    assert planned.left[1].reason.startswith("takes a DynamicCache")
    assert covered(calls, planned.chosen) == {"unit": 1 / 5, "any": 1 / 5}


def test_a_block_covers_all_that_runs_inside_it() -> None:
    calls = [root(), call("block", 0, leaf=False, ops=2), call("block.a", 1, problem="returns no tensor"), call("b", 0)]
    made = list(plan(calls, []).chosen)
    assert covered(calls, made) == {"unit": 1 / 4, "any": 1.0}


def test_axes_are_named_after_the_dimensions_they_follow() -> None:
    dims = Dims({"batch": BATCH, "seq": SEQ}, {"batch": 2, "seq": 16}, {"batch": 3, "seq": 19})
    assert dims.of(768, 768) == 768
    assert dims.of(2, 3) is BATCH
    assert dims.of(16, 19) is SEQ
    named = {dim.name: (dim.low, dim.high) for dim in (dims.of(32, 57), dims.of(17, 20), dims.of(64, 76), dims.of(5, 9))}
    assert named == {"batch_x_seq": (1, 512), "seq_plus1": (2, 65), "seq_x4": (4, 256), "axis5_9": (5, 9)}
    assert dims.of(32, 57) is dims.of(32, 57), "equal axes of several inputs are one dimension"


def test_a_dimension_by_steps_keeps_them_where_it_is_halved() -> None:
    side = Dim("side", 32, 256, multiple=32, example=64)
    half = Dims({"side": side}, {"side": 64}, {"side": 96}).of(32, 48)
    assert isinstance(half, Dim)
    assert (half.name, half.low, half.high, half.multiple) == ("side_over2", 16, 128, 16)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1.5, -2.0], np.float32), "normal"), (np.array([0.0, 0.25], np.float32), "uniform"),
        (np.array([3, -1]), "integers"), (np.array([True]), "mask"), (np.array([0.0, -np.inf], np.float32), None),
        (np.array([0.0, -3.4e38], np.float32), None), (np.array([-100.0, -101.0], np.float32), "uniform"),
    ],
)  # fmt: skip
def test_inputs_are_drawn_like_those_that_came(values: np.ndarray, kind: str | None) -> None:
    found = domain_of([values])
    assert (found.kind if found else None) == kind


def test_the_case_of_a_call_says_where_it_is_from() -> None:
    calls = [root(), call("encoder.layer.0", 0), call("encoder.layer.1", 0)]
    (one,) = plan(calls, []).chosen
    first, second = np.zeros((2, 16), np.float32), np.zeros((3, 19), np.float32)
    dims = Dims({"batch": BATCH, "seq": SEQ}, {"batch": 2, "seq": 16}, {"batch": 3, "seq": 19})
    made = case_of(PARENT, "torch", calls[1], one, "bert/encoder.layer.0", {"x0": first}, {"x0": second}, dims)
    assert made.specs("torch")[0].shape == (BATCH, SEQ)
    assert made.part is not None
    assert (made.part["of"], made.part["path"], made.part["calls"]) == ("bert", "encoder.layer.0", 2)
    assert Case.from_json(made.to_json()) == Case.from_json(Case.from_json(made.to_json()).to_json())


def test_ids_follow_the_path_and_are_unique() -> None:
    calls = [root(), call("a.b", 0), call("a.b", 0, number=1, said="x"), call("/Weird name(out)", 0, said="y"), call("a b", 0, said="z"),
             call("a-b", 0, said="w")]  # fmt: skip
    assert ids(calls, plan(calls, []).chosen, "m") == ["m/a.b", "m/a.b.1", "m/Weird-name-out", "m/a-b", "m/a-b-2"]
