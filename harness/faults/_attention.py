"""Faults in attention as exporters spell it: the scale, the mask, the causal triangle."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from harness.faults._onnx import Graph, attribute
from harness.faults._rule import Rule

_THROUGH = ("Add", "Where", "MatMul", "Mul", "Div", "Transpose", "Softmax", "Cast", "Reshape")


def _to_softmax(graph: Graph, name: str, steps: int = 6) -> bool:
    """Return whether a tensor reaches a Softmax within a few nodes that attention is made of, through a product."""
    pending = [(name, steps, False)]
    while pending:
        tensor, left, product = pending.pop()
        for user in graph.users(tensor):
            if user.op_type == "Softmax" and product:
                return True
            if left and user.op_type in _THROUGH and user.op_type != "Softmax":
                pending.append((user.output[0], left - 1, product or user.op_type == "MatMul"))
    return False


def _from_product(graph: Graph, name: str) -> bool:
    """Return whether a tensor is a product of two computed tensors, maybe scaled and masked since."""
    for _ in range(4):
        node = graph.maker(name, *_THROUGH)
        if node is None:
            return False
        if node.op_type == "MatMul":
            return all(graph.constant(part) is None for part in node.input)
        name = next((part for part in node.input if graph.constant(part) is None), "")
    return False


def _scales(graph: Graph) -> Iterator[Any]:
    """Yield the multiplications by one constant on the way into the softmax of an attention."""
    for node in graph.nodes("Mul", "Div"):
        for position, name in enumerate(node.input):
            held = graph.scalar(name)
            if held is None or held in (0, 1) or graph.dtype(node.output[0]) != "float32" or (node.op_type == "Div" and position == 0):
                continue
            before = _from_product(graph, node.input[1 - position])
            if (before and any(_into_softmax(graph, node.output[0]))) or _to_softmax(graph, node.output[0]):
                yield node, position, ""


def _into_softmax(graph: Graph, name: str) -> Iterator[bool]:
    for user in graph.users(name):
        yield user.op_type == "Softmax"
        if user.op_type in ("Add", "Where", "Cast"):
            yield from _into_softmax(graph, user.output[0])


def _scaled(power: int) -> Any:
    def change(graph: Graph, node: Any, position: int, _: Any) -> None:
        held = graph.constant(node.input[position])
        node.input[position] = graph.store((held.astype(np.float64) ** power).astype(held.dtype))

    return change


def _masks(graph: Graph) -> Iterator[Any]:
    """Yield the nodes that choose by a mask on the way into a softmax."""
    for node in graph.nodes("Where"):
        if any(_into_softmax(graph, node.output[0])) or any(user.op_type in ("Add",) for user in graph.users(node.output[0])):
            yield node, None, ""


def _inverted(graph: Graph, node: Any, _: Any, __: Any) -> None:
    node.input[1], node.input[2] = node.input[2], node.input[1]


def _deep(graph: Graph) -> Iterator[Any]:
    """Yield the uses of constants as low as minus infinity, which mask."""
    for node in graph.nodes("Where", "Add", "Mul"):
        for position, name in enumerate(node.input):
            held = graph.constant(name)
            if held is not None and held.dtype.kind == "f" and held.size and float(np.min(held)) <= -1e9:
                yield node, position, name
                break


def _shallow(graph: Graph, node: Any, position: int, _: Any) -> None:
    held = graph.constant(node.input[position])
    node.input[position] = graph.store(np.maximum(held, held.dtype.type(-1e4)))


def _triangles(graph: Graph) -> Iterator[Any]:
    """Yield the uses of constant triangular matrices."""
    for node in graph.nodes("Where", "Add", "And", "Mul", "Not", "Slice", "Cast", "Equal", "Gather"):
        for position, name in enumerate(node.input):
            held = graph.constant(name)
            if held is None or held.ndim < 2 or min(held.shape[-2:]) < 3 or held.dtype.kind not in "fbiu":
                continue
            plane = held.reshape(-1, *held.shape[-2:])[0]
            upper = np.triu(np.ones(plane.shape, bool), 1)
            inside, outside = np.unique(plane[~upper]), np.unique(plane[upper])
            if len(inside) == len(outside) == 1 and inside[0] != outside[0]:
                yield node, position, name
                break


def _triangle_shifted(graph: Graph, node: Any, position: int, _: Any) -> None:
    held = graph.constant(node.input[position])
    upper = np.triu(np.ones(held.shape[-2:], bool), 2)
    flat = held.reshape(-1, *held.shape[-2:])[0]
    node.input[position] = graph.store(np.broadcast_to(np.where(upper, flat[0, -1], flat[0, 0]).astype(held.dtype), held.shape))


def _trilus(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Trilu"):
        shape = graph.shape(node.input[0])
        if shape is not None and (len(node.input) < 2 or graph.scalar(node.input[1]) is not None):
            yield node, None, ""


def _trilu_shifted(graph: Graph, node: Any, _: Any, __: Any) -> None:
    old = int(graph.scalar(node.input[1])) if len(node.input) > 1 and node.input[1] else 0
    del node.input[1:]
    node.input.append(graph.store(np.array(old + 1, np.int64)))


def _added(graph: Graph) -> Iterator[Any]:
    """Yield the additions of a computed mask to scores right before the softmax."""
    for node in graph.nodes("Add"):
        direct = any(user.op_type == "Softmax" for user in graph.users(node.output[0]))
        for position, name in enumerate(node.input):
            if direct and _from_product(graph, node.input[1 - position]) and not _from_product(graph, name):
                yield node, position, ""
                break


def _unmasked(graph: Graph, node: Any, position: int, _: Any) -> None:
    graph.replace(node, ["y = Identity(x)"], {"x": node.input[1 - position]})


def _whens(graph: Graph) -> Iterator[Any]:
    yield from ((node, None, "") for node in graph.nodes("Where") if any(_into_softmax(graph, node.output[0])))


def _when_dropped(graph: Graph, node: Any, _: Any, __: Any) -> None:
    kept = 1 if graph.constant(node.input[1]) is None else 2
    graph.replace(node, ["y = Identity(x)"], {"x": node.input[kept]})


def _score_products(graph: Graph) -> Iterator[Any]:
    """Yield the heads of attention: Transposes of rank 4 that swap the middle axes, which split or join heads."""
    for node in graph.nodes("Transpose"):
        shape = graph.shape(node.input[0])
        if attribute(node, "perm", []) == [0, 2, 1,
            3] and shape is not None and all(isinstance(n, int) for n in shape[2:]) and shape[2] > 1:
            split = graph.maker(node.input[0], "Reshape")
            if split is not None and shape[2] != shape[3]:
                yield node, list(shape[2:]), ""


def _interleaved(graph: Graph, node: Any, lengths: Any, __: Any) -> None:
    # The heads lie interleaved: (features, heads) where the source has (heads, features).
    heads, width = lengths
    order = np.arange(heads * width).reshape(width, heads).T.reshape(-1)
    split = graph.maker(node.input[0], "Reshape")
    lines = ["g = Gather<axis = -1>(a, order)", "y = Reshape(g, b)"]
    graph.replace(split, lines, order=order.astype(np.int64))


RULES = (
    Rule(name="attention-scale-lost", family="attention", tells="scores are not divided by the root of the head size",
         needs="a constant factor on the way into the softmax of an attention", find=_scales, change=_scaled(0)),
    Rule(name="attention-scale-squared", family="attention", tells="scores are divided by the head size, not by its root",
         needs="a constant factor on the way into the softmax of an attention", find=_scales, change=_scaled(2)),
    Rule(name="mask-inverted", family="attention", tells="what is kept and what is masked are exchanged",
         needs="a Where on the way into a Softmax or an Add", find=_masks, change=_inverted),
    Rule(name="mask-minus-1e4", family="attention", tells="-1e4 for minus infinity", needs="a constant as low as minus infinity",
         find=_deep, change=_shallow),
    Rule(name="causal-shifted", family="attention", tells="the constant causal mask lets one future position through",
         needs="a constant triangular matrix", find=_triangles, change=_triangle_shifted),
    Rule(name="trilu-shifted", family="attention", tells="the causal triangle begins one diagonal later",
         needs="a Trilu with a constant diagonal",
         find=_trilus, change=_trilu_shifted),
    Rule(name="mask-dropped", family="attention", tells="the additive mask is not added",
         needs="an Add of a mask to scores before a Softmax",
         find=_added, change=_unmasked),
    Rule(name="mask-ignored", family="attention", tells="the masking choice always keeps", needs="a Where on the way into a Softmax",
         find=_whens, change=_when_dropped),
    Rule(name="heads-interleaved", family="attention", tells="features and heads are split in the other order",
         needs="a Reshape into heads followed by a Transpose", find=_score_products, change=_interleaved),
)  # fmt: skip
