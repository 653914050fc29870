"""Random programs over all unit families: what nobody thought of writing down; ``parity fuzz`` draws more."""

from __future__ import annotations

from harness.generate.programs.cases import cases

PROGRAMS = 12

# Few routes, quick ones: 0.2 s a program on these from ONNX, the exporters of PyTorch several.
CASES = [
    *cases(range(PROGRAMS), ("torch",), ("torch>torch.export>torch.exported@cpu", "torch>onnx.dynamo>onnxruntime@cpu")),
    *cases(range(PROGRAMS), ("onnx",), ("onnx>onnxruntime@cpu",)),
]
