"""IREE's Gelu with approximate = tanh computes the exact one."""

# toolchain: iree
import tempfile

import iree.compiler.tools as tools
import iree.compiler.tools.import_onnx.__main__ as importer
import iree.runtime as runtime
import numpy as np
import onnx
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 20]>
g (float[n] x) => (float[n] y) { y = Gelu<approximate = "tanh">(x) }""")
x = np.float32([-3, -2, -1, -0.5, 0.5, 1, 2])
expected = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
with tempfile.TemporaryDirectory() as folder:
    onnx.save(model, f"{folder}/model.onnx")
    importer.main(importer.parse_arguments([f"{folder}/model.onnx", "-o", f"{folder}/model.mlir"]))
    binary = tools.compile_file(f"{folder}/model.mlir", input_type="onnx", target_backends=["llvm-cpu"], extra_args=["--iree-llvmcpu-target-cpu=generic"])
context = runtime.SystemContext(config=runtime.Config("local-task"))
module = runtime.VmModule.copy_buffer(context.instance, binary)
context.add_vm_module(module)
got = np.array(context.modules[module.name]["g"](x).to_host())
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
