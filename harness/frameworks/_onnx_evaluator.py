"""The ONNX reference evaluator as an authority: some operators put right, and a float64 variant as the oracle.

The float64 evaluator widens whatever it is handed, so subgraphs, functions and the bodies of
operators that the specification defines by others are widened too.
"""

from __future__ import annotations

import functools
from typing import Any, Iterator

import numpy as np

from harness.core.errors import Unsupported
from harness.core.external import array_of
from harness.frameworks._onnx_lean import lean
from harness.frameworks._onnx_operators import operators

# Operators whose result type is an attribute, and whether its absence means float.
_TYPED = {
    "Cast": ("to", False), "EyeLike": ("dtype", False), "RandomNormal": ("dtype", True), "RandomUniform": ("dtype", True),
    "RandomNormalLike": ("dtype", False), "RandomUniformLike": ("dtype", False), "Bernoulli": ("dtype", False),
    "SequenceEmpty": ("dtype", True), "HannWindow": ("output_datatype", True), "HammingWindow": ("output_datatype", True),
    "BlackmanWindow": ("output_datatype", True), "MelWeightMatrix": ("output_datatype", True),
}  # fmt: skip
# Element types narrower than double, as ONNX numbers them.
_NAMES = {1: "float32", 10: "float16", 16: "bfloat16"}
# The evaluator computes this in float32 inside, which the type of the result does not show.
_SINGLE_INSIDE = ("DynamicQuantizeLinear",)
_PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "Einsum", "Attention")
# What these return has been rounded before, or is no result of arithmetic.
_MOVES = (
    "Cast", "CastLike", "Compress", "Concat", "Constant", "ConstantOfShape", "DepthToSpace", "Expand", "EyeLike", "Flatten", "Gather",
    "GatherElements", "GatherND", "Identity", "MaxPool", "Pad", "Range", "Reshape", "ReverseSequence", "ScatterElements", "ScatterND",
    "Shape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Trilu", "Unsqueeze", "Where", "If", "Loop", "Scan",
)  # fmt: skip


@functools.lru_cache(maxsize=1)
def evaluator() -> Any:
    """Return ``onnx.reference.ReferenceEvaluator`` with `harness.frameworks._onnx_operators.operators` in place of its own."""
    right = operators()

    class Evaluator(lean()):  # type: ignore[misc]
        def __init__(self, *args: Any, new_ops: Any = None, **kwargs: Any) -> None:
            super().__init__(*args, new_ops=[*right, *(new_ops or ())], **kwargs)

    return Evaluator


@functools.lru_cache(maxsize=1)
def double_evaluator() -> Any:
    """Return the float64 class. It raises `RuntimeError` where an operator would still compute in less.

    ``move``: what each weight of the main graph becomes, see `harness.core.weights.Move`; without one it is widened. Either is done
    when a node reads it. ``inner``: what becomes of the values between nodes, see `harness.core.weights.Inner`.
    """

    class Double(evaluator()):  # type: ignore[misc]
        def __init__(self, proto: Any, *args: Any, move: Any = None, inner: Any = None, **kwargs: Any) -> None:
            self._move, self._inner = move, inner
            self._movable = _weighed(proto) if move is not None else ()
            super().__init__(proto, *args, **kwargs)

        def prepared(self, rest: Any) -> Any:
            return _widened(rest)

        def value_of(self, tensor: Any) -> Any:
            array = super().value_of(tensor)
            if tensor.data_type not in _floats():
                return array
            if tensor.name in self._movable:
                return self._move(tensor.name, _wide(array) if array.dtype.kind != "f" else array, _NAMES[tensor.data_type])
            return _wide(array)

        def _made(self, node: Any, needs: Any, results: Any, attributes: Any) -> Any:
            if self._inner is not None and self._inner.factors and node.op_type in _PRODUCTS:
                # The factors are the first two; a weight has been rounded by itself.
                results = {**results, **{name: self._rounded(results[name]) for name in node.input[:2] if name in results}}
            made = super()._made(node, needs, results, attributes)
            computes = self._inner is not None and self._inner.everywhere and node.op_type not in _MOVES
            return tuple(map(self._rounded, made)) if computes and any(name in results for name in needs if name) else made

        def _rounded(self, value: Any) -> Any:
            fits = isinstance(value, np.ndarray) and value.dtype == np.float64
            return np.asarray(self._inner(value)).reshape(value.shape) if fits else value

        def check(self, node: Any, name: str, value: Any) -> None:
            if node.op_type != "Constant" and any(is_narrow(array.dtype) for array in _arrays(value)):
                raise RuntimeError(f"no float64 oracle: onnx.reference computes {node.op_type} in a narrower type")

    return Double


def refusal(error: Exception) -> Unsupported | None:
    """Return the refusal that an exception of the evaluator stands for, None for any other failure."""
    # An optional output that an operator does not compute is only missed when the graph asks for it.
    text = str(error).strip().splitlines()[0] if str(error).strip() else ""
    if not isinstance(error, NotImplementedError) and not text.startswith(("Unable to find output name", "Unable to find input")):
        return None
    result = Unsupported(f"onnx.reference refuses the graph: {text[:300]}")
    result.__cause__ = error
    return result


def is_narrow(dtype: Any) -> bool:
    """Return True for a float type other than double."""
    return dtype != np.float64 and (dtype.kind == "f" or "bfloat16" in str(dtype))


def _arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _arrays(part)


# What a vector must feed to count as a weight: elsewhere it is a shape, a scale or a bound, and exact.
_WEIGHED = (
    "Add", "Sub", "Mul", "Div", "Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "InstanceNormalization",
    "LayerNormalization", "GroupNormalization", "RMSNormalization", "PRelu", "LSTM", "GRU", "RNN",
)  # fmt: skip


def _weighed(proto: Any) -> set[str]:
    """Return the names of the initializers that carry the rounding of their type."""
    named = {name for node in proto.graph.node if node.op_type in _WEIGHED for name in node.input}
    return {tensor.name for tensor in proto.graph.initializer if len(tensor.dims) > 1 or (tensor.dims and tensor.name in named)}


def _widened(proto: Any) -> Any:
    """Widen a model, graph or function without weights, and return it; subgraphs wait for their own evaluator."""
    graph = getattr(proto, "graph", proto)
    for sparse in getattr(graph, "sparse_initializer", ()):
        _widen_tensor(sparse.values)
    for field in ("input", "output", "value_info"):
        for info in getattr(graph, field, ()):
            if hasattr(info, "type"):  # a function lists bare names
                _widen_type(info.type)
    if hasattr(graph, "node"):
        nodes = [part for node in graph.node for part in _widen_node(node)]
        del graph.node[:]
        graph.node.extend(nodes)
    return proto


def _widen_node(node: Any) -> Iterator[Any]:
    from onnx import TensorProto, helper, numpy_helper

    if node.domain == "" and node.op_type in _SINGLE_INSIDE:
        raise RuntimeError(f"no float64 oracle: onnx.reference computes {node.op_type} in float32")
    given = {attribute.name: attribute for attribute in node.attribute}
    for attribute in node.attribute:
        for tensor in (attribute.t, attribute.sparse_tensor.values, *attribute.tensors):
            _widen_tensor(tensor)
        _widen_type(attribute.tp)
    yield node
    if node.domain != "":
        return
    double = int(TensorProto.DOUBLE)
    if node.op_type == "Constant" and ("value_float" in given or "value_floats" in given):
        final, node.output[0] = node.output[0], node.output[0] + "__single"
        yield helper.make_node("Cast", [node.output[0]], [final], to=double)
    elif node.op_type == "ConstantOfShape" and "value" not in given:
        node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(np.zeros(1))))
    elif node.op_type in _TYPED:
        name, float_by_default = _TYPED[node.op_type]
        # stash_type, the type in which a normalisation accumulates, is always a float type.
        if name in given and (given[name].i in _floats() or given[name].ref_attr_name == "stash_type"):
            given[name].CopyFrom(helper.make_attribute(name, double))
        elif name not in given and float_by_default:
            node.attribute.append(helper.make_attribute(name, double))


def _widen_tensor(tensor: Any) -> None:
    from onnx import numpy_helper

    if tensor.data_type in _floats():
        tensor.CopyFrom(numpy_helper.from_array(_wide(array_of(tensor)), tensor.name))


def _wide(array: Any) -> Any:
    """Return float numbers as float64; onnx up to 1.17 keeps bfloat16 as the whole numbers that have the same bits."""
    if array.dtype.kind == "u":
        return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return array.astype(np.float64)


def _widen_type(kind: Any) -> None:
    from onnx import TensorProto

    which = kind.WhichOneof("value")
    if which in ("tensor_type", "sparse_tensor_type"):
        tensor = getattr(kind, which)
        if tensor.elem_type in _floats():
            tensor.elem_type = TensorProto.DOUBLE
    elif which in ("sequence_type", "optional_type"):
        _widen_type(getattr(kind, which).elem_type)


def _floats() -> tuple[int, ...]:
    return tuple(_NAMES)
