"""A one-sided DFT keeps the axis of real numbers: one axis too many."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[2,8,1] x) => (float[a,b,c] y) {
    y = DFT<onesided = 1>(x)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 8, 1)).astype(np.float32)
expected = np.stack([np.fft.rfft(x[..., 0], axis=1).real, np.fft.rfft(x[..., 0], axis=1).imag], -1).astype(np.float32)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
