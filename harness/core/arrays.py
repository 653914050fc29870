"""Arrays crossing between processes: raw bytes in files, memory-mapped read-only on the other side."""

from __future__ import annotations

import os
from typing import Any, Mapping

import numpy as np

from harness.core.errors import UsageError


def dtype_named(name: str) -> Any:
    """Return the NumPy dtype called ``name``; ``bfloat16`` and the float8 kinds come from ml_dtypes."""
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))


def write(folder: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Write each array to its own file below ``folder``; return the description `read` takes.

    Raises `UsageError` for a dtype that is not numbers or booleans (objects, strings).
    """
    index = {}
    for number, (name, array) in enumerate(arrays.items()):
        array = np.asarray(array)
        if array.dtype.kind in "OSUMmV" and array.dtype.name not in ("bfloat16",):
            raise UsageError(f"array {name!r} has dtype {array.dtype}; only numbers and booleans can be compared")
        path = os.path.join(folder, f"{number}.bin")
        contiguous = np.ascontiguousarray(array)
        with open(path, "wb") as stream:
            stream.write(contiguous.reshape(-1).view(np.uint8).data if contiguous.size else b"")
        index[name] = {"file": path, "dtype": array.dtype.name, "shape": list(array.shape)}
    return index


def read(index: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays that `write` described, memory-mapped and read-only."""
    arrays = {}
    for name, entry in index.items():
        dtype, shape = dtype_named(entry["dtype"]), tuple(entry["shape"])
        if 0 in shape:
            array = np.empty(shape, dtype)
            array.flags.writeable = False
        else:
            flat = np.memmap(entry["file"], dtype=np.uint8, mode="r")
            array = flat.view(dtype).reshape(shape).view(np.ndarray)
        arrays[name] = array
    return arrays
