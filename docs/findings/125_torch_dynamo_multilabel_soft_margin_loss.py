"""multilabel_soft_margin_loss becomes log(sigmoid(x)): infinite for confident wrong answers."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x, y):
        return torch.nn.functional.multilabel_soft_margin_loss(x, y)


given = (torch.tensor([[-100.0, 1.0]]), torch.tensor([[1.0, 1.0]]))
names = ["x", "y"]
program = torch.onnx.export(Model(), given, dynamo=True, verbose=False, input_names=names)
session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
expected = Model()(*given).numpy()
got = session.run(None, {name: array.numpy() for name, array in zip(names, given)})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
