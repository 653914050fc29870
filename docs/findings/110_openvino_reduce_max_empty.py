"""ReduceMax of nothing is the lowest finite number instead of minus infinity."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 20]>
g (float[2,n] x) => (float[2,1] y) {
    axes = Constant<value = int64[1] {1}>()
    y = ReduceMax(x, axes)
}
""")
x = np.zeros((2, 0), np.float32)
expected = np.full((2, 1), -np.inf, np.float32)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
