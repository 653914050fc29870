"""Reads a TFLite file: the names in its signature, which the graph itself does not carry, and the types of its tensors."""

from __future__ import annotations

import struct
from typing import Any

# Positions of the fields in the tables of the TFLite schema.
_SUBGRAPHS, _SIGNATURES = 2, 7
_INPUTS, _OUTPUTS, _SUBGRAPH_INDEX = 0, 1, 4
_TENSORS, _TENSOR_NAME = 0, 3
_BUFFERS, _BUFFER_DATA, _BUFFER_OFFSET = 4, 0, 1
_TENSOR_TYPE, _TENSOR_BUFFER = 1, 2
_TYPES = {0: "float32", 1: "float16", 9: "int8", 17: "int4"}


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


def kinds_of(data: bytes) -> list[tuple[str, bool]]:
    """Return the type of each tensor of a file, and whether its numbers are stored in it, for the types that quantisation is about."""
    model = _follow(data, 0)
    buffers = [_filled(data, table) for table in _vector(data, model, _BUFFERS)]
    found = []
    for subgraph in _vector(data, model, _SUBGRAPHS):
        for tensor in _vector(data, subgraph, _TENSORS):
            kind = _field(data, tensor, _TENSOR_TYPE)
            buffer = _field(data, tensor, _TENSOR_BUFFER)
            name = _TYPES.get(_number(data, kind, "<b") if kind else 0, "")
            found.append((name, bool(buffer) and buffers[_number(data, buffer, "<I")]))
    return found


def _filled(data: bytes, table: int) -> bool:
    """Return whether a buffer holds anything, here or behind the tables."""
    at = _field(data, table, _BUFFER_DATA)
    offset = _field(data, table, _BUFFER_OFFSET)
    return bool(at and _number(data, _follow(data, at), "<I")) or bool(offset and _number(data, offset, "<Q") > 1)


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
