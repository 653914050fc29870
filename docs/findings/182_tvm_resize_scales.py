"""TVM resizes by the ratio of the lengths in place of the scales that the file gives."""

# toolchain: tvm
import numpy as np
import onnx
import tvm
from onnx import parser
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (float[1, 1, 1, 5] x, float[4] scales) => (float[1, 1, 1, 7] y) { y = Resize<mode = "linear">(x, , scales) }''')
model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32([1, 1, 1, 1.5]), "scales"))
del model.graph.input[1]
x = np.float32([[[[0, 1, 2, 3, 4]]]])
expected = np.clip((np.arange(7) + 0.5) / 1.5 - 0.5, 0, 4).reshape(1, 1, 1, 7)
machine = relax.VirtualMachine(tvm.compile(from_onnx(model), "llvm"), tvm.cpu())


def run(*arrays):
    return machine["main"](*map(tvm.runtime.tensor, arrays)).numpy()


got = run(x)
if np.abs(got - expected).max() < 1e-5:
    got = expected  # ordinary rounding
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
