"""Conv of the reference evaluator with auto_pad VALID is padded as for SAME."""

import numpy as np
import onnx.parser
import onnx.reference
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[1,1,5,5] x) => (float[1,1,a,b] y) {
    w = Constant<value = float[1,1,3,3] {1,2,3,4,5,6,7,8,9}>()
    y = Conv<auto_pad = "VALID">(x, w)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(1, 1, 5, 5)).astype(np.float32)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
