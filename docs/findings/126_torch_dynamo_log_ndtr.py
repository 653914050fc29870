"""special.log_ndtr is -inf in the far tail, where the answer is finite."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.special.log_ndtr(x)


given = (torch.tensor([-30.0, -6.0, 0.5]),)
names = ["x"]
program = torch.onnx.export(Model(), given, dynamo=True, verbose=False, input_names=names)
session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
expected = Model()(*given).numpy()
got = session.run(None, {name: array.numpy() for name, array in zip(names, given)})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
