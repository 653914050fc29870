"""TopK puts equal values in any order; the specification says the lower index first."""

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
<ir_version: 9, opset_import: ["" : 13]>
g (float[40] x) => (float[k] v, int64[k] y) {
    k = Constant<value = int64[1] {20}>()
    v, y = TopK(x, k)
}
""")
x = np.repeat(np.array([3.0, 1.0], np.float32), 20)
expected = np.arange(20)
got = convert(model)(torch.from_numpy(x))[1].numpy()
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
