"""ncnn's LogSoftmax of large numbers is NaN or -87."""

# toolchain: ncnn
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import ncnn
import numpy as np
import onnx
from onnx import parser

model = parser.parse_model('''<ir_version: 9, opset_import: ["" : 17]>
g (float[2, 5] x) => (float[2, 5] y) { y = LogSoftmax<axis = 1>(x) }''')
x = np.float32([[0, 50, 100, 200, 300]] * 2)
expected = x.astype(float) - np.logaddexp.reduce(x.astype(float), 1)[:, None]
with tempfile.TemporaryDirectory() as folder:
    onnx.save(model, f"{folder}/model.onnx")
    shape = ",".join(map(str, x.shape))
    command = [str(Path(find_spec("pnnx").origin).with_name("pnnx")), "model.onnx", f"inputshape=[{shape}]f32", "fp16=0"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    script = Path(f"{folder}/model_ncnn.py").read_text()
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param(f"{folder}/model.ncnn.param")
    net.load_model(f"{folder}/model.ncnn.bin")
    batch = int(script.split("batch_index=")[1].split(")")[0])
    with net.create_extractor() as extractor:
        extractor.input("in0", ncnn.Mat(x, batch_index=batch).clone())
        got = np.array(extractor.extract("out0")[1].numpy(batch_index=batch))
if got.shape == expected.shape and np.abs(got - expected).max() < 1e-5 * max(1, np.abs(expected).max()):
    got = expected  # ordinary rounding
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
