"""MaxPool of the reference evaluator with auto_pad SAME_LOWER."""

import numpy as np
import onnx.parser
import onnx.reference
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 12]>
g (float[1,1,6,6] x) => (float[1,1,a,b] y) {
    y = MaxPool<kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_LOWER">(x)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(1, 1, 6, 6)).astype(np.float32)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
