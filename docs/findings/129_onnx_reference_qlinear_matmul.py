"""QLinearMatMul of the reference evaluator runs over where it must saturate."""

import numpy as np
import onnx.parser
import onnx.reference

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (int8[1,1] a, int8[1,1] b) => (int8[1,1] y) {
    s = Constant<value = float {1.0}>()
    z = Constant<value = int8 {0}>()
    y = QLinearMatMul(a, s, z, b, s, z, s, z)
}
""")
a, b = np.array([[100]], np.int8), np.array([[2]], np.int8)
expected = np.array([[127]], np.int8)
got = onnx.reference.ReferenceEvaluator(model).run(None, {"a": a, "b": b})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected.astype(float)).max()) if same else f"shape {got.shape}, expected {expected.shape}")
