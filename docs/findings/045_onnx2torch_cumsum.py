"""CumSum runs backwards where reverse is left out."""

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
<ir_version: 9, opset_import: ["" : 14]>
g (float[4] x) => (float[4] y) {
    axis = Constant<value = int64 {0}>()
    y = CumSum(x, axis)
}
""")
x = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
expected = np.cumsum(x)
got = convert(model)(torch.from_numpy(x)).numpy()
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
