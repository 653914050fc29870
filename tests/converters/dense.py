"""Keras models to quantise: one with weights that dynamic quantisation takes, and one whose weights are too few for it."""

import numpy as np

from harness import Case, Dim, RealData, TensorSpec

X = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 64, example=16), 48))


def net(width):
    def build():
        import keras

        x = keras.Input((48,), name="x")
        h = keras.layers.Dense(width, activation="relu")(x)
        return keras.Model(x, keras.layers.Dense(4)(h))

    return build


def rows(seed, scale=1.0):
    return {"x": (scale * np.random.default_rng(seed).normal(size=(16, 48))).astype(np.float32)}


def data(scale):
    return lambda: RealData(feeds=rows(0), calibration=(*(rows(seed, scale) for seed in range(1, 8)), rows(0, scale)))


WIDE = Case(id="wide", level="unit", inputs=(X,), build={"tensorflow": net(64)}, weights="random", data=data(1.0))
SHORT = Case(id="short", level="unit", inputs=(X,), build={"tensorflow": net(64)}, weights="random", data=data(0.25))
THIN = Case(id="thin", level="unit", inputs=(X,), build={"tensorflow": net(3)}, weights="random")
CASES = [WIDE, SHORT, THIN]
