"""MNN's Mod with fmod = 1 has the sign of the divisor; ONNX says that of the dividend."""

# toolchain: mnn
import tempfile

import _tools
import MNN
import numpy as np
import onnx
from onnx import parser

F = MNN.expr
model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (float[n] x, float[n] z) => (float[n] y) { y = Mod<fmod = 1>(x, z) }''')
x, z = np.float32([-5, 5, -5, 5]), np.float32([3, 3, -3, -3])
expected = np.fmod(x, z)
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
