"""BitShift of uint8 saturates at 255 instead of dropping the bits."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (uint8[4] x, uint8[4] n) => (uint8[4] y) {
    y = BitShift<direction = "LEFT">(x, n)
}
""")
x = np.array([129, 3, 200, 255], np.uint8)
n = np.array([1, 7, 4, 2], np.uint8)
expected = x << n
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x, "n": n})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
