"""LRN of the reference evaluator is off."""

import numpy as np
import onnx.parser
import onnx.reference

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[1,6,2,2] x) => (float[1,6,2,2] y) {
    y = LRN<size = 3, alpha = 0.5, beta = 0.75>(x)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(1, 6, 2, 2)).astype(np.float32)
expected = x / (1 + 0.5 / 3 * np.stack([np.square(x[:, max(0, c - 1) : c + 2]).sum(1) for c in range(6)], 1)) ** 0.75
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
