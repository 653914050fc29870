"""logsigmoid becomes log(sigmoid(x)): -inf from -18 on, since ONNX Runtime's Sigmoid is 0 there."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.logsigmoid(x)


torch.manual_seed(0)
x = torch.tensor([-10.0, -14.0, -17.0, -18.0, -40.0, -80.0])
names = ['x']
program = torch.onnx.export(Model(), (x,), dynamo=True, verbose=False, input_names=names)
model = program.model_proto.SerializeToString()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(x).numpy()
got = session.run(None, dict(zip(names, [x.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
