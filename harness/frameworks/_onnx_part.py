"""A part of an ONNX graph as a model of its own: for prefixes that are converted anew, and for the smallest graph that still fails."""

from __future__ import annotations

import os
from typing import Any, Mapping

import numpy as np

from harness.core.errors import UsageError
from harness.core.external import save
from harness.frameworks._onnx_lean import captured

FILE = "model.onnx"


def write(proto: Any, begins: Mapping[str, Any], ends: Mapping[str, Any], dest: str) -> str:
    """Write the nodes between the tensors ``begins`` and ``ends`` into the folder ``dest``; return the file's name.

    Weights come along; types and ranks of the new ports are those of the arrays, a length that the graph declares
    dynamic stays so. Raises `UsageError` where something else than ``begins`` is needed.
    """
    from onnx import helper

    part = part_of(proto, begins, ends)
    declared = {info.name: info for info in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info)}

    def port(name: str, array: Any) -> Any:
        if name in declared and declared[name].type.tensor_type.elem_type:
            return declared[name]
        array = np.asarray(array)
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim)

    part.graph.input.extend(port(name, array) for name, array in begins.items())
    part.graph.output.extend(port(name, array) for name, array in ends.items())
    save(part, os.path.join(dest, FILE))
    return FILE


def part_of(proto: Any, begins: Mapping[str, Any], ends: Mapping[str, Any]) -> Any:
    """Return a model without ports of the nodes that lead from ``begins`` to ``ends``, with the weights these need."""
    weights = {tensor.name for tensor in proto.graph.initializer} | {tensor.values.name for tensor in proto.graph.sparse_initializer}
    needed, nodes = set(ends), []
    for node in reversed(proto.graph.node):
        if needed & set(node.output) and not set(node.output) <= set(begins):
            nodes.append(node)
            needed.update(name for name in (*node.input, *captured(node)) if name)
    made = {name for node in nodes for name in node.output}
    missing = sorted(needed - made - set(begins) - weights)
    if missing:
        raise UsageError(f"the part of the graph needs {', '.join(missing)} too")
    part = type(proto)()
    part.ir_version = proto.ir_version
    part.opset_import.extend(proto.opset_import)
    part.functions.extend(proto.functions)
    part.graph.name = "part"
    part.graph.node.extend(reversed(nodes))
    part.graph.initializer.extend(tensor for tensor in proto.graph.initializer if tensor.name in needed - set(begins))
    part.graph.sparse_initializer.extend(tensor for tensor in proto.graph.sparse_initializer if tensor.values.name in needed)
    return part
