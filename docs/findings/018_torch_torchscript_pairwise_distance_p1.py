"""pairwise_distance with p = 1 sums signed differences instead of absolute ones."""

import io

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x, y):
        return torch.nn.functional.pairwise_distance(x, y, p=1.0)


torch.manual_seed(0)
x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 1.0]])
y = torch.tensor([[2.0, 0.0, 1.0], [1.0, 5.0, 2.0]])
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
