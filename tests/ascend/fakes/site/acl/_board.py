"""The device of the stand-in: its memory, contexts and objects, and the codes that wrong use of them has."""

from __future__ import annotations

import ctypes
import itertools
import os
from types import SimpleNamespace
from typing import Any

import numpy as np

_BASE = itertools.count(1 << 44, 1 << 32)
_NUMBERS = itertools.count(1)
_state: dict[str, Any] = {"init": False, "device": None, "context": None, "contexts": set()}
device_memory: dict[int, bytearray] = {}
host_memory: dict[int, Any] = {}
objects: dict[int, Any] = {}
models: dict[int, Any] = {}


def _ready() -> int:
    return 100001 if not _state["init"] else 107002 if _state["context"] is None else 0


def _new(thing: Any) -> int:
    number = next(_NUMBERS)
    objects[number] = thing
    return number


def left() -> dict[str, int]:
    """Return what was taken and not given back."""
    kinds = [type(thing).__name__ for thing in objects.values()]
    counted = {kind: kinds.count(kind) for kind in kinds}
    more = {"device": len(device_memory), "host": len(host_memory), "models": len(models), "context": len(_state["contexts"])}
    return {**counted, **{name: number for name, number in more.items() if number}}


def init(config: str = "") -> int:
    """aclInit."""
    if _state["init"]:
        return 100002
    _state["init"] = True
    return 0


def finalize() -> int:
    """aclFinalize."""
    if not _state["init"]:
        return 100001
    _state["init"] = False
    return 0


def get_soc_name() -> str:
    """aclrtGetSocName."""
    return os.environ.get("ASCEND_FAKE_SOC", "Ascend310P3")


def get_recent_err_msg() -> str:
    """aclGetRecentErrMsg."""
    return ""


def _set_device(number: int) -> int:
    if not _state["init"]:
        return 100001
    if not 0 <= number < int(os.environ.get("ASCEND_FAKE_COUNT", "1")):
        return 107001
    _state["device"] = number
    return 0


def _create_context(number: int) -> tuple[int, int]:
    if _state["device"] != number:
        return 0, 107000
    _state["context"] = next(_NUMBERS)
    _state["contexts"].add(_state["context"])
    return _state["context"], 0


def _set_context(context: int) -> int:
    if context not in _state["contexts"]:
        return 107000
    _state["context"] = context
    return 0


def _destroy_context(context: int) -> int:
    if context not in _state["contexts"] or (len(_state["contexts"]) == 1 and (device_memory or models)):
        return 100000  # memory and models first
    _state["contexts"].remove(context)
    _state["context"] = None  # whoever goes on sets another
    return 0


def _reset_device(number: int) -> int:
    if _state["device"] != number or _state["contexts"]:
        return 100000
    _state["device"] = None
    return 0


def _malloc(size: int, policy: int) -> tuple[int, int]:
    if _ready() or size <= 0 or policy not in (0, 1, 2):
        return 0, _ready() or 100000
    pointer = next(_BASE)
    device_memory[pointer] = bytearray(np.random.default_rng(size).bytes(size))  # never zeros: whoever reads too far sees it
    return pointer, 0


def _free(pointer: int) -> int:
    if any(isinstance(thing, Buffer) and thing.pointer == pointer for thing in objects.values()):
        return 100000  # a data buffer still points here
    return 0 if device_memory.pop(pointer, None) is not None else 100000


def _malloc_host(size: int) -> tuple[int, int]:
    block = ctypes.create_string_buffer(size)
    pointer = ctypes.addressof(block)
    host_memory[pointer] = block
    return pointer, 0


def _free_host(pointer: int) -> int:
    return 0 if host_memory.pop(pointer, None) is not None else 100000


def _memcpy(target: int, room: int, source: int, count: int, kind: int) -> int:
    if _ready() or count > room:
        return _ready() or 100000
    if kind == 1:
        if target not in device_memory or source in device_memory or room > len(device_memory[target]):
            return 100000
        device_memory[target][:count] = ctypes.string_at(source, count)
    elif kind == 2:
        if source not in device_memory or target in device_memory or count > len(device_memory[source]):
            return 100000
        ctypes.memmove(target, bytes(device_memory[source][:count]), count)
    else:
        return 100000
    return 0


class Buffer:
    """aclDataBuffer."""

    def __init__(self, pointer: int, size: int) -> None:
        self.pointer, self.size = pointer, size


class Dataset:
    """aclmdlDataset."""

    def __init__(self) -> None:
        self.buffers: list[int] = []
        self.descs: dict[int, list[int]] = {}
        self.profile: list[int] | None = None


class Desc:
    """aclmdlDesc."""

    model: Any = None


class TensorDesc:
    """aclTensorDesc."""

    def __init__(self, shape: list[int]) -> None:
        self.shape = shape


def create_data_buffer(pointer: int, size: int) -> int:
    """aclCreateDataBuffer."""
    return _new(Buffer(pointer, size))


def destroy_data_buffer(number: int) -> int:
    """aclDestroyDataBuffer."""
    return 0 if isinstance(objects.pop(number, None), Buffer) else 100000


def create_tensor_desc(dtype: int, shape: list[int], layout: int) -> int:
    """aclCreateTensorDesc."""
    return _new(TensorDesc(list(shape)))


def destroy_tensor_desc(number: int) -> None:
    """aclDestroyTensorDesc."""
    objects.pop(number)


def get_tensor_desc_num_dims(number: int) -> int:
    """aclGetTensorDescNumDims."""
    return len(_desc_of(number).shape)


def get_tensor_desc_dim_v2(number: int, axis: int) -> tuple[int, int]:
    """aclGetTensorDescDimV2."""
    return _desc_of(number).shape[axis], 0


def _desc_of(number: Any) -> TensorDesc:
    return number if isinstance(number, TensorDesc) else objects[number]


rt = SimpleNamespace(
    get_device_count=lambda: (int(os.environ.get("ASCEND_FAKE_COUNT", "1")), 0), set_device=_set_device, create_context=_create_context, set_context=_set_context,
    destroy_context=_destroy_context, reset_device=_reset_device, malloc=_malloc, free=_free, malloc_host=_malloc_host,
    free_host=_free_host, memcpy=_memcpy,
)  # fmt: skip


def _bytes_to_ptr(raw: bytes) -> int:
    assert isinstance(raw, bytes)
    return ctypes.cast(ctypes.c_char_p(raw), ctypes.c_void_p).value or 0


util = SimpleNamespace(bytes_to_ptr=_bytes_to_ptr, ptr_to_bytes=lambda pointer, size: ctypes.string_at(pointer, size))
