"""How a row of a sweep becomes a model in each framework."""

from __future__ import annotations

import inspect
from typing import Any

from harness import Dim, TensorSpec
from harness.generate.sweeps import Name

BATCH = Dim("batch", 1, 7, example=2)
HEIGHT = Dim("height", 9, 24, example=11)
WIDTH = Dim("width", 9, 24, example=14)
LENGTH = Dim("length", 9, 24, example=13)
DEPTH = Dim("depth", 7, 12, example=8)


def f32(name: str, *shape: Any, domain: Any = None) -> TensorSpec:
    """Return a float32 input."""
    return TensorSpec(name=name, dtype="float32", shape=shape, domain=domain)


def whole(name: str, *shape: Any, domain: Any, dtype: str = "int64") -> TensorSpec:
    """Return an input of whole numbers."""
    return TensorSpec(name=name, dtype=dtype, shape=shape, domain=domain)


def flags(name: str, *shape: Any) -> TensorSpec:
    """Return a bool input."""
    return TensorSpec(name=name, dtype="bool", shape=shape)


def at(library: Any, path: str) -> Any:
    """Return what a dotted name means in a library."""
    for part in path.split("."):
        library = getattr(library, part)
    return library


def resolved(library: Any, item: Any) -> Any:
    """Return a value with names of the library looked up."""
    if isinstance(item, Name):
        return at(library, item.path)
    return type(item)(resolved(library, part) for part in item) if isinstance(item, (list, tuple)) else item


def _one(self: Any, x: Any) -> Any:
    return self.fn(x)


def _two(self: Any, x: Any, y: Any) -> Any:
    return self.fn(x, y)


def _three(self: Any, x: Any, y: Any, z: Any) -> Any:
    return self.fn(x, y, z)


def _four(self: Any, x: Any, y: Any, z: Any, w: Any) -> Any:
    return self.fn(x, y, z, w)


_FORWARD = (_one, _two, _three, _four)


def _module(base: Any, library: Any, call: Any, attributes: Any, specs: Any) -> Any:
    given = {name: resolved(library, item) for name, item in attributes.items()}
    if isinstance(call, str):
        target = at(library, call)
        if inspect.isclass(target) and issubclass(target, base):
            return target(**given)
        run = lambda *feeds: target(*feeds, **given)  # noqa: E731
    else:
        run = lambda *feeds: call(library, *feeds, **given)  # noqa: E731
    # Exporters read the signature of `forward`, so it must not be variadic; the library stays in a closure, since a module object
    # in an attribute cannot be copied.
    module = type("Function", (base,), {"forward": _FORWARD[len(specs) - 1]})()
    module.fn = run
    return module


def torch_make(call: Any, attributes: Any, specs: Any) -> Any:
    """Return a torch module."""
    import torch

    return _module(torch.nn.Module, torch, call, attributes, specs)


def paddle_make(call: Any, attributes: Any, specs: Any) -> Any:
    """Return a Paddle layer."""
    import paddle

    return _module(paddle.nn.Layer, paddle, call, attributes, specs)


def keras_make(call: Any, attributes: Any, specs: Any) -> Any:
    """Return a functional Keras model. A float32 input is left at the default type, so that this makes the float64 oracle too."""
    import keras

    shapes = [[None if isinstance(n, Dim) else n for n in spec.shape] for spec in specs]
    inputs = [
        keras.Input(batch_shape=shape, name=spec.name, dtype=None if spec.dtype == "float32" else spec.dtype)
        for spec, shape in zip(specs, shapes)
    ]
    given = {name: resolved(keras, item) for name, item in attributes.items()}
    if not isinstance(call, str):
        return keras.Model(inputs, call(keras, *inputs, **given))
    target = at(keras, call)
    if inspect.isclass(target):
        return keras.Model(inputs, target(**given)(*inputs))
    return keras.Model(inputs, target(*inputs, **given))


def on_size(number: int, axis: int, threshold: int) -> Any:
    """Return a function that takes one of two branches by the length of an axis of one input."""

    def run(library: Any, *feeds: Any) -> Any:
        total = sum(x.mean() for x in feeds)
        return feeds[number] * 2.0 + total if feeds[number].shape[axis] > threshold else feeds[number] - 1.0

    return run
