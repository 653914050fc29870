"""TVM's OneHot is float64 whatever the type of its values."""

# toolchain: tvm
import numpy as np
import tvm
from onnx import parser
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (int64[n] x) => (float[n, 3] y) { depth = Constant<value = int64 {3}>()
 values = Constant<value = float[2] {0.0, 1.0}>()
 y = OneHot(x, depth, values) }''')
x = np.int64([0, 2])
expected = np.float32([[1, 0, 0], [0, 0, 1]])
machine = relax.VirtualMachine(tvm.compile(from_onnx(model), "llvm"), tvm.cpu())


def run(*arrays):
    return machine["main"](*map(tvm.runtime.tensor, arrays)).numpy()


got = run(x)
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", 0.0 if got.dtype == expected.dtype else f"dtype {got.dtype}, expected {expected.dtype}")
