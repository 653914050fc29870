"""What an ONNX model must satisfy before it is run: it fits the declaration of the case."""

from __future__ import annotations

from typing import Any

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.spec import TensorSpec


def check_ports(proto: Any, case: Case, where: str) -> None:
    """Raise `UsageError` unless inputs and outputs carry the declared names and types."""
    from onnx.helper import tensor_dtype_to_np_dtype

    stored = {tensor.name for tensor in proto.graph.initializer}
    inputs = {info.name: info.type for info in proto.graph.input if info.name not in stored}
    specs = {spec.name: spec for spec in case.specs("onnx")}
    if set(inputs) != set(specs):
        raise UsageError(f"{where} has the inputs {list(inputs)}, the case declares {list(specs)}; declare the names of the graph")
    outputs = [info.name for info in proto.graph.output]
    if case.outputs and list(case.outputs) != outputs:
        raise UsageError(f"{where} has the outputs {outputs}, the case names them {list(case.outputs)}; a graph keeps its own names")
    for info in [*proto.graph.input, *proto.graph.output]:
        if not info.type.HasField("tensor_type"):
            raise UsageError(f"{where}: {info.name!r} is a {info.type.WhichOneof('value') or 'value without type'}; expected a tensor")
    for name, kind in inputs.items():
        dtype = str(tensor_dtype_to_np_dtype(kind.tensor_type.elem_type))
        if dtype != specs[name].dtype and specs[name].dtype != "bfloat16":
            raise UsageError(f"{where}: input {name!r} is {dtype}, the case declares {specs[name].dtype}")
        if kind.tensor_type.HasField("shape"):
            _check_shape(kind.tensor_type.shape.dim, specs[name], f"{where}: input {name!r}")


def _check_shape(dims: Any, spec: TensorSpec, where: str) -> None:
    """Raise `UsageError` where the graph fixes a length that the case declares otherwise."""
    if len(dims) != len(spec.shape):
        raise UsageError(f"{where} has {len(dims)} axes, the case declares {len(spec.shape)}")
    for axis, (dim, declared) in enumerate(zip(dims, spec.shape)):
        fixed = dim.dim_value if dim.HasField("dim_value") else None
        if fixed is not None and fixed != declared:
            raise UsageError(f"{where} has length {fixed} on axis {axis}, the case declares {declared}; declare {fixed}")


def inputs_of(model: Any) -> list[list[Any]]:
    """Return name, dtype and shape of each input that no initializer fills. Raises `UsageError` for what is no model."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        proto = onnx.load(model, load_external_data=False) if isinstance(model, str) else model
    except DecodeError as error:
        raise UsageError(f"{model} is no ONNX model: {error}") from error
    filled = {tensor.name for tensor in proto.graph.initializer}
    found = []
    for info in proto.graph.input:
        if info.name in filled:
            continue
        tensor = info.type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name if tensor.elem_type else ""
        if not dtype:
            raise UsageError(f"input {info.name!r} is no tensor; sequences, maps and optionals cannot be fed yet")
        found.append([info.name, dtype, [d.dim_param or None if not d.HasField("dim_value") else d.dim_value for d in tensor.shape.dim]])
    return found
