"""QNN's HTP gives a large negative number for exp of a large negative one."""

# toolchain: qnn
import numpy as np
import onnxruntime
import onnxruntime_qnn
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[1, 8] x) => (float[1, 8] y) { y = Exp(x) }""")
x = np.float32([[-100, -95, -90, -50, -20, 1, 2, 3]])
expected = np.exp(x)
onnxruntime.register_execution_provider_library("QNNExecutionProvider", onnxruntime_qnn.get_library_path())
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
device = [device for device in onnxruntime.get_ep_devices() if device.ep_name == "QNNExecutionProvider"][:1]
options.add_provider_for_devices(device, {"backend_type": "htp", "soc_model": "57"})
got = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
