"""tract's Softplus overflows."""

# toolchain: tract
import tempfile

import numpy as np
import onnx
import tract
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[n] x) => (float[n] y) { y = Softplus(x) }""")
x = np.float32([-1, 1, 50, 100])
expected = np.logaddexp(0, x.astype(np.float64))
with tempfile.TemporaryDirectory() as folder:
    onnx.save(model, f"{folder}/model.onnx")
    runnable = tract.onnx().load(f"{folder}/model.onnx").into_model().into_runnable()
got = runnable.run([x])[0].to_numpy()
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
