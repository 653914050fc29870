"""LSTM of the reference evaluator ignores clip."""

import numpy as np
import onnx.parser
import onnx.reference
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[3,1,2] x) => (float[a,b,c,d] y, float[1,1,1] h) {
    w = Constant<value = float[1,4,2] {1.1,1.2,1.3,1.4,1.5,1.6,1.7,1.8}>()
    r = Constant<value = float[1,4,1] {0.7,0.8,0.9,1.0}>()
    y, h = LSTM<hidden_size = 1, clip = 0.3>(x, w, r)
}
""")
rng = np.random.default_rng(0)
x = (3 * rng.normal(size=(3, 1, 2))).astype(np.float32)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
