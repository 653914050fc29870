"""Constant parts of a graph replaced by their values, where a node in them could not be converted."""

from __future__ import annotations

from typing import Any, Callable

from harness.ascend.finding import few
from harness.ascend.model import Model, Node
from harness.core.errors import Unsupported

LARGEST = 64 << 20
"""Bytes that a folded constant may have."""


def fold(model: Model, troubled: Callable[[Node, Model], bool]) -> list[str]:
    """Replace every node that is ``troubled``, and whose value no input changes, by its value; return what was done."""
    graph = model.proto.graph
    wanted = [node for node in model.nodes() if not node.scope and node.fixed and troubled(node, model)]
    done = []
    for node in wanted:
        try:
            values = model.value(node)
        except Unsupported:
            continue
        if sum(value.nbytes for value in values) > LARGEST:
            continue
        for name, value in zip(node.proto.output, values):
            if name:
                graph.initializer.append(_tensor(value, name))
        graph.node.remove(node.proto)
        done.append(f"{node.op} {node.name}")
    _drop_unused(graph)
    return [f"constants stand for what always has one value ({few(done)})"] if done else []


def _tensor(value: Any, name: str) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(value, name)


def _drop_unused(graph: Any) -> None:
    """Remove nodes and weights that nothing asks for any more: those that the folded ones alone used."""
    used = _asked(graph)
    changed = True
    while changed:
        dead = [node for node in graph.node if not any(name in used for name in node.output)]
        for node in dead:
            graph.node.remove(node)
        changed = bool(dead)
        used = _asked(graph)
    inputs = {info.name for info in graph.input}
    for tensor in [one for one in graph.initializer if one.name not in used and one.name not in inputs]:
        graph.initializer.remove(tensor)


def _asked(graph: Any) -> set[str]:
    """Return every name that a node, at any depth, or an output asks for."""
    found = {info.name for info in graph.output}
    for node in graph.node:
        found.update(node.input)
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                found |= _asked(inner)
    return found
