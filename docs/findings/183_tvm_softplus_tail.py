"""TVM's Softplus is log(1 + exp(x)): 0 from -17 on."""

# toolchain: tvm
import numpy as np
import tvm
from onnx import parser
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (float[n] x) => (float[n] y) { y = Softplus(x) }''')
x = np.float32([-10, -15, -17, -20])
expected = np.log1p(np.exp(x.astype(float)))
machine = relax.VirtualMachine(tvm.compile(from_onnx(model), "llvm"), tvm.cpu())


def run(*arrays):
    return machine["main"](*map(tvm.runtime.tensor, arrays)).numpy()


got = run(x)
print("ratio   ", got / expected)
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
