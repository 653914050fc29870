"""An ONNX graph as calls: one for each node, traced and replayed by the reference evaluator; and what exporters wrote into it."""

from __future__ import annotations

import ast
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.frameworks._onnx_evaluator import double_evaluator, evaluator, is_narrow, refusal

_SCOPES = "pkg.torch.onnx.name_scopes"
_WRAPPER = "module"


def scope_of(node: Any) -> str:
    """Return the module that a node came from, as the PyTorch exporters and those of TensorFlow write it; "" for none."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            try:
                scopes = ast.literal_eval(entry.value)
            except (ValueError, SyntaxError):
                continue
            return _unwrapped(str(scopes[-2])) if len(scopes) > 1 else ""
    return _unwrapped(".".join(part for part in node.name.split("/")[:-1] if part))


def _unwrapped(scope: str) -> str:
    """Return a scope without the module that converters put around the model."""
    if scope == _WRAPPER:
        return ""
    return scope[len(_WRAPPER) + 1 :] if scope.startswith(_WRAPPER + ".") else scope


def stored(proto: Any) -> set[str]:
    """Return the names of weights and constants: initializers, and what nodes compute from these alone."""
    graph = proto.graph
    found = {tensor.name for tensor in graph.initializer} | {tensor.values.name for tensor in graph.sparse_initializer}
    for node in graph.node:
        if all(name in found or not name for name in (*node.input, *captured(node))) and not node.op_type.startswith("Random"):
            found.update(node.output)
    return found


def captured(node: Any) -> list[str]:
    """Return the outer values that the subgraphs of a node use."""
    outer: list[str] = []
    for graph in _subgraphs(node):
        inner = {info.name for info in graph.input} | {tensor.name for tensor in graph.initializer}
        for part in graph.node:
            outer += [name for name in (*part.input, *captured(part)) if name and name not in inner]
            inner.update(part.output)
        outer += [info.name for info in graph.output if info.name not in inner]
    return list(dict.fromkeys(outer))


def _subgraphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def tensor_names(proto: Any) -> list[dict[str, Any]]:
    """Return what nodes make of the inputs, in execution order: name, operator, scope, and the values each is made of."""
    constant = stored(proto)
    found = []
    for node in proto.graph.node:
        given = [name for name in dict.fromkeys((*node.input, *captured(node))) if name and name not in constant]
        for name in node.output:
            if name and name not in constant:
                found.append({"name": name, "op": node.op_type, "scope": scope_of(node), "inputs": given, "node": node.name})
    return found


def intermediates(
    proto: Any, feeds: Mapping[str, Any], names: Sequence[str] | None, session: Any = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return tensors by name and the outputs of the graph, as the evaluator computes them. Values that are no arrays are left out."""
    try:
        values = (session or evaluator()(proto)).run(None, dict(feeds), intermediate=True)
    except Exception as error:
        raise refusal(error) or error
    wanted = [entry["name"] for entry in tensor_names(proto)] if names is None else names
    inner = {name: np.array(values[name]) for name in wanted if isinstance(values.get(name), (np.ndarray, np.generic))}
    return inner, {info.name: np.array(values[info.name]) for info in proto.graph.output}


def trace(proto: Any, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return one call for each node that depends on an input; keys of values are the names of tensors."""
    inner, final = intermediates(proto, feeds, None)
    values = {**{name: np.asarray(array) for name, array in feeds.items()}, **final, **inner}
    constant = stored(proto)
    root = {
        "path": "", "call": 0, "type": "graph", "config": "", "parent": -1, "leaf": False, "nbytes": 0,
        "input_keys": list(feeds), "output_keys": list(final), "input_names": list(feeds), "output_names": list(final),
        "inputs": list(map(np.asarray, feeds.values())), "outputs": list(final.values()),
    }  # fmt: skip
    calls: list[dict[str, Any]] = [root]
    for path, node in paths(proto).items():
        given = [name for name in dict.fromkeys((*node.input, *captured(node))) if name in values and name not in constant]
        made = [name for name in node.output if name in values]
        if not made:
            continue
        kept = wanted is None or path in wanted
        calls.append({
            "path": path, "call": 0, "type": node.op_type, "config": _config(node), "parent": 0, "leaf": True,
            "nbytes": sum(values[name].nbytes for name in (*given, *made)), "input_keys": given, "output_keys": made,
            "inputs": [values[name] for name in given] if kept else [], "outputs": [values[name] for name in made] if kept else [],
        })  # fmt: skip
    return calls


def paths(proto: Any) -> dict[str, Any]:
    """Return the nodes that make something of the inputs, each under its name, or operator and output where names are missing or repeat."""
    constant = stored(proto)
    nodes = [node for node in proto.graph.node if any(name and name not in constant for name in node.output)]
    names = [node.name for node in nodes]
    return {
        node.name if node.name and names.count(node.name) == 1 else f"{node.op_type}({next(filter(None, node.output))})": node
        for node in nodes
    }


def _config(node: Any) -> str:
    from onnx.helper import get_attribute_value

    words = []
    for attribute in node.attribute:
        value = get_attribute_value(attribute)
        if isinstance(value, bytes):
            words.append(f"{attribute.name}={value.decode(errors='replace')}")
        elif isinstance(value, (int, float)) or (
            isinstance(value, (list, tuple)) and all(isinstance(part, (int, float)) for part in value)
        ):
            words.append(f"{attribute.name}={value:.6g}" if isinstance(value, float) else f"{attribute.name}={value}")
    return ", ".join(words)


def alone(proto: Any, path: str, feeds: Mapping[str, Any]) -> Any:
    """Return a model of one node whose inputs are ``feeds``; weights come along. Raises `UsageError` for an unknown node."""
    from onnx import TensorProto, helper, numpy_helper

    node = paths(proto).get(path)
    if node is None:
        raise UsageError(f"the graph has no node {path!r}")
    constant = stored(proto)
    needed = [name for name in dict.fromkeys((*node.input, *captured(node))) if name]
    weights = _constants(proto, [name for name in needed if name in constant])
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype), list(np.shape(array)))
        for name, array in feeds.items()
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in node.output if name]
    graph = helper.make_graph([node], "node", inputs, outputs, [numpy_helper.from_array(array, name) for name, array in weights.items()])
    return helper.make_model(graph, opset_imports=proto.opset_import, functions=proto.functions, ir_version=proto.ir_version)


def _constants(proto: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return weights, and constants that nodes compute, as arrays."""
    from onnx import numpy_helper

    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer if tensor.name in names}
    computed = [name for name in names if name not in found]
    if computed:
        part = type(proto)()
        part.CopyFrom(proto)
        constant = stored(proto)
        nodes = [node for node in proto.graph.node if all(name in constant for name in node.output if name)]
        del part.graph.node[:], part.graph.input[:], part.graph.output[:]
        part.graph.node.extend(nodes)
        values = evaluator()(part).run([], {}, intermediate=True)
        found.update({name: np.asarray(values[name]) for name in computed})
    return found


def replay(proto: Any, path: str, inputs: Sequence[Any], double: bool) -> list[Any]:
    """Return what one node makes of ``inputs`` (those that are not constant, in order)."""
    node = paths(proto).get(path)
    if node is None:
        raise UsageError(f"the graph has no node {path!r}")
    constant = stored(proto)
    given = [name for name in dict.fromkeys((*node.input, *captured(node))) if name and name not in constant]
    feeds = {name: np.asarray(array) for name, array in zip(given, inputs)}
    made = [name for name in node.output if name]
    model = alone(proto, path, feeds)
    if double:
        feeds = {name: array.astype(np.float64) if is_narrow(array.dtype) else array for name, array in feeds.items()}
    try:
        return [np.array(array) for array in (double_evaluator() if double else evaluator())(model).run(made, feeds)]
    except Exception as error:
        raise refusal(error) or error


def parameters(proto: Any, path: str) -> dict[str, Any]:
    """Return the constant inputs of a node, by their place among all its inputs."""
    node = paths(proto)[path]
    constant = stored(proto)
    found = _constants(proto, [name for name in node.input if name in constant])
    return {str(place): found[name] for place, name in enumerate(node.input) if name in found}
