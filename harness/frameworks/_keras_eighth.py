"""Rounds what flows between the layers of a Keras model: what a target with activations in 8 bits does."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator

from harness.core.weights import Inner
from harness.frameworks._tensorflow import Built

_PRODUCTS = (
    "Dense", "Conv", "Depthwise", "Separable", "EinsumDense", "MultiHeadAttention", "LSTM", "GRU", "SimpleRNN", "ExtractPatches",
    "Matmul", "Einsum", "Dot", "Tensordot", "Inner", "Outer",
)  # fmt: skip
_MOVES = ("InputLayer", "Flatten", "Reshape", "Permute", "MaxPool", "ZeroPadding", "Cropping", "Concatenate", "RepeatVector", "Dropout")


@contextlib.contextmanager
def rounding(built: Built, inner: Inner | None) -> Iterator[None]:
    """Round every float tensor that the layers of a model return, or that a product reads, for a while; do nothing without ``inner``."""
    if inner is None or not built.keras:
        yield
        return
    changed = []
    for layer in _leaves(built.model):
        kind = type(layer).__name__
        if kind.startswith(_MOVES) or not (inner.everywhere or (inner.factors and kind.startswith(_PRODUCTS))):
            continue
        changed.append(layer)
        # Past the tracker of Keras, which only looks at what has state.
        object.__setattr__(layer, "call", _wrapped(layer.call, inner))
    try:
        yield
    finally:
        for layer in changed:
            object.__delattr__(layer, "call")


def _leaves(model: Any) -> Iterator[Any]:
    """Yield the layers that hold no others, and the operations between layers of functional models, each once."""
    seen: set[int] = set()
    for layer in (model, *model._flatten_layers(include_self=False, recursive=True)):
        parts = [layer] if not layer._layers and layer is not model else []
        for part in (*parts, *getattr(layer, "operations", ())):
            if id(part) not in seen and not getattr(part, "_layers", None):
                seen.add(id(part))
                yield part


def _wrapped(call: Callable[..., Any], inner: Inner) -> Callable[..., Any]:
    import functools

    import keras
    import tensorflow as tf

    def rounded(item: Any) -> Any:
        if not tf.is_tensor(item) or item.dtype != tf.float64:
            return item
        return tf.ensure_shape(tf.numpy_function(inner, [item], tf.float64), item.shape)

    @functools.wraps(call)
    def called(*args: Any, **kwargs: Any) -> Any:
        if inner.everywhere:
            return keras.tree.map_structure(rounded, call(*args, **kwargs))
        return call(*keras.tree.map_structure(rounded, args), **kwargs)

    return called
