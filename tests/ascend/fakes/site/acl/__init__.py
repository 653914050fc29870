"""A stand-in for pyACL: documented calls, tuples, codes and buffer rules; it computes with ONNX Runtime what the stand-in for ATC wrote.

Like the real one it looks at no dtype: bytes are taken for what the model expects. ``ASCEND_FAKE_SOC`` names the chip,
``ASCEND_FAKE_COUNT`` how many there are, ``ASCEND_FAKE_BUG`` a fault of the device: ``scaled`` outputs, or ``leak`` for its own count.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
from types import SimpleNamespace
from typing import Any

import numpy as np

_DTYPES = {1: (0, "float32"), 10: (1, "float16"), 6: (3, "int32"), 7: (9, "int64"), 9: (12, "bool"), 11: (11, "float64"), 2: (4, "uint8")}
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


class Model:
    """What the stand-in for ATC wrote, ready to run."""

    def __init__(self, raw: bytes) -> None:
        import onnxruntime

        _, head, graph = raw.split(b"\n", 2)
        self.head = json.loads(head)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        kinds = {"tensor(float)": 1, "tensor(float16)": 10, "tensor(int32)": 6, "tensor(int64)": 7, "tensor(bool)": 9, "tensor(double)": 11,
                 "tensor(uint8)": 2}  # fmt: skip
        self.inputs = [(port.name, *_DTYPES[kinds[port.type]], self.head["shapes"][port.name]) for port in self.session.get_inputs()]
        self.outputs = [(port.name, *_DTYPES[kinds[port.type]]) for port in self.session.get_outputs()]
        self.chosen: list[int] | None = None
        self.known: dict[tuple[int, ...], list[Any]] = {}

    @property
    def ranged(self) -> bool:
        """Whether lengths are told at run time."""
        return not self.head["kind"] and any(length == -1 or isinstance(length, list) for shape in self.shapes for length in shape)

    @property
    def shapes(self) -> list[list[Any]]:
        """Shapes of the inputs as they were compiled."""
        return [shape for *_, shape in self.inputs]

    def largest(self) -> list[int]:
        """The profile that is used where none is set."""
        return max(self.head["profiles"], key=lambda row: int(np.prod(row)))

    def at(self, row: list[int]) -> list[list[int]]:
        """Shapes of the inputs in a profile."""
        lengths = itertools.cycle(row) if self.head["kind"] == "dynamic_batch_size" else iter(row)
        return [[next(lengths) if length == -1 else length for length in shape] for shape in self.shapes]

    def run(self, shapes: list[list[int]], blocks: list[bytes]) -> list[Any]:
        """Compute. Bytes are taken for what the model expects, whatever they were."""
        feeds = {}
        for (name, _, dtype, __), shape, block in zip(self.inputs, shapes, blocks):
            count = int(np.prod(shape)) * np.dtype(dtype).itemsize
            feeds[name] = np.frombuffer(block[:count], dtype).reshape(shape)
        found = self.session.run(None, feeds)
        if os.environ.get("ASCEND_FAKE_BUG") == "scaled":
            found = [array * np.asarray(1.01, array.dtype) if array.dtype.kind == "f" else array for array in found]
        return found

    def outputs_at(self, shapes: list[list[int]]) -> list[Any]:
        """Outputs for zeros, for their shapes."""
        key = tuple(itertools.chain(*shapes))
        if key not in self.known:
            blocks = [bytes(int(np.prod(shape)) * np.dtype(kind).itemsize) for (_, __, kind, ___), shape in zip(self.inputs, shapes)]
            self.known[key] = self.run(shapes, blocks)
        return self.known[key]


def _load(path: str) -> tuple[int, int]:
    if _ready():
        return 0, _ready()
    try:
        with open(path, "rb") as stream:
            raw = stream.read()
    except OSError:
        return 0, 100003
    if not raw.startswith(b"FAKE OM\n"):
        return 0, 100003
    number = next(_NUMBERS)
    models[number] = Model(raw)
    if models[number].head["soc"] != get_soc_name():
        del models[number]
        return 0, 145000
    return number, 0


def _get_desc(desc: int, model: int) -> int:
    if model not in models:
        return 100011
    objects[desc].model = models[model]
    return 0


def _of(desc: int) -> Model:
    return objects[desc].model


def _extra(desc: int, index: int) -> bool:
    return bool(_of(desc).head["kind"]) and index == len(_of(desc).inputs)


def _input_dims(desc: int, index: int) -> tuple[dict[str, Any], int]:
    if _extra(desc, index):
        count = len(_of(desc).head["profiles"][0]) if _of(desc).head["kind"] != "dynamic_dims" else sum(map(len, _of(desc).shapes))
        return {"name": "ascend_mbatch_shape_data", "dimCount": 1, "dims": [count]}, 0
    shape = [-1 if isinstance(length, list) else length for length in _of(desc).shapes[index]]
    return {"name": _of(desc).inputs[index][0], "dimCount": len(shape), "dims": shape}, 0


def _input_size(desc: int, index: int) -> int:
    if _extra(desc, index):
        return 8 * _input_dims(desc, index)[0]["dims"][0]
    model = _of(desc)
    if any(length == -1 or isinstance(length, list) for length in model.shapes[index]) and model.ranged:
        return 0
    shape = model.at(model.largest())[index] if model.head["kind"] else model.shapes[index]
    return int(np.prod(shape)) * np.dtype(model.inputs[index][2]).itemsize


def _current(model: Model) -> list[list[int]]:
    return model.at(model.chosen or model.largest()) if model.head["kind"] else model.shapes


def _output_size(desc: int, index: int) -> int:
    model = _of(desc)
    if model.ranged:
        return 0
    shapes = model.at(model.largest()) if model.head["kind"] else model.shapes
    return int(model.outputs_at(shapes)[index].nbytes)


def _output_dims(desc: int, index: int) -> tuple[dict[str, Any], int]:
    model = _of(desc)
    if model.ranged:
        return {"name": "", "dimCount": 0, "dims": []}, 100016
    shape = list(model.outputs_at(_current(model))[index].shape)
    return {"name": f"node_{index}:0:{model.outputs[index][0]}", "dimCount": len(shape), "dims": shape}, 0


def _index(desc: int, name: str) -> tuple[int, int]:
    names = [_input_name(desc, index) for index in range(_num_inputs(desc))]
    return (names.index(name), 0) if name in names else (0, 100000)


def _num_inputs(desc: int) -> int:
    return len(_of(desc).inputs) + bool(_of(desc).head["kind"])


def _input_name(desc: int, index: int) -> str:
    return "ascend_mbatch_shape_data" if _extra(desc, index) else _of(desc).inputs[index][0]


def _choose(kind: str, model_id: int, dataset: int, index: int, row: list[int]) -> int:
    model = models.get(model_id)
    if model is None:
        return 145003
    if model.head["kind"] != kind:
        return 100019
    if index != len(model.inputs) or len(objects[dataset].buffers) != len(model.inputs) + 1:
        return 145012
    if row not in model.head["profiles"]:
        return 145013
    model.chosen = objects[dataset].profile = row
    return 0


def _choose_dims(model_id: int, dataset: int, index: int, dims: dict[str, Any]) -> int:
    model = models.get(model_id)
    if model is None:
        return 145003
    flat = [length for shape in model.shapes for length in shape]
    if dims["dimCount"] != len(dims["dims"]) or len(flat) != len(dims["dims"]):
        return 100000
    if any(there not in (-1, given) for there, given in zip(flat, dims["dims"])):
        return 145013
    return _choose("dynamic_dims", model_id, dataset, index, [given for there, given in zip(flat, dims["dims"]) if there == -1])


def _add(dataset: int, buffer: int) -> tuple[int, int]:
    if not isinstance(objects.get(buffer), Buffer):
        return dataset, 100000
    objects[dataset].buffers.append(buffer)
    return dataset, 0


def _set_desc(dataset: int, desc: int, index: int) -> tuple[int, int]:
    objects[dataset].descs[index] = list(objects[desc].shape)
    return dataset, 0


def _within(shape: list[int], compiled: list[Any]) -> bool:
    def fits(length: int, there: Any) -> bool:
        return there == -1 or length == there or (isinstance(there, list) and there[0] <= length and (there[1] == -1 or length <= there[1]))

    return len(shape) == len(compiled) and all(fits(length, there) for length, there in zip(shape, compiled))


def _execute(model_id: int, inputs: int, outputs: int) -> int:
    model = models.get(model_id)
    if _ready() or model is None:
        return _ready() or 145003
    given, taken = objects[inputs], objects[outputs]
    if len(given.buffers) != len(model.inputs) + bool(model.head["kind"]):
        return 100017
    if len(taken.buffers) != len(model.outputs):
        return 100018
    if model.ranged:
        shapes = [given.descs.get(index, []) for index in range(len(model.inputs))]
        if not all(_within(shape, compiled) for shape, compiled in zip(shapes, model.shapes)):
            return 100017
    else:
        shapes = model.at(given.profile or model.largest()) if model.head["kind"] else model.shapes
    blocks = []
    for (_, __, dtype, ___), shape, number in zip(model.inputs, shapes, given.buffers):
        buffer = objects[number]
        if buffer.pointer not in device_memory or buffer.size < int(np.prod(shape)) * np.dtype(dtype).itemsize:
            return 100017
        blocks.append(bytes(device_memory[buffer.pointer]))
    for index, (array, number) in enumerate(zip(model.run(shapes, blocks), taken.buffers)):
        buffer = objects[number]
        if buffer.pointer not in device_memory or buffer.size < array.nbytes:
            return 100018
        device_memory[buffer.pointer][: array.nbytes] = np.ascontiguousarray(array).tobytes()
        taken.descs[index] = list(array.shape)
    return 0


def _destroy(kind: type) -> Any:
    return lambda number: 0 if isinstance(objects.pop(number, None), kind) else 100000


def _batch(desc: int) -> tuple[dict[str, Any], int]:
    rows = [row[0] for row in _of(desc).head["profiles"]] if _of(desc).head["kind"] == "dynamic_batch_size" else []
    return {"batchCount": len(rows), "batch": rows}, 0


def _image(desc: int, index: int) -> tuple[dict[str, Any], int]:
    rows = _of(desc).head["profiles"] if _of(desc).head["kind"] == "dynamic_image_size" else []
    return {"hwCount": len(rows), "hw": rows}, 0


mdl = SimpleNamespace(
    load_from_file=_load, unload=lambda number: 0 if models.pop(number, None) else 100011, create_desc=lambda: _new(Desc()),
    destroy_desc=_destroy(Desc), get_desc=_get_desc, get_num_inputs=_num_inputs, get_num_outputs=lambda desc: len(_of(desc).outputs),
    get_input_name_by_index=_input_name, get_input_dims=_input_dims, get_input_size_by_index=_input_size,
    get_input_data_type=lambda desc, index: 3 if _extra(desc, index) else _of(desc).inputs[index][1],
    get_output_data_type=lambda desc, index: _of(desc).outputs[index][1], get_output_size_by_index=_output_size,
    get_cur_output_dims=_output_dims, get_input_index_by_name=_index, get_dynamic_batch=_batch, get_dynamic_hw=_image,
    create_dataset=lambda: _new(Dataset()), destroy_dataset=_destroy(Dataset), add_dataset_buffer=_add,
    set_dynamic_batch_size=lambda model, dataset, index, batch: _choose("dynamic_batch_size", model, dataset, index, [batch]),
    set_dynamic_hw_size=lambda model, dataset, index, h, w: _choose("dynamic_image_size", model, dataset, index, [h, w]),
    set_input_dynamic_dims=_choose_dims, set_dataset_tensor_desc=_set_desc,
    get_dataset_tensor_desc=lambda dataset, index: TensorDesc(objects[dataset].descs[index]), execute=_execute,
)  # fmt: skip
