"""A clean quantisation matches, planted ones do not, and one that did nothing says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact, Port
from harness.core.case import Case
from harness.core.errors import Unsupported, UsageError
from harness.core.protocols import Source, option_values
from harness.core.record import Comparison
from harness.core.spec import Dim, TensorSpec
from harness.engine.judging import declared, judge_one
from harness.engine.serve_reference import reference_of
from harness.engine.trace import Reference
from harness.numerics.sampling import draw

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from harness.converters._onnx_quantised import Share  # noqa: E402
from harness.converters.onnx_float16 import OnnxFloat16  # noqa: E402
from harness.converters.onnx_quantise import OnnxQuantise  # noqa: E402
from harness.frameworks.onnx import Onnx  # noqa: E402

RNG = np.random.default_rng(5)
BATCH = Dim("batch", 1, 64, example=32)


def weight(*shape: int) -> Any:
    return (RNG.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)


W = {"w": weight(24, 40), "b": weight(40), "v": weight(40, 12)}
CHAIN = ("h = MatMul(x, w)", "i = Add(h, b)", "j = Relu(i)", "y = MatMul(j, v)")


def model(lines: tuple[str, ...], weights: dict[str, Any], shape: str = "batch,24") -> Any:
    body = "\n".join(lines)
    made = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\ng (float[{shape}] x) => (float[batch,_] y) {{\n{body}\n}}')
    made.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    return made


def _folder(parent: Path) -> Path:
    made = parent / "other"
    made.mkdir()
    return made


class Bench:
    """One ONNX model, its conversions and their verdicts."""

    def __init__(self, folder: Path, proto: Any) -> None:
        self.folder = folder
        self.case = Case(id="chain", inputs=[TensorSpec(name="x", dtype="float32", shape=(BATCH, 24))], build={"onnx": lambda: proto})
        self.sample = draw(self.case, "onnx", {"batch": 32})
        path = folder / "source.onnx"
        onnx.save(proto, path)
        ports = {"inputs": (Port(name="x", native="x", dtype="float32"),), "outputs": (Port(name="y", native="y", dtype="float32"),)}
        self.artifact = Artifact(format="onnx", path=str(folder), entry=str(path), digest="", **ports)

    def source(self, *calibration: Any) -> Source:
        dynamic = {"x": {0: ("batch", 1, 64)}}
        return Source(artifact=self.artifact, feeds=dict(self.sample.feeds), dynamic=dynamic, case=self.case, calibration=calibration)

    def convert(self, adapter: Any = None, calibration: Any = None, **options: str) -> tuple[Any, tuple[str, ...]]:
        """Return the model and what was said of it."""
        adapter = adapter or OnnxQuantise()
        feeds = [draw(self.case, "onnx", {"batch": 32}, seed=seed).feeds for seed in range(1, 33)] if calibration is None else calibration
        dest = self.folder / f"made-{len(list(self.folder.iterdir()))}"
        dest.mkdir()
        made = adapter.convert(self.source(*feeds), str(dest), option_values(adapter, options, "test"))
        return onnx.load(dest / made.entry), made.messages

    def judged(self, proto: Any, precision: str) -> Comparison:
        answer = reference_of(Onnx(), self.case, Onnx().build(self.case), self.sample.feeds, precision)
        kept = ("outputs", "oracle", "spread", "emulated")
        reference = Reference(**{name: answer[name] or {} for name in kept}, wobble=answer["wobble"], inner=answer["inner"])
        session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        outputs = {"y": session.run(None, dict(self.sample.feeds))[0]}
        (found,) = judge_one(self.case, self.artifact, self.sample, reference, outputs, declared(self.case), precision)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, model(CHAIN, W))


@pytest.mark.parametrize(
    ("options", "precision"),
    [
        ({}, "int8"), ({"per_channel": "false"}, "int8"), ({"format": "qoperator"}, "int8"), ({"activations": "int8"}, "int8"),
        ({"mode": "dynamic"}, "int8-dynamic"), ({"activations": "int16"}, "int8-weights"),
    ],
)  # fmt: skip
def test_a_clean_quantisation_matches(bench: Bench, options: dict[str, str], precision: str) -> None:
    made, (said, *_) = bench.convert(**options)
    assert OnnxQuantise().coarsest(option_values(OnnxQuantise(), options, "test")) == precision
    assert "2 of 2 products quantised" in said
    found = bench.judged(made, precision)
    assert found.match, found
    assert found.metrics["sqnr_db"] < 60, "in 8 bits nothing is that near"


def test_it_is_no_match_in_the_precision_of_the_source(bench: Bench) -> None:
    assert not bench.judged(bench.convert()[0], "").match


def test_ranges_that_are_too_narrow_do_not_match(bench: Bench) -> None:
    narrow = [{"x": 0.25 * draw(bench.case, "onnx", {"batch": 32}, seed=seed).feeds["x"]} for seed in range(1, 5)]
    found = bench.judged(bench.convert(calibration=narrow)[0], "int8")
    assert not found.match
    assert found.metrics["tensor_ratio"] > 1


@pytest.mark.parametrize("options", [{"per_channel": "false"}, {"mode": "dynamic", "per_channel": "false"}])
@pytest.mark.parametrize("name", ["w", "v"])
def test_a_scale_of_a_weight_that_is_twice_too_large_does_not_match(bench: Bench, options: dict[str, str], name: str) -> None:
    made, _ = bench.convert(**options)
    (scale,) = [tensor for tensor in made.graph.initializer if tensor.name == f"{name}_scale"]
    scale.CopyFrom(onnx.numpy_helper.from_array(np.float32(2.0) * onnx.numpy_helper.to_array(scale), scale.name))
    found = bench.judged(made, OnnxQuantise().coarsest(option_values(OnnxQuantise(), options, "test")))
    assert not found.match
    assert found.metrics["tensor_ratio"] > 1


@pytest.mark.parametrize("options", [{"mode": "static"}, {"mode": "dynamic"}])
def test_a_quantisation_that_did_nothing_says_so(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(Unsupported, match=r"nothing was quantised: onnxruntime.quantization left every operator .* \(Exp, Neg\)"):
        Bench(tmp_path, model(("h = Exp(x)", "y = Neg(h)"), {})).convert(**options)


def test_float16_that_did_nothing_says_so(tmp_path: Path, bench: Bench) -> None:
    with pytest.raises(Unsupported, match="nothing was quantised: every operator of the model stays in float32"):
        bench.convert(OnnxFloat16(), block="MatMul+Add+Relu")
    made, (said,) = bench.convert(OnnxFloat16())
    assert said.startswith("float16: 4 of 4 operators read float16, 3 of 3 weights")
    assert bench.judged(made, "float16").match
    product = Bench(_folder(tmp_path), model(("t = Transpose<perm = [1, 0]>(x)", "y = MatMul(x, t)"), {}))
    assert "2 of 2 operators read float16, 0 of 0 weights" in product.convert(OnnxFloat16())[1][0]
    half, _ = bench.convert(OnnxFloat16(), keep_io_types="false")
    assert half.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16


def test_a_share_is_told_with_what_was_left(tmp_path: Path) -> None:
    """Dynamic quantisation leaves a product of two activations in float."""
    proto = model(("h = MatMul(x, w)", "t = Transpose<perm = [1, 0]>(h)", "y = MatMul(h, t)"), {"w": W["w"]})
    made, (said,) = Bench(tmp_path, proto).convert(mode="dynamic")
    assert said.startswith("dynamic quantisation: 1 of 2 products quantised; left in float: MatMul ")
    share = Share(made.graph)
    assert (share.products, len(share.left), share.nothing) == (1, 1, False)
    assert Share(proto.graph).nothing


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ([], "there is none; give the case data, or name a file"),
        ([{"z": np.zeros((4, 24), np.float32)}], "has z, the model takes x"),
        ([{"x": np.zeros((4, 24), np.float64)}], "'x' is float64, the model takes float32"),
        ([{"x": np.zeros((4, 23), np.float32)}], "'x' has the shape 4x23, the model takes anyx24"),
        ([{"x": np.zeros((0, 24), np.float32)}], "'x' has the shape 0x24"),
    ],
)  # fmt: skip
def test_bad_calibration_is_refused(bench: Bench, feeds: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bench.convert(calibration=feeds)


def test_calibration_from_a_file(bench: Bench, tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", x=RNG.normal(size=(60, 24)).astype(np.float32))
    made, _ = bench.convert(calibration=(), data=str(tmp_path / "c.npz"))
    assert bench.judged(made, "int8").match
    with pytest.raises(UsageError, match=r"cannot read .*none.npz: there is no such file; expected a .npz file"):
        bench.convert(data=str(tmp_path / "none.npz"))
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    with pytest.raises(UsageError, match=r"calibration data: cannot read .*bad.npz: "):
        bench.convert(data=str(tmp_path / "bad.npz"))
    np.savez(tmp_path / "p.npz", x=np.array([{}], object))
    with pytest.raises(UsageError, match="Object arrays cannot be loaded"):
        bench.convert(data=str(tmp_path / "p.npz"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "dynamic", "activations": "int8"}, "dynamic quantisation has uint8 activations only"),
        ({"mode": "dynamic", "data": "x.npz"}, "dynamic quantisation is not calibrated"),
        ({"activations": "uint16", "format": "qoperator"}, "activations in 16 bits need format=qdq"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(bench: Bench, options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bench.convert(**options)


def test_how_many_samples_are_asked_for() -> None:
    def asked(**options: str) -> int:
        return OnnxQuantise().calibrates(option_values(OnnxQuantise(), options, "test"))

    assert (asked(), asked(samples="5"), asked(mode="dynamic"), asked(data="x.npz")) == (128, 5, 0, 0)
    with pytest.raises(UsageError, match="samples=0; expected a whole number above 0"):
        asked(samples="0")
