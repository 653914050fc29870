"""Floor division of negative integers by a tensor truncates."""

import io

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x, y):
        return x // y


torch.manual_seed(0)
x = torch.tensor([-7, -5, -1, 5, 7])
y = torch.tensor([3, 3, 3, 3, -3])
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
