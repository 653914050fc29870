"""NaN in one channel reaches the others in a linear Resize of the reference evaluator."""

import numpy as np
import onnx.parser
import onnx.reference

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[1,2,2,2] x) => (float[1,2,4,4] y) {
    scales = Constant<value = float[4] {1.0, 1.0, 2.0, 2.0}>()
    y = Resize<mode = "linear">(x, , scales)
}
""")
x = np.ones((1, 2, 2, 2), np.float32)
x[0, 0] = np.nan
expected = np.ones((1, 1, 4, 4), np.float32)
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0][:, 1:]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
