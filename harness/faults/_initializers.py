"""The weights of an ONNX graph: what each initializer is for, read from the node that uses it."""

from __future__ import annotations

from typing import Any, Mapping

from harness.faults._onnx import Graph, attribute, graphs_of
from harness.faults._rule import layer_of
from harness.faults.weights import Weight, operators

_LSTM, _GRU = ("i", "o", "f", "c"), ("z", "r", "h")
# Constants of these are settings, such as scales and bounds, and no weights.
_SETTINGS = ("Resize", "Upsample", "Pad", "Clip", "OneHot", "Range", "Tile", "Dropout", "RoiAlign")
_BN = {1: "scale", 2: "bias", 3: "mean", 4: "variance"}


def weights_of(model: Any) -> Mapping[str, Weight]:
    """Return the float32 initializers by name, in order, each with its role."""
    found: dict[str, Weight] = {}
    for graph in graphs_of(model):
        used = {
            name: _role(graph, node, position)
            for node in reversed(graph.proto.node) if node.op_type not in _SETTINGS
            for position, name in enumerate(node.input)
        }  # fmt: skip
        for tensor in graph.proto.initializer:
            if tensor.data_type == 1 and tensor.name in used and tensor.name not in found:
                found[tensor.name] = Weight(name=tensor.name, array=graph.constant(tensor.name), **used[tensor.name])
    return found


def _role(graph: Graph, node: Any, position: int) -> dict[str, Any]:
    """Return what a node uses its input for, as the fields of a `Weight`."""
    base: dict[str, Any] = {"node": next((name for name in node.output if name), ""), "layer": layer_of(node)}
    rule = _ROLES.get(node.op_type)
    name = node.input[position]
    if rule is None or name not in graph._initializers:
        return base
    return {**base, **rule(graph, node, position, graph.shape(name))}


def _conv(graph: Graph, node: Any, position: int, shape: Any) -> dict[str, Any]:
    if position != 1:
        return {"role": "bias"} if position == 2 else {}
    behind = [user for user in graph.users(node.output[0]) if user.op_type == "BatchNormalization"]
    partners = {"conv-bias": node.input[2]} if len(node.input) > 2 and node.input[2] in graph._initializers else {}
    if behind and all(name in graph._initializers for name in behind[0].input[1:5]):
        partners.update({"bn-scale": behind[0].input[1], "bn-variance": behind[0].input[4]})
        return {"role": "conv", "out": 0, "partners": partners, "eps": attribute(behind[0], "epsilon", 1e-5)}
    return {"role": "conv", "out": 1 if node.op_type == "ConvTranspose" else 0}


def _linear(graph: Graph, node: Any, position: int, shape: Any) -> dict[str, Any]:
    if node.op_type == "Gemm" and position == 2:
        return {"role": "bias", "out": len(shape) - 1} if shape else {}
    if position == 0 or len(shape) != 2:
        return {}
    return {"role": "linear", "out": 0 if attribute(node, "transB", 0) else 1}


def _added(graph: Graph, node: Any, position: int, shape: Any) -> dict[str, Any]:
    name, other = node.input[position], node.input[1 - position]
    if "pos" in name.lower() and len(shape) >= 2:
        return {"role": "positions"}
    made = graph.maker(other, "MatMul", "Conv", "Gemm", "Einsum")
    return {"role": "bias", "out": len(shape) - 1} if made is not None and len(shape) == 1 else {}


def _norm(graph: Graph, node: Any, position: int, shape: Any) -> dict[str, Any]:
    role = _BN.get(position, "")
    names = {_BN[i]: name for i, name in enumerate(node.input) if i in _BN and name in graph._initializers}
    partners = {other: name for other, name in names.items() if other != role}
    # An exchange is one site, listed at its first tensor.
    if role in ("mean", "scale"):
        partners[f"is-{role}"] = node.input[position]
    if node.op_type != "BatchNormalization" and position > 2:
        return {}
    return {"role": role, "partners": partners}


def _rnn(graph: Graph, node: Any, position: int, shape: Any) -> dict[str, Any]:
    gates = {"LSTM": _LSTM, "GRU": _GRU}.get(node.op_type, ("h",))
    if position in (1, 2):
        return {"role": "rnn", "gates": gates, "gate_axis": 1, "out": 1}
    if position == 3:
        return {"role": "rnn-bias", "gates": gates * 2, "gate_axis": 1, "recurrent": (shape[1] // 2, shape[1]), "out": 1}
    return {}


def _table(graph: Graph, node: Any, position: int, shape: Any) -> dict[str, Any]:
    if position != 0 or len(shape) != 2 or attribute(node, "axis", 0) != 0:
        return {}
    return {"role": "positions" if "pos" in node.input[0].lower() else "embedding"}


_ROLES = {
    "Conv": _conv, "ConvTranspose": _conv, "MatMul": _linear, "Gemm": _linear, "Add": _added, "BatchNormalization": _norm,
    "LayerNormalization": _norm, "InstanceNormalization": _norm, "GroupNormalization": _norm,
    "LSTM": _rnn, "GRU": _rnn, "RNN": _rnn, "Gather": _table,
}  # fmt: skip


def stored(model: Any, changed: Mapping[str, Any]) -> Any:
    """Return a copy of the model that holds the changed tensors."""
    from onnx import numpy_helper

    copy = type(model)()
    copy.CopyFrom(model)
    for graph in graphs_of(copy):
        for tensor in graph.proto.initializer:
            if tensor.name in changed:
                tensor.CopyFrom(numpy_helper.from_array(changed[tensor.name], tensor.name))
    return copy


OPERATORS = tuple(operators(weights_of, stored))
