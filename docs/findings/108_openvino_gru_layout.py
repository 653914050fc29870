"""GRU with layout = 1 (batch first) is computed with steps and batch exchanged."""

import numpy as np
import onnx.parser
import openvino
import torch

model = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 14]>
g (float[3,2,2] x) => (float[a,b,c,d] y, float[e,f,h] last) {
    w = Constant<value = float[1,3,2] {0.1,0.2,0.3,0.4,0.5,0.6}>()
    r = Constant<value = float[1,3,1] {0.7,0.8,0.9}>()
    y, last = GRU<hidden_size = 1, layout = 1, linear_before_reset = 1>(x, w, r)
}
""")
x = np.random.default_rng(0).normal(size=(3, 2, 2)).astype(np.float32)
# Torch has the gates as r, z, n where ONNX has z, r, h.
layer = torch.nn.GRU(2, 1, bias=False, batch_first=True)
layer.weight_ih_l0.data = torch.tensor([[0.3, 0.4], [0.1, 0.2], [0.5, 0.6]])
layer.weight_hh_l0.data = torch.tensor([[0.8], [0.7], [0.9]])
expected = layer(torch.from_numpy(x))[0].detach().numpy()[:, :, None]
core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = compiled({"x": x})[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
