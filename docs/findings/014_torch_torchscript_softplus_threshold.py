"""The TorchScript exporter drops the threshold of Softplus."""

import io

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.softplus(x, beta=1.0, threshold=2.0)


torch.manual_seed(0)
x = torch.tensor([1.0, 2.5, 3.0, 4.0])
names = ['x']
stream = io.BytesIO()
torch.onnx.export(Model(), (x,), stream, dynamo=False, opset_version=17, input_names=names)
model = stream.getvalue()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(x).numpy()
got = session.run(None, dict(zip(names, [x.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
