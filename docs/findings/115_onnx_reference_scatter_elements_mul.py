"""ScatterElements of the reference evaluator has no reduction mul: it overwrites."""

import numpy as np
import onnx.parser
import onnx.reference

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[3] x, int64[2] i, float[2] u) => (float[3] y) {
    y = ScatterElements<reduction = "mul">(x, i, u)
}
""")
x, u = np.array([2.0, 3.0, 5.0], np.float32), np.array([7.0, 11.0], np.float32)
i = np.array([0, 2])
expected = np.array([14.0, 3.0, 55.0], np.float32)
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x, "i": i, "u": u})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
