"""Cubic GridSample of the reference evaluator with padding_mode border."""

import numpy as np
import onnx.parser
import onnx.reference
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 20]>
g (float[1,1,4,4] x, float[1,2,2,2] g) => (float[1,1,2,2] y) {
    y = GridSample<mode = "cubic", padding_mode = "border">(x, g)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(1, 1, 4, 4)).astype(np.float32)
g = np.array([[[[-0.9, 0.9], [1.4, -1.3]], [[0.2, 0.8], [-1.2, 0.1]]]], np.float32)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x, "g": g})[0]
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x, "g": g})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
