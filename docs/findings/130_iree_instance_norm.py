"""IREE's InstanceNormalization with free height and width normalises with other statistics."""

# toolchain: iree
import tempfile

import iree.compiler.tools as tools
import iree.compiler.tools.import_onnx.__main__ as importer
import iree.runtime as runtime
import numpy as np
import onnx
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[batch, 3, height, width] x, float[3] s, float[3] b) => (float[batch, 3, height, width] y) { y = InstanceNormalization<epsilon = 0.001>(x, s, b) }""")
rng = np.random.default_rng(0)
x = rng.normal(1, 2, (2, 3, 5, 7)).astype(np.float32)
s, b = np.float32([1, 2, 3]), np.float32([0, 1, 2])
expected = (x - x.mean((2, 3), keepdims=True)) / np.sqrt(x.var((2, 3), keepdims=True) + 0.001) * s[:, None, None] + b[:, None, None]
with tempfile.TemporaryDirectory() as folder:
    onnx.save(model, f"{folder}/model.onnx")
    importer.main(importer.parse_arguments([f"{folder}/model.onnx", "-o", f"{folder}/model.mlir"]))
    binary = tools.compile_file(f"{folder}/model.mlir", input_type="onnx", target_backends=["llvm-cpu"], extra_args=["--iree-llvmcpu-target-cpu=generic"])
context = runtime.SystemContext(config=runtime.Config("local-task"))
module = runtime.VmModule.copy_buffer(context.instance, binary)
context.add_vm_module(module)
got = np.array(context.modules[module.name]["g"](x, s, b).to_host())
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
