"""ONNX Runtime's Elu computes exp(x) - 1: near zero the digits are lost."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.elu(x)


torch.manual_seed(0)
x = torch.tensor([-1e-3, -1e-5, -1e-6, -1e-7, -3e-8])
names = ['x']
program = torch.onnx.export(Model(), (x,), dynamo=True, verbose=False, input_names=names)
model = program.model_proto.SerializeToString()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(x).numpy()
got = session.run(None, dict(zip(names, [x.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
