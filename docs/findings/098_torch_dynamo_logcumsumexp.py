"""logcumsumexp becomes log(cumsum(exp(x))): -inf where the first values are far below zero."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.logcumsumexp(x, 0)


torch.manual_seed(0)
x = torch.tensor([-120.0, -110.0, 3.0])
names = ['x']
program = torch.onnx.export(Model(), (x,), dynamo=True, verbose=False, input_names=names)
model = program.model_proto.SerializeToString()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(x).numpy()
got = session.run(None, dict(zip(names, [x.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
