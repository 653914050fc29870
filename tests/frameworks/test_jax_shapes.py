"""What jax.export is told of lengths: related ones, multiples, zeros, and those that no equation gives."""

from __future__ import annotations

from typing import Any

import pytest

from harness import Case, Dim, TensorSpec
from harness.core.artifact import Artifact, Port
from harness.core.protocols import Source
from harness.core.space import Space
from harness.frameworks._jax_shapes import symbolic
from harness.numerics.sampling import draw, told_of

B, S, T, H = Dim("B", 1, 4), Dim("S", 2, 31), Dim("T", 1, 64), Dim("H", 4, 64, multiple=4)


def told(*shapes: Any, known: bool = True, **more: Any) -> tuple[dict[str, str], set[str]]:
    """Return the shapes and constraints for a case with inputs x, y, z of these shapes."""
    inputs = tuple(TensorSpec(name=name, dtype="float32", shape=shape) for name, shape in zip("xyz", shapes, strict=False))
    case = Case(id="shapes", inputs=inputs, build={"jax": len}, **more)
    lengths = told_of(case, "jax")
    space = Space.from_json(lengths["space"])
    feeds = draw(case, "jax", space.example).feeds
    ports = tuple(Port(name=name, native=name, dtype="float32") for name in feeds)
    artifact = Artifact(format="jax.function", path="", entry="", digest="", inputs=ports, outputs=())
    found = symbolic(Source(artifact=artifact, feeds=feeds, dynamic=lengths["dynamic"], space=space if known else None))
    return dict(found.shapes), set(found.constraints)


@pytest.mark.parametrize("relations", [(), ("T == 2*S + 1",)], ids=["derived", "related"])
def test_a_length_made_of_another_is_written_so(relations: tuple[str, ...]) -> None:
    shapes, constraints = told((B, S), (B, T if relations else 2 * S + 1), relations=relations)
    assert shapes == {"x": "B, S", "y": "B, 2*S + 1"}
    assert {"B <= 4", "S >= 2", "S <= 31"} == constraints


def test_a_multiple_counts_its_steps() -> None:
    assert told((B, H, 3)) == ({"x": "B, 4*_H, 3"}, {"B <= 4", "_H <= 16"})


def test_a_length_that_may_be_0_is_one_less_than_a_symbol() -> None:
    assert told((Dim("n", 0, 5), 2)) == ({"x": "(n - 1), 2"}, {"n <= 6"})


def test_a_sum_is_written_where_all_but_one_of_its_parts_are_told() -> None:
    assert told((B, S), (B, T), (B, S + T))[0]["z"] == "B, ((S) + (T))"
    assert told((B, S), (B, S + T))[0] == {"x": "B, S", "y": "B, ((S) + (T))"}, "T follows from it"


def test_what_no_equation_gives_is_a_symbol_of_its_own() -> None:
    shapes, constraints = told((B, S // 2), (B, S + T))
    assert shapes == {"x": "B, S__2", "y": "B, S___T"}
    assert {"S__2 <= 15", "S___T >= 3", "S___T <= 95"} <= constraints
    assert told((B, S), (B, S // 2))[0]["y"] == "B, floordiv((S), 2)"


def test_words_of_the_language_are_no_names() -> None:
    assert told((Dim("mod", 1, 3), Dim("max", 1, 9)))[0] == {"x": "mod_, max_"}
    assert told((Dim("a.b", 1, 3), Dim("a_b", 1, 9)))[0] == {"x": "a_b, a_b_"}


def test_without_a_space_each_text_is_a_symbol() -> None:
    assert told((B, 2 * S + 1), known=False)[0] == {"x": "B, 2_S___1"}
