"""RoiAlign of operator set 10 has no half pixels; the reference evaluator takes the meaning of set 16."""

import numpy as np
import onnx.parser
import onnx.reference

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 10]>
g (float[1,1,6,6] x, float[1,4] r, int64[1] b) => (float[1,1,1,1] y) {
    y = RoiAlign<sampling_ratio = 1>(x, r, b)
}
""")
x = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6)
r, b = np.array([[1.0, 1.0, 3.0, 3.0]], np.float32), np.array([0])
# The middle of the region is the pixel in row 2 and column 2.
expected = x[:, :, 2:3, 2:3]
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x, "r": r, "b": b})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
