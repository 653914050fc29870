"""What an ONNX model must satisfy before it is run: it stays in its folder and fits the declaration of the case."""

from __future__ import annotations

import os
from typing import Any, Iterator

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


def external_files(proto: Any, path: str, where: str) -> Iterator[str]:
    """Yield the external files of a model. Raises `UsageError` for one outside the folder of ``path``."""
    folder = os.path.realpath(os.path.dirname(path)) if path else ""
    for tensor in _tensors(proto):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        if not path:
            raise UsageError(f"{where}: tensor {tensor.name!r} lies in the file {location!r}; return the path of the model instead")
        target = os.path.realpath(os.path.join(folder, location))
        if os.path.isabs(location) or ".." in location.replace("\\", "/").split("/") or not target.startswith(folder + os.sep):
            raise UsageError(f"{where}: tensor {tensor.name!r} lies in {location!r}, outside the model's folder; refused")
        if not os.path.isfile(target):
            raise UsageError(f"{where}: tensor {tensor.name!r} lies in {location!r}, which is no file beside the model")
        yield os.path.normpath(location)


def _tensors(message: Any) -> Iterator[Any]:
    """Yield every tensor of a model, at any depth: initializers, attributes, subgraphs, functions."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "DESCRIPTOR") else value:
                yield from _tensors(part)


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
