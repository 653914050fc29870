"""What ATC is expected to refuse, ignore or change: one small model for each rule, and models that are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.ascend.finding import Finding, finding_from
from harness.ascend.operators import HIGHEST, find, list_of, table
from harness.ascend.preflight import preflight
from harness.core.errors import UsageError

onnx = pytest.importorskip("onnx")


def model(body: str, *, opset: int = 17, ports: str = "(float[2,8] x) => (float[2,8] y)", stored: str = "", rest: str = "") -> str:
    """Return the text of a model."""
    weights = f"<{stored}>" if stored else ""
    return f'<ir_version: 8, opset_import: ["" : {opset}, "pkg" : 1, "npu" : 1]> g {ports} {weights} {{ {body} }} {rest}'


def findings(text: str, tmp_path: Path, soc: str = "Ascend310P3", cann: str = "") -> list[Finding]:
    path = tmp_path / "m.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    return [finding_from(one) for one in preflight(str(path), soc, cann)["findings"]]


IMAGE = "(float[1,4,6,6] x) => (float y)"
SCALES = "float[2] s = {1,2}"
OPEN = "(float[n,8] x) => (float[n,8] y)"
FOUND: list[tuple[str, str, str, str, str]] = [
    # model, severity, kind, what, automatic repair
    (model("y = Relu(x)", opset=20), "refused", "opset", "opset 20: plugins are registered for 8 to 18", "opset"),
    (model("y = Relu(x)", opset=7), "refused", "opset", "opset 7", "opset"),
    (model("y = Gelu(x)", opset=20), "refused", "operator", "Gelu has no plugin", "expand"),
    (model("y = pkg.Magic(x)"), "refused", "operator", "pkg::Magic has no plugin", ""),
    (model("y = other.Magic(x)"), "refused", "domain", "the domain other of Magic is not imported", ""),
    (model("y = ReduceL2(x, a)", opset=18, stored="int64[1] a = {1}"), "refused", "operator", "ReduceL2 has a plugin at opset 8", "expand"),
    (model("y = Mish(x)", opset=19), "none", "operator", "Mish", ""),
    (model("q = NonZero(x)  y = Cast<to = 1>(q)", ports=OPEN), "doubt", "dynamic", "depends on values", ""),
    (model("y = ReduceMean<noop_with_empty_axes = 1>(x, a)", opset=18, stored="int64[1] a = {1}"), "none", "attribute", "noop", ""),
    (model("y = ReduceMean<noop_with_empty_axes = 1>(x)", opset=18), "wrong", "attribute", "noop_with_empty_axes=1 is not read", ""),
    (model("y = Mod<fmod = 1>(x, x)"), "wrong", "attribute", "fmod=1 is not read", ""),
    (model("y = Softmax<axis = 0>(x)", opset=11), "wrong", "attribute", "Softmax below opset 13 over axis 0 of 2", "opset"),
    (model("y = Softmax(x)", opset=11), "none", "attribute", "Softmax", ""),
    (model("y = Softmax<axis = 0>(x)", opset=13), "none", "attribute", "Softmax", ""),
    (model("y = LogSoftmax(x)", opset=11, ports="(float[2,3,4] x) => (float y)"), "wrong", "attribute", "takes -1, ONNX 1", "opset"),
    (model("s = Shape<end = 1>(x)  y = Cast<to = 1>(s)", ports=OPEN), "wrong", "attribute", "Shape: start and end are never", "shape"),
    (model("s = Shape<start = 1>(x)  y = Cast<to = 1>(s)", ports=OPEN), "wrong", "attribute", "Shape: start and end are never", "fold"),
    (model("s = Shape<start = 1>(x)  y = Cast<to = 1>(s)"), "wrong", "attribute", "Shape: start and end are never", "fold"),
    (model("s = Shape<start = 0>(x)  y = Cast<to = 1>(s)", ports=OPEN), "none", "attribute", "Shape", ""),
    (model("y = Conv(x, w)", ports=IMAGE, stored="float[4,4,1,1] w = {1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1}"),
     "refused", "attribute", "Conv without kernel_shape", "kernel_shape"),
    (model("y = MaxPool<kernel_shape = [2,2], auto_pad = \"SAME_LOWER\">(x)", ports=IMAGE), "wrong", "attribute", "SAME_UPPER", "pads"),
    (model("y = MaxPool<kernel_shape = [2,2], auto_pad = \"SAME_LOWER\">(x)", ports="(float[1,4,h,6] x) => (float y)"),
     "wrong", "attribute", "SAME_UPPER", ""),
    (model("y = MaxPool<kernel_shape = [2,2], auto_pad = \"SAME_UPPER\">(x)", ports=IMAGE), "none", "attribute", "SAME_UPPER", ""),
    (model("y, i = MaxPool<kernel_shape = [2,2]>(x)", ports=IMAGE), "refused", "attribute", "output Indices", ""),
    (model("y = MaxPool<kernel_shape = [2,2], storage_order = 1>(x)", ports=IMAGE), "refused", "attribute", "storage_order", ""),
    (model("y = LRN<size = 4>(x)", ports=IMAGE), "refused", "attribute", "LRN over an even number", ""),
    (model("y = LpPool<kernel_shape = [2,2], ceil_mode = 1>(x)", ports=IMAGE, opset=18), "wrong", "attribute", "ceil_mode", ""),
    (model("a = ArgMax<select_last_index = 1>(x)  y = Cast<to = 1>(a)"), "refused", "attribute", "select_last_index", ""),
    (model("y = GatherND<batch_dims = 1>(x, i)", stored="int64[2,1] i = {1,2}"), "refused", "attribute", "batch_dims=1", ""),
    (model('y = ScatterND<reduction = "mul">(x, i, x)', stored="int64[2,1] i = {0,1}"), "refused", "attribute", "reduction=mul", ""),
    (model('e = Constant<value = float[0] {}>()  y = Resize<mode = "nearest", nearest_mode = "ceil">(x, e, s)', stored=SCALES),
     "wrong", "attribute", "nearest_mode=ceil", ""),
    (model('e = Constant<value = float[0] {}>()  y = Resize<mode = "cubic", cubic_coeff_a = -0.5>(x, e, s)', stored=SCALES),
     "wrong", "attribute", "cubic_coeff_a", ""),
    (model("y = HannWindow(k)", ports="(float x) => (float y)", stored="int64 k = {8}"), "refused", "operator", "HannWindow", "fold"),
    (model("y = pkg.f(x)", rest='<domain: "pkg", opset_import: ["" : 17]> f (x) => (y) { y = Relu(x) }'),
     "refused", "function", "f is a local function", "inline"),
    (model("y = Relu(x)", rest='<domain: "pkg", opset_import: ["" : 17]> f (x) => (y) { y = Optional(x) }'),
     "refused", "operator", "Optional has no plugin", ""),
    (model("y = If(c) <then_branch = t () => (float[2,8] a) { a = Det(x) }, else_branch = e () => (float[2,8] b) { b = QLinearAdd(x, x) }>",
           ports="(bool c, float[2,8] x) => (float[2,8] y)"), "refused", "operator", "QLinearAdd has no plugin", ""),
    (model("y = Relu(x)", ports="(int64[2,8] i, float[2,8] x) => (float[2,8] y)"), "note", "input", "int64 input", ""),
    (model("y = Relu(x)", ports="(double[2,8] x) => (double[2,8] y)"), "doubt", "input", "float64 input", ""),
    (model("y = Relu(x)", ports=OPEN), "note", "dynamic", "axis of open length", ""),
    (model("q = NonZero(x)  y = Transpose(q)", ports="(float[2,8] x) => (int64[k,2] y)"), "note", "output", "only after the run", ""),
    (model("c = Constant<value = float[2] {1,2}>()  y = Relu(c)", ports="() => (float[2] y)"), "refused", "graph", "no inputs", ""),
    (model("y = Relu(x)", ports="(float[n,8] x) => (float[some,8] y)"), "none", "output", "only after the run", ""),
    (model("y = Add(x, m)", stored="float[2] m = {0, -3.4e38}"), "doubt", "range", "beyond 65504", ""),
    (model("c = Constant<value = float {70000}>()  y = Add(x, c)"), "doubt", "range", "beyond 65504", ""),
    (model("y = Add(x, m)", stored="float[2] m = {65504, -65504}"), "none", "range", "beyond 65504", ""),
    (model("y = Add(x, m)", stored="float m = {1e-12}"), "note", "range", "are 0 in float16", ""),
    (model("y = LayerNormalization<epsilon = 0.000000000001>(x, m)", stored="float m = {1}"), "note", "range", "are 0 in float16", ""),
    (model("y = LayerNormalization<epsilon = 0.00001>(x, m)", stored="float m = {0}"), "none", "range", "are 0 in float16", ""),
    (model("y = RandomNormalLike(x)"), "doubt", "attribute", "draws other numbers", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "severity", "kind", "what", "fix"), FOUND, ids=[f"{row[2]}-{row[3][:28]}-{row[1]}" for row in FOUND])
def test_each_rule_tells_its_fault_and_nothing_where_there_is_none(
    text: str, severity: str, kind: str, what: str, fix: str, tmp_path: Path
) -> None:
    found = findings(text, tmp_path)
    told = [one for one in found if one.kind == kind and what in one.what]
    if severity == "none":
        assert not told
        return
    assert [(one.severity, one.fix) for one in told] == [(severity, fix)], found
    assert told[0].repair


def test_a_faithful_model_has_no_findings(tmp_path: Path) -> None:
    text = model("a = MatMul(x, w)  b = Erf(a)  y = LayerNormalization(b, s)", stored="float[8,8] w = {" + ",".join("1" * 64) + "}, "
                 "float[8] s = {1,1,1,1,1,1,1,1}")  # fmt: skip
    assert findings(text, tmp_path) == []


def test_a_gru_of_pytorch_is_told_and_an_lstm_of_pytorch_is_not(tmp_path: Path) -> None:
    def recurrent(op: str, gates: int, **attributes: Any) -> list[Finding]:
        rng = np.random.default_rng(0)
        weights = {"w": (1, gates * 4, 3), "r": (1, gates * 4, 4), "b": (1, 2 * gates * 4)}
        stored = [onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name) for name, shape in weights.items()]
        node = onnx.helper.make_node(op, ["x", "w", "r", "b"], ["y"], hidden_size=4, **attributes)
        graph = onnx.helper.make_graph(
            [node], "g", [onnx.helper.make_tensor_value_info("x", 1, [5, 2, 3])],
            [onnx.helper.make_tensor_value_info("y", 1, [5, 1, 2, 4])], stored,
        )  # fmt: skip
        path = tmp_path / "r.onnx"
        onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
        return [finding_from(one) for one in preflight(str(path), "Ascend310P3")["findings"]]

    told = recurrent("GRU", 3, linear_before_reset=1)
    assert [one.severity for one in told] == ["wrong"]
    assert "linear_before_reset=1 is never read" in told[0].what
    assert recurrent("GRU", 3, linear_before_reset=0) == []
    assert recurrent("LSTM", 4) == []
    assert recurrent("LSTM", 4, activations=["Sigmoid", "Tanh", "Tanh"]) == []
    assert [one.severity for one in recurrent("LSTM", 4, activations=["Sigmoid", "Relu", "Tanh"])] == ["wrong"]
    assert [one.severity for one in recurrent("LSTM", 4, clip=3.0)] == ["wrong"]


def test_names_inside_a_function_are_its_own(tmp_path: Path) -> None:
    """Two axes outside say nothing of the four that a tensor of the same name has inside."""
    body = '<domain: "pkg", opset_import: ["" : 11]> f (k) => (y) { y = Softmax<axis = 1>(k) }'
    text = model("r = Reshape(x, s)  y = pkg.f(r)  z = Relu(k)", opset=11, rest=body,
                 ports="(float[2,8] x, float[2,8] k) => (float y, float[2,8] z)", stored="int64[4] s = {2,2,2,2}")  # fmt: skip
    assert any("Softmax below opset 13 over axis 1" in one.what for one in findings(text, tmp_path))


def test_nodes_of_one_kind_are_told_together(tmp_path: Path) -> None:
    found = findings(model("a = Gelu(x) b = Gelu(a) c = Gelu(b) y = Gelu(c)", opset=20), tmp_path)
    (told,) = [one for one in found if one.kind == "operator"]
    assert (told.where, told.count) == (("a", "b", "c"), 4)


def test_an_older_cann_is_asked_by_its_own_list(tmp_path: Path) -> None:
    text = model("y = BitwiseNot(i)", opset=18, ports="(int32[2] i) => (int32[2] y)")
    assert findings(text, tmp_path, cann=list_of("8.0.0")) == []
    (told,) = findings(text, tmp_path, cann=list_of("5.0.4"))
    assert (told.severity, "vendor's list for CANN 5.0.4" in told.what) == ("doubt", True)
    assert (list_of("8.1.RC1"), list_of("7.0.0"), list_of("")) == ("", "8.0.0", "")
    with pytest.raises(UsageError, match="is no version"):
        list_of("newest")


def test_weights_outside_the_folder_are_refused(tmp_path: Path) -> None:
    proto = onnx.parser.parse_model(model("y = MatMul(x, w)", stored="float[8,8] w = {" + ",".join("1" * 64) + "}"))
    tensor = proto.graph.initializer[0]
    tensor.raw_data, tensor.data_location = b"", onnx.TensorProto.EXTERNAL
    del tensor.float_data[:]
    tensor.external_data.add(key="location", value="../secret.bin")
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 256)
    path = tmp_path / "inside" / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(UsageError, match="outside the model's folder; refused"):
        preflight(str(path), "Ascend310P3")


def test_a_file_above_two_gigabytes_is_told_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with path.open("wb") as stream:
        stream.truncate(2**31)
    (told,) = preflight(str(path), "Ascend310P3")["findings"]
    assert (told["severity"], told["kind"]) == ("refused", "size")
    assert "external data" in told["repair"]


def test_the_table_says_what_its_source_says() -> None:
    assert len(table()) > 330
    softmax, constant, gelu, swapped = find("", "Softmax"), find("", "Constant"), find("", "Gelu"), find("ai.onnx", "GRU")
    assert softmax is not None
    assert softmax.opsets == frozenset(range(8, HIGHEST + 1))
    assert constant is not None
    assert (constant.registered, constant.opsets) == (True, None)
    assert gelu is not None
    assert not gelu.registered
    assert swapped is not None
    assert "linear_before_reset" in swapped.ignored
    assert find("npu", "NPURmsNorm") is not None
    assert find("", "NoSuchOperator") is None
