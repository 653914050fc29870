"""A rule: an operator on ONNX graphs as its family writes it down, and how it becomes an `Operator` on models."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterator

import numpy as np

from harness.core.value import value
from harness.faults._onnx import Graph, graphs_of
from harness.faults.operator import Operator, Site


@value
class Rule:
    """An operator on ONNX graphs before it is bound: where it applies and what it does there.

    ``find(graph)`` yields (node, detail, tensor) with an empty tensor for the node's own output; ``change(graph, node, detail, rng)``
    edits the graph that the node is in. ``detail`` is plain data, the same for equal models.
    """

    name: str
    family: str
    tells: str
    needs: str
    find: Callable[[Graph], Iterator[Any]]
    change: Callable[[Graph, Any, Any, Any], None]


def layer_of(node: Any) -> str:
    """Return the path of the layer that a node belongs to: from metadata or its name, else its kind."""
    for entry in getattr(node, "metadata_props", ()):
        if entry.key == "pkg.torch.onnx.name_scopes":
            # The last scope is the node itself.
            scopes = [scope for scope in re.findall(r"'([^']*)'", entry.value)[:-1] if scope]
            return scopes[-1] if scopes else str(node.op_type)
    path = node.name.strip("/").split("/") if node.name else []
    return ".".join(path[:-1]) or node.name or node.op_type


def bind(rule: Rule) -> Operator:
    """Return the operator on `onnx.ModelProto` that a rule stands for."""

    def places(model: Any) -> list[tuple[Graph, Any, Any, str]]:
        return [(graph, *place) for graph in graphs_of(model) for place in rule.find(graph)]

    def sites(model: Any) -> list[Site]:
        found = []
        for index, (_, node, detail, tensor) in enumerate(places(model)):
            made = next((name for name in node.output if name), "") if node is not None else tensor
            layer = layer_of(node) if node is not None else "input"
            found.append(Site(index=index, node=made, tensor=tensor or made, layer=layer, detail="" if detail is None else str(detail)))
        return found

    def change(model: Any, site: Site, seed: int) -> Any:
        copy = type(model)()
        copy.CopyFrom(model)
        graph, node, detail, _ = places(copy)[site.index]
        rule.change(graph, node, detail, np.random.Generator(np.random.Philox(seed)))
        del graph.proto.value_info[:]  # shapes noted before the change may be wrong after it
        return copy

    return Operator(name=rule.name, family=rule.family, tells=rule.tells, needs=rule.needs, sites=sites, change=change)
