"""Dim, TensorSpec and Case: what they accept, what they say of the rest, and the way to plain data and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.core.case import Case
from harness.core.declared import cases_in, find_case, load_module
from harness.core.errors import UsageError
from harness.core.spec import DTYPES, Dim, TensorSpec, dims_of, ids, integers, mask, normal, positions, probability, uniform
from harness.core.tolerance import Tolerance

X = TensorSpec(name="x", dtype="float32", shape=(Dim("n", 1, 8), 4))
DOMAINS = st.sampled_from([normal(), normal(2.0), uniform(-1, 1), integers(-5, 5), ids(10), mask(), probability(), positions()])


def case(**more: Any) -> Case:
    """Return a case, some of it replaced."""
    return Case(**{"id": "c", "inputs": (X,), "build": {"onnx": int}, **more})


@st.composite
def dims(draw: Any) -> Dim:
    """Draw a dimension that does not contradict itself."""
    multiple = draw(st.integers(1, 9))
    allowed = draw(st.just(()) | st.lists(st.integers(0, 20).map(lambda n: n * multiple), min_size=1, max_size=5, unique=True))
    low = draw(st.integers(0, 40))
    high = low + draw(st.integers(multiple, 100))
    name = draw(st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True))
    return Dim(name, low, high, multiple=multiple, allowed=allowed)


@given(dims())
def test_a_dim_has_admissible_lengths_only(dim: Dim) -> None:
    lengths = dim.admissible()
    assert lengths == tuple(sorted(set(lengths)))
    assert all(dim.low <= n <= dim.high and n % dim.multiple == 0 for n in lengths)
    assert dim.example in lengths
    assert dim.other() in lengths
    assert (dim.other() == dim.example) == (len(lengths) == 1)
    assert dim.example > 1 or all(n <= 1 for n in lengths), "an example of 0 or 1 hides specialisation"
    assert Dim.from_json(json.loads(json.dumps(dim.to_json()))) == dim


@given(dims(), st.sampled_from(DTYPES), DOMAINS, st.lists(st.integers(0, 9), max_size=3))
def test_a_spec_and_a_case_survive_the_way_through_json(dim: Dim, dtype: str, domain: Any, shape: list[int]) -> None:
    spec = TensorSpec(name="x", dtype=dtype, shape=(dim, *shape), domain=domain)
    assert TensorSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    one = case(inputs=(spec,), seed=3, routes=("a*",), outputs=("y",), tolerance=Tolerance(rtol=1.0, atol=0.0, reason="r"), family="f")
    again = Case.from_json(json.loads(json.dumps(one.to_json())))
    assert again.to_json() == one.to_json()
    assert again.specs("onnx") == one.specs("onnx")


@given(dims(), dims())
def test_one_name_is_one_dimension(first: Dim, second: Dim) -> None:
    assume(first != second)
    specs = [TensorSpec(name=name, dtype="float32", shape=(dim,)) for name, dim in (("a", first), ("b", second))]
    if first.name == second.name:
        with pytest.raises(UsageError, match="declared twice and differently"):
            dims_of(specs)
    else:
        assert dims_of(specs) == {first.name: first, second.name: second}


def test_a_dim_is_frozen() -> None:
    with pytest.raises(AttributeError, match="frozen"):
        Dim("n").low = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: Dim("batch", 8, 1), "dimension 'batch' has range 8..1; expected 0 <= low <= high, for example Dim('batch', 1, 8)"),
        (lambda: Dim("batch", -1, 1), "dimension 'batch' has range -1..1"),
        (lambda: Dim("batch", 1, 8, multiple=0), "multiple=0; expected a whole number >= 1"),
        (lambda: Dim("batch", 1, 3, multiple=4), "no multiple of 4 lies in 1..3"),
        (lambda: Dim("batch", 1, 8, example=9), "example=9 is not admissible; it must be one of batch in 1..8"),
        (lambda: Dim("batch size"), "dimension name 'batch size' is not an identifier"),
        (lambda: Dim("batch", 1, 2.5), "dimension 'batch' has high=2.5; expected a whole number"),
        (lambda: TensorSpec(name="x y", dtype="float32", shape=()), "input name 'x y' has a character outside"),
        (lambda: TensorSpec(name=3, dtype="float32", shape=()), "input name 3 has a character outside"),
        (lambda: TensorSpec(name="x", dtype="float", shape=()), "input 'x' has dtype 'float'; expected one of float64, float32"),
        (lambda: TensorSpec(name="x", dtype="float32", shape=4), "input 'x' has shape 4; expected one length or Dim for each axis"),
        (lambda: TensorSpec(name="x", dtype="float32", shape=(1, -2)), "input 'x', axis 1: length is -2; expected a whole number"),
        (lambda: TensorSpec(name="x", dtype="int64", shape=(1,)), "input 'x' is int64 and has no domain; say which values"),
        (lambda: case(id="two words"), "case id 'two words': expected words of letters"),
        (lambda: case(level="units"), "case 'c': level 'units'; expected one of unit, module, e2e"),
        (lambda: case(weights="none"), "case 'c': weights='none'; expected one of random, built"),
        (lambda: case(build={}), "case 'c': build={}; expected a function for each framework"),
        (lambda: case(build=int), "case 'c': build=<class 'int'>; expected a function for each framework"),
        (lambda: case(build={"onnx": 3}), "case 'c': build['onnx'] is int; expected a function without arguments"),
        (lambda: case(inputs=("x",)), "case 'c': inputs hold 'x'; expected TensorSpec("),
        (lambda: case(inputs=(X, X)), "case 'c': two inputs share a name in ['x', 'x']"),
        (lambda: case(inputs={"torch": (X,)}), "case 'c' declares no inputs for framework 'onnx'"),
        (lambda: case(routes="onnx>*"), "case 'c': routes='onnx>*'; expected several texts, for example routes=('a', 'b')"),
        (lambda: case(files=(3,)), "case 'c': files=(3,); expected several texts"),
        (lambda: case(seed="1"), "case 'c': seed='1'; expected a whole number"),
        (lambda: case(tolerance=Tolerance(rtol=1.0, atol=0.0)), "case 'c': a tolerance override needs a reason"),
        (lambda: Tolerance(rtol=-1.0, atol=0.0), "tolerance rtol=-1.0; expected a finite number >= 0"),
        (lambda: Tolerance(rtol=0.0, atol=float("nan")), "tolerance atol=nan; expected a finite number >= 0"),
    ],
)
def test_a_declaration_that_contradicts_itself_says_so(declare: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        declare()
    assert said in str(caught.value)


def test_a_lone_input_counts_as_one() -> None:
    assert case(inputs=X).specs("onnx") == (X,)


FILE = """
from harness import Case
import os
PLACE = os.getcwd()
A = Case(id="a", inputs=(), build={"onnx": int})
SAME = A
MORE = [Case(id="b", inputs=(), build={"onnx": int}), "no case", Case(id="a", inputs=(), build={"torch": int})]
"""


def test_cases_are_found_in_order_and_the_first_of_an_id_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "parity_some.py"
    file.write_text(FILE)
    module = load_module(str(file))
    assert [one.id for one in cases_in(module)] == ["a", "b", "a"]
    assert list(find_case(str(file), "a").build) == ["onnx"]
    assert load_module(str(file)) is module, "once per content"
    assert str(tmp_path.resolve()) == module.PLACE
    assert Path.cwd() != tmp_path.resolve()
    with pytest.raises(UsageError, match="declares no case 'c'; it declares a, b"):
        find_case(str(file), "c")


def test_a_changed_file_is_executed_anew_and_a_failing_one_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "parity_some.py"
    file.write_text("raise ValueError('not yet')")
    for _ in range(2):
        with pytest.raises(ValueError, match="not yet"):
            load_module(str(file))
    file.write_text(FILE)
    assert len(cases_in(load_module(str(file)))) == 3
    with pytest.raises(UsageError, match="cannot read case file"):
        load_module(str(tmp_path / "gone.py"))
