"""The automatic repairs: each changes what it says, leaves what the model computes, and says so where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.ascend.finding import finding_from
from harness.ascend.preflight import preflight
from harness.ascend.repair import REPAIRS, repair

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def model(body: str, *, opset: int, ports: str, stored: str = "", rest: str = "") -> Any:
    weights = f"<{stored}>" if stored else ""
    text = f'<ir_version: 9, opset_import: ["" : {opset}, "pkg" : 1]> g {ports} {weights} {{ {body} }} {rest}'
    return onnx.parser.parse_model(text)


OPEN = "(float[n,8] x) => (float[n,8] y)"
IMAGE = "(float[n,4,6,6] x) => (float[n,4,6,6] y)"
EIGHT = "float[8] s = {1,2,3,4,5,6,7,8}, float[8] b = {8,7,6,5,4,3,2,1}"
FOUR = "float[4] s = {1,2,3,4}, float[4] b = {4,3,2,1}"
EYE = "float[4,4,1,1] w = {1,0,0,0,0,2,0,0,0,0,3,0,0,0,0,4}"
FIXABLE: list[tuple[str, Any, list[str]]] = [
    ("gelu", model("y = Gelu(x)", opset=20, ports=OPEN), ["expand", "opset"]),
    ("gelu-tanh", model('y = Gelu<approximate = "tanh">(x)', opset=20, ports=OPEN), ["expand", "opset"]),
    ("group-norm", model("y = GroupNormalization<num_groups = 2>(x, s, b)", opset=21, ports=IMAGE, stored=FOUR),
     ["expand", "shape", "opset"]),
    ("reduce-l2", model("y = ReduceL2(x, a)", opset=18, ports="(float[n,8] x) => (float[n,1] y)", stored="int64[1] a = {1}"), ["expand"]),
    ("reshape-21", model("a = Reshape(x, k) y = Relu(a)", opset=21, ports=OPEN, stored="int64[2] k = {-1,8}"), ["opset"]),
    ("softmax-11", model("y = Softmax<axis = 1>(x)", opset=11, ports="(float[n,3,4] x) => (float[n,3,4] y)"), ["opset"]),
    ("softmax-7", model("y = Softmax<axis = 1>(x)", opset=7, ports="(float[n,3,4] x) => (float[n,3,4] y)"), ["opset"]),
    ("window", model("k = Constant<value = int64 {8}>() w = HannWindow(k) y = Mul(x, w)", opset=17, ports=OPEN), ["fold"]),
    ("quantised", model("f = DequantizeLinear(w, c, z) t = Transpose(f) y = Add(x, t)", opset=13, ports="(float[n,2] x) => (float y)",
                        stored="int8[2,1] w = {-3,4}, float c = {0.5}, int8 z = {1}"), ["fold"]),
    ("same-lower", model('y = MaxPool<kernel_shape = [3,2], strides = [2,1], auto_pad = "SAME_LOWER">(x)', opset=17,
                         ports="(float[n,4,6,7] x) => (float[n,4,3,7] y)"), ["pads"]),
    ("average-lower", model('y = AveragePool<kernel_shape = [4,3], strides = [3,2], auto_pad = "SAME_LOWER">(x)', opset=17,
                            ports="(float[n,4,8,6] x) => (float[n,4,3,3] y)"), ["pads"]),
    ("conv-3d", model('y = Conv<kernel_shape = [2,1,2], auto_pad = "SAME_UPPER">(x, w)', opset=17,
                      ports="(float[n,1,5,4,3] x) => (float[n,1,5,4,3] y)", stored="float[1,1,2,1,2] w = {1,2,3,4}"), ["pads"]),
    ("kernel", model("y = Conv(x, w)", opset=17, ports=IMAGE, stored=EYE), ["kernel_shape"]),
    ("function", model("y = pkg.f(x)", opset=18, ports=OPEN,
                       rest='<domain: "pkg", opset_import: ["" : 18]> f (a) => (c) { t = Sigmoid(a) c = Mul(a, t) }'), ["inline"]),
    ("grid", model('y = GridSample<mode = "linear">(x, g)', opset=20,
                   ports="(float[n,4,6,6] x, float[n,2,2,2] g) => (float[n,4,2,2] y)"), ["opset"]),
    ("batch", model("s = Shape<end = 1>(x) o = ConstantOfShape(s) u = Unsqueeze(o, a) y = Add(x, u)", opset=17, ports=OPEN,
                    stored="int64[1] a = {1}"), ["shape"]),
    ("cast-19", model("i = Cast<to = 7, saturate = 1>(x) y = Cast<to = 1>(i)", opset=19, ports=OPEN), ["opset"]),
    ("norm", model("y = LayerNormalization(x, s, b)", opset=22, ports=OPEN, stored=EIGHT), ["opset"]),
]  # fmt: skip


def blocking(path: Path) -> list[str]:
    found = [finding_from(one) for one in preflight(str(path), "Ascend310P3")["findings"]]
    return [f"{one.what}|{one.fix}" for one in found if one.blocks]


def outputs(path: Path, length: int) -> list[Any]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(3)
    feeds = {
        one.name: rng.uniform(-1, 1, [size if isinstance(size, int) else length for size in one.shape]).astype(np.float32)
        for one in session.get_inputs()
    }  # fmt: skip
    return list(session.run(None, feeds))


@pytest.mark.parametrize(("proto", "names"), [row[1:] for row in FIXABLE], ids=[row[0] for row in FIXABLE])
def test_repairs_leave_a_model_that_atc_takes_and_that_computes_the_same(proto: Any, names: list[str], tmp_path: Path) -> None:
    first = tmp_path / "m.onnx"
    onnx.save(proto, first)
    assert blocking(first)
    path = first
    for number, name in enumerate(names):
        made = repair(str(path), name, str(tmp_path / str(number) / "m.onnx"))
        assert (made["problem"], bool(made["done"])) == ("", True)
        path = tmp_path / str(number) / "m.onnx"
    assert blocking(path) == []
    if proto.opset_import[0].version > 7:  # older than ONNX Runtime promises to read
        for length in (1, 3):
            for before, after in zip(outputs(first, length), outputs(path, length)):
                np.testing.assert_allclose(after, before, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(
    ("body", "opset", "ports", "said"),
    [
        ('y = Pad<mode = "wrap">(x, p)', 19, "(float[n,8] x) => (float[n,8] y)", "Pad had no mode=wrap"),
        ("y = AveragePool<kernel_shape = [2,2], dilations = [2,2]>(x)", 19, "(float[1,4,6,6] x) => (float y)", "AveragePool had no dil"),
        ("y = DFT(x, , p)", 20, "(float[1,8,1] x) => (float y)", "DFT meant something else then"),
        ("y = Gelu(x)", 20, OPEN, "Gelu is newer"),
        ("y = Relu(x)  t = Det(z)", 22, "(float[2] x, bfloat16[2,2] z) => (float[2] y)", "Det did not take tensor(bfloat16)"),
    ],
)
def test_what_has_no_older_form_is_refused_by_name(body: str, opset: int, ports: str, said: str, tmp_path: Path) -> None:
    onnx.save(model(body, opset=opset, ports=ports, stored="int64[4] p = {0,1,0,1}"), tmp_path / "m.onnx")
    made = repair(str(tmp_path / "m.onnx"), "opset", str(tmp_path / "out.onnx"))
    assert made["done"] == []
    assert said in made["problem"]
    assert not (tmp_path / "out.onnx").exists()


def test_every_repair_that_findings_name_exists() -> None:
    named = {name for _, __, names in FIXABLE for name in names}
    assert named == set(REPAIRS)


def test_large_weights_stay_in_files_beside_the_model(tmp_path: Path) -> None:
    proto = model("h = MatMul(x, w) y = Gelu(h)", opset=20, ports="(float[n,256] x) => (float[n,256] y)")
    values = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(values, "w"))
    path = tmp_path / "m.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="m.bin", size_threshold=0)
    made = repair(str(path), "expand", str(tmp_path / "out" / "fixed.onnx"))
    assert made["done"]
    assert (tmp_path / "out" / "fixed.onnx.data").stat().st_size == values.nbytes
    assert [info.name for info in onnx.load(tmp_path / "out" / "fixed.onnx", load_external_data=False).graph.input] == ["x"]
    np.testing.assert_allclose(outputs(tmp_path / "out" / "fixed.onnx", 2)[0], outputs(path, 2)[0], rtol=1e-5, atol=1e-5)
