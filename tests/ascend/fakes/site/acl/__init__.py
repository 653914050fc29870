"""A stand-in for pyACL: documented calls, tuples, codes and buffer rules; it computes with ONNX Runtime what the stand-in for ATC wrote.

Like the real one it looks at no dtype: bytes are taken for what the model expects. ``ASCEND_FAKE_SOC`` names the chip,
``ASCEND_FAKE_COUNT`` how many there are, ``ASCEND_FAKE_BUG`` a fault of the device: ``scaled`` outputs, or ``leak`` for its own count.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from acl._board import (
    _NUMBERS,
    Buffer,
    Dataset,
    Desc,
    TensorDesc,
    _new,
    _ready,
    create_data_buffer,
    create_tensor_desc,
    destroy_data_buffer,
    destroy_tensor_desc,
    device_memory,
    finalize,
    get_recent_err_msg,
    get_soc_name,
    get_tensor_desc_dim_v2,
    get_tensor_desc_num_dims,
    init,
    left,
    models,
    objects,
    rt,
    util,
)
from acl._model import Model

__all__ = [
    "create_data_buffer", "create_tensor_desc", "destroy_data_buffer", "destroy_tensor_desc", "finalize", "get_recent_err_msg",
    "get_soc_name", "get_tensor_desc_dim_v2", "get_tensor_desc_num_dims", "init", "left", "mdl", "rt", "util",
]  # fmt: skip


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
