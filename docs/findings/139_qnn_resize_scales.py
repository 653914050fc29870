"""QNN's HTP resizes by other scales than those that the file gives."""

# toolchain: qnn
import numpy as np
import onnxruntime
import onnxruntime_qnn
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[1, 2, 5, 6] x) => (float[1, 2, 7, 10] y) { scales = Constant<value = float[4] {1.0, 1.0, 1.5, 1.75}>() y = Resize<mode = "linear">(x, , scales) }""")
rng = np.random.default_rng(0)
x = rng.normal(size=(1, 2, 5, 6)).astype(np.float32)


def weights(size, scale):
    """Return the matrix of linear interpolation at half-pixel positions, by the ONNX specification."""
    length = int(size * scale)
    matrix = np.zeros((length, size))
    for at in range(length):
        place = (at + 0.5) / scale - 0.5
        low = int(np.floor(place))
        for near, share in ((low, 1 - place + low), (low + 1, place - low)):
            matrix[at, min(max(near, 0), size - 1)] += share
    return matrix


expected = np.einsum("hi,wj,ncij->nchw", weights(5, 1.5), weights(6, 1.75), x)
onnxruntime.register_execution_provider_library("QNNExecutionProvider", onnxruntime_qnn.get_library_path())
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
device = [device for device in onnxruntime.get_ep_devices() if device.ep_name == "QNNExecutionProvider"][:1]
options.add_provider_for_devices(device, {"backend_type": "htp", "soc_model": "57"})
got = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
