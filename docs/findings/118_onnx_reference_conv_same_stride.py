"""Conv of the reference evaluator with auto_pad SAME takes the numbers of images and channels for height and width."""

import numpy as np
import onnx.parser
import onnx.reference
import torch

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[2,4,7,8] x, float[1,4,3,3] w) => (float[2,1,4,4] y) {
    y = Conv<auto_pad = "SAME_UPPER", strides = [2, 2]>(x, w)
}
""")
rng = np.random.default_rng(0)
x, w = rng.normal(size=(2, 4, 7, 8)).astype(np.float32), rng.normal(size=(1, 4, 3, 3)).astype(np.float32)
around = np.pad(x, [(0, 0), (0, 0), (1, 1), (0, 1)])
expected = torch.nn.functional.conv2d(torch.from_numpy(around), torch.from_numpy(w), stride=2).numpy()
got = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x, "w": w})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
