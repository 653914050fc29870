"""Mod with fmod = 1 of 1.5 by 0.3 is 0: the quotient is rounded before it is cut off."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[3] x, float[3] d) => (float[3] y) {
    y = Mod<fmod = 1>(x, d)
}
""")
x = np.array([1.5, 2.1, 4.5], np.float32)
d = np.array([0.3, 0.7, 0.9], np.float32)
expected = np.fmod(x, d)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x, "d": d})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
