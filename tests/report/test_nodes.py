"""A recorded tree becomes one: no cycle, no orphan, no bottomless branch, nothing lost."""

from __future__ import annotations

import random

import pytest

from harness.report.nodes import DEEPEST, from_the_top, nodes_of
from tests.report.model_records import loops, node, tree


def test_names_are_paths_as_seen_from_the_parent() -> None:
    found = {item.path: item.name for item in nodes_of(tree(1), {})}
    assert found["encoder.layer.0"] == "layer.0"
    assert found["encoder.layer.0.attention.self.query"] == "query"
    assert found["encoder.layer.0.attention.self+softmax"] == "softmax()"
    assert found["embeddings+arange"] == "arange()"


@pytest.mark.parametrize(
    ("path", "parent", "name"),
    [
        ("net/dense", "net", "/dense"), ("layers.10.x", "layers.1", "layers.10.x"), ("blocks[0]", "blocks", "[0]"), (".", "", "."),
        ("+", "", "+"), ("", "", "?"), ("a..b", "a", ".b"),
    ],
)  # fmt: skip
def test_odd_paths_keep_what_tells_them_apart(path: str, parent: str, name: str) -> None:
    assert nodes_of([node(parent, "P"), node(path, "X", parent)] if parent else [node(path, "X")], {})[-1].name == name


def test_another_call_with_a_case_of_its_own_follows_its_function() -> None:
    more = {"embeddings+expand": [("bert/embeddings+expand", 0), ("bert/embeddings-expand.1", 1)], "gone": [("bert/x", 0)]}
    found = nodes_of(tree(1), more)
    place = next(number for number, item in enumerate(found) if item.path == "embeddings+expand")
    assert [(item.name, item.case, item.extra) for item in found[place : place + 2]] == [
        ("expand()", "bert/embeddings+expand", False), ("expand() call 2", "bert/embeddings-expand.1", True),
    ]  # fmt: skip
    assert found[place].parent == found[place + 1].parent
    assert not [item for item in found if item.case == "bert/x"]


def test_cycles_orphans_and_items_that_are_no_nodes() -> None:
    found = nodes_of(loops(), {})
    assert len(found) == len([item for item in loops() if isinstance(item, dict)])
    by_path = {item.path: item for item in reversed(found)}
    ring = [by_path[name] for name in "abc"]
    assert sum(item.parent < 0 for item in ring) == 1, "a ring is cut at one place"
    assert by_path["self"].parent < 0
    assert by_path["lost"].parent < 0
    assert found[by_path["twin.x"].parent].type == "One"


def depth(parents: list[int], place: int) -> int:
    steps = 0
    while parents[place] >= 0:
        place, steps = parents[place], steps + 1
        assert steps <= len(parents), "a cycle"
    return steps


def test_what_lies_too_deep_is_lifted() -> None:
    parents = [item.parent for item in nodes_of(loops(), {})]
    assert max(depth(parents, place) for place in range(len(parents))) == DEEPEST - 1


def test_any_parents_at_all_make_a_tree_with_every_node() -> None:
    for seed in range(200):
        dice = random.Random(seed)
        names = [str(dice.randrange(12)) for _ in range(dice.randrange(1, 25))]
        items = [node(name, "T", dice.choice([*names, "", "nobody"])) for name in names]
        parents = [item.parent for item in nodes_of(items, {})]
        assert [depth(parents, place) for place in range(len(parents))]
        assert sorted(from_the_top(parents)) == list(range(len(items)))


@pytest.mark.parametrize("bad", [None, 3, "text", {"path": "x"}, [], [None, 1, "x"], ({},)])
def test_what_is_no_tree_has_no_nodes_or_nameless_ones(bad: object) -> None:
    assert all(item.name == "?" for item in nodes_of(bad, {}))
