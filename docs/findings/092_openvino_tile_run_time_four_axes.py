"""Tile of four axes with repeats that are known at run time only reads memory outside its input."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[2,3,5,4] x, int64[4] r) => (float[a,b,c,d] y) {
    y = Tile(x, r)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 3, 5, 4)).astype(np.float32)
r = np.array([2, 2, 2, 2], np.int64)
expected = np.tile(x, r)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x, "r": r})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
