"""Layers and functions of Paddle over their attributes, pairwise. Chosen by name: not part of the main job."""

from __future__ import annotations

from _paddle_layers import families
from _sweep_build import paddle_make

from harness.generate.signatures import place_of
from harness.generate.sweeps import cases_of

CASES = cases_of(families(), "paddle", paddle_make, files=[str(place_of("paddle") / "version" / "__init__.py")])
