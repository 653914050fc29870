"""The dynamo exporter keeps one branch of `if x.shape[0] > 3`, and the file takes any batch."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return x * 2.0 if x.shape[0] > 3 else x - 1.0


torch.manual_seed(0)
x = torch.randn(2, 3)
batch = torch.export.Dim("batch", min=1, max=8)
larger = torch.randn(5, 3)
names = ['x']
program = torch.onnx.export(Model(), (x,), dynamo=True, verbose=False, input_names=names, dynamic_shapes=({0: batch},))
model = program.model_proto.SerializeToString()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(larger).numpy()
got = session.run(None, dict(zip(names, [larger.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
