"""LpNormalization of short vectors is too short: a constant is added under the root."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[2,4] x) => (float[2,4] y) {
    y = LpNormalization<axis = -1, p = 2>(x)
}
""")
rng = np.random.default_rng(0)
x = (1e-4 * rng.normal(size=(2, 4))).astype(np.float32)
expected = x / np.sqrt(np.square(x).sum(-1, keepdims=True))
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
