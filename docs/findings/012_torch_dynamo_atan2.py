"""atan2(0, x) is -pi instead of pi for every negative x."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x, y):
        return torch.atan2(x, y)


torch.manual_seed(0)
x = torch.tensor([0.0, 0.0, 0.0])
y = torch.tensor([-1.0, -3.0, 2.0])
names = ['x', 'y']
program = torch.onnx.export(Model(), (x, y,), dynamo=True, verbose=False, input_names=names)
model = program.model_proto.SerializeToString()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(x, y).numpy()
got = session.run(None, dict(zip(names, [x.numpy(), y.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
