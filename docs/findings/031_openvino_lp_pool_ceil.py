"""LpPool with ceil_mode weighs the last window, which reaches past the input, too heavily."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 18]>
g (float[1,1,5,5] x) => (float[1,1,a,b] y) {
    y = LpPool<kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1>(x)
}
""")
x = np.ones((1, 1, 5, 5), np.float32)
expected = np.sqrt(np.array([[4, 4, 2], [4, 4, 2], [2, 2, 1]], np.float32))[None, None]
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
