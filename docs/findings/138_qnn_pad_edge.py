"""QNN's HTP fills an edge padding with the smallest number it has."""

# toolchain: qnn
import numpy as np
import onnxruntime
import onnxruntime_qnn
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[2, 6, 6, 7] x) => (float[2, 6, 9, 10] y) { pads = Constant<value = int64[8] {0, 0, 3, 1, 0, 0, 0, 2}>() y = Pad<mode = "edge">(x, pads) }""")
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 6, 6, 7)).astype(np.float32)
expected = np.pad(x, ((0, 0), (0, 0), (3, 0), (1, 2)), mode="edge")
onnxruntime.register_execution_provider_library("QNNExecutionProvider", onnxruntime_qnn.get_library_path())
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
device = [device for device in onnxruntime.get_ep_devices() if device.ep_name == "QNNExecutionProvider"][:1]
options.add_provider_for_devices(device, {"backend_type": "htp", "soc_model": "57"})
got = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
