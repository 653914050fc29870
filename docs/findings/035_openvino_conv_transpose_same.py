"""ConvTranspose with auto_pad SAME_LOWER and dynamic sizes pads nothing."""

import numpy as np
import onnx.parser
import onnxruntime
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[N,1,H,W] x) => (float[N,1,a,b] y) {
    w = Constant<value = float[1,1,3,3] {1,2,3,4,5,6,7,8,9}>()
    y = ConvTranspose<auto_pad = "SAME_LOWER">(x, w)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(1, 1, 4, 5)).astype(np.float32)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
