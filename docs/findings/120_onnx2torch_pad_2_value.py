"""Pad of operator set 2 pads with 0 whatever its value is."""

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
<ir_version: 9, opset_import: ["" : 9]>
g (float[1,1,2,2] x) => (float[1,1,2,4] y) {
    y = Pad<pads = [0, 0, 0, 1, 0, 0, 0, 1], value = 2.0>(x)
}
""")
x = np.ones((1, 1, 2, 2), np.float32)
expected = np.pad(x, [(0, 0), (0, 0), (0, 0), (1, 1)], constant_values=2)
got = convert(model)(torch.from_numpy(x)).numpy()
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
