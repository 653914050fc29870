"""Upsampling with mode area keeps the size of the example: any other length comes out with the wrong shape."""

import numpy as np
import onnxruntime
import torch


class Model(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.interpolate(x, scale_factor=2, mode="area", recompute_scale_factor=True)


torch.manual_seed(0)
x = torch.randn(2, 3, 13)
shorter = torch.randn(2, 3, 11)
length = torch.export.Dim("length", min=4, max=64)
names = ['x']
program = torch.onnx.export(Model(), (x,), dynamo=True, verbose=False, input_names=names, dynamic_shapes=({2: length},))
model = program.model_proto.SerializeToString()
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
expected = Model()(shorter).numpy()
got = session.run(None, dict(zip(names, [shorter.numpy()])))[0]
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
