"""An ONNX model as ATC's parser meets it: every node with the opset of its domain, at any depth, with what is known of its tensors."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from harness.ascend.lean import lean
from harness.ascend.operators import MAIN
from harness.core.errors import Unsupported
from harness.core.external import array_of

_FUNCTION = "function "
_DRAWN = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")


class Node:
    """A node with its surroundings. ``scope``: where it lies, "" for the main graph; ``opset`` of its domain, None where not imported."""

    def __init__(self, proto: Any, scope: str, imports: Mapping[str, int], model: Model) -> None:
        self.proto = proto
        self.scope = scope
        self.domain = proto.domain or MAIN
        self.op = proto.op_type
        self.opset = imports.get(self.domain)
        self.local = scope.startswith(_FUNCTION)
        self._model = model

    @property
    def name(self) -> str:
        """What to call it: its own name, else that of its first output."""
        own = self.proto.name or next(iter(self.proto.output), "") or self.op
        return f"{self.scope}/{own}" if self.scope else str(own)

    @property
    def given(self) -> dict[str, Any]:
        """The attributes that the node has, as values of Python."""
        from onnx import helper

        plain = [one for one in self.proto.attribute if not one.ref_attr_name]
        return {one.name: _text(helper.get_attribute_value(one)) for one in plain}

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or ``default``."""
        return self.given.get(name, default)

    @property
    def defaults(self) -> dict[str, Any]:
        """The attributes' defaults at this opset, where ONNX knows the operator and the attribute has one."""
        from onnx import defs, helper

        try:
            schema = defs.get_schema(self.op, self.opset or 1, "" if self.domain == MAIN else self.domain)
        except defs.SchemaError:
            return {}
        found = {name: one.default_value for name, one in schema.attributes.items() if one.default_value.name}
        return {name: _text(helper.get_attribute_value(proto)) for name, proto in found.items()}

    def dims(self, place: int) -> list[int | str | None] | None:
        """Return the lengths of an input: numbers, symbols, or None; None where nothing is known."""
        return self._model.dims(self._input(place))

    def rank(self, place: int) -> int | None:
        """Return the number of axes of an input, None where it is not known."""
        found = self.dims(place)
        return None if found is None else len(found)

    def constant(self, place: int) -> Any:
        """Return the numbers of an input that is constant, else None."""
        return self._model.constant(self._input(place))

    @property
    def fixed(self) -> bool:
        """Whether its outputs are the same for all inputs of the model."""
        return bool(self.proto.output) and not self.local and all(name in self._model.fixed for name in self.proto.output if name)

    def types(self) -> list[bytes] | None:
        """Return the serialised type of each input, None where one is not known."""
        found = [self._model.type(name) if name else b"" for name in self.proto.input] if not self.local else [None]
        return None if None in found else [one for one in found if one is not None]

    def kinds(self) -> list[str]:
        """Return the element type of each input as schemas write it (``tensor(float)``), "" where it is not known."""
        return [] if self.local else [self._model.kind(name) for name in self.proto.input]

    def has(self, place: int) -> bool:
        """Return whether an input is given."""
        return place < len(self.proto.input) and bool(self.proto.input[place])

    def _input(self, place: int) -> str:
        # Names inside a function are its own; the main graph may use them for something else.
        return str(self.proto.input[place]) if place < len(self.proto.input) and not self.local else ""


def _text(given: Any) -> Any:
    if isinstance(given, bytes):
        return given.decode("utf-8", "replace")
    return [_text(one) for one in given] if isinstance(given, list) else given


class Model:
    """A model and what is known of it. ``path``: its file."""

    def __init__(self, proto: Any) -> None:
        self.proto = proto
        self.imports = imports_of(proto)
        self.functions = {(one.domain, one.name): one for one in proto.functions}
        self.stored = {tensor.name: tensor for tensor in proto.graph.initializer}
        self.note = ""
        self._infos = self._inferred()
        self.constants = {
            node.output[0]: attribute.t
            for node in proto.graph.node if node.op_type == "Constant" and node.domain in ("", MAIN)
            for attribute in node.attribute if attribute.name == "value"
        }  # fmt: skip
        self.fixed = self._fixed()
        self._values: dict[str, Any] = {}

    @property
    def inputs(self) -> list[Any]:
        """The inputs that no initializer fills."""
        return [info for info in self.proto.graph.input if info.name not in self.stored]

    def nodes(self) -> Iterator[Node]:
        """Yield every node: those of the main graph, of its subgraphs, and of local functions."""
        yield from self._of(self.proto.graph.node, "", self.imports)
        for function in self.proto.functions:
            yield from self._of(function.node, _FUNCTION + str(function.name), imports_of(function))

    def _of(self, nodes: Sequence[Any], scope: str, imports: Mapping[str, int]) -> Iterator[Node]:
        for node in nodes:
            found = Node(node, scope, imports, self)
            yield found
            for attribute in node.attribute:
                for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                    yield from self._of(graph.node, f"{found.name}.{attribute.name}", imports)

    def dims(self, name: str) -> list[int | str | None] | None:
        """Return the lengths of a tensor of the main graph."""
        if name in self.stored:
            return list(self.stored[name].dims)
        info = self._infos.get(name)
        return None if info is None else dims_of(info)

    def constant(self, name: str) -> Any:
        """Return the numbers of a constant of the main graph, else None."""
        tensor = self.stored.get(name) or self.constants.get(name)
        return None if tensor is None else array_of(tensor)

    def type(self, name: str) -> bytes | None:
        """Return the serialised type of a tensor of the main graph, None where it is not known."""
        from onnx import helper

        if name in self.stored:
            tensor = self.stored[name]
            return bytes(helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims)).SerializeToString())
        info = self._infos.get(name)
        return None if info is None else bytes(info.type.SerializeToString())

    def kind(self, name: str) -> str:
        """Return the element type of a tensor as schemas write it, "" where it is not known."""
        from onnx import TensorProto

        info = self._infos.get(name)
        number = self.stored[name].data_type if name in self.stored else info.type.tensor_type.elem_type if info is not None else 0
        return f"tensor({TensorProto.DataType.Name(number).lower()})" if number else ""

    def value(self, node: Node) -> list[Any]:
        """Return the outputs of a node whose value is fixed, as the reference evaluator computes them."""
        import numpy as np
        from onnx import defs, helper
        from onnx.reference import ReferenceEvaluator

        lengths = self._lengths(node.proto)
        if lengths is not None:
            return [np.array(lengths, np.int64)]
        feeds = {name: self._value_of(name) for name in node.proto.input if name}
        taken = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape) for name, array in feeds.items()
        ]
        given = [helper.make_empty_tensor_value_info(name) for name in node.proto.output if name]
        graph = helper.make_graph([node.proto], "fold", taken, given)
        opset = self.imports.get(MAIN, 1)
        # The evaluator knows some operators in later forms alone; whoever folds proves the result.
        for tried in range(opset, max(opset, defs.onnx_opset_version()) + 1):
            alone = helper.make_model(graph, opset_imports=[helper.make_opsetid("", tried)], ir_version=self.proto.ir_version)
            try:
                return [np.asarray(one) for one in ReferenceEvaluator(alone).run(None, feeds)]
            except (RuntimeError, TypeError, NotImplementedError):
                continue
        raise Unsupported(f"{node.op} cannot be evaluated here")

    def _value_of(self, name: str) -> Any:
        known = self.constant(name)
        if known is not None:
            return known
        if name not in self._values:
            maker = next(node for node in self.nodes() if not node.scope and name in node.proto.output)
            self._values.update(zip(maker.proto.output, self.value(maker)))
        return self._values[name]

    def _lengths(self, proto: Any) -> list[int] | None:
        """Return what a Shape node gives where every length it is asked for is known."""
        dims = self.dims(proto.input[0]) if proto.op_type == "Shape" and proto.domain in ("", MAIN) and proto.input else None
        if dims is None:
            return None
        ends = {one.name: one.i for one in proto.attribute}
        wanted = dims[ends.get("start", 0) : ends.get("end", len(dims))]
        known = [one for one in wanted if isinstance(one, int)]
        return known if len(known) == len(wanted) else None

    def _fixed(self) -> set[str]:
        """Return the tensors of the main graph whose value no input changes."""
        free = {info.name for info in self.proto.graph.input}
        found = {name for name in self.stored if name not in free} | set(self.constants)
        for node in self.proto.graph.node:
            shape = self._lengths(node) is not None
            plain = not any(one.HasField("g") or one.graphs for one in node.attribute) and node.op_type not in _DRAWN
            if plain and (shape or all(name in found for name in node.input if name)):
                found.update(name for name in node.output if name)
        return found

    def _inferred(self) -> dict[str, Any]:
        """Return what shape inference tells of each tensor. Large weights take part by their shape alone."""
        import onnx

        small = lean(self.proto)
        declared = {info.name: info for info in self.proto.graph.output}
        for info in [info for info in small.graph.output if info.type.HasField("tensor_type")]:
            # Exporters name lengths of outputs anew; what the graph says of them is worth more.
            info.type.tensor_type.ClearField("shape")
        try:
            small = onnx.shape_inference.infer_shapes(small, data_prop=True)
        except (onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
            self.note = str(error).strip().splitlines()[0]
        graph = small.graph
        told = {info.name: info for info in graph.output if info.type.tensor_type.HasField("shape")}
        return {**{info.name: info for info in [*graph.value_info, *graph.input]}, **declared, **told}


def imports_of(proto: Any) -> dict[str, int]:
    """Return the opset by domain of a model or a function."""
    return {one.domain or MAIN: one.version for one in proto.opset_import}


def dims_of(info: Any) -> list[int | str | None] | None:
    """Return the lengths that a value info declares; None for a tensor of unknown rank."""
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [one.dim_value if one.HasField("dim_value") else one.dim_param or None for one in tensor.shape.dim]
