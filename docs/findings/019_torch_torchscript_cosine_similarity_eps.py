"""cosine_similarity holds the product of the norms, not each norm, to eps."""

import io

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x, y):
        return torch.nn.functional.cosine_similarity(x, y, dim=1, eps=0.5)


torch.manual_seed(0)
x = torch.tensor([[0.1, 0.2, 0.1]])
y = torch.tensor([[3.0, 1.0, 2.0]])
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
