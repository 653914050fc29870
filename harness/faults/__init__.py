"""Planted faults: what a judge must reject. In outputs (`holes`), in weights and in ONNX graphs (`graphs`)."""
