"""MNN's Gelu is the tanh one whatever approximate says, --useGeluApproximation 0 or not."""

# toolchain: mnn
import tempfile

import _tools
import MNN
import numpy as np
import onnx
from onnx import parser

F = MNN.expr
model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 20]>
g (float[n] x) => (float[n] y) { y = Gelu(x) }''')
x = np.float32([-3, -2, -1, -0.5, 0.5, 1, 2])
expected = np.array([-0.00404969, -0.04550026, -0.15865525, -0.15426877, 0.34573123, 0.84134475, 1.95449974])
with tempfile.TemporaryDirectory() as folder:
    onnx.save(model, f"{folder}/model.onnx")
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", f"{folder}/model.onnx", "--MNNModel", f"{folder}/model.mnn", "--bizCode", "parity"])
    module = MNN.nn.load_module_from_file(f"{folder}/model.mnn", [], [], precision_mode=F.PrecisionMode.High)


def run(*arrays):
    given = [F.const(a, list(a.shape), F.NCHW, F.int if a.dtype.kind == "i" else F.float) for a in arrays]
    answer = module.onForward(given)[0]
    answer = F.convert(answer, F.NCHW) if answer.data_format == F.NC4HW4 else answer
    return np.array(answer.read()) if 0 not in answer.shape else np.zeros(answer.shape)


got = run(x)
if np.abs(got - expected).max() < 1e-6:
    got = expected  # ordinary rounding
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
