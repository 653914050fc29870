"""The modules and functions of a model as a record lists them, made into a tree that is one: no cycle, no orphan, no bottomless branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.value import value
from harness.report.origin import listed, whole

DEEPEST = 40
"""Levels of a tree; what lies deeper is shown at this one. Browsers flatten what is nested too deeply."""
_JOINTS = (".", "+", "/", "[")


@value
class Node:
    """One module or function. ``parent`` is its place in the list of nodes, -1 for the model itself; it may come later in the list.

    ``name`` is its path as seen from the parent. ``extra``: a further call of the node before it, with a case of its own.
    """

    path: str
    name: str
    type: str
    level: str
    case: str
    reason: str
    calls: int
    parent: int
    function: bool = False
    extra: bool = False


def nodes_of(tree: Any, more: Mapping[str, Sequence[tuple[str, int]]]) -> list[Node]:
    """Return the nodes of a recorded tree, in its order.

    ``more``: by path, the cases (id and number of the call) of that path's calls. One that the tree does not name gets a node of its own.
    Of two nodes with one path the first is the parent of what lies below; a parent that is not there, or is its own child, is the model.
    """
    items = listed(tree)
    named = {str(item.get("case")) for item in items}
    rows: list[tuple[Mapping[str, Any], int]] = []
    met: set[str] = set()
    for item in items:
        rows.append((item, -1))
        path = str(item.get("path", ""))
        rows += [({**item, "case": case, "reason": ""}, call) for case, call in more.get(path, ()) if case not in named and path not in met]
        met.add(path)
    parents = _rooted([item for item, _ in rows])
    return [_node(item, call, parent, rows) for (item, call), parent in zip(rows, parents, strict=True)]


def _node(item: Mapping[str, Any], call: int, parent: int, rows: Sequence[tuple[Mapping[str, Any], int]]) -> Node:
    path = str(item.get("path", ""))
    name = _name(path, str(rows[parent][0].get("path", "")) if parent >= 0 else "")
    return Node(
        path=path, name=f"{name} call {call + 1}" if call >= 0 else name, type=str(item.get("type", "")), level=str(item.get("level", "")),
        case=str(item.get("case") or ""), reason=str(item.get("reason") or ""), calls=1 if call >= 0 else whole(item.get("calls"), 1),
        parent=parent, function=name.endswith("()"), extra=call >= 0,
    )  # fmt: skip


def _name(path: str, parent: str) -> str:
    """Return a path as seen from its parent: ``query`` for a module, ``view()`` for a function, the whole of it for a stranger."""
    rest = path[len(parent) :] if path.startswith(parent) and path[len(parent) :].startswith(_JOINTS) else path
    if rest.startswith("+") and len(rest) > 1:
        return f"{rest[1:]}()"
    return rest[1:] if rest.startswith(".") and len(rest) > 1 else rest or "?"


def _rooted(items: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the place of each node's parent, such that every node leads up to the model."""
    places: dict[str, int] = {}
    for place, item in enumerate(items):
        places.setdefault(str(item.get("path", "")), place)
    parents = [places.get(str(item["parent"]), -1) if item.get("parent") else -1 for item in items]
    walk = [0] * len(parents)  # the walk up that met a node first
    for start in range(len(parents)):
        place = start
        while place >= 0 and not walk[place]:
            walk[place] = start + 1
            if parents[place] >= 0 and walk[parents[place]] == start + 1:
                parents[place] = -1
            place = parents[place]
    return _shallow(parents)


def _shallow(parents: list[int]) -> list[int]:
    depth = [0] * len(parents)
    for place in from_the_top(parents):
        if parents[place] >= 0 and depth[parents[place]] == DEEPEST - 1:
            parents[place] = parents[parents[place]]
        depth[place] = depth[parents[place]] + 1 if parents[place] >= 0 else 0
    return parents


def from_the_top(parents: Sequence[int]) -> list[int]:
    """Return the places of all nodes, each after its parent and siblings in their order."""
    below: list[list[int]] = [[] for _ in parents]
    for place, parent in enumerate(parents):
        if parent >= 0:
            below[parent].append(place)
    found = [place for place, parent in enumerate(parents) if parent < 0]
    for place in found:  # grows while it is read: breadth first
        found += below[place]
    return found
