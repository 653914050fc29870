"""An ONNX graph that can be asked and edited: who makes a tensor, what it holds, what replaces a node."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.core.external import array_of

EXAMPLE = "parity.example."
"""Prefix of metadata keys that say which length a named dimension had when the model was made."""


class Graph:
    """One graph of a model, main or nested. Editing it edits the model it was made from."""

    def __init__(self, proto: Any, model: Any, shapes: Mapping[str, Any], outer: Graph | None = None) -> None:
        self.proto = proto
        self.model = model
        self.outer = outer
        self._shapes = shapes
        self.opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
        self._initializers = {tensor.name: tensor for tensor in proto.initializer}
        self._makers = {name: node for node in proto.node for name in node.output if name}
        self._values: dict[str, Any] = {}
        self._users: dict[str, list[Any]] = {}
        for node in proto.node:
            for name in dict.fromkeys(node.input):
                self._users.setdefault(name, []).append(node)

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs that no initializer fills."""
        return [info.name for info in self.proto.input if info.name not in self._initializers]

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return [info.name for info in self.proto.output]

    def nodes(self, *kinds: str) -> Iterator[Any]:
        """Yield the standard nodes of these kinds (all when empty), in order."""
        for node in self.proto.node:
            if node.domain in ("", "ai.onnx") and (not kinds or node.op_type in kinds):
                yield node

    def maker(self, name: str, *kinds: str) -> Any:
        """Return the node that makes a tensor, None for inputs and constants or another kind."""
        node = self._makers.get(name)
        return node if node is not None and (not kinds or node.op_type in kinds) else None

    def users(self, name: str) -> list[Any]:
        """Return the nodes of this graph that read a tensor."""
        return self._users.get(name, [])

    def constant(self, name: str) -> Any:
        """Return the value of an initializer or ``Constant`` node, None where the tensor is computed."""
        if name not in self._values:
            self._values[name] = self._constant(name)
        return self._values[name]

    def _constant(self, name: str) -> Any:
        from onnx import helper

        if name in self._initializers:
            return array_of(self._initializers[name])
        node = self._makers.get(name)
        if node is not None and node.op_type == "Constant":
            attribute = node.attribute[0]
            if attribute.name == "value":
                return array_of(attribute.t)
            held = helper.get_attribute_value(attribute)
            return np.asarray(held, np.float32 if "float" in attribute.name else np.int64) if "string" not in attribute.name else None
        if node is not None and node.op_type in ("Identity", "Unsqueeze", "Reshape"):  # exporters wrap constants so
            held = self.constant(node.input[0])
            return held if node.op_type == "Identity" or held is None or held.size == 1 else None
        return self.outer.constant(name) if self.outer is not None and node is None and name not in self.inputs else None

    def scalar(self, name: str) -> Any:
        """Return the one number a constant holds, None for anything else."""
        held = self.constant(name) if name else None
        return held.reshape(-1)[0] if held is not None and held.size == 1 and held.dtype.kind in "fiu" else None

    def shape(self, name: str) -> Any:
        """Return the inferred shape as a tuple with a number or a name for each axis, None where unknown."""
        held = self._initializers.get(name)
        return tuple(held.dims) if held is not None else self._shapes.get(name, (None, None))[1]

    def dtype(self, name: str) -> str:
        """Return the inferred NumPy type of a tensor, "" where unknown."""
        from onnx import helper

        held = self._initializers.get(name)
        code = held.data_type if held is not None else self._shapes.get(name, (None, None))[0]
        return helper.tensor_dtype_to_np_dtype(code).name if code and code != 8 else ""

    def floating(self, name: str) -> bool:
        """Return whether a tensor holds single precision numbers, as far as is known."""
        return self.dtype(name) in ("float32", "")

    def example(self, length: Any) -> int:
        """Return the length a model was made with: the number itself, what the metadata say of a name, else 2."""
        if isinstance(length, int):
            return length
        noted = {entry.key: entry.value for entry in self.model.metadata_props}
        return int(noted.get(f"{EXAMPLE}{length}", 2))

    def fresh(self, stem: str) -> str:
        """Return a tensor name that this graph does not use."""
        used = {*self._makers, *self._initializers, *self._users, *(info.name for info in self.proto.input)}
        number = 0
        while f"{stem}_{number}" in used:
            number += 1
        self._makers[f"{stem}_{number}"] = None
        return f"{stem}_{number}"

    def store(self, array: Any, stem: str = "planted") -> str:
        """Add an initializer; return its name."""
        from onnx import numpy_helper

        name = self.fresh(stem)
        self.proto.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name))
        self._initializers[name] = self.proto.initializer[-1]
        self._values.pop(name, None)
        return name

    def place(self, node: Any) -> int:
        """Return the position of a node."""
        return next(i for i, other in enumerate(self.proto.node) if other is node or other == node)

    def insert(self, at: int, nodes: Sequence[Any]) -> None:
        """Put nodes before position ``at``."""
        rest = [_copied(node) for node in self.proto.node]
        rest[at:at] = nodes
        del self.proto.node[:]
        self.proto.node.extend(rest)

    def write(self, lines: Sequence[str], bound: Mapping[str, str], values: Mapping[str, Any]) -> list[Any]:
        """Return nodes written as text. ``bound`` maps names of the text to tensors, ``values`` to new constants; others are new."""
        from onnx import parser

        names = {**bound, **{name: self.store(array) for name, array in values.items()}}
        made = [parser.parse_node(line) for line in lines]
        for node in made:
            for name in (*node.input, *node.output):
                if name and name not in names:
                    names[name] = self.fresh("planted_" + name)
            node.input[:] = [names.get(name, "") for name in node.input]
            node.output[:] = [names.get(name, "") for name in node.output]
        return made

    def replace(self, node: Any, lines: Sequence[str], bound: Mapping[str, str] | None = None, **values: Any) -> None:
        """Put the nodes of ``lines`` where ``node`` is. ``a``, ``b``, ``c`` are its inputs, ``y`` its output."""
        names = {**dict(zip("abcdefgh", node.input)), "y": node.output[0], **(bound or {})}
        made = self.write(lines, {text: name for text, name in names.items() if name}, values)
        at = self.place(node)
        del self.proto.node[at]
        self.insert(at, made)

    def after(self, name: str, lines: Sequence[str], **values: Any) -> None:
        """Put nodes behind a tensor: they read it as ``x`` and everyone else reads their ``y`` under its old name."""
        node = self.maker(name)
        inner = self.fresh(name)
        if node is None:  # a graph input keeps its name, so its readers are told the new one
            nodes = self.write(lines, {"x": name, "y": inner}, values)
            for user in self.users(name):
                user.input[:] = [inner if old == name else old for old in user.input]
            self.insert(0, nodes)
            return
        node.output[:] = [inner if old == name else old for old in node.output]
        self.insert(self.place(node) + 1, self.write(lines, {"x": inner, "y": name}, values))


def _copied(node: Any) -> Any:
    copy = type(node)()
    copy.CopyFrom(node)
    return copy


def attribute(node: Any, name: str, default: Any = None) -> Any:
    """Return the value of an attribute; texts as str, lists as lists."""
    from onnx import helper

    for item in node.attribute:
        if item.name == name:
            held = helper.get_attribute_value(item)
            if isinstance(held, bytes):
                return held.decode()
            return list(held) if hasattr(held, "__len__") and not isinstance(held, str) else held
    return default


def set_attribute(node: Any, name: str, held: Any) -> None:
    """Set, replace or (for None) remove an attribute."""
    from onnx import helper

    for item in list(node.attribute):
        if item.name == name:
            node.attribute.remove(item)
    if held is not None:
        node.attribute.append(helper.make_attribute(name, held))


def parameter(graph: Graph, node: Any, name: str, position: int) -> Any:
    """Return what older operator sets keep in an attribute and newer ones in a constant input, as an array; None where computed."""
    if len(node.input) > position and node.input[position]:
        return graph.constant(node.input[position])
    held = attribute(node, name)
    return None if held is None else np.asarray(held)


def set_parameter(graph: Graph, node: Any, name: str, position: int, held: Any) -> None:
    """Write it back to where it was read from."""
    if len(node.input) > position and node.input[position]:
        old = graph.constant(node.input[position])
        node.input[position] = graph.store(np.asarray(held, old.dtype if old is not None else None))
    else:
        held = np.asarray(held)
        set_attribute(node, name, held.tolist())


def graphs_of(model: Any) -> list[Graph]:
    """Return the main graph and all nested ones, outer before inner, with inferred shapes."""
    found: list[Graph] = []
    pending: list[tuple[Any, Graph | None]] = [(model.graph, None)]
    inferred = _shapes(model)
    while pending:
        proto, outer = pending.pop(0)
        graph = Graph(proto, model, inferred, outer)
        found.append(graph)
        pending += [(part.g, graph) for node in proto.node for part in node.attribute if part.HasField("g")]
    return found


def _shapes(model: Any) -> dict[str, Any]:
    from onnx import shape_inference

    with contextlib.suppress(ValueError, RuntimeError):  # above 2 GiB, or operators that inference refuses: shapes are then unknown
        model = shape_inference.infer_shapes(model, data_prop=True)
    found: dict[str, Any] = {}
    pending = [model.graph]
    while pending:
        graph = pending.pop()
        for info in [*graph.value_info, *graph.input, *graph.output]:
            tensor = info.type.tensor_type
            shape = None
            if tensor.HasField("shape"):
                shape = tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in tensor.shape.dim)
            found[info.name] = (tensor.elem_type, shape)
        pending += [part.g for node in graph.node for part in node.attribute if part.HasField("g")]
    return found
