"""IREE's DepthToSpace takes mode CRD for DCR."""

# toolchain: iree
import tempfile

import iree.compiler.tools as tools
import iree.compiler.tools.import_onnx.__main__ as importer
import iree.runtime as runtime
import numpy as np
import onnx
from onnx import parser

model = parser.parse_model("""<ir_version: 9, opset_import: ["" : 17]>
g (float[batch, 12, 3, 5] x) => (float[batch, 3, 6, 10] y) { y = DepthToSpace<blocksize = 2, mode = "CRD">(x) }""")
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 12, 3, 5)).astype(np.float32)
expected = x.reshape(2, 3, 2, 2, 3, 5).transpose(0, 1, 4, 2, 5, 3).reshape(2, 3, 6, 10)
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
