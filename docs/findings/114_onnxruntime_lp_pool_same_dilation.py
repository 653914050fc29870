"""LpPool with auto_pad SAME and dilations pads as if there were none: a smaller output."""

import numpy as np
import onnx.parser
import onnxruntime

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 18]>
g (float[1,1,9] x) => (float[a,b,c] y) {
    y = LpPool<auto_pad = "SAME_UPPER", dilations = [2], kernel_shape = [3], p = 1>(x)
}
""")
x = np.arange(9, dtype=np.float32).reshape(1, 1, 9)
around = np.pad(x, [(0, 0), (0, 0), (2, 2)])
expected = around[..., :-4] + around[..., 2:-2] + around[..., 4:]
got = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
