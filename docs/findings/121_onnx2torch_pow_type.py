"""Pow of an integer by a real number is real; ONNX gives it the type of the base."""

import sys
import types

import numpy as np
import onnx.parser
import torch

# onnx2torch needs two names of torchvision at its import, which these models do not use.
ops = types.ModuleType("torchvision.ops")
ops.roi_align = ops.nms = None
sys.modules.update({"torchvision": types.ModuleType("torchvision"), "torchvision.ops": ops})
sys.modules["torchvision"].ops = ops
from onnx2torch import convert

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (int32[3] x, float[3] p) => (int32[3] y) {
    y = Pow(x, p)
}
""")
x, p = np.array([2, 3, 4], np.int32), np.array([0.5, 2.0, 1.5], np.float32)
expected = np.power(x.astype(float), p).astype(np.int32)
got = convert(model)(torch.from_numpy(x), torch.from_numpy(p)).numpy()
print("expected", expected, expected.dtype)
print("got     ", got, got.dtype)
print("error   ", 0.0 if got.dtype == expected.dtype else f"dtype {got.dtype}, expected {expected.dtype}")
