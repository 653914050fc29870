"""native_batch_norm in inference returns saved statistics of every channel instead of none."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x, mean, var):
        return torch.native_batch_norm(x, None, None, mean, var, False, 0.1, 1e-5)[1]


given = (torch.randn(3, 2, 4), torch.zeros(2), torch.ones(2))
names = ["x", "mean", "var"]
program = torch.onnx.export(Model(), given, dynamo=True, verbose=False, input_names=names)
session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
expected = Model()(*given).numpy()
got = session.run(None, {name: array.numpy() for name, array in zip(names, given)})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
