"""tract's Celu takes alpha for 1 in part."""

# toolchain: tract
import tempfile

import numpy as np
import onnx
import tract
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[n] x) => (float[n] y) { y = Celu<alpha = 1.7>(x) }""")
x = np.float32([-4, -2, -1, -0.1, 1])
expected = np.maximum(x, 0) + np.minimum(0, 1.7 * np.expm1(x / 1.7))
with tempfile.TemporaryDirectory() as folder:
    onnx.save(model, f"{folder}/model.onnx")
    runnable = tract.onnx().load(f"{folder}/model.onnx").into_model().into_runnable()
got = runnable.run([x])[0].to_numpy()
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
