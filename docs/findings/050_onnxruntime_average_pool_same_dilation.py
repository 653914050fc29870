"""AveragePool with auto_pad SAME and dilations pads as if there were none: a smaller output."""

import numpy as np
import onnx.parser
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 19]>
g (float[1,1,8,8] x) => (float[1,1,a,b] y) {
    y = AveragePool<kernel_shape = [3, 3], dilations = [2, 2], auto_pad = "SAME_UPPER">(x)
}
""")
x = np.ones((1, 1, 8, 8), np.float32)
expected = np.ones((1, 1, 8, 8), np.float32)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
got = session.run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
