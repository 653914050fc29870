"""ONNX's own tools on models of any size: large weights take part as inputs, and come back afterwards."""

from __future__ import annotations

from typing import Any, Callable

from harness.core.external import SMALL, nbytes, skeleton


def lean(proto: Any) -> Any:
    """Return a copy whose large weights are inputs of the same type and shape, so that it fits into one message."""
    from onnx import helper

    small = skeleton(proto, "initializer")
    known = {info.name for info in small.graph.input}
    for tensor in proto.graph.initializer:
        if nbytes(tensor) < SMALL and tensor.data_location != tensor.EXTERNAL:
            small.graph.initializer.add().CopyFrom(tensor)
        elif tensor.name not in known:
            small.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return small


def through(proto: Any, change: Callable[[Any], Any]) -> None:
    """Put ``proto`` through a tool of ONNX that takes a model and returns one; inputs and large weights stay as they are."""
    kept = {tensor.name: tensor for tensor in proto.graph.initializer}
    inputs = list(proto.graph.input)
    changed = change(lean(proto))
    made = {tensor.name: tensor for tensor in changed.graph.initializer}
    stored = [made.get(name, tensor) for name, tensor in kept.items()] + [tensor for name, tensor in made.items() if name not in kept]
    graph = type(proto.graph)()
    graph.CopyFrom(skeleton(changed.graph, "initializer", "input"))
    graph.input.extend(inputs)
    graph.initializer.extend(stored)
    for name in ("opset_import", "functions"):
        proto.ClearField(name)
        getattr(proto, name).extend(getattr(changed, name))
    proto.graph.CopyFrom(graph)
