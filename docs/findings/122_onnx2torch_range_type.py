"""Range of int32 becomes int64."""

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
g (int32 a, int32 b, int32 c) => (int32[n] y) {
    y = Range(a, b, c)
}
""")
expected = np.arange(2, 9, 3, dtype=np.int32)
ends = [torch.tensor(value, dtype=torch.int32) for value in (2, 9, 3)]
got = convert(model)(*ends).numpy()
print("expected", expected, expected.dtype)
print("got     ", got, got.dtype)
print("error   ", 0.0 if got.dtype == expected.dtype else f"dtype {got.dtype}, expected {expected.dtype}")
