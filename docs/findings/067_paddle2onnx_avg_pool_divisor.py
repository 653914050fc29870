"""divisor_override of average pooling with padding SAME."""

import pathlib
import tempfile

import numpy as np
import onnxruntime
import paddle
import paddle2onnx


class Model(paddle.nn.Layer):
    def forward(self, x):
        return paddle.nn.functional.avg_pool3d(x, [3, 2, 3], padding="SAME", ceil_mode=True, exclusive=False, divisor_override=5)


rng = np.random.default_rng(0)
x = rng.normal(size=(1, 2, 8, 11, 14)).astype(np.float32)
names = ['x']
feeds = dict(zip(names, [x]))
model = Model()
model.eval()
expected = np.array(model(*[paddle.to_tensor(array) for array in feeds.values()]))
with tempfile.TemporaryDirectory() as folder:
    specs = [paddle.static.InputSpec(list(array.shape), str(array.dtype), name) for name, array in feeds.items()]
    paddle.jit.save(model, folder + "/model", input_spec=specs)
    program = next(str(path) for path in pathlib.Path(folder).glob("model.*") if path.suffix in (".json", ".pdmodel"))
    paddle2onnx.export(program, folder + "/model.pdiparams", folder + "/model.onnx", opset_version=17)
    got = onnxruntime.InferenceSession(folder + "/model.onnx", providers=["CPUExecutionProvider"]).run(None, feeds)[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
