"""Every layer of `torch.nn` over its non-default attributes, pairwise. Chosen by name: it is not part of the main job."""

from __future__ import annotations

from _sweep_build import torch_make
from _torch_layers import families

from harness.generate.signatures import place_of
from harness.generate.sweeps import cases_of

CASES = cases_of(families(), "torch", torch_make, files=[str(place_of("torch") / "version.py")])
