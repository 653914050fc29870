"""What ``parity check`` makes of the lengths a model states, of those the command line adds, and of those nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.check_specs import Axes, specs_of
from harness.check_tied import tied
from harness.core.case import Case
from harness.core.dims import Dim
from harness.core.errors import UsageError
from harness.core.space import space_of
from harness.core.spec import TensorSpec
from harness.engine.worker import WorkerFailure


def read(*takes: tuple[str, list[Any]], dims: tuple[str, ...] = (), **lengths: Any) -> tuple[list[Any], Axes, list[str]]:
    """Return the shapes as texts, the axes, and what was said."""
    said: list[str] = []
    axes = Axes(dims, lengths, said.append)
    specs = specs_of([(name, "float32", shape) for name, shape in takes], None, axes, {})
    return [[str(n) for n in spec.shape] for spec in specs], axes, said


def test_equal_symbols_are_one_dimension_wherever_they_stand() -> None:
    shapes, axes, said = read(("x", ["n", "k"]), ("y", ["k", 4, "n"]), ("z", ["unk__12", "12", "a.b-c", "past + 1"]))
    assert shapes[:2] == [["n in 1..8", "k in 1..64"], ["k in 1..64", "4", "n in 1..8"]]
    assert list(axes.named) == ["n", "k", "unk__12", "d12", "a_b_c", "past"]
    assert shapes[2][-1] == "past + 1"
    assert said[:2] == ["assumed x.0=n:1:8; --dim says otherwise", "assumed x.1=k:1:64; --dim says otherwise"]
    assert said[-1] == "read z.3=past + 1 from the model"
    assert not axes.unknown


def test_what_the_command_line_says_of_one_axis_holds_for_its_symbol() -> None:
    shapes, *_ = read(("x", ["n", 3]), ("y", ["2*n + 1", "n"]), dims=("x.0=rows:2:9:4",))
    assert shapes == [["rows in 2..9", "3"], ["2*rows + 1", "rows in 2..9"]]
    shapes, *_ = read(("x", ["n"]), ("y", ["m"]), ("z", ["m"]), dims=("y.0=2*S", "x.0=S:1:8"))
    assert shapes == [["S in 1..8"], ["2*S"], ["2*S"]]
    shapes, *_ = read(("x", ["n"]), ("y", [None]), dims=("y.0=n*4",))
    assert shapes == [["n in 1..8"], ["n*4"]], "symbols of the model stand in expressions too"
    shapes, *_ = read(("x", ["n"]), ("y", [None]), dims=("y.0=n",))
    assert shapes == [["n in 1..8"], ["n in 1..8"]]
    with pytest.raises(UsageError, match=r"--dim 'y.0=S:1:9': dimension 'S' is declared differently before: S in 1..8"):
        read(("x", [None]), ("y", [None]), dims=("x.0=S:1:8", "y.0=S:1:9"))


def test_ranges_and_relations_of_an_exported_program() -> None:
    relations = ["s0 + s1 >= 9", "4*s0 >= 4", "4*s0 <= 64", "Max(1, s0) >= 1", "s9 <= 3"]
    shapes, axes, said = read(
        ("x", ["s77", "4*s0"]), ("y", ["s1", "s0"]), ranges={"s77": [1, 8], "s0": [1, 16], "s1": [2, None]}, relations=relations
    )
    assert shapes == [["s77 in 1..8", "4*s0"], ["s1 in 2..64", "s0 in 1..16"]]
    assert axes.relations(relations) == ("s0 + s1 >= 9",), "what the ranges imply, and what cannot be said, is left out"
    assert said[0] == "read s77 in 1..8 from the model, for x.0"
    _, renamed, _ = read(("x", ["s0"]), ("y", ["s1"]), dims=("x.0=S:1:64", "y.0=T:1:64"), ranges={"s0": [1, 9], "s1": [1, 9]})
    assert renamed.relations(["s0 >= 4*s1 + 1"]) == ("S >= 4*T + 1",)


X, Y, Z = (Dim(f"{name}_0", 1, 8) for name in "xyz")


def joined(runs: Any, *, relations: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    """Return the dimensions of three inputs after a model that ``runs`` at some lengths was asked, and what was said."""
    said: list[str] = []
    inputs = tuple(TensorSpec(name=name, dtype="float32", shape=(dim, 3)) for name, dim in zip("xyz", (X, Y, Z), strict=True))
    case = Case(id="c", inputs=inputs, build={"onnx": None}, relations=relations)

    def ask(verb: str, asked: Mapping[str, Any]) -> Any:
        assert (verb, asked["draws"]) == ("reference", 0)
        lengths = [array.shape[0] for array in asked["feeds"].values()]
        answer = runs(*lengths)
        if answer is not True:
            raise WorkerFailure(answer or "error", {"message": "no"})
        return {}

    axes = {(name, 0): dim for name, dim in zip("xyz", (X, Y, Z), strict=True)}
    found = tied(case, axes, {}, ask, said.append)
    space_of(found, "onnx")
    return [str(spec.shape[0]) for spec in found.specs("onnx")], said


def test_axes_that_only_run_equal_are_one_dimension() -> None:
    own = ["x_0 in 1..8", "y_0 in 1..8", "z_0 in 1..8"]
    assert joined(lambda x, y, z: x == y) == (
        ["batch in 1..8", "batch in 1..8", "z_0 in 1..8"],
        ["x.0 and y.0 are one length, batch: the model does not run with two; --dim says otherwise"],
    )
    assert joined(lambda x, y, z: x == y == z)[0] == ["batch in 1..8"] * 3
    assert joined(lambda x, y, z: True) == (own, [])
    shapes, said = joined(lambda x, y, z: y == x + 1)
    assert (shapes, len(said)) == (own, 1)
    assert said[0].startswith("whether x.0 and y.0 and z.0 are one length is not known (the model does not run with them equal)")
    assert "crash: no" in joined(lambda x, y, z: "crash")[1][0]
    assert joined(lambda x, y, z: True, relations=("z_0 == 2*x_0",))[0] == own
