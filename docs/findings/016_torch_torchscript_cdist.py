"""cdist takes roots with the exponent 1 / (2 + 1e-6)."""

import io

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x, y):
        return torch.cdist(x, y, p=2.0)


torch.manual_seed(0)
x = torch.randn(2, 5, 64) * 30
y = torch.randn(2, 3, 64)
names = ['x', 'y']
stream = io.BytesIO()
torch.onnx.export(Model(), (x, y,), stream, dynamo=False, opset_version=17, input_names=names)
model = stream.getvalue()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(x, y).numpy()
got = session.run(None, dict(zip(names, [x.numpy(), y.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
