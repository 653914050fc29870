"""keep_aspect_ratio_policy of Resize is dropped: another shape."""

import numpy as np
import onnx.parser
import openvino

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 18]>
g (float[1,1,2,4] x) => (float[a,b,c,d] y) {
    sizes = Constant<value = int64[2] {7, 8}>()
    y = Resize<axes = [2, 3], keep_aspect_ratio_policy = "not_larger", mode = "nearest">(x, , , sizes)
}
""")
x = np.arange(8, dtype=np.float32).reshape(1, 1, 2, 4)
# Both sides grow by the smaller of 7 / 2 and 8 / 4.
expected = x.repeat(2, 2).repeat(2, 3)
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
