"""An ONNX graph as calls: one for each node, traced and replayed by the reference evaluator; and what exporters wrote into it."""

from __future__ import annotations

import ast
from typing import Any, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.core.external import array_of, skeleton
from harness.frameworks._onnx_evaluator import double_evaluator, evaluator, is_narrow, refusal
from harness.frameworks._onnx_lean import See, captured

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
    proto: Any, feeds: Mapping[str, Any], names: Sequence[str] | None, session: Any = None, see: See | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return tensors by name and the outputs of the graph, as the evaluator computes them. Values that are no arrays are left out.

    ``see`` is shown every value, kept or not, when it is made.
    """
    wanted = [entry["name"] for entry in tensor_names(proto)] if names is None else list(names)
    final = [info.name for info in proto.graph.output]
    try:
        values = (session or evaluator()(proto)).walk(feeds, [*wanted, *final], see=see)
    except Exception as error:
        raise refusal(error) or error
    inner = {name: np.array(values[name]) for name in wanted if _is_array(values.get(name))}
    return inner, {name: np.array(values[name]) for name in final}


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def trace(proto: Any, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return one call for each node that depends on an input; keys of values are the names of tensors.

    Only the arrays of nodes under ``wanted`` are kept while the graph is executed (None: of all).
    """
    sizes = {name: np.asarray(array).nbytes for name, array in feeds.items()}

    def see(name: str, value: Any) -> None:
        if _is_array(value):
            sizes[name] = value.nbytes

    nodes, constant = paths(proto), stored(proto)
    given = {path: [name for name in dict.fromkeys((*node.input, *captured(node))) if name not in constant] for path, node in nodes.items()}
    chosen = [path for path in nodes if wanted is None or path in wanted]
    inner, final = intermediates(proto, feeds, [name for path in chosen for name in (*given[path], *nodes[path].output) if name], see=see)
    values = {**inner, **final, **{name: np.asarray(array) for name, array in feeds.items()}}
    calls: list[dict[str, Any]] = [{
        "path": "", "call": 0, "type": "graph", "config": "", "parent": -1, "leaf": False, "nbytes": 0,
        "input_keys": list(feeds), "output_keys": list(final), "input_names": list(feeds), "output_names": list(final),
        "inputs": list(map(np.asarray, feeds.values())), "outputs": list(final.values()),
    }]  # fmt: skip
    for path, node in nodes.items():
        taken = [name for name in given[path] if name in sizes]
        made = [name for name in node.output if name in sizes]
        if not made:
            continue
        calls.append({
            "path": path, "call": 0, "type": node.op_type, "config": config_of(node), "parent": 0, "leaf": True,
            "nbytes": sum(sizes[name] for name in (*taken, *made)), "input_keys": taken, "output_keys": made,
            "inputs": [values[name] for name in taken] if path in chosen else [],
            "outputs": [values[name] for name in made] if path in chosen else [],
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


def config_of(node: Any) -> str:
    """Return the attributes of a node in a few words."""
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
    needed = {name for name in (*node.input, *captured(node)) if name in constant}
    weights = [tensor for tensor in proto.graph.initializer if tensor.name in needed]
    computed = _computed(proto, sorted(needed - {tensor.name for tensor in weights}))
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype), list(np.shape(array)))
        for name, array in feeds.items()
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in node.output if name]
    weights += [numpy_helper.from_array(array, name) for name, array in computed.items()]
    graph = helper.make_graph([node], "node", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=proto.opset_import, functions=proto.functions, ir_version=proto.ir_version)


def _computed(proto: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return constants that nodes compute, as arrays."""
    if not names:
        return {}
    constant = stored(proto)
    part = skeleton(proto, "initializer", "node", "input", "output")
    part.graph.node.extend(node for node in proto.graph.node if all(name in constant for name in node.output if name))
    needed = {name for node in part.graph.node for name in (*node.input, *captured(node))}
    part.graph.initializer.extend(tensor for tensor in proto.graph.initializer if tensor.name in needed)
    values = evaluator()(part).walk({}, names)
    return {name: np.asarray(values[name]) for name in names}


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
    found = {tensor.name: array_of(tensor) for tensor in proto.graph.initializer if tensor.name in node.input}
    found.update(_computed(proto, [name for name in node.input if name in constant and name not in found]))
    return {str(place): found[name] for place, name in enumerate(node.input) if name in found}
