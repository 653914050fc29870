"""PaddlePaddle as a source: builds a layer, runs it in dynamic graph mode, and its float64 twin."""

from __future__ import annotations

import copy
import os
import random
from typing import Any, Mapping, Sequence

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.outputs import flatten, is_instance, weighed
from harness.core.weights import Inner, Move, fill
from harness.frameworks import _paddle_trace, _paddle_walk
from harness.frameworks._calls import bound_by


class Built:
    """A live layer with its input names in order and its output names."""

    def __init__(self, layer: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self.layer = layer
        self.inputs = inputs
        self.outputs = outputs
        self.captured: dict[tuple[str, int], Any] = {}
        self.functions: dict[tuple[str, int], Any] = {}

    def tensors(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return output tensors by name."""
        import paddle

        with paddle.no_grad():
            result = self.layer(*[paddle.to_tensor(np.array(feeds[name])) for name in self.inputs])
        return flatten(result, self.outputs)

    def prepared(self, feeds: Mapping[str, Any]) -> Any:
        """Return the call of the layer on tensors that are on the device, and what makes arrays of its outputs."""
        import paddle

        given = [paddle.to_tensor(np.array(feeds[name])) for name in self.inputs]

        def once() -> Any:
            with paddle.no_grad():
                return self.layer(*given)

        return once, lambda result: {name: np.array(tensor) for name, tensor in flatten(result, self.outputs).items()}

    def call(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name as arrays that own their data."""
        return {name: np.array(tensor) for name, tensor in self.tensors(feeds).items()}


_ROLES = {"_mean": "mean", "_variance": "variance"}


def _refill(model: Any, seed: int) -> None:
    for path, layer in model.named_sublayers(include_self=True):
        kind = type(layer).__name__
        members = {**dict(layer.named_parameters(include_sublayers=False)), **dict(layer.named_buffers(include_sublayers=False))}
        for name, tensor in members.items():
            if "float" not in str(tensor.dtype):
                continue
            role = _ROLES.get(name) or ("scale" if "Norm" in kind and name in ("weight", "scale") else "")
            role = role or ("embedding" if kind == "Embedding" else "bias" if "bias" in name else "weight")
            values = np.asarray(fill(f"{path}.{name}", tuple(tensor.shape), seed, role))
            padding = getattr(layer, "_padding_idx", None)
            if kind == "Embedding" and padding is not None and padding >= 0:
                values[padding] = 0.0
            tensor.set_value(values.astype(np.array(tensor).dtype))


def _moved(layer: Any, move: Move) -> None:
    for name, tensor in (*layer.named_parameters(), *layer.named_buffers()):
        if "float" in str(tensor.dtype):
            tensor.set_value(move(name, np.array(tensor), "float32"))


def _round(layer: Any, inner: Inner) -> None:
    """Have the layers that hold no others round what they return, or what a product reads."""
    import paddle

    def rounded(item: Any) -> Any:
        if isinstance(item, (tuple, list)):
            return type(item)(map(rounded, item))
        fits = isinstance(item, paddle.Tensor) and "float64" in str(item.dtype)
        return paddle.to_tensor(np.array(inner(item.numpy())), dtype="float64") if fits else item

    for part in (layer, *layer.sublayers()):
        if part.sublayers():
            continue
        if inner.everywhere:
            part.register_forward_post_hook(lambda _, __, result: rounded(result))
        elif inner.factors and type(part).__name__.startswith(("Linear", "Conv")):
            part.register_forward_pre_hook(lambda _, given: rounded(given))


class Paddle:
    """Paddle layers."""

    name = "paddle"
    toolchain = "paddle"
    format = "paddle.layer"
    distributions = ("paddlepaddle",)
    files = (".pdmodel", ".json beside a .pdiparams")

    def claims(self, path: str) -> bool:
        """Return whether this is the program of an inference model."""
        stem, end = os.path.splitext(path)
        return end in (".pdmodel", ".json") and os.path.isfile(stem + ".pdiparams")

    def open(self, path: str) -> Any:
        """Return the program as a layer."""
        import paddle

        return paddle.jit.load(os.path.splitext(path)[0])

    def owns(self, model: Any) -> bool:
        """Return whether this is a layer."""
        return is_instance(model, "paddle", "nn.Layer")

    def signature(self, model: Any) -> list[list[Any]] | None:
        """Return name, dtype and shape of each input of a saved program."""
        specs = model._input_spec() if hasattr(model, "_input_spec") else ()
        found = [[s.name, str(s.dtype).split(".")[-1].lower(), [None if n == -1 else n for n in s.shape]] for s in specs]
        return found or None

    def build(self, case: Case) -> Built:
        """Return the layer in inference mode."""
        import paddle

        random.seed(case.seed)
        np.random.seed(case.seed % 2**32)  # noqa: NPY002 (builders may draw from the global generator)
        paddle.seed(case.seed)
        builder = case.build[self.name]
        assert builder is not None
        model = builder()
        if not isinstance(model, paddle.nn.Layer):
            raise UsageError(f"case {case.id!r}: the paddle builder returned {type(model).__name__}, expected a paddle.nn.Layer")
        model.eval()
        if case.weights == "random":
            _refill(model, case.seed)
        return Built(model, tuple(spec.name for spec in case.specs(self.name)), case.outputs)

    def run(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the dynamic-graph outputs."""
        return model.call(feeds)

    def prepared(self, model: Built, feeds: Mapping[str, Any]) -> Any:
        """Return the dynamic-graph call on tensors, and what makes arrays of its outputs."""
        return model.prepared(feeds)

    def gradient(self, model: Built, feeds: Mapping[str, Any], cotangent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the derivative of the weighted outputs with respect to each real input."""
        import paddle

        tensors = {name: paddle.to_tensor(np.array(array)) for name, array in feeds.items()}
        leaves = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
        for leaf in leaves.values():
            leaf.stop_gradient = False
        # A layer may write into its inputs, which a leaf forbids; a copy of it does not.
        copies = {name: tensor.clone() if name in leaves else tensor for name, tensor in tensors.items()}
        outputs = flatten(model.layer(*[copies[name] for name in model.inputs]), model.outputs)
        pairs = [(y, w) for y, w in weighed(outputs, cotangent) if not getattr(y, "stop_gradient", True)]
        found = [None] * len(leaves)
        if pairs and leaves:
            weights = [paddle.to_tensor(np.asarray(w)).astype(y.dtype) for y, w in pairs]
            found = paddle.grad([y for y, _ in pairs], list(leaves.values()), weights, allow_unused=True)
        return {n: np.zeros(feeds[n].shape, feeds[n].dtype) if g is None else np.array(g) for n, g in zip(leaves, found)}

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        """Return the outputs of a float64 copy."""
        return self._in_double(model, feeds, move, None)

    def emulate(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move, inner: Inner) -> dict[str, Any]:
        """Return the outputs of a float64 copy whose layers pass on rounded tensors."""
        return self._in_double(model, feeds, move, inner)

    def _in_double(self, model: Built, feeds: Mapping[str, Any], move: Move | None, inner: Inner | None) -> dict[str, Any]:
        import paddle

        before = paddle.get_default_dtype()
        paddle.set_default_dtype("float64")
        try:
            layer = copy.deepcopy(model.layer).to(dtype="float64")
            layer.eval()
            if move is not None:
                _moved(layer, move)
            if inner is not None:
                _round(layer, inner)
            wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
            return Built(layer, model.inputs, model.outputs).call(wide)
        finally:
            paddle.set_default_dtype(before)

    def trace(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every call of a sub-layer, by forward hooks."""
        return _paddle_trace.trace(model, feeds, wanted)

    def replay(self, model: Built, path: str, call: int, inputs: Sequence[Any], double: bool = False) -> list[Any]:
        """Run one sub-layer alone."""
        return _paddle_trace.replay(model, path, call, inputs, double)

    def walk(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every call of a sub-layer, and of a function between sub-layers."""
        return _paddle_walk.walk(model, feeds, wanted)

    def bound(self, model: Built, place: Any, others: Mapping[Any, Any], shapes: Sequence[Any], elsewhere: Sequence[Any]) -> Any:
        """Return which numbers among the arguments of a call follow the shapes of its inputs, None where that is not known."""
        return bound_by(model.captured[place], others[place], shapes, elsewhere) if place in others else None

    def sub(self, model: Built, path: str, call: int, bound: Sequence[Sequence[int]], specs: Sequence[Any]) -> Any:
        """Return a layer that makes one call alone."""
        return _paddle_walk.sub(model, path, call, bound)

    def parameters(self, model: Built, path: str) -> dict[str, Any]:
        """Return weights and running statistics of one sub-layer."""
        layer = dict(model.layer.named_sublayers())[path]
        return {name: np.array(tensor) for name, tensor in (*layer.named_parameters(), *layer.named_buffers())}


ADAPTERS = (Paddle(),)
