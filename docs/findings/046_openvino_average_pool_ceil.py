"""AveragePool with ceil_mode and count_include_pad divides the last window by cells that lie past the padding; torch and ONNX Runtime do not."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 19]>
g (float[1,1,1,6] x) => (float[1,1,a,b] y) {
    y = AveragePool<kernel_shape = [1, 3], strides = [1, 3], pads = [0, 1, 0, 1], ceil_mode = 1, count_include_pad = 1>(x)
}
""")
x = np.ones((1, 1, 1, 6), np.float32)
expected = np.array([[[[2 / 3, 1, 1 / 2]]]], np.float32)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
