"""ConvTranspose with auto_pad SAME and a kernel shorter than its stride is shorter than input times stride."""

import numpy as np
import onnx.parser
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[1,1,5] x, float[1,1,1] w) => (float[a,b,c] y) {
    y = ConvTranspose<auto_pad = "SAME_UPPER", strides = [2]>(x, w)
}
""")
x = np.arange(1, 6, dtype=np.float32).reshape(1, 1, 5)
w = np.ones((1, 1, 1), np.float32)
# output_shape[i] = input_shape[i] * strides[i] (ONNX operators, ConvTranspose, auto_pad)
expected = np.zeros((1, 1, 10), np.float32)
expected[..., ::2] = x
got = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x, "w": w})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
