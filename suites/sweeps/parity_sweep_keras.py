"""Keras layers and operations over their attributes, pairwise. Chosen by name: not part of the main job."""

from __future__ import annotations

from _keras_layers import families
from _sweep_build import keras_make

from harness.generate.signatures import place_of
from harness.generate.sweeps import cases_of

CASES = cases_of(families(), "tensorflow", keras_make, files=[str(place_of("keras") / "src" / "version.py")])
