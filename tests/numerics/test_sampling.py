"""Inputs are a function of case, shape, rung and seed: the same in every process, and within what was declared."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.space import Space, space_of
from harness.core.spec import Dim, TensorSpec, ids, integers, mask, normal, positions, probability, uniform
from harness.numerics.sampling import draw, dynamic_axes, lengths_of, lengths_to_try, told_of

ROOT = Path(__file__).resolve().parents[2]
N, K = Dim("n", 1, 8), Dim("k", 4, 64, multiple=4)
SPECS = (
    TensorSpec(name="real", dtype="float32", shape=(N, K), domain=normal(2.0)),
    TensorSpec(name="flat", dtype="float64", shape=(N, 3), domain=uniform(-1.0, 0.5)),
    TensorSpec(name="whole", dtype="int64", shape=(N, K), domain=integers(-3, 3)),
    TensorSpec(name="tokens", dtype="int32", shape=(N, K), domain=ids(50)),
    TensorSpec(name="kept", dtype="bool", shape=(N, K), domain=mask()),
    TensorSpec(name="chance", dtype="float32", shape=(N, K), domain=probability()),
    TensorSpec(name="place", dtype="int64", shape=(N, K), domain=positions()),
)
CASE = Case(id="everything", inputs=SPECS, build={"onnx": int})
LENGTHS = {"n": 2, "k": 4}
IN_ANOTHER_PROCESS = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
from test_sampling import CASE, LENGTHS
from harness.numerics.sampling import draw
print(draw(CASE, "onnx", LENGTHS, seed=int(sys.argv[1])).digest)
"""


def digest_elsewhere(seed: int) -> str:
    """Return the digest of the sample as a process of its own draws it, with another hash seed."""
    script = IN_ANOTHER_PROCESS.format(root=str(ROOT), here=str(Path(__file__).parent))
    command = [sys.executable, "-c", script, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"})
    return done.stdout.strip()


def test_a_sample_is_the_same_in_two_processes() -> None:
    assert digest_elsewhere(0) == digest_elsewhere(0) == draw(CASE, "onnx", LENGTHS).digest


@pytest.mark.parametrize("other", [{"seed": 1}, {"rung": "large"}, {"lengths": {"n": 3, "k": 4}}], ids=str)
def test_seed_rung_and_shape_each_change_it(other: dict[str, Any]) -> None:
    lengths: Mapping[str, int] = other.pop("lengths", LENGTHS)
    assert draw(CASE, "onnx", lengths, **other).digest != draw(CASE, "onnx", LENGTHS).digest


def test_samples_are_compared_as_wholes_whatever_their_shapes() -> None:
    one, same, other = (draw(CASE, "onnx", lengths) for lengths in (LENGTHS, LENGTHS, {"n": 3, "k": 8}))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one not in [other]
    assert one != draw(CASE, "onnx", LENGTHS, rung="large")


def test_two_inputs_and_two_cases_are_drawn_apart() -> None:
    twins = tuple(TensorSpec(name=name, dtype="float32", shape=(4,)) for name in "ab")
    one, other = (draw(Case(id=name, inputs=twins, build={"onnx": int}), "onnx", {}).feeds for name in ("one", "other"))
    assert not np.array_equal(one["a"], one["b"])
    assert not np.array_equal(one["a"], other["a"])


@given(st.integers(1, 8), st.integers(1, 16).map(lambda n: 4 * n), st.integers(0, 2**63))
def test_values_lie_in_their_domain(n: int, k: int, seed: int) -> None:
    feeds = draw(CASE, "onnx", {"n": n, "k": k}, seed=seed).feeds
    for spec in SPECS:
        array = feeds[spec.name]
        assert (array.dtype.name, array.shape) == (spec.dtype, spec.concrete({"n": n, "k": k}))
        assert not array.flags.writeable
    assert np.isfinite(feeds["real"]).all()
    assert ((feeds["flat"] >= -1.0) & (feeds["flat"] <= 0.5)).all()
    assert set(feeds["whole"].reshape(-1)) <= set(range(-3, 4))
    assert (feeds["tokens"].min(), feeds["tokens"].max()) == (0, 49), "the first and the last id always occur"
    assert feeds["kept"][:, 0].all()
    assert (np.diff(feeds["kept"].astype(int)) <= 0).all(), "a prefix of each row"
    assert np.allclose(feeds["chance"].sum(-1), 1.0, atol=1e-5)
    assert (feeds["chance"] >= 0).all()
    assert (feeds["place"] == np.arange(k)).all()


def test_the_shapes_of_a_cell_are_the_example_and_one_that_moves_every_axis() -> None:
    example, other = lengths_to_try(CASE, "onnx")
    assert example == {"n": 2, "k": 8}, "once the multiple may be specialised like a 1"
    assert all(example[name] != other[name] for name in example)
    still = Case(id="c", inputs=(TensorSpec(name="x", dtype="float32", shape=(2,)),), build={"onnx": int})
    assert lengths_to_try(still, "onnx") == [{}]


def test_dynamic_axes_are_told_by_input_and_axis() -> None:
    assert dynamic_axes(SPECS[:2]) == {"real": {0: ("n", 1, 8), 1: ("k", 4, 64)}, "flat": {0: ("n", 1, 8)}}


S, T = Dim("S", 1, 8), Dim("T", 1, 64)


def of_lengths(*shapes: Any, **more: Any) -> Case:
    inputs = tuple(TensorSpec(name=f"x{n}", dtype="float32", shape=shape) for n, shape in enumerate(shapes))
    return Case(id="lengths", inputs=inputs, build={"onnx": int}, **more)


def test_an_axis_made_of_others_is_told_by_its_expression() -> None:
    case = of_lengths((S, 2 * S + 1), (T, S // 2, Dim("k", 3, 3)), relations=("T == 3*S",), profiles=({"S": 2}, {"S": 4}))
    space = space_of(case, "onnx")
    told = {"x0": {0: ("S", 2, 4), 1: ("2*S + 1", 5, 9)}, "x1": {0: ("T", 6, 12), 1: ("S//2", 1, 2)}}
    assert dynamic_axes(case.specs("onnx"), space) == told, "an axis with one length is none"
    assert told_of(case, "onnx") == {"dynamic": told, "space": space.to_json()}
    assert Space.from_json(json.loads(json.dumps(space.to_json()))) == space


def test_shapes_keep_to_the_relations() -> None:
    case = of_lengths((S, 2 * S + 1), (T,), relations=("T == 3*S",))
    assert lengths_to_try(case, "onnx") == [{"S": 2, "T": 6}, {"S": 3, "T": 9}]
    sample = draw(case, "onnx", {"S": 3, "T": 9})
    assert [array.shape for array in sample.feeds.values()] == [(3, 7), (9,)]
    with pytest.raises(UsageError, match=r"case 'lengths': T = 8, S = 3 does not satisfy 'T == 3\*S'"):
        draw(case, "onnx", {"S": 3, "T": 8})
    profiled = of_lengths((S, T), profiles=({"S": 2, "T": 4}, {"S": 8, "T": 6}))
    assert lengths_to_try(profiled, "onnx") == [{"S": 2, "T": 4}, {"S": 8, "T": 6}]
    with pytest.raises(UsageError, match="is none of its profiles"):
        draw(profiled, "onnx", {"S": 2, "T": 6})


def test_the_lengths_of_real_feeds() -> None:
    case = of_lengths((2 * S + 1, 4), (T,), relations=("T == 3*S",))

    def read(*shapes: tuple[int, ...]) -> dict[str, int]:
        return lengths_of(case, "onnx", {f"x{n}": np.zeros(shape, np.float32) for n, shape in enumerate(shapes)})

    assert read((7, 4), (9,)) == {"S": 3, "T": 9}, "a dimension that is no axis of its own is solved for"
    for shapes, said in [
        (((7, 4), (6,)), r"data\(\) gave the lengths \{'T': 6\}, which do not go together: T == 3\*S and 2\*S \+ 1 == 7"),
        (((6, 4), (9,)), r"which do not go together: T == 3\*S and 2\*S \+ 1 == 6"),
        (((7, 5), (9,)), "input 'x0': data\\(\\) gave length 5 on axis 1, the case declares 4"),
        (((7, 4), (90,)), "input 'x1': data\\(\\) gave length 90 on axis 0, the case declares T in 1..64"),
        (((7, 4), (9, 1)), "gave 2 axes, the case declares 1"),
        (((7, 4),), "gave \\['x0'\\], the case declares \\['x0', 'x1'\\]"),
    ]:
        with pytest.raises(UsageError, match=said):
            read(*shapes)


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ({"n": 2}, "no length given for dimension 'k'"),
        ({"n": 9, "k": 4}, "dimension n = 9 lies outside n in 1..8"),
        ({"n": 2, "k": 6}, "dimension k = 6 lies outside k in 4..64 by 4"),
    ],
)
def test_a_length_that_is_missing_or_outside_is_told(lengths: dict[str, int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        draw(CASE, "onnx", lengths)
