"""What makes a module case short: one helper for torch and Paddle, whose modules differ in little, and one for Keras."""

from __future__ import annotations

import functools
import importlib
from typing import Any, Callable, Mapping, Sequence

from harness import Case, Dim, Domain, TensorSpec, Tolerance

Make = Callable[[Sequence[TensorSpec]], Any]

BATCH = Dim("batch", 1, 8, example=2)
LENGTH = Dim("length", 1, 32, example=10)
HEIGHT = Dim("height", 16, 64, multiple=4, example=16)
WIDTH = Dim("width", 16, 64, multiple=4, example=20)


def f32(name: str, *shape: Any, domain: Domain | None = None) -> TensorSpec:
    """Return a float32 input."""
    return TensorSpec(name=name, dtype="float32", shape=shape, domain=domain)


def i64(name: str, *shape: Any, domain: Domain) -> TensorSpec:
    """Return an int64 input."""
    return TensorSpec(name=name, dtype="int64", shape=shape, domain=domain)


def module(
    id: str, family: str, *inputs: TensorSpec, nhwc: bool = False, outputs: Sequence[str] = (),
    tolerance: Tolerance | None = None, **makers: Make,
) -> Case:  # fmt: skip
    """Return a module case. ``makers``: framework name to ``make(specs)``; ``nhwc``: TensorFlow takes channels last."""
    specs = {name: [_channels_last(s) if nhwc and name == "tensorflow" else s for s in inputs] for name in makers}
    build = {name: functools.partial(make, specs[name]) for name, make in makers.items()}
    return Case(
        id=id, family=family, level="module", weights="random", inputs=specs, build=build, outputs=tuple(outputs), tolerance=tolerance
    )


def _channels_last(spec: TensorSpec) -> TensorSpec:
    shape = spec.shape
    return TensorSpec(name=spec.name, dtype=spec.dtype, shape=shape[:1] + shape[2:] + shape[1:2], domain=spec.domain)


def _one(self: Any, x: Any) -> Any:
    return self.fn(self, x)


def _two(self: Any, x: Any, y: Any) -> Any:
    return self.fn(self, x, y)


def _three(self: Any, x: Any, y: Any, z: Any) -> Any:
    return self.fn(self, x, y, z)


_FORWARD = {1: _one, 2: _two, 3: _three}


def net(library: str, layers: Callable[[Any], Mapping[str, Any]], forward: Callable[..., Any]) -> Make:
    """Return a torch or Paddle module: ``layers(nn)`` are its children, ``forward(lib, self, x, ...)`` its body.

    ``self`` is handed in rather than captured, so that a copy of the module runs its own weights.
    """

    def make(specs: Sequence[TensorSpec]) -> Any:
        lib = importlib.import_module(library)
        base = lib.nn.Module if library == "torch" else lib.nn.Layer
        built = type("Net", (base,), {"forward": _FORWARD[len(specs)]})()
        for name, layer in layers(lib.nn).items():
            setattr(built, name, layer)
        built.fn = lambda self, *feeds: forward(lib, self, *feeds)
        return built

    return make


def keras_net(fn: Callable[..., Any]) -> Make:
    """``fn(keras, x, ...)`` on symbolic inputs, as a functional model."""

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


def flax_net(layers: Callable[[Any, Any], Mapping[str, Any]], forward: Callable[..., Any]) -> Make:
    """Return a Flax module: ``layers(nnx, rngs)`` are its children, ``forward(jax, self, x, ...)`` its body."""

    def make(_: Sequence[TensorSpec]) -> Any:
        import jax
        from flax import nnx

        class Net(nnx.Module):
            def __init__(self) -> None:
                for name, layer in layers(nnx, nnx.Rngs(0)).items():
                    setattr(self, name, layer)

            def __call__(self, *feeds: Any) -> Any:
                return forward(jax, self, *feeds)

        return Net()

    return make


def split_heads(lib: Any, x: Any, heads: int, size: int) -> Any:
    """(batch, length, heads * size) to (batch, heads, length, size), in torch and Paddle."""
    # Paddle cannot trace `unflatten` with two unknown axes; a 0 in its reshape keeps an axis.
    apart = lib.reshape(x, [0, 0, heads, size]) if lib.__name__ == "paddle" else lib.unflatten(x, -1, (heads, size))
    return lib.moveaxis(apart, 2, 1)


def merge_heads(lib: Any, x: Any) -> Any:
    """Undo `split_heads`."""
    return lib.flatten(lib.moveaxis(x, 1, 2), 2)


def turned(lib: Any, x: Any) -> Any:
    """Return ``x`` of rank 4 with its last two axes exchanged; the TorchScript exporter gets ``moveaxis`` wrong here."""
    return x.transpose(-1, -2) if lib.__name__ == "torch" else x.transpose([0, 1, 3, 2])


def attend(lib: Any, q: Any, k: Any, v: Any, bias: Any = None) -> Any:
    """Scaled attention over heads in torch and Paddle; ``bias`` is added to the scores."""
    scores = lib.matmul(q, turned(lib, k)) / q.shape[-1] ** 0.5
    return lib.matmul(lib.nn.functional.softmax(scores if bias is None else scores + bias, -1), v)


def keras_heads(keras: Any, x: Any, heads: int, size: int) -> Any:
    """What `split_heads` does, in Keras."""
    return keras.ops.transpose(keras.layers.Reshape((-1, heads, size))(x), (0, 2, 1, 3))


def keras_merge(keras: Any, x: Any) -> Any:
    """What `merge_heads` does, in Keras."""
    return keras.layers.Reshape((-1, x.shape[1] * x.shape[3]))(keras.ops.transpose(x, (0, 2, 1, 3)))


def keras_attend(keras: Any, q: Any, k: Any, v: Any, bias: Any = None) -> Any:
    """What `attend` does, in Keras."""
    scores = keras.ops.matmul(q, keras.ops.transpose(k, (0, 1, 3, 2))) / q.shape[-1] ** 0.5
    return keras.ops.matmul(keras.ops.softmax(scores if bias is None else scores + bias, axis=-1), v)


def causal(f: Any, scores_like: Any, low: float = -1e9) -> Any:
    """Return 0 on and below the diagonal of the last two axes and ``low`` above; ``f``: torch, paddle or keras.ops."""
    return (1.0 - f.tril(f.ones_like(scores_like))) * low
