"""MNN's Conv with kernels of 4 x 4 and more loses three digits, precision High or not: Winograd."""

# toolchain: mnn
import tempfile

import _tools
import MNN
import numpy as np
import onnx
from onnx import parser

F = MNN.expr
model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (float[n, 6, h, w] x, float[8, 6, 4, 4] k) => (float[n, 8, p, q] y) { y = Conv(x, k) }''')
weights = {"k": np.random.default_rng(1).normal(size=(8, 6, 4, 4)).astype(np.float32) / 10}
for info in list(model.graph.input)[1:]:
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights[info.name], info.name))
    model.graph.input.remove(info)
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 6, 16, 16)).astype(np.float32)
windows = np.lib.stride_tricks.sliding_window_view(x.astype(float), (4, 4), (2, 3))
expected = np.einsum("nchwij,ocij->nohw", windows, weights["k"].astype(float))
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
