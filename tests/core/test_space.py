"""The space of lengths against brute force: which combinations hold, which remain, which are proposed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.core.case import Case
from harness.core.dims import Dim, DimExpr
from harness.core.errors import UsageError
from harness.core.expr import bounds_of, direction, linear, parse, text_of, value_of
from harness.core.relations import relation
from harness.core.space import Space, space_from, space_of
from harness.core.spec import TensorSpec

A, B, C = "abc"


def case(*shape: Any, **more: Any) -> Case:
    """Return a case with one input of this shape."""
    return Case(id="c", inputs=(TensorSpec(name="x", dtype="float32", shape=shape),), build={"onnx": int}, **more)


def space(*shape: Any, **more: Any) -> Space:
    return space_of(case(*shape, **more), "onnx")


def expressions(names: str = "abc") -> Any:
    """Draw expressions: mostly sums and products, some divisions and remainders."""
    leaf = st.sampled_from([("name", name) for name in names]) | st.integers(0, 5).map(lambda n: ("number", n))
    return st.recursive(leaf, lambda part: st.tuples(st.sampled_from(["+", "-", "*", "//", "%"]), part, part), max_leaves=5)


@st.composite
def dims(draw: Any, name: str) -> Dim:
    """Draw a dimension of at most 12 lengths."""
    if draw(st.booleans()):
        return Dim(name, allowed=tuple(draw(st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True))))
    multiple = draw(st.sampled_from([1, 1, 2, 3]))
    low = draw(st.integers(0, 4))
    return Dim(name, low, low + draw(st.integers(multiple, 9)), multiple=multiple)


@st.composite
def declarations(draw: Any) -> tuple[tuple[Dim, ...], tuple[str, ...], tuple[Mapping[str, int], ...]]:
    """Draw up to three dimensions, up to three relations and perhaps profiles."""
    chosen = tuple(draw(dims(name)) for name in "abc"[: draw(st.integers(1, 3))])
    names = "".join(dim.name for dim in chosen)
    compare = st.sampled_from(["==", "==", "!=", "<", "<=", ">", ">="])
    pairs = draw(st.lists(st.tuples(expressions(names), compare, expressions(names)), max_size=3))
    texts = [f"{text_of(left)} {sign} {text_of(right)}" for left, sign, right in pairs]
    profiles = ()
    if draw(st.integers(0, 3)) == 0:
        named = chosen[: draw(st.integers(1, len(chosen)))]
        one = st.fixed_dictionaries({dim.name: st.sampled_from(dim.admissible()) for dim in named})
        profiles = tuple(draw(st.lists(one, min_size=1, max_size=3)))
    return chosen, tuple(text for text in texts if set("abc") & set(text)), profiles


def brute(chosen: tuple[Dim, ...], texts: tuple[str, ...], profiles: tuple[Mapping[str, int], ...]) -> Iterator[dict[str, int]]:
    """Yield every admissible combination, by trying all of them with Python's own arithmetic."""
    for lengths in itertools.product(*(dim.admissible() for dim in chosen)):
        one = {dim.name: n for dim, n in zip(chosen, lengths, strict=True)}
        try:
            fine = all(eval(text, {}, one) for text in texts)  # the text is the test's own
        except ZeroDivisionError:
            fine = False
        if fine and (not profiles or any(all(one[n] == v for n, v in profile.items()) for profile in profiles)):
            yield one


def test_no_length_is_rounded_into_a_relation() -> None:
    even = Dim("c", 2, 7, multiple=2)
    for text in ("5 - a == a - c", "5 + c == 2*a", "2*a - 5 == c"):
        with pytest.raises(UsageError, match="cannot hold"):
            space_from((TensorSpec(name="x", dtype="float32", shape=(Dim("a", 3, 10), even)),), (text,))
    odd = space(Dim("a", 3, 10), Dim("c", 2, 7), relations=["5 - a == a - c"])
    assert odd.choices("c", {}) == (3, 5, 7)


@settings(max_examples=150, deadline=None)
@given(declarations(), st.data())
def test_a_space_is_what_brute_force_finds(declared: Any, data: Any) -> None:
    chosen, texts, profiles = declared
    all_of = list(brute(*declared))
    inputs = (TensorSpec(name="x", dtype="float32", shape=chosen),)
    alone = [profile for profile in profiles if not any(set(profile.items()) <= set(one.items()) for one in all_of)]
    if not all_of or alone:
        with pytest.raises(UsageError, match="cannot hold"):
            space_from(inputs, texts, profiles)
        return
    found = space_from(inputs, texts, profiles)
    assert found.example in all_of
    assert found.other in all_of
    for lengths in itertools.product(*(range(max(0, dim.low - 1), dim.high + 2) for dim in chosen)):
        one = dict(zip(found.dims, lengths, strict=True))
        assert found.holds(one) == (one in all_of)
    given_to = data.draw(st.sampled_from(all_of))
    given_to = {name: given_to[name] for name in data.draw(st.sets(st.sampled_from(list(given_to))))}
    left = [one for one in all_of if set(given_to.items()) <= set(one.items())]
    for name in found.dims:
        assert found.choices(name, given_to) == tuple(sorted({one[name] for one in left}))
        assert found.choices(name, {}) == tuple(sorted({one[name] for one in all_of}))
    assert found.complete(given_to) in left
    assert found.complete({}) == found.example
    corners = found.corners(50)
    assert all(one in all_of for one in corners)
    assert found.example not in corners
    assert len({tuple(one.values()) for one in corners}) == len(corners)
    assert found.corners(3) == corners[:3]
    for dim in chosen:
        assert found.ends(dim) == (min(one[dim.name] for one in all_of), max(one[dim.name] for one in all_of))


@settings(max_examples=100, deadline=None)
@given(declarations(), st.data())
def test_nothing_is_completed_where_nothing_fits(declared: Any, data: Any) -> None:
    all_of = list(brute(*declared))
    assume(all_of)
    try:
        found = space_from((TensorSpec(name="x", dtype="float32", shape=declared[0]),), declared[1], declared[2])
    except UsageError:
        assume(False)
    wanted = {dim.name: data.draw(st.integers(0, 13)) for dim in declared[0]}
    wanted = {name: wanted[name] for name in data.draw(st.sets(st.sampled_from(list(wanted)), min_size=1))}
    left = [one for one in all_of if set(wanted.items()) <= set(one.items())]
    assert (found.complete(wanted) in left) if left else (found.complete(wanted) is None)
    for name in found.dims:
        assert found.choices(name, wanted) == tuple(sorted({one[name] for one in left}))


@settings(max_examples=200)
@given(expressions())
def test_an_expression_survives_its_text_and_means_what_python_says(node: Any) -> None:
    assert parse(text_of(node)) == node
    lengths = {"a": 3, "b": 4, "c": 7}
    try:
        expected = eval(text_of(node), {}, dict(lengths))  # the text is the test's own
    except ZeroDivisionError:
        with pytest.raises(ZeroDivisionError):
            value_of(node, lengths)
        return
    assert value_of(node, lengths) == expected


@settings(max_examples=200)
@given(expressions("ab"), st.integers(0, 3), st.integers(0, 3))
def test_bounds_direction_and_linear_form_are_true(node: Any, low: int, more: int) -> None:
    ranges = {"a": (low, low + 4), "b": (more, more + 2)}
    bounds, way, straight = bounds_of(node, ranges), direction(node, "a", ranges), linear(node)
    for b in range(more, more + 3):
        rows = []
        for a in range(low, low + 5):
            try:
                rows.append(value_of(node, {"a": a, "b": b}))
            except ZeroDivisionError:
                continue
            assert bounds is None or bounds[0] <= rows[-1] <= bounds[1]
            assert straight is None or rows[-1] == straight[1] * {"a": a, "b": b}[straight[0]] + straight[2]
        steps = [after - before for before, after in itertools.pairwise(rows)]
        assert way is None or all(step * way >= 0 if way else step == 0 for step in steps)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "S.__class__()", "2S", "1_000", "2_0 + S", "0x10", "1.5*S", "1e5", "S ** 2", "S / 2", "-S", "S if T else 1", "f(S)", "S[0]",
     "S; T", "'S'", "True + 'a'", "S and T", "S == T", "ſ", "(" * 150 + "S" + ")" * 150, "S" * 300, "S +", "lambda: 1", "_0 _1", None, 3],
)  # fmt: skip
def test_nothing_but_arithmetic_is_read(text: Any) -> None:
    with pytest.raises(UsageError, match="expected names, whole numbers"):
        parse(text)


def test_a_word_of_python_is_a_name_like_any_other() -> None:
    assert parse("lambda + in.class") == ("+", ("name", "lambda"), ("name", "in.class"))


def test_arithmetic_of_dims_is_an_expression() -> None:
    s, t = Dim("S", 1, 8), Dim("T", 2, 9)
    for made, text, value in [
        (2 * s + 1, "2*S + 1", 7), (s // 2, "S//2", 1), (s + t, "S + T", 8), (s * 4, "S*4", 12), ((s + 1) * t, "(S + 1)*T", 20),
        (t - (s - 1), "T - (S - 1)", 3), (64 // t, "64//T", 12), (9 - s, "9 - S", 6), (t % 3, "T % 3", 2), (100 % t, "100 % T", 0),
        (1 + s, "1 + S", 4), (s - 1, "S - 1", 2),
    ]:  # fmt: skip
        assert (made.text, repr(made), made.at({"S": 3, "T": 5})) == (text, text, value)
        assert DimExpr.from_json(made.to_json()) == made
    assert (s + t).dims == (s, t)
    for wrong in (lambda: s + 1.5, lambda: s * "a", lambda: s + -1):
        with pytest.raises(UsageError, match="expected a Dim, an expression of Dims or a whole number >= 0"):
            wrong()
    with pytest.raises(UsageError, match="names the dimension 'T', which is not among S"):
        DimExpr("T + 1", (s,))
    with pytest.raises(AttributeError, match="frozen"):
        (s + t).text = "x"


def test_a_case_with_expressions_relations_and_profiles_survives_json() -> None:
    s, q = Dim("S", 1, 8), Dim("Q", 1, 8)
    one = case(s, 2 * s + 1, q, 4, relations=("Q <= S",), profiles=({"S": 4, "Q": 2}, {"S": 8, "Q": 8}))
    again = Case.from_json(one.to_json())
    assert again.to_json() == one.to_json()
    assert space_of(again, "onnx") == space_of(one, "onnx")
    spec = again.specs("onnx")[0]
    assert (spec.concrete({"S": 4, "Q": 2}), spec.free, spec.dims) == ((4, 9, 2, 4), (-1, -1, -1, 4), (s, s, q))


S, T, H = Dim("S", 1, 8), Dim("T", 1, 64), Dim("H", 1, 256)


def test_the_example_is_chosen_so_that_the_relations_hold() -> None:
    assert space(S, T, relations=("T == 2*S + 1",)).example == {"S": 2, "T": 5}
    assert space(T, S, relations=("T == 2*S + 1",)).example == {"T": 5, "S": 2}, "what is made of another length follows it"
    assert space(H, relations=("H % 32 == 0",)).example == {"H": 32}
    assert space(S, relations=("S % 2 == 1",)).example == {"S": 3}, "neither 0 nor 1 where that can be"
    assert space(Dim("S", 1, 8, example=7), T, relations=("T == 2*S + 1",)).example == {"S": 7, "T": 15}
    assert space(S, Dim("T", 1, 64, example=9), relations=("T == 2*S + 1",)).example == {"S": 4, "T": 9}
    assert space(S, T, profiles=({"S": 4, "T": 9}, {"S": 1, "T": 8})).example == {"S": 4, "T": 9}
    assert space(S, Dim("T", 1, 64, example=8), profiles=({"S": 4, "T": 9}, {"S": 1, "T": 8})).example == {"S": 1, "T": 8}
    assert space(S - 4).example == {"S": 4}, "an axis is never negative"
    assert space(64 // Dim("Z", 0, 4)).choices("Z", {}) == (1, 2, 3, 4), "nor is anything divided by 0"


def test_the_other_shape_moves_every_axis_to_odd_lengths_that_differ() -> None:
    assert space(S, T, Dim("U", 1, 99)).other == {"S": 3, "T": 5, "U": 7}
    assert space(S, T, relations=("T == 2*S + 1",)).other == {"S": 3, "T": 7}
    assert space(Dim("gear", allowed=(1, 2, 4, 8))).other == {"gear": 4}
    assert space(Dim("k", 3, 3), S).other == {"k": 3, "S": 5}
    assert space(Dim("k", 3, 3)).other == {"k": 3}


def test_corners_hold_the_ends_and_what_exporters_specialise() -> None:
    found = space(Dim("a", 0, 64), Dim("b", 1, 32, example=8)).corners(99)
    pairs = [tuple(one.values()) for one in found]
    assert pairs[0] == (3, 9)
    assert {(1, 8), (0, 8), (2, 1), (4, 4), (5, 5), (0, 1), (64, 32), (64, 8), (2, 32), (1, 1), (63, 8), (2, 31)} <= set(pairs)
    related = space(Dim("Q", 1, 9), Dim("K", 4, 64), relations=("Q <= K",))
    assert any(one["Q"] == one["K"] for one in related.corners(99))
    assert {"Q": 9, "K": 9} in related.corners(99) or {"Q": 9, "K": 64} in related.corners(99)
    assert related.corners(2) == related.corners(99)[:2]
    profiles = space(S, T, profiles=({"S": 1, "T": 3}, {"S": 2, "T": 4}, {"S": 8, "T": 9}))
    assert sorted(one["S"] for one in profiles.corners(9)) == [1, 8], "the example is one above 1"
    assert space(4).corners(9) == []


def test_the_ends_of_an_axis_are_those_that_can_be() -> None:
    one = space(S, T, relations=("T == 2*S + 1",))
    assert (one.ends(T), one.ends(2 * S + 1), one.ends(S // 2)) == ((3, 17), (3, 17), (0, 4))
    wide = space(Dim("S", 1, 10**6), Dim("T", 1, 10**6), relations=("T == 2*S + 1",))
    assert wide.ends(wide.dims["S"]) == (1, 499999)
    assert wide.choices("T", {"S": 499999}) == (999999,)
    assert len(wide.choices("T", {})) == 4096


def test_six_long_dimensions_are_soon_done() -> None:
    six = [Dim(name, 1, 4096) for name in "abcdef"]
    one = space(*six, relations=("a + b == c*d", "e <= f", "f % 32 == 0", "a < c"))
    assert one.holds(one.example)
    assert one.holds(one.other)
    assert all(one.other[name] != one.example[name] for name in one.dims)
    assert len(one.choices("e", {})) == 4096
    assert one.choices("d", {"a": 2, "b": 13, "c": 3}) == (5,)


def test_a_search_that_would_take_forever_ends() -> None:
    long = [Dim(name, 1, 10**6) for name in "abcd"]
    with pytest.raises(UsageError, match=r"'a\*a\*a \+ b\*b\*b == c\*c\*c': whether any lengths satisfy them was not decided"):
        space(*long, relations=("a*a*a + b*b*b == c*c*c",))


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: case(S, relations=("T == 2*S + 1",)), "relation 'T == 2*S + 1': unknown dimension 'T'; known: S"),
        (lambda: case(S, T, relations=("Tt == S",)), "relation 'Tt == S': unknown dimension 'Tt'; did you mean T?"),
        (lambda: case(S, relations=("S",)), "relation 'S': expected two expressions and one of == != < <= > >= between them"),
        (lambda: case(S, relations=("1 < S < 3",)), "relation '1 < S < 3': expected two expressions and one of"),
        (lambda: case(S, relations=("S = 3",)), "relation 'S = 3': expected two expressions and one of"),
        (lambda: case(S, relations=("S == 2**S",)), "relation 'S == 2**S': expression ' 2**S': expected names, whole numbers"),
        (lambda: case(S, relations=("1 == 1",)), "relation '1 == 1' names no dimension"),
        (lambda: case(S, relations="S == 3"), "relations='S == 3'; expected several texts, for example relations=('a', 'b')"),
        (lambda: case(S, relations=("S > 9",)), "relation 'S > 9' cannot hold: S in 1..8"),
        (lambda: case(S, T, relations=("T == S + 70",)), "relation 'T == S + 70' cannot hold: T in 1..64, S in 1..8"),
        (lambda: case(Dim("S", 2, 8, multiple=2), relations=("S % 2 == 1",)), "relation 'S % 2 == 1' cannot hold: S in 2..8 by 2"),
        (
            lambda: case(S, T, relations=("S <= T", "T == 2*S", "T < S")),
            "relations 'T == 2*S' and 'T < S' cannot hold together: T in 1..64, S in 1..8",
        ),
        (
            lambda: case(Dim("S", 1, 8, example=4), Dim("T", 1, 64, example=8), relations=("T == 2*S + 1",)),
            "the example S=4, T=8 does not satisfy relation 'T == 2*S + 1'; S=4, T=9 would",
        ),
        (
            lambda: case(Dim("S", 1, 8, example=2), T, relations=("T == 40*S", "S != 3")),
            "the example S=2 does not satisfy relation 'T == 40*S'; S=1, T=40 would",
        ),
        (
            lambda: case(Dim("S", 1, 8, example=2), T, profiles=({"S": 1, "T": 4},)),
            "the example S=2 does not satisfy any profile; S=1, T=4 would",
        ),
        (lambda: case(S, T, profiles=({"S": 9, "T": 1},)), "profile {'S': 9, 'T': 1}: S = 9 is not admissible; it must be one of S"),
        (lambda: case(S, profiles=({"S": "1"},)), "profile {'S': '1'}: S = '1' is not admissible"),
        (lambda: case(S, T, profiles=({"S": 1, "U": 1},)), "profile {'S': 1, 'U': 1}: unknown dimension 'U'; known: S, T"),
        (lambda: case(S, T, profiles=({"S": 1}, {"T": 1})), "profile {'T': 1} names T, {'S': 1} names S; name the same in each"),
        (lambda: case(S, profiles={"S": 1}), "case 'c': profiles={'S': 1}; expected lengths by dimension, for example"),
        (
            lambda: case(S, T, relations=("T == 2*S + 1",), profiles=({"S": 1, "T": 3}, {"S": 2, "T": 4})),
            "profile {'S': 2, 'T': 4}: relation 'T == 2*S + 1' cannot hold: T = 4, S = 2",
        ),
        (lambda: case(S - 9), "input 'x', axis 0: length S - 9 is negative for every S in 1..8; expected lengths >= 0 for at least some"),
        (lambda: case(S, Dim("T", 0, 0), 8 // Dim("T", 0, 0)), "relation '8//T >= 0' cannot hold: T in 0..0"),
        (lambda: case(S, 2 * Dim("S", 1, 9)), "dimension 'S' is declared twice and differently: S in 1..8 and S in 1..9"),
    ],
)  # fmt: skip
def test_a_declaration_of_lengths_that_contradicts_itself_says_so(declare: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        declare()
    assert said in str(caught.value)


def test_a_length_given_explicitly_is_told_from_a_default() -> None:
    assert (Dim("S").explicit, Dim("S", example=2).explicit) == (False, True)
    assert Dim("S") == Dim("S", example=2)
    for dim in (Dim("S"), Dim("S", example=2)):
        assert Dim.from_json(dim.to_json()).explicit == dim.explicit
    with pytest.raises(UsageError, match="the example S=2 does not satisfy"):
        space(Dim("S"), Dim("S", example=2), relations=("S > 2",))
    assert space(Dim("S"), relations=("S > 2",)).example == {"S": 3}


def test_questions_about_dimensions_that_are_not_there() -> None:
    one = space(S)
    for ask in (lambda: one.choices("U", {}), lambda: one.choices("S", {"U": 1}), lambda: one.complete({"U": 1})):
        with pytest.raises(UsageError, match="no dimension is called 'U'; there are S"):
            ask()
    assert not one.holds({"S": 1, "U": 2})
    assert not one.holds({})
    assert one.choices("S", {"S": 9}) == ()
    assert relation("2*S<=T").text == "2*S <= T"
