"""What makes a unit case short: inputs, and one helper per framework that turns a lambda into a builder.

A helper returns ``make(specs) -> model``; `unit` binds it to the inputs the case declares. Inputs of
a function are named x, y, z, because exporters ask for the argument names of ``forward``.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Sequence

from harness import Case, Dim, Domain, TensorSpec, Tolerance

Make = Callable[[Sequence[TensorSpec]], Any]

BATCH = Dim("batch", 1, 8, example=2)
LENGTH = Dim("length", 1, 32, example=12)
HEIGHT = Dim("height", 8, 24, example=9)
WIDTH = Dim("width", 8, 24, example=14)


def f32(name: str, *shape: Any, domain: Domain | None = None) -> TensorSpec:
    """Return a float32 input."""
    return TensorSpec(name=name, dtype="float32", shape=shape, domain=domain)


def i64(name: str, *shape: Any, domain: Domain) -> TensorSpec:
    """Return an int64 input."""
    return TensorSpec(name=name, dtype="int64", shape=shape, domain=domain)


def flags(name: str, *shape: Any) -> TensorSpec:
    """Return a bool input."""
    return TensorSpec(name=name, dtype="bool", shape=shape)


def channels_last(spec: TensorSpec) -> TensorSpec:
    """Return the input with its axis 1 moved to the end, where it has spatial axes at all."""
    shape = spec.shape
    if len(shape) < 3:
        return spec
    return TensorSpec(name=spec.name, dtype=spec.dtype, shape=(shape[0],) + shape[2:] + shape[1:2], domain=spec.domain)


def unit(
    id: str, family: str, *inputs: TensorSpec, nhwc: bool = False, outputs: Sequence[str] = (),
    tolerance: Tolerance | None = None, routes: Sequence[str] = (), ties: Any = None,
    relations: Sequence[str] = (), **makers: Make,
) -> Case:  # fmt: skip
    """Return a unit case. ``makers``: framework name to helper; ``nhwc``: TensorFlow takes channels last."""
    specs = {name: [channels_last(s) if nhwc and name == "tensorflow" else s for s in inputs] for name in makers}
    build = {name: functools.partial(make, specs[name]) for name, make in makers.items()}
    return Case(
        id=id, family=family, level="unit", weights="random", inputs=specs, build=build, outputs=tuple(outputs),
        tolerance=tolerance, routes=tuple(routes), ties=ties, relations=tuple(relations),
    )  # fmt: skip


def _one(self: Any, x: Any) -> Any:
    return self.fn(x)


def _two(self: Any, x: Any, y: Any) -> Any:
    return self.fn(x, y)


def _three(self: Any, x: Any, y: Any, z: Any) -> Any:
    return self.fn(x, y, z)


_FORWARD = {1: _one, 2: _two, 3: _three}


def _function(base: Any, library: Any, fn: Callable[..., Any], count: int) -> Any:
    """Return a module that calls ``fn(library, *inputs)``.

    Exporters read the signature of ``forward``, so it must not be variadic; and the library is in a
    closure, because a module object in an attribute cannot be copied.
    """
    module = type("Function", (base,), {"forward": _FORWARD[count]})()
    module.fn = lambda *feeds: fn(library, *feeds)
    return module


def torch_fn(fn: Callable[..., Any]) -> Make:
    """``fn(torch, x, ...)`` as a module without parameters."""

    def make(specs: Sequence[TensorSpec]) -> Any:
        import torch

        return _function(torch.nn.Module, torch, fn, len(specs))

    return make


def torch_layer(fn: Callable[[Any], Any]) -> Make:
    """``fn(torch.nn)`` returns the module."""

    def make(_: Sequence[TensorSpec]) -> Any:
        import torch

        return fn(torch.nn)

    return make


def paddle_fn(fn: Callable[..., Any]) -> Make:
    """``fn(paddle, x, ...)`` as a layer without parameters."""

    def make(specs: Sequence[TensorSpec]) -> Any:
        import paddle

        return _function(paddle.nn.Layer, paddle, fn, len(specs))

    return make


def paddle_layer(fn: Callable[[Any], Any]) -> Make:
    """``fn(paddle.nn)`` returns the layer."""

    def make(_: Sequence[TensorSpec]) -> Any:
        import paddle

        return fn(paddle.nn)

    return make


def keras_fn(fn: Callable[..., Any]) -> Make:
    """``fn(keras, x, ...)`` applies layers or ``keras.ops`` to symbolic inputs; gives a functional model.

    A float32 input is left at the default type, so that the same builder makes the float64 oracle.
    """

    def make(specs: Sequence[TensorSpec]) -> Any:
        import keras

        inputs = [
            keras.Input(
                batch_shape=[n if isinstance(n, int) else None for n in spec.shape],
                name=spec.name,
                dtype=None if spec.dtype == "float32" else spec.dtype,
            )
            for spec in specs
        ]
        return keras.Model(inputs, fn(keras, *inputs))

    return make


def jax_fn(fn: Callable[..., Any], **weights: tuple[int, ...]) -> Make:
    """``fn(jax, x, ...)`` as a function; with the shapes of ``weights``, ``fn(jax, weights, x, ...)``."""

    def make(_: Sequence[TensorSpec]) -> Any:
        import jax

        if not weights:
            return functools.partial(fn, jax)
        return functools.partial(fn, jax), {name: jax.numpy.zeros(shape) for name, shape in weights.items()}

    return make


def flax_layer(fn: Callable[[Any, Any], Any]) -> Make:
    """``fn(flax.nnx, rngs)`` returns the module."""

    def make(_: Sequence[TensorSpec]) -> Any:
        from flax import nnx

        return fn(nnx, nnx.Rngs(0))

    return make


def mindspore_layer(fn: Callable[[Any], Any]) -> Make:
    """``fn(mindspore.nn)`` returns the cell."""

    def make(_: Sequence[TensorSpec]) -> Any:
        import mindspore

        return fn(mindspore.nn)

    return make


def onnx_graph(*nodes: str, outputs: Sequence[str] = ("y",), opset: int = 17, **values: Any) -> Make:
    """Node lines in ONNX text syntax as a model: ``onnx_graph("y = Conv<group = 2>(x, w)", w=(6, 3, 3, 3))``.

    A tuple in ``values`` is the shape of a parameter. Anything else is a constant and becomes a
    ``Constant`` node, which no weight filling touches.
    """

    def make(specs: Sequence[TensorSpec]) -> Any:
        import numpy as np
        from onnx import checker, helper, numpy_helper, parser, shape_inference

        from harness.core.weights import fill

        def tensor(name: str, value: Any) -> Any:
            array = np.asarray(value)
            return numpy_helper.from_array(array.astype(np.float32) if array.dtype == np.float64 else array, name)

        constants = {name: value for name, value in values.items() if not isinstance(value, tuple)}
        lines = [helper.make_node("Constant", [], [name], value=tensor(name, value)) for name, value in constants.items()]
        graph = helper.make_graph(
            lines + [parser.parse_node(line) for line in nodes],
            "unit",
            [_value_info(spec) for spec in specs],
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            [tensor(name, fill(name, shape, 0)) for name, shape in values.items() if isinstance(shape, tuple)],
        )
        opset_id = helper.make_opsetid("", opset)
        model = helper.make_model(graph, opset_imports=[opset_id], ir_version=helper.find_min_ir_version_for([opset_id]))
        model = shape_inference.infer_shapes(model, strict_mode=True)
        checker.check_model(model)
        return model

    return make


def _value_info(spec: TensorSpec) -> Any:
    import numpy as np
    from onnx import helper

    shape = [n.name if isinstance(n, Dim) else n if isinstance(n, int) else n.text for n in spec.shape]
    return helper.make_tensor_value_info(spec.name, helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype)), shape)


def same(fn: Callable[..., Any]) -> dict[str, Make]:
    """Return helpers for what reads the same in all four: ``same(lambda f, x: f.cos(x))``.

    ``f`` is ``torch``, ``keras.ops``, ``paddle`` or ``jax.numpy``.
    """
    return {
        "torch": torch_fn(fn),
        "tensorflow": keras_fn(lambda keras, *feeds: fn(keras.ops, *feeds)),
        "paddle": paddle_fn(fn),
        "jax": jax_fn(lambda jax, *feeds: fn(jax.numpy, *feeds)),
    }
