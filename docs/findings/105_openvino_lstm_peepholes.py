"""LSTM drops its peephole weights."""

import numpy as np
import onnx.parser
import onnxruntime
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[3,1,2] x) => (float[a,b,c,d] y, float[1,1,1] h) {
    w = Constant<value = float[1,4,2] {0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8}>()
    r = Constant<value = float[1,4,1] {0.7,0.8,0.9,1.0}>()
    p = Constant<value = float[1,3] {0.9,0.8,0.7}>()
    y, h = LSTM<hidden_size = 1>(x, w, r, , , , , p)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(3, 1, 2)).astype(np.float32)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
