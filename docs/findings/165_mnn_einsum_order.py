"""MNN's Einsum leaves the axes of bld,bkd->bkl in the order of its operands."""

# toolchain: mnn
import tempfile

import _tools
import MNN
import numpy as np
import onnx
from onnx import parser

F = MNN.expr
model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (float[b, l, d] x, float[b, k, d] z) => (float[b, k, l] y) { y = Einsum<equation = "bld,bkd->bkl">(x, z) }''')
rng = np.random.default_rng(0)
x, z = rng.normal(size=(2, 5, 4)).astype(np.float32), rng.normal(size=(2, 3, 4)).astype(np.float32)
expected = np.einsum("bld,bkd->bkl", x, z)
with tempfile.TemporaryDirectory() as folder:
    onnx.save(model, f"{folder}/model.onnx")
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", f"{folder}/model.onnx", "--MNNModel", f"{folder}/model.mnn", "--bizCode", "parity"])
    module = MNN.nn.load_module_from_file(f"{folder}/model.mnn", [], [], precision_mode=F.PrecisionMode.High)


def run(*arrays):
    given = [F.const(a, list(a.shape), F.NCHW, F.int if a.dtype.kind == "i" else F.float) for a in arrays]
    answer = module.onForward(given)[0]
    answer = F.convert(answer, F.NCHW) if answer.data_format == F.NC4HW4 else answer
    return np.array(answer.read()) if 0 not in answer.shape else np.zeros(answer.shape)


got = run(x, z)
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
