"""LRN drops its bias and takes 1."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[2,6,4,4] x) => (float[a,b,c,d] y) {
    y = LRN<bias = 1.5, size = 3>(x)
}
""")
x = np.random.default_rng(0).normal(size=(2, 6, 4, 4)).astype(np.float32)
around = np.pad(x.astype(float) ** 2, [(0, 0), (1, 1), (0, 0), (0, 0)])
total = sum(around[:, n : n + 6] for n in range(3))
expected = x / (1.5 + 1e-4 / 3 * total) ** 0.75
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
