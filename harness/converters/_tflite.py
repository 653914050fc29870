"""Reads the signature of a TFLite file: the format stores names there that the graph itself does not carry."""

from __future__ import annotations

import struct
from typing import Any

# Positions of the fields in the tables of the TFLite schema.
_SUBGRAPHS, _SIGNATURES = 2, 7
_INPUTS, _OUTPUTS, _SUBGRAPH_INDEX = 0, 1, 4
_TENSORS, _TENSOR_NAME = 0, 3


def tensor_names(path: str) -> dict[str, str]:
    """Return input and output names of the first signature -> the tensor each stands for; empty without a signature."""
    with open(path, "rb") as stream:
        data = stream.read()
    model = _follow(data, 0)
    signatures = _vector(data, model, _SIGNATURES)
    if not signatures:
        return {}
    field = _field(data, signatures[0], _SUBGRAPH_INDEX)
    subgraph = _vector(data, model, _SUBGRAPHS)[_number(data, field, "<I") if field else 0]
    tensors = _vector(data, subgraph, _TENSORS)
    names = {}
    for side in (_INPUTS, _OUTPUTS):
        for entry in _vector(data, signatures[0], side):
            index = _field(data, entry, 1)
            names[_text(data, entry, 0)] = _text(data, tensors[_number(data, index, "<I") if index else 0], _TENSOR_NAME)
    return names


def _number(data: bytes, at: int, kind: str) -> Any:
    return struct.unpack_from(kind, data, at)[0]


def _follow(data: bytes, at: int) -> int:
    return at + int(_number(data, at, "<I"))


def _field(data: bytes, table: int, index: int) -> int:
    """Return where a field of a table lies, 0 when the file leaves it out."""
    vtable = table - _number(data, table, "<i")
    place = 4 + 2 * index
    offset = _number(data, vtable + place, "<H") if place < _number(data, vtable, "<H") else 0
    return table + offset if offset else 0


def _vector(data: bytes, table: int, index: int) -> list[int]:
    """Return where the tables of a vector field lie."""
    at = _field(data, table, index)
    if not at:
        return []
    start = _follow(data, at)
    return [_follow(data, start + 4 + 4 * item) for item in range(_number(data, start, "<I"))]


def _text(data: bytes, table: int, index: int) -> str:
    at = _field(data, table, index)
    if not at:
        return ""
    start = _follow(data, at)
    return data[start + 4 : start + 4 + int(_number(data, start, "<I"))].decode()
