"""The activation ThresholdedRelu of a recurrent layer has the threshold 0 where none is given; the operator's default is 1."""

import numpy as np
import onnx.parser
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[1,1,2] x) => (float[a,b,c,d] y) {
    w = Constant<value = float[1,2,2] {1.0,0.0,0.0,1.0}>()
    r = Constant<value = float[1,2,2] {0.0,0.0,0.0,0.0}>()
    y = RNN<hidden_size = 2, activations = ["ThresholdedRelu"]>(x, w, r)
}
""")
x = np.array([[[0.5, 1.5]]], np.float32)
expected = np.array([[[[0.0, 1.5]]]], np.float32)
got = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
