"""Cases that ``pytest -m latency`` measures: each source eager, and every configured route from it, in turns."""

from __future__ import annotations

import _latency_build as build

from harness import Case, Dim, TensorSpec

BATCH = Dim("batch", 1, 64, example=4)
ROWS = (TensorSpec(name="x", dtype="float32", shape=(BATCH, build.WIDTH)),)
IMAGES = (TensorSpec(name="x", dtype="float32", shape=(BATCH, 3, 64, 64)),)
TOKENS = (TensorSpec(name="src", dtype="float32", shape=(BATCH, 32, 64)),)

CASES = [
    Case(id="latency/perceptron", inputs=ROWS, weights="random", latency=True, generate=(), build={
        "torch": build.torch_perceptron, "tensorflow": build.keras_perceptron, "paddle": build.paddle_perceptron,
    }),
    Case(id="latency/convolutions", inputs=IMAGES, weights="random", latency=True, generate=(), build={"torch": build.torch_convolutions}),
    Case(id="latency/encoder", inputs=TOKENS, weights="random", latency=True, generate=(), build={"torch": build.torch_encoder}),
]  # fmt: skip
