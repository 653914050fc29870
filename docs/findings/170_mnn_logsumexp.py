"""MNN's ReduceLogSumExp stops at 87."""

# toolchain: mnn
import tempfile

import _tools
import MNN
import numpy as np
import onnx
from onnx import parser

F = MNN.expr
model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (float[n, 3] x) => (float[n] y) { y = ReduceLogSumExp<axes = [1], keepdims = 0>(x) }''')
x = np.float32([[200, 199, 1], [1, 2, 3]])
expected = np.logaddexp.reduce(x.astype(float), 1)
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
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
