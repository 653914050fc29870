"""The two blocks that PanGu-alpha is made of, with both activations its ports use."""

from __future__ import annotations

import importlib

from _module_build import BATCH, LENGTH, f32, i64, keras_net, module
from _pangu import HIDDEN, keras_pangu, pangu

from harness import mask, positions

TOKENS = f32("x", BATCH, LENGTH, HIDDEN)
PLACES = i64("y", BATCH, LENGTH, domain=positions())


def keep(name):
    """Which key each query may look at: 1 or 0."""
    return f32(name, BATCH, LENGTH, LENGTH, domain=mask())


def part(library, name, fast=False):
    return lambda _: getattr(pangu(importlib.import_module(library), fast), name)()


CASES = [
    module(
        "pangu-block-tanh-gelu", "pangu_block", TOKENS, keep("y"),
        torch=part("torch", "Block"), paddle=part("paddle", "Block"),
        tensorflow=keras_net(lambda keras, x, y: keras_pangu(keras).block(x, y)),
    ),
    module(
        "pangu-block-fast-gelu", "pangu_block", TOKENS, keep("y"),
        torch=part("torch", "Block", True), paddle=part("paddle", "Block", True),
        tensorflow=keras_net(lambda keras, x, y: keras_pangu(keras, True).block(x, y)),
    ),
    module(
        "pangu-top-query-layer", "pangu_query_layer", TOKENS, PLACES, keep("z"),
        torch=part("torch", "Top"), paddle=part("paddle", "Top"),
        tensorflow=keras_net(lambda keras, x, y, z: keras_pangu(keras).top(x, y, z)),
    ),
]  # fmt: skip
