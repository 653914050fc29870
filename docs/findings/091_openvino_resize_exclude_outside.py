"""exclude_outside of a cubic Resize is dropped."""

import numpy as np
import onnx.parser
import onnxruntime
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 19]>
g (float[1,1,1,4] x) => (float[1,1,1,a] y) {
    s = Constant<value = float[4] {1.0, 1.0, 1.0, 2.0}>()
    y = Resize<mode = "cubic", exclude_outside = 1>(x, , s)
}
""")
x = np.array([[[[1, 2, 4, 8]]]], np.float32)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
