"""Random programs over all unit families: what nobody thought of writing down; ``parity fuzz`` draws more."""

from __future__ import annotations

from harness.generate.programs.cases import cases

PROGRAMS = 12

# Few routes, quick ones: each program costs well under a second on these, the exporters of PyTorch two.
CASES = [
    *cases(range(PROGRAMS), ("torch",), ("torch>torch.export>torch.exported@cpu", "torch>onnx.dynamo>onnxruntime@cpu")),
    *cases(range(PROGRAMS), ("onnx",), ("onnx>onnxruntime@cpu", "onnx>openvino@cpu")),
]
