"""Parts of an ONNX graph as models: one node with its weights, the nodes of a scope, the body of a local function."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.core.arrays import dtype_named
from harness.core.errors import UsageError
from harness.core.external import LARGE, array_of, nbytes
from harness.core.spec import Dim
from harness.frameworks._onnx_part import part_of
from harness.frameworks._onnx_trace import alone


class Cut:
    """One part of ``proto``: the ``node`` of that path, or for None all that lead from ``given`` to ``made`` (name, dtype, axes)."""

    def __init__(self, proto: Any, node: str | None, given: Sequence[str], made: Sequence[tuple[str, Any, int]]) -> None:
        self.proto = proto
        self.node = node
        self.given = given
        self.made = made


def model_of(cut: Cut, specs: Sequence[Any]) -> Any:
    """Return a model of a part: inputs named and shaped like ``specs``, a `Dim` as the name of a length; outputs are ``y0``, ``y1``, ..."""
    from onnx import helper

    shapes = {spec.name: [n.example if isinstance(n, Dim) else n for n in spec.shape] for spec in specs}
    feeds = {name: np.zeros(shapes[spec.name], dtype_named(spec.dtype)) for name, spec in zip(cut.given, specs)}
    ends = dict.fromkeys(name for name, _, _ in cut.made)
    part = part_of(cut.proto, feeds, ends) if cut.node is None else alone(cut.proto, cut.node, feeds)
    names = {name: spec.name for name, spec in zip(cut.given, specs)}
    names.update({name: f"y{place}" for place, name in enumerate(ends)})
    _rename(part.graph, names)
    del part.graph.input[:], part.graph.output[:]
    for spec in specs:
        lengths = [n.name if isinstance(n, Dim) else n for n in spec.shape]
        part.graph.input.append(helper.make_tensor_value_info(spec.name, _type(dtype_named(spec.dtype)), lengths))
    for place, (_, dtype, axes) in enumerate(cut.made):
        part.graph.output.append(helper.make_tensor_value_info(f"y{place}", _type(dtype), [None] * axes))
    _prune(part)
    _fill(part)
    return part


def _fill(part: Any) -> None:
    """Put weights that lie in files into a part. Raises `UsageError` where these are too many for one message."""
    from onnx import numpy_helper

    outside = [tensor for tensor in part.graph.initializer if tensor.data_location == tensor.EXTERNAL]
    size = sum(map(nbytes, part.graph.initializer))
    if outside and size > LARGE:
        raise UsageError(f"it has {size / 2**30:.1f} GiB of weights, more than a model in memory may have")
    for tensor in outside:
        tensor.CopyFrom(numpy_helper.from_array(np.array(array_of(tensor)), tensor.name))


def _type(dtype: Any) -> int:
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Give values other names, in subgraphs too; whatever else has one of the new names gets another."""
    taken = {name for node in _nodes(graph.node) for name in (*node.input, *node.output) if name} - set(names)
    names = {**{name: f"{name}_inner" for name in taken & set(names.values())}, **names}
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in _nodes(graph.node):
        for side in (node.input, node.output):
            side[:] = [names.get(name, name) for name in side]
        for inner in _graphs(node):
            for info in inner.output:
                info.name = names.get(info.name, info.name)


def _nodes(nodes: Sequence[Any]) -> Iterator[Any]:
    for node in nodes:
        yield node
        for graph in _graphs(node):
            yield from _nodes(graph.node)


def _graphs(node: Any) -> list[Any]:
    return [graph for attribute in node.attribute for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs)]


def _prune(model: Any) -> None:
    """Drop the local functions that nothing calls."""
    known = {(function.domain, function.name): function for function in model.functions}
    needed: dict[tuple[str, str], Any] = {}
    todo = list(_nodes(model.graph.node))
    while todo:
        node = todo.pop()
        key = (node.domain, node.op_type)
        if key in known and key not in needed:
            needed[key] = known[key]
            todo += _nodes(known[key].node)
    kept = [function for key, function in known.items() if key in needed]
    del model.functions[:]
    model.functions.extend(kept)


def function_of(proto: Any, node: Any) -> Any:
    """Return the local function that a node calls, None for an operator."""
    return next((found for found in proto.functions if (found.domain, found.name) == (node.domain, node.op_type)), None)


def body_of(proto: Any, function: Any, node: Any, values: Mapping[str, Any], constant: set[str]) -> tuple[Any, dict[str, Any]]:
    """Return the body of a function as a model, as one node calls it, and the arrays of its inputs. Constants given are its weights."""
    from onnx import helper, numpy_helper

    given = dict(zip(function.input, node.input))
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    feeds, weights, absent = {}, [], {name: "" for name in function.input if not given.get(name)}
    for name, outer in given.items():
        if outer and outer not in constant:
            feeds[name] = values[outer]
        elif outer:
            tensor = type(stored[outer])() if outer in stored else numpy_helper.from_array(values[outer])
            if outer in stored:
                tensor.CopyFrom(stored[outer])
            tensor.name = name
            weights.append(tensor)
    said = {attribute.name: attribute for attribute in (*function.attribute_proto, *node.attribute)}
    nodes = [_bound(inner, said) for inner in function.node]
    inputs = [helper.make_tensor_value_info(name, _type(array.dtype), list(array.shape)) for name, array in feeds.items()]
    outputs = [helper.make_empty_tensor_value_info(name) for name in function.output]
    graph = helper.make_graph(nodes, "function", inputs, outputs, weights)
    if absent:
        _rename(graph, absent)
    imports = function.opset_import or proto.opset_import
    return helper.make_model(graph, opset_imports=imports, functions=proto.functions, ir_version=proto.ir_version), feeds


def _bound(node: Any, said: Mapping[str, Any]) -> Any:
    """Return a node of a function whose attributes have the values that the call gives them; an attribute without a value goes."""
    copy = type(node)()
    copy.CopyFrom(node)
    for inner in _nodes([copy]):
        for place in reversed(range(len(inner.attribute))):
            attribute = inner.attribute[place]
            name, meant = attribute.name, said.get(attribute.ref_attr_name)
            if meant is not None:
                attribute.CopyFrom(meant)
                attribute.name = name
            elif attribute.ref_attr_name:
                del inner.attribute[place]
    return copy
