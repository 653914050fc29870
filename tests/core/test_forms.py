"""Lengths as multiples of a root: true for every admissible combination, and found where an exporter needs them."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.case import Case
from harness.core.dims import Dim, DimExpr
from harness.core.forms import form_of
from harness.core.space import Space, space_of
from harness.core.spec import TensorSpec

S, T, U, K = Dim("S", 1, 8), Dim("T", 1, 64), Dim("U", 1, 200), Dim("K", 8, 64, multiple=4)


def space(*shape: Any, **more: Any) -> Space:
    case = Case(id="c", inputs=(TensorSpec(name="x", dtype="float32", shape=shape),), build={"onnx": int}, **more)
    return space_of(case, "onnx")


CHAIN = space(S, T, U, relations=("T == 2*S + 1", "U == 3*T"))


@pytest.mark.parametrize(
    ("known", "length", "said"),
    [
        (space(S), S, ("S", 1, 0, 1, 8, False)),
        (space(S), 2 * S + 1, ("S", 2, 1, 1, 8, False)),
        (space(S), 3 * (S - 1) + S * 2, ("S", 5, -3, 1, 8, False)),
        (CHAIN, T, ("S", 2, 1, 1, 8, False)),
        (CHAIN, U, ("S", 6, 3, 1, 8, False)),
        (CHAIN, U + 1, ("S", 6, 4, 1, 8, False)),
        (space(S, T, relations=("2*S == T - 1",)), T, ("S", 2, 1, 1, 8, False)),
        (space(S, T, relations=("S == T",)), T, ("S", 1, 0, 1, 8, False)),
        (space(S, T, relations=("T == S",)), T, ("S", 1, 0, 1, 8, False)),
        (space(S, T, relations=("T == S + 2",)), S, ("S", 1, 0, 1, 8, False)),
        (space(K), K, ("K", 4, 0, 2, 16, True)),
        (space(K), 2 * K + 1, ("K", 8, 1, 2, 16, True)),
        (space(T, relations=("T % 32 == 0",)), T, ("T", 32, 0, 1, 2, True)),
        (space(T, relations=("T % 2 == 1",)), T, ("T", 2, 1, 0, 31, True)),
        (space(Dim("g", allowed=(2, 4, 8))), Dim("g", allowed=(2, 4, 8)), ("g", 2, 0, 1, 4, True)),
        (space(Dim("g", allowed=(1, 2, 4, 8))), Dim("g", allowed=(1, 2, 4, 8)), ("g", 1, 0, 1, 8, False)),
        (space(Dim("w", 32, 10**6, multiple=32)), Dim("w", 32, 10**6, multiple=32), ("w", 32, 0, 1, 31250, True)),
        (space(S, profiles=({"S": 1}, {"S": 8})), S, ("S", 1, 0, 1, 8, False)),
        (space(S, T), S + T, None),
        (space(S), S // 2, None),
        (space(S), 9 - S, None),
        (space(S), S * S, None),
    ],
)
def test_the_form_of_a_length(known: Space, length: Dim | DimExpr, said: Any) -> None:
    form = form_of(known, length)
    found = None if form is None else (form.root, form.times, form.plus, form.low, form.high, form.stepped)
    assert found == said
    if form is not None:
        for n in known.choices(form.root, {}):
            lengths = known.complete({form.root: n})
            assert lengths is not None
            value = length.at(lengths) if isinstance(length, DimExpr) else lengths[length.name]
            count, rest = divmod(value - form.plus, form.times)
            assert (rest, form.low <= count <= form.high) == (0, True)


def test_lengths_that_make_each_other_have_one_root() -> None:
    around = space(S, T, U, relations=("S == T", "T == U", "U == S"))
    assert {form.root for form in (form_of(around, dim) for dim in around.dims.values()) if form} == {"S"}
