"""Sigmoid far in its tail: twice too large at -17, exactly 0 from -18 on."""

import numpy as np
import onnx.parser
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[4] x) => (float[4] y) {
    y = Sigmoid(x)
}
""")
x = np.array([-12.0, -17.0, -18.0, -30.0], np.float32)
expected = (1 / (1 + np.exp(-x.astype(float))))
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
got = session.run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
