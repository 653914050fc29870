"""Layers of a Keras model as they are called: traced by wrapping `Layer.__call__`, replayed one at a time."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.frameworks._calls import Tape, apart, ended, missing, together, whole
from harness.frameworks._tensorflow import Built, arrays_of

_SAID = (
    "epsilon", "axis", "strides", "padding", "dilation_rate", "groups", "kernel_size", "pool_size", "data_format", "activation",
    "recurrent_activation", "reset_after", "negative_slope", "alpha", "approximate", "interpolation", "units", "use_bias", "num_heads",
    "key_dim", "momentum", "max_value", "rate",
)  # fmt: skip


def is_tensor(item: Any) -> bool:
    """Return whether this is a tensor that holds values."""
    import tensorflow as tf

    return isinstance(item, (tf.Tensor, tf.Variable)) and hasattr(item, "numpy")


def _array(tensor: Any) -> Any:
    return arrays_of({"": tensor})[""]


def _paths(layer: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every layer inside ``layer``, under the names on the way to it."""
    for part in getattr(layer, "_layers", ()):
        path = f"{prefix}/{part.name}" if prefix else part.name
        yield path, part
        yield from _paths(part, path)


def layers_of(model: Any) -> dict[str, Any]:
    """Return every layer inside a model once, by its path."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for path, layer in _paths(model):
        if id(layer) not in seen and type(layer).__name__ != "InputLayer":
            seen.add(id(layer))
            found[path if path not in found else f"{path}~{len(found)}"] = layer
    return found


def config_of(layer: Any) -> str:
    """Return the settings of a layer in a few words, only those it has."""
    try:
        config = layer.get_config()
    except NotImplementedError:
        return ""
    told = [(name, config.get(name)) for name in _SAID]
    return ", ".join(f"{name}={value}" for name, value in told if isinstance(value, (int, float, str, tuple, list)) and value != "linear")


def trace(model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return every call of a layer. A tf.Module has no layers: it is one call."""
    import tensorflow as tf

    tape = Tape(wanted)
    names = {id(layer): path for path, layer in layers_of(model.model).items()} if model.keras else {}
    captured: dict[tuple[str, int], Any] = {}

    def called(layer: Any, plain: Any, args: Any, kwargs: Any) -> Any:
        path = names.get(id(layer))
        found: list[Any] = []
        kept = apart((args, kwargs), is_tensor, found)
        if path is None:
            return plain(layer, *args, **kwargs)
        call = tape.enter(path, type(layer).__name__, config_of(layer), [_array(tensor) for tensor in found])
        captured[path, call["call"]] = kept, [getattr(tensor, "_keras_mask", None) for tensor in found]
        result = plain(layer, *args, **kwargs)
        made: list[Any] = []
        apart(result, is_tensor, made)
        tape.leave([_array(tensor) for tensor in made])
        return result

    with tf.device("CPU:0"):
        whole(tape, type(model.model).__name__, feeds)
        outputs = _wrapped(called, lambda: arrays_of(model.call(feeds)))
    model.captured = captured
    return ended(tape, outputs)


def _wrapped(called: Any, run: Any) -> Any:
    """Return what ``run`` returns while every layer's call goes through ``called``."""
    import keras

    plain = keras.layers.Layer.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return called(self, plain, args, kwargs)

    keras.layers.Layer.__call__ = call
    try:
        return run()
    finally:
        keras.layers.Layer.__call__ = plain


def replay(model: Built, path: str, number: int, inputs: Sequence[Any], double: bool) -> list[Any]:
    """Return the output arrays of one layer on ``inputs``; in float64 where ``double``. Raises `UsageError` before a trace."""
    import tensorflow as tf

    if (path, number) not in model.captured:
        raise missing(path, number)
    layer = layers_of(model.model)[path]
    arrays = [np.array(array) for array in inputs]
    with tf.device("CPU:0"):
        if double:
            arrays = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
        kept, masks = model.captured[path, number]
        tensors = [tf.convert_to_tensor(array) for array in arrays]
        for tensor, mask in zip(tensors, masks):
            if mask is not None:
                tensor._keras_mask = mask
        args, kwargs = together(kept, tensors)
        made: list[Any] = []
        apart((_twin(layer, args, kwargs) if double else layer)(*args, **kwargs), is_tensor, made)
        return [_array(tensor) for tensor in made]


def _twin(layer: Any, args: Any, kwargs: Any) -> Any:
    """Return a float64 layer with the same weights. Raises where the layer cannot be made from its configuration."""
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        config = dict(layer.get_config())
        config.pop("dtype", None)
        twin = type(layer).from_config(config)
        twin(*args, **kwargs)
        twin.set_weights([np.asarray(weight).astype(np.float64) for weight in layer.get_weights()])
    finally:
        keras.config.set_dtype_policy(policy)
    return twin


def parameters(model: Built, path: str) -> dict[str, Any]:
    """Return the weights of one layer by their names in it."""
    weights = layers_of(model.model)[path].weights
    return {weight.path.split("/", 1)[-1] if "/" in weight.path else weight.name: np.asarray(weight) for weight in weights}
