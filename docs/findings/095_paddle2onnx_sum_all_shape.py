"""A sum over everything has shape (1,) instead of being a scalar."""

import pathlib
import tempfile

import numpy as np
import onnxruntime
import paddle
import paddle2onnx


class Model(paddle.nn.Layer):
    def forward(self, x):
        return paddle.sum(x)


x = np.arange(6, dtype=np.float32).reshape(2, 3)
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
