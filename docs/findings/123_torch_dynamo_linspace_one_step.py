"""linspace of one step between two tensors is a scalar."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, a, b):
        return torch.linspace(a, b, 1)


given = (torch.tensor(2.0), torch.tensor(5.0))
names = ["a", "b"]
program = torch.onnx.export(Model(), given, dynamo=True, verbose=False, input_names=names)
session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
expected = Model()(*given).numpy()
got = session.run(None, {name: array.numpy() for name, array in zip(names, given)})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
