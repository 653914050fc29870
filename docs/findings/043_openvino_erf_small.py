"""Erf loses digits near zero: 1e-4 of the value at 0.002."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[3] x) => (float[3] y) {
    y = Erf(x)
}
""")
x = np.array([1e-2, 2e-3, 1e-4], np.float32)
expected = (2 / np.sqrt(np.pi) * (x.astype(float) - x.astype(float) ** 3 / 3)).astype(np.float32)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
