"""LRN subtracts from a running sum: small channels after a large one lose their digits."""

import numpy as np
import onnx.parser
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[1,6,1,1] x) => (float[a,b,c,d] y) {
    y = LRN<alpha = 0.5, size = 3>(x)
}
""")
x = np.array([3e4, 1.3, 0.9, 1.1, 2.3, 0.7], np.float32).reshape(1, 6, 1, 1)
around = np.pad(x.astype(float) ** 2, [(0, 0), (1, 1), (0, 0), (0, 0)])
total = sum(around[:, n : n + 6] for n in range(3))
expected = x / (1.0 + 0.5 / 3 * total) ** 0.75
got = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
