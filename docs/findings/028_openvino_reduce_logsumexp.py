"""ReduceLogSumExp with an axes attribute reduces every axis."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 13]>
g (float[2,3,5] x) => (float[a,b,c] y) {
    y = ReduceLogSumExp<axes = [1]>(x)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 3, 5)).astype(np.float32)
expected = np.log(np.exp(x).sum(1, keepdims=True))
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
