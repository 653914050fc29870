"""ONNX models whose weights lie in files: what is loaded, what is mapped, what is refused, and what is written again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core import external
from harness.core.errors import UsageError
from harness.core.external import array_of, attach, load, save, skeleton, tensors

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

LARGE = np.random.default_rng(1).normal(size=(300, 300)).astype(np.float32)
SHAPE = np.array([2, 150], np.int64)


def model(folder: Path, name: str = "m.onnx", data: str = "w.bin") -> str:
    """Write a model with a large weight and a small tensor in a file beside it; return its path."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", [1, 300]), ("y", [2, 150])))
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Reshape", ["h", "shape"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(LARGE, "w"), numpy_helper.from_array(SHAPE, "shape")])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(proto, folder / name, save_as_external_data=True, location=data, size_threshold=0)
    return str(folder / name)


def edited(path: str, **entries: str) -> None:
    """Write other entries into the external data of the large weight."""
    proto = onnx.load(path, load_external_data=False)
    weight = proto.graph.initializer[0]
    noted = {**{entry.key: entry.value for entry in weight.external_data}, **entries}
    del weight.external_data[:]
    for key, value in noted.items():
        weight.external_data.add(key=key, value=value)
    Path(path).write_bytes(proto.SerializeToString())


def weight_of(proto: Any) -> Any:
    return next(tensor for tensor in proto.graph.initializer if tensor.name == "w")


def test_a_large_weight_stays_in_its_file_and_a_small_tensor_is_read(tmp_path: Path) -> None:
    proto = load(model(tmp_path))
    assert proto.ByteSize() < 1000
    array = array_of(weight_of(proto))
    np.testing.assert_array_equal(array, LARGE)
    assert array.dtype.name == "float32"
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1
    (shape,) = [tensor for tensor in proto.graph.initializer if tensor.name == "shape"]
    assert shape.raw_data == SHAPE.tobytes(), "tools look into it"
    np.testing.assert_array_equal(array_of(shape), SHAPE)


def test_types_that_numpy_lacks_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "SMALL", 1)
    held = {
        kind: helper.make_tensor(f"t{kind}", kind, [5], [1, -2, 3, 0.5, 7] if kind == TensorProto.BFLOAT16 else [1, -2, 3, 0, 7])
        for kind in (TensorProto.BFLOAT16, TensorProto.INT4)
    }
    for tensor in held.values():
        tensor.raw_data = tensor.raw_data or np.asarray(tensor.int32_data, np.uint16 if len(tensor.int32_data) == 5 else np.uint8).tobytes()
        tensor.ClearField("int32_data")
    wanted = {TensorProto.BFLOAT16: [0x3F80, 0xC000, 0x4040, 0x3F00, 0x40E0], TensorProto.INT4: [1, -2, 3, 0, 7]}
    graph = helper.make_graph([], "g", [], [], list(held.values()))
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    proto = load(str(tmp_path / "m.onnx"))
    assert all(tensor.data_location == TensorProto.EXTERNAL for tensor in proto.graph.initializer)
    save(proto, str(tmp_path / "again.onnx"))
    for tensor in (*proto.graph.initializer, *onnx.load(tmp_path / "again.onnx").graph.initializer):
        array = array_of(tensor)
        bits = array.view(np.uint16) if tensor.data_type == TensorProto.BFLOAT16 else array
        assert bits.tolist() == wanted[tensor.data_type]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"location": "../w.bin"}, "'../w.bin', outside the model's folder; refused"),
        ({"location": "{tmp}/w.bin"}, "outside the model's folder; refused"),
        ({"location": "out.bin"}, "'out.bin', outside the model's folder; refused"),
        ({"location": ""}, "outside the model's folder; refused"),
        ({"location": "gone.bin"}, "'gone.bin', which is no file beside the model"),
        ({"offset": "4"}, r"has \d+ bytes for it where its shape needs 360000; is the file whole"),
        ({"offset": "-4"}, "is the file whole"),
        ({"length": "359996"}, "has 359996 bytes for it where its shape needs 360000"),
        ({"offset": "0x10"}, "at offset '0x10' with length '360000'; expected numbers"),
    ],
)
def test_data_that_lie_elsewhere_or_not_at_all_are_refused(entries: dict[str, str], told: str, tmp_path: Path) -> None:
    inner = tmp_path / "model"
    inner.mkdir()
    path = model(inner)
    (tmp_path / "w.bin").write_bytes(LARGE.tobytes())
    (inner / "out.bin").symlink_to(tmp_path / "w.bin")
    with (inner / "w.bin").open("r+b") as stream:
        stream.truncate(LARGE.nbytes)  # what follows belonged to the small tensor
    edited(path, **{key: value.format(tmp=tmp_path) for key, value in entries.items()})
    with pytest.raises(UsageError, match=told) as refused:
        load(path, "case 'c'")
    assert str(refused.value).startswith("case 'c': tensor 'w' lies in")


@pytest.mark.parametrize("dims", [[1 << 33, 1 << 33], [1 << 62, 4], [-300, 300]])
def test_a_shape_that_cannot_be_is_refused(dims: list[int], tmp_path: Path) -> None:
    path = model(tmp_path)
    proto = onnx.load(path, load_external_data=False)
    proto.graph.initializer[0].dims[:] = dims
    Path(path).write_bytes(proto.SerializeToString())
    with pytest.raises(UsageError, match="which has 360000 bytes for it where its shape needs"):
        load(path)


def test_what_a_file_notes_of_itself_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "other" / "w.bin").write_bytes(np.zeros(360016, np.uint8).tobytes())
    path = model(tmp_path / "model")
    edited(path, **{"basepath": str(tmp_path / "other"), "parity.stamp": "0/0"})
    np.testing.assert_array_equal(array_of(weight_of(load(path))), LARGE)


def test_data_that_changed_since_are_not_mixed_with_what_was_loaded(tmp_path: Path) -> None:
    proto = load(model(tmp_path))
    os.utime(tmp_path / "w.bin", ns=(1, 1))
    with pytest.raises(RuntimeError, match=r"w\.bin changed after the model was loaded; run again"):
        array_of(weight_of(proto))


def test_a_model_in_memory_has_no_folder(tmp_path: Path) -> None:
    proto = onnx.load(model(tmp_path), load_external_data=False)
    with pytest.raises(UsageError, match=r"c: tensor 'w' lies in the file 'w\.bin'; return the path of the model instead"):
        attach(proto, "", "c")


def test_tensors_outside_the_initializers_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "SMALL", 1)
    node = helper.make_node("Constant", [], ["y"], value=numpy_helper.from_array(LARGE))
    graph = helper.make_graph([node], "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [300, 300])])
    beside = {"save_as_external_data": True, "location": "w.bin", "size_threshold": 0, "convert_attribute": True}
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx", **beside)
    (tensor,) = tensors(load(str(tmp_path / "m.onnx")))
    assert tensor.data_location == TensorProto.DEFAULT
    np.testing.assert_array_equal(numpy_helper.to_array(tensor), LARGE)


def test_a_model_is_written_with_its_weights_beside_it_and_no_trace_of_this_machine(tmp_path: Path) -> None:
    proto = load(model(tmp_path))
    before = proto.SerializeToString()
    (tmp_path / "copy").mkdir()
    save(proto, str(tmp_path / "copy" / "m.onnx"))
    assert proto.SerializeToString() == before, "what is saved stays as it is"
    assert str(tmp_path).encode() not in (tmp_path / "copy" / "m.onnx").read_bytes()
    onnx.checker.check_model(str(tmp_path / "copy" / "m.onnx"), full_check=True)
    again = onnx.load(tmp_path / "copy" / "m.onnx")
    assert {t.name: numpy_helper.to_array(t).tolist() for t in again.graph.initializer} == {"w": LARGE.tolist(), "shape": SHAPE.tolist()}
    assert [node.op_type for node in again.graph.node] == ["MatMul", "Reshape"]


def test_a_large_model_in_memory_is_written_in_two_files_a_small_one_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proto = onnx.load(model(tmp_path))
    save(proto, str(tmp_path / "one.onnx"))
    assert not (tmp_path / "one.onnx.data").exists()
    monkeypatch.setattr(external, "LARGE", 1000)
    save(proto, str(tmp_path / "two.onnx"))
    assert (tmp_path / "two.onnx").stat().st_size < 1000
    np.testing.assert_array_equal(array_of(weight_of(load(str(tmp_path / "two.onnx")))), LARGE)
    assert weight_of(proto).raw_data == LARGE.tobytes()


def test_a_skeleton_is_a_copy_without_weights(tmp_path: Path) -> None:
    proto = onnx.load(model(tmp_path))
    bare = skeleton(proto, "initializer")
    assert not bare.graph.initializer
    assert len(proto.graph.initializer) == 2
    bare.graph.initializer.extend(proto.graph.initializer)
    assert bare.SerializeToString(deterministic=True) == proto.SerializeToString(deterministic=True)
