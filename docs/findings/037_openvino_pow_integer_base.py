"""Pow of an integer base and a real exponent returns reals instead of integers."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (int64[N] x, float[N] p) => (int64[N] y) {
    y = Pow(x, p)
}
""")
x = np.array([2, 3, 7], np.int64)
p = np.array([0.5, -1.0, 1.5], np.float32)
expected = np.power(x.astype(float), p).astype(np.int64)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x, "p": p})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
