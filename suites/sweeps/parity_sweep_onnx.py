"""ONNX operators over the attributes of their schemas, pairwise, at three operator sets. Chosen by name: not part of the main job."""

from __future__ import annotations

from _onnx_build import onnx_make
from _onnx_operators import families

from harness.generate.signatures import place_of
from harness.generate.sweeps import cases_of

CASES = cases_of(families(), "onnx", onnx_make, files=[str(place_of("onnx") / "version.py")])
