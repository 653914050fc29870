"""What nodes of an ONNX graph do, whatever their names and weights: equal for nodes, and groups of nodes, that are alike."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from harness.frameworks._onnx_lean import captured
from harness.frameworks._walks import digest

FEW = 64
"""So many whole numbers, as axes, shapes and pads are, count by their values; larger arrays and real numbers are weights."""


class Forms:
    """Digests of the nodes of one graph."""

    def __init__(self, proto: Any, constant: set[str], values: Mapping[str, Any]) -> None:
        self._stored = {tensor.name: tensor for tensor in proto.graph.initializer}
        self._constant = constant
        self._values = values

    def of(self, nodes: Sequence[Any], given: Sequence[str], made: Sequence[str]) -> str:
        """Return a digest of nodes between ``given`` and ``made`` values; names count by where they appear alone."""
        numbers: dict[str, int] = {name: place for place, name in enumerate(given)}
        told = []
        for node in nodes:
            inputs = [self._constant_form(name) if name in self._constant else numbers.get(name, -1) for name in node.input]
            inner = [numbers.get(name, -1) for name in captured(node)]
            for name in node.output:
                numbers.setdefault(name, len(numbers))
            attributes = sorted((attribute.name, _attribute_form(attribute)) for attribute in node.attribute)
            told.append((node.domain, node.op_type, attributes, inputs, inner, [numbers[name] if name else "" for name in node.output]))
        return digest(told, [numbers[name] for name in made])

    def _constant_form(self, name: str) -> Any:
        if name in self._stored:
            return _tensor_form(self._stored[name])
        return _array_form(self._values[name]) if name in self._values else ""


def _tensor_form(tensor: Any) -> Any:
    from onnx import numpy_helper

    size = int(np.prod(tensor.dims, dtype=np.int64))
    if tensor.data_location == tensor.EXTERNAL or size > FEW:
        return tensor.data_type, tuple(tensor.dims)
    return _array_form(numpy_helper.to_array(tensor))


def _array_form(array: Any) -> Any:
    """Return dtype and shape, and the values of a few whole numbers or of one number of any kind: an exponent, an epsilon."""
    whole = array.dtype.kind in "iub" and array.size <= FEW
    return array.dtype.name, array.shape, array.tolist() if whole or (array.size == 1 and array.dtype.kind != "O") else ""


def _attribute_form(attribute: Any) -> Any:
    if attribute.HasField("t"):
        return _tensor_form(attribute.t)
    return attribute.SerializeToString(deterministic=True)
