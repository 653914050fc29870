"""MaxPool with storage_order = 1 swaps height and width of its indices."""

import numpy as np
import onnx.parser
import onnxruntime
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[1,1,4,6] x) => (float[1,1,a,b] y, int64[1,1,a,b] i) {
    y, i = MaxPool<kernel_shape = [2, 2], strides = [2, 2], storage_order = 1>(x)
}
""")
rng = np.random.default_rng(0)
x = rng.normal(size=(1, 1, 4, 6)).astype(np.float32)
expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[1]
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[1]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
