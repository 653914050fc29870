"""PanGu-alpha as a whole, at two layers and a small vocabulary: tokens in, logits of the tied embedding out."""

from __future__ import annotations

import importlib
import os
import sys

from harness import Case, Dim, TensorSpec, ids, mask, positions

# The blocks are those of the module suite: what is judged there alone is judged here in place.
sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), os.pardir, "module"))

from _pangu import VOCAB, keras_pangu, pangu

BATCH = Dim("batch", 1, 8, example=2)
LENGTH = Dim("length", 1, 40, example=12)
TOKENS = TensorSpec(name="x", dtype="int64", shape=(BATCH, LENGTH), domain=ids(VOCAB))
PLACES = TensorSpec(name="y", dtype="int64", shape=(BATCH, LENGTH), domain=positions())
KEEP = TensorSpec(name="z", dtype="float32", shape=(BATCH, LENGTH), domain=mask())


def model(library):
    return lambda: pangu(importlib.import_module(library)).Model()


def keras_model():
    import keras

    inputs = [keras.Input((None,), name=spec.name, dtype=None if spec is KEEP else spec.dtype) for spec in (TOKENS, PLACES, KEEP)]
    return keras.Model(inputs, keras_pangu(keras).model(*inputs))


PANGU = Case(
    id="pangu-alpha-two-layers",
    family="pangu",
    inputs=(TOKENS, PLACES, KEEP),
    build={"torch": model("torch"), "tensorflow": keras_model, "paddle": model("paddle")},
    weights="random",
    outputs=("logits",),
)
