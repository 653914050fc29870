"""A tree as rows: the worst first, what repeats once, open where something fails, no larger than a page can be."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from harness.report import tree as trees
from harness.report.nodes import nodes_of
from harness.report.tree import Mark, Row, Tree
from tests.report.model_records import loops, node, tree

GOOD = Mark(place=1, style="o-match", sign="✓", words="match")
BAD = Mark(place=2, style="o-mismatch", sign="≠", words="mismatch", rank=0, why="far")


def grown(nodes: Any, *failing: str, extras: Any = None) -> Tree:
    found = nodes_of(nodes, extras or {})
    return Tree(found, {item.case: [BAD if item.case in failing else GOOD] for item in found if item.case}, "m0")


def shown(rows: Sequence[Row]) -> list[str]:
    """Return the rows as indented names, and check that all that opens is closed."""
    depth, lines = 0, []
    for row in rows:
        lines.append("  " * depth + row.name + (" -" if row.open else ""))
        depth += row.parent - row.closes
        assert depth >= 0
    assert depth == 0
    return lines


def test_layers_that_are_alike_are_one_row_that_says_so() -> None:
    rows = grown(tree(12)).rows()
    assert shown(rows)[-4:] == ["  layer.1 … layer.11", "pooler", "  dense", "  activation"]
    (row,) = [row for row in rows if row.count > 1]
    assert (row.count, row.inside, row.same) == (11, 17, ("layer.0", f"m0n{_place('encoder.layer.0')}"))
    assert row.paths[:2] == ["encoder.layer.1", "encoder.layer.2"]
    assert not row.parent


def _place(path: str) -> int:
    return next(number for number, item in enumerate(tree(12)) if item["path"] == path)


def test_a_layer_that_differs_anywhere_is_shown_in_full() -> None:
    for change in ({"reason": "x"}, {"calls": 9}, {"type": "Other"}, {"case": "bert/other"}, {"case": "bert/embeddings"}):
        nodes = tree(3)
        deep = next(item for item in nodes if item["path"] == "encoder.layer.1.output.LayerNorm")
        deep.update(change)
        names = shown(grown(nodes).rows())
        assert "    layer.1" in ["  " + name for name in names], change
        assert not [name for name in names if "…" in name]


def test_further_calls_do_not_keep_layers_from_being_alike() -> None:
    rows = grown(tree(3), extras={"encoder.layer.0.attention.self+view": [("bert/second", 1)]}).rows()
    (second,) = [row for row in rows if row.name == "view() call 2"]
    assert (second.function, second.type, second.calls) == (True, "", 1)
    assert "layer.1 … layer.2" in [row.name for row in rows]


def test_the_same_case_elsewhere_names_where_it_is_tested() -> None:
    rows = {row.name: row for row in grown(tree(1)).rows()}
    assert rows["key"].same == ("query", rows["query"].anchor)
    assert rows["value"].marks == rows["query"].marks
    assert rows["query"].same is None
    embedded = next(row for row in grown(tree(1)).rows() if row.paths == ["embeddings.LayerNorm"])
    assert embedded.same is None, "the first in the tree is its place"
    assert rows["arange()"].reason == "takes no tensor"
    assert not rows["arange()"].marks


def test_failures_come_first_and_are_open() -> None:
    rows = grown(tree(3), "bert/encoder.layer.0.attention.self+softmax").rows()
    names = shown(rows)
    assert names[:6] == ["encoder -", "  layer.0 -", "    attention -", "      self -", "        softmax()", "        query"]
    assert [row.name for row in rows if row.open] == ["encoder", "layer.0", "attention", "self"]
    by_name = {row.name: row for row in rows}
    assert (by_name["encoder"].failing, by_name["layer.1 … layer.2"].failing) == (3, 1)
    assert by_name["softmax()"].why == "far"


def test_a_failure_shown_elsewhere_opens_nothing() -> None:
    rows = grown(tree(1), "bert/encoder.layer.0.attention.output.LayerNorm").rows()
    assert [row.name for row in rows if row.open] == ["embeddings"], "its place is in the embeddings"
    assert [row.why for row in rows if row.name == "LayerNorm"] == ["far", "", ""]


def test_only_what_lies_around_a_failure_is_open() -> None:
    nodes = [node("h", "H"), node("a", "A"), node("a.q", "Q", "a"), node("a.q.d", "H", "a.q", case="bert/h")]
    nodes += [node("a.c", "C", "a"), node("a.c.y", "Y", "a.c")]
    rows = grown(nodes, "bert/h", "bert/a.c.y").rows()
    assert shown(rows) == ["h", "a -", "  q", "    d", "  c -", "    y"]


def test_the_place_of_a_case_is_shown_even_where_its_like_comes_first() -> None:
    nodes = [node("a", "A"), node("a.t", "T", "a"), node("a.t.x", "X", "a.t"), node("b", "B")]
    nodes += [node("b.t", "T", "b", case="bert/a.t"), node("b.t.x", "X", "b.t", case="bert/a.t.x"), node("b.bad", "Bad", "b")]
    rows = grown(nodes, "bert/b.bad").rows()
    assert shown(rows) == ["b -", "  bad", "  t", "    x", "a", "  t", "    x"]
    assert [row.same for row in rows if row.same] == [("a.t", "m0n1"), ("a.t.x", "m0n2")]


def test_only_so_many_failures_are_opened() -> None:
    nodes = [item for number in range(60) for item in (node(f"b{number}", "B"), node(f"b{number}.x", "X", f"b{number}"))]
    rows = grown(nodes, *(f"bert/b{number}.x" for number in range(60))).rows()
    assert sum(row.open for row in rows) == 30


def test_without_failures_the_order_is_that_of_the_calls_and_nothing_is_open() -> None:
    rows = grown(tree(1)).rows()
    assert [row.name for row in rows if not row.open] == [row.name for row in rows]
    assert [name for name in shown(rows) if not name.startswith(" ")] == ["embeddings", "encoder", "pooler"]


def accounted(rows: Sequence[Row]) -> int:
    return sum(row.count * (1 + row.inside) for row in rows)


@pytest.mark.parametrize("top", [10, 300])
def test_huge_trees_keep_their_failures_and_say_what_is_left_out(top: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MOST", 80)
    nodes = [node(f"b{number}", "B") for number in range(top)]
    nodes += [node(f"b{number}.x{inner}", "X", f"b{number}") for number in range(top) for inner in range(20)]
    rows = grown(nodes, f"bert/b{top - 1}.x7").rows()
    assert shown(rows)[:2] == [f"b{top - 1} -", "  x7"]
    assert len(rows) <= 80
    assert accounted(rows) == (len(nodes) if top == 10 else 21 + (80 - 21) * 21), "what is not shown is counted"


def test_a_large_tree_loses_its_depths_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MOST", 80)
    nodes = [node("a", "A"), *(node(f"a.{n}", "B", "a") for n in range(20))]
    nodes += [node(f"a.{n}.{m}", "C", f"a.{n}") for n in range(20) for m in "xyzuv"]
    rows = grown(nodes).rows()
    assert [row.inside for row in rows] == [0, *[5] * 20]


def test_any_tree_closes_what_it_opens_and_loses_nothing() -> None:
    for seed in range(200):
        dice = random.Random(seed)
        names = [str(number) for number in range(dice.randrange(1, 30))]
        cases = [dice.choice(["", "a", "b", f"bert/{name}"]) for name in names]
        nodes = [
            node(name, dice.choice("TU"), dice.choice([*names, ""]), case=case, calls=dice.choice([1, 2]))
            for name, case in zip(names, cases)
        ]  # fmt: skip
        rows = grown(nodes, "a").rows()
        shown(rows)
        assert accounted(rows) == len(nodes), seed
        anchors = [row.anchor for row in rows if row.anchor]
        assert len(set(anchors)) == len(anchors)
        assert {row.same[1] for row in rows if row.same} <= set(anchors), "what is the same as something leads there"


def test_hostile_nodes_are_cut_to_size() -> None:
    rows = grown(loops()).rows()
    shown(rows)
    assert accounted(rows) == len(nodes_of(loops(), {}))
    assert max(len(row.name) for row in rows) <= 120
    assert max(len(row.type) for row in rows) <= 80
    assert max(len(path) for row in rows for path in row.paths) <= 240
