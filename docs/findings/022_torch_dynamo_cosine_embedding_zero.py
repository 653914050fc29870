"""cosine_embedding_loss of zero vectors is NaN instead of 1."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x, y, z):
        return torch.nn.functional.cosine_embedding_loss(x, y, z, reduction="none")


torch.manual_seed(0)
x = torch.zeros(2, 5)
y = torch.randn(2, 5)
z = torch.ones(2, dtype=torch.int64)
names = ['x', 'y', 'z']
program = torch.onnx.export(Model(), (x, y, z,), dynamo=True, verbose=False, input_names=names)
model = program.model_proto.SerializeToString()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(x, y, z).numpy()
got = session.run(None, dict(zip(names, [x.numpy(), y.numpy(), z.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
