"""ONNX models of any size: their structure is loaded, while the weights stay in their files and are mapped when they are needed.

A model above 2 GB keeps its weights in files beside it ("external data"). Functions here take such tensors as well as those
with their numbers inside, so that nobody else has to tell them apart. Runs inside workers only.
"""

from __future__ import annotations

import os
from typing import Any, Iterator, Mapping

import numpy as np

from harness.core.errors import UsageError

SMALL = 1 << 16
"""External tensors with fewer bytes are read at once: tools look into the shapes, axes and bounds that they hold."""
LARGE = 1 << 30
"""A model with more bytes of weights is written with these beside it."""
ALIGNED = 1 << 12
# What NumPy can map as it lies in the file; other element types are unpacked by onnx.
_MAPPED = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?",
    10: "<f2", 11: "<f8", 12: "<u4", 13: "<u8", 14: "<c8", 15: "<c16",
}  # fmt: skip
_BFLOAT16 = 16
# What `load` notes of a tensor that stays in its file: the folder of the model, and what tells whether the file is still the same.
_FOLDER, _STAMP = "basepath", "parity.stamp"


def load(path: str, where: str = "") -> Any:
    """Return the ``ModelProto`` at ``path`` without the weights that lie in other files; `array_of` finds them.

    Raises what `attach` raises, and what protobuf raises for what is no model.
    """
    import onnx

    proto = onnx.load(path, load_external_data=False)
    attach(proto, path, where or path)
    return proto


def attach(proto: Any, path: str, where: str) -> tuple[str, ...]:
    """Note in each initializer that lies in a file where it is found; return these files, as seen from the folder of the model.

    Small ones, and tensors that are no initializers of the main graph, are read. Raises `UsageError`, beginning with ``where``, for a
    file that is missing, too short or outside the folder of the model at ``path`` ("" for one in memory, which must have none).
    """
    folder = os.path.dirname(os.path.abspath(path))
    outside = [tensor for tensor in tensors(proto) if tensor.data_location == tensor.EXTERNAL]
    for tensor in outside:
        if not path:
            location = _noted(tensor).get("location", "")
            raise UsageError(f"{where}: tensor {tensor.name!r} lies in the file {location!r}; return the path of the model instead")
        entries = _checked(tensor, folder, where)
        del tensor.external_data[:]
        _note(tensor, entries)
    files = tuple(sorted({_noted(tensor)["location"] for tensor in outside}))
    for tensor in proto.graph.initializer:
        if tensor.data_location == tensor.EXTERNAL and nbytes(tensor) >= SMALL:
            _note(tensor, {_STAMP: _stamp(os.path.join(folder, _noted(tensor)["location"]))})
    for tensor in outside:
        if _STAMP not in _noted(tensor):
            _fill(tensor)
    return files


def tensors(message: Any) -> Iterator[Any]:
    """Yield every tensor of a model, at any depth: initializers, attributes, subgraphs, functions."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "DESCRIPTOR") else value:
                yield from tensors(part)


def nbytes(tensor: Any) -> int:
    """Return how many bytes the numbers of a tensor take as an array; 4 each where the element type is no type of NumPy's."""
    return _count(tensor) * (np.dtype(_MAPPED[tensor.data_type]).itemsize if tensor.data_type in _MAPPED else 4)


def _count(tensor: Any) -> int:
    """Return the number of elements, of any size: what a file says of itself must not overflow."""
    count = 1
    for length in tensor.dims:
        count *= length
    return count


def array_of(tensor: Any) -> Any:
    """Return the numbers of a tensor, read-only where they lie in a file: these are mapped, and go with the array.

    Raises `RuntimeError` where the file has changed since the model was loaded.
    """
    from onnx import numpy_helper

    if tensor.data_location != tensor.EXTERNAL:
        return _bfloat16(tensor) if tensor.data_type == _BFLOAT16 and tensor.raw_data else numpy_helper.to_array(tensor)
    noted = _noted(tensor)
    file = os.path.join(noted[_FOLDER], noted["location"])
    if _stamp(file) != noted[_STAMP]:
        raise RuntimeError(f"{file} changed after the model was loaded; run again")
    if tensor.data_type in _MAPPED and nbytes(tensor):
        flat = np.memmap(file, _MAPPED[tensor.data_type], "r", int(noted["offset"]), (_count(tensor),))
        return flat.view(np.ndarray).reshape(tuple(tensor.dims))
    filled = type(tensor)()
    filled.CopyFrom(tensor)
    _fill(filled)
    return array_of(filled)


def _bfloat16(tensor: Any) -> Any:
    """Return what ``to_array`` gives for bfloat16: up to onnx 1.17 it does not look at raw bytes, and returns whatever memory holds."""
    from onnx import numpy_helper

    try:
        from onnx._custom_element_types import bfloat16
    except ImportError:
        return numpy_helper.to_array(tensor)
    return np.frombuffer(tensor.raw_data, "<u2").astype(np.uint16).view(bfloat16).reshape(tuple(tensor.dims))


def skeleton(proto: Any, *without: str) -> Any:
    """Return a copy of a model, a graph or a function without some fields of its graph, such as ``initializer``."""
    copy = type(proto)()
    for field, value in proto.ListFields():
        if field.name == "graph":
            copy.graph.CopyFrom(skeleton(value, *without))
        elif field.name not in without:
            _put(copy, field.name, value)
    return copy


def save(proto: Any, path: str) -> None:
    """Write a model; where it has weights in files or more than 1 GiB of them, they go to one file beside it, one at a time."""
    import onnx

    held = list(proto.graph.initializer)
    if sum(map(nbytes, held)) <= LARGE and all(tensor.data_location != tensor.EXTERNAL for tensor in held):
        onnx.save(proto, path)
        return
    copy = skeleton(proto, "initializer")
    data = os.path.basename(path) + ".data"
    with open(path + ".data", "wb") as stream:
        for tensor in held:
            written = copy.graph.initializer.add()
            if nbytes(tensor) < SMALL or tensor.data_type not in _MAPPED:
                written.CopyFrom(tensor)
                if tensor.data_location == tensor.EXTERNAL:
                    _fill(written)
                continue
            stream.seek(-stream.tell() % ALIGNED, os.SEEK_CUR)
            written.name, written.data_type, written.data_location = tensor.name, tensor.data_type, tensor.EXTERNAL
            written.dims.extend(tensor.dims)
            array = np.ascontiguousarray(array_of(tensor), _MAPPED[tensor.data_type])
            _note(written, {"location": data, "offset": str(stream.tell()), "length": str(array.nbytes)})
            stream.write(array.reshape(-1).view(np.uint8).data)
    onnx.save(copy, path)


def _put(message: Any, name: str, value: Any) -> None:
    if hasattr(value, "DESCRIPTOR"):
        getattr(message, name).CopyFrom(value)
    elif hasattr(value, "extend"):
        getattr(message, name).extend(value)
    else:
        setattr(message, name, value)


def _checked(tensor: Any, folder: str, where: str) -> dict[str, str]:
    """Return where the numbers of a tensor lie, after every check that they do; nothing else that the file may have noted."""
    noted = _noted(tensor)
    location = noted.get("location", "")
    root = os.path.realpath(folder)
    target = os.path.realpath(os.path.join(root, location))
    said = f"{where}: tensor {tensor.name!r} lies in {location!r}"
    if os.path.isabs(location) or ".." in location.replace("\\", "/").split("/") or not target.startswith(root + os.sep):
        raise UsageError(f"{said}, outside the model's folder; refused")
    if not os.path.isfile(target):
        raise UsageError(f"{said}, which is no file beside the model")
    try:
        start, length = (int(noted[key]) if noted.get(key) else None for key in ("offset", "length"))
    except ValueError:
        raise UsageError(f"{said}, at offset {noted.get('offset')!r} with length {noted.get('length')!r}; expected numbers") from None
    with open(target, "rb") as stream:  # opened here, so that whoever watches what a builder reads hears of it
        there = os.fstat(stream.fileno()).st_size - (start or 0)
    wanted = nbytes(tensor) if tensor.data_type in _MAPPED else length or 0
    if (start or 0) < 0 or wanted > there or (length is not None and length != wanted):
        has = there if length is None else min(there, length)
        raise UsageError(f"{said}, which has {has} bytes for it where its shape needs {wanted}; is the file whole?")
    entries = {"location": os.path.normpath(location), "offset": str(start or 0), _FOLDER: folder}
    return {**entries, "length": str(wanted)} if length is not None or tensor.data_type in _MAPPED else entries


def _noted(tensor: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _note(tensor: Any, entries: Mapping[str, str]) -> None:
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)


def _stamp(file: str) -> str:
    """Return what changes with the content of a file, without reading it."""
    found = os.stat(file)
    return f"{found.st_size}/{found.st_mtime_ns}"


def _fill(tensor: Any) -> None:
    """Read the numbers of a tensor into it."""
    noted = _noted(tensor)
    with open(os.path.join(noted[_FOLDER], noted["location"]), "rb") as stream:
        stream.seek(int(noted["offset"]))
        tensor.raw_data = stream.read(int(noted.get("length", -1)))
    del tensor.external_data[:]
    tensor.data_location = tensor.DEFAULT
