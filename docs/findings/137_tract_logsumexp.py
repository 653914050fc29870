"""tract's ReduceLogSumExp overflows: the largest is not taken out first."""

# toolchain: tract
import tempfile

import numpy as np
import onnx
import tract
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[n, 3] x) => (float[n] y) { y = ReduceLogSumExp<axes = [1], keepdims = 0>(x) }""")
x = np.float32([[100, 90, 80], [1, 2, 3]])
expected = np.log(np.exp(x.astype(np.float64)).sum(1))
with tempfile.TemporaryDirectory() as folder:
    onnx.save(model, f"{folder}/model.onnx")
    runnable = tract.onnx().load(f"{folder}/model.onnx").into_model().into_runnable()
got = runnable.run([x])[0].to_numpy()
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
