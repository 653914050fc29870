"""QNN's HTP loses the largest term of ReduceLogSumExp."""

# toolchain: qnn
import numpy as np
import onnxruntime
import onnxruntime_qnn
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[2, 4] x) => (float[2] y) { y = ReduceLogSumExp<axes = [1], keepdims = 0>(x) }""")
x = np.float32([[20, 60, 50, 55], [1, 2, 3, 4]])
expected = np.log(np.exp(x.astype(np.float64)).sum(1))
onnxruntime.register_execution_provider_library("QNNExecutionProvider", onnxruntime_qnn.get_library_path())
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
device = [device for device in onnxruntime.get_ep_devices() if device.ep_name == "QNNExecutionProvider"][:1]
options.add_provider_for_devices(device, {"backend_type": "htp", "soc_model": "57"})
got = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
