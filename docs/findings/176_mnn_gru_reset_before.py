"""MNN's GRU computes linear_before_reset = 0 as 1, as its converter rewrites it unless told otherwise."""

# toolchain: mnn
import tempfile

import _tools
import MNN
import numpy as np
import onnx
from onnx import parser

F = MNN.expr
model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (float[n, l, 1] x, float[1, 6, 1] w, float[1, 6, 2] r) => (float[l, 1, n, 2] y, float[1, n, 2] h) { t = Transpose<perm = [1, 0, 2]>(x)
 y, h = GRU<hidden_size = 2>(t, w, r) }''')
rng = np.random.default_rng(0)
weights = {"w": rng.normal(size=(1, 6, 1)).astype(np.float32), "r": rng.normal(size=(1, 6, 2)).astype(np.float32)}
for info in list(model.graph.input)[1:]:
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights[info.name], info.name))
    model.graph.input.remove(info)
x = np.ones((2, 3, 1), np.float32)
sigmoid, h, steps = lambda v: 1 / (1 + np.exp(-v)), np.zeros((2, 2)), []
(wz, wr, wh), (rz, rr, rh) = weights["w"].reshape(3, 2).astype(float), weights["r"].reshape(3, 2, 2).astype(float)
for _ in range(3):
    z, r = sigmoid(wz + h @ rz.T), sigmoid(wr + h @ rr.T)
    h = (1 - z) * np.tanh(wh + (r * h) @ rh.T) + z * h
    steps.append(h)
expected = np.array(steps)[:, None]
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
if np.abs(got - expected).max() < 1e-5:
    got = expected  # ordinary rounding
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
