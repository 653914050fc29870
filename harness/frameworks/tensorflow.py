"""TensorFlow as a source: builds a Keras model or a tf.Module, runs it eagerly, and the float64 twin of a Keras model."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.core.case import Case
from harness.core.outputs import is_instance, weighed
from harness.core.weights import Inner, Move, fill
from harness.frameworks import _keras_trace, _keras_walk
from harness.frameworks._calls import bound_by
from harness.frameworks._keras_eighth import rounding
from harness.frameworks._tensorflow import Built, arrays_of, construct, copy_weights, variables_of
from harness.frameworks._tensorflow_files import from_file, signature_of

# Keras layers agree on these names, whatever the layer; everything else is a weight or has "bias" in its name.
_ROLES = {
    "mean": "mean", "moving_mean": "mean", "variance": "variance", "moving_variance": "variance",
    "gamma": "scale", "scale": "scale", "beta": "bias", "embeddings": "embedding",
}  # fmt: skip


def _refill(built: Built, seed: int) -> None:
    import tensorflow as tf

    for index, variable in enumerate(variables_of(built)):
        if tf.as_dtype(variable.dtype).is_floating:
            name = variable.name.split(":")[0].rsplit("/", 1)[-1]
            role = _ROLES.get(name) or ("bias" if "bias" in name else "weight")
            values = np.asarray(fill(f"{index}.{getattr(variable, 'path', name)}", tuple(variable.shape), seed, role))
            variable.assign(values.astype(np.asarray(variable).dtype))


def _twin(case: Case, built: Built) -> Built:
    """Return a float64 build with the weights of ``built``."""
    import keras

    if not built.keras:
        raise RuntimeError("a tf.Module or tf.function fixes its types in its code; only a Keras model has a float64 oracle")
    before = keras.config.floatx(), keras.config.dtype_policy()
    try:
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        twin = construct(case)
        copy_weights(built, twin)
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
    return twin


def _narrowed(built: Built, feeds: Mapping[str, Any]) -> set[str]:
    """Return the operators whose result was computed in less than float64 and then widened."""
    import tensorflow as tf

    specs = [tf.TensorSpec(array.shape, array.dtype) for array in feeds.values()]
    graph = tf.function(lambda *t: built.raw(dict(zip(feeds, t))), autograph=False).get_concrete_function(*specs).graph.as_graph_def()
    narrow, found = (tf.float32, tf.float16, tf.bfloat16), set()
    for nodes in [graph.node, *[function.node_def for function in graph.library.function]]:
        by_name = {node.name: node for node in nodes}
        for node in nodes:
            if node.op != "Cast" or node.attr["DstT"].type != tf.float64 or node.attr["SrcT"].type not in narrow:
                continue
            while node is not None and node.op in ("Cast", "Identity"):
                node = by_name.get(node.input[0].split(":")[0])
            # A constant or an input loses nothing that the float32 model has.
            if node is not None and node.op not in ("Const", "Placeholder"):
                found.add(node.op)
    return found


@contextlib.contextmanager
def _moved(twin: Built, move: Move | None) -> Iterator[None]:
    """Move the weights for a while."""
    import tensorflow as tf

    moved = [variable for variable in variables_of(twin) if move is not None and tf.as_dtype(variable.dtype).is_floating]
    before = [np.array(variable) for variable in moved]
    for index, (variable, array) in enumerate(zip(moved, before)):
        assert move is not None
        variable.assign(move(str(index), array, "float32"))
    try:
        yield
    finally:
        for variable, array in zip(moved, before):
            variable.assign(array)


class TensorFlow:
    """Keras models, tf.Modules and tf.functions."""

    name = "tensorflow"
    toolchain = "tensorflow"
    format = "keras.model"
    distributions = ("tensorflow", "keras")
    files = (".keras", ".h5", "a SavedModel folder")

    def claims(self, path: str) -> bool:
        """Return whether this is a Keras file or a SavedModel folder."""
        return path.endswith((".keras", ".h5")) or os.path.isfile(os.path.join(path, "saved_model.pb"))

    def open(self, path: str) -> Any:
        """Return the model; Keras' safe mode refuses code in the file."""
        return from_file(path)

    def owns(self, model: Any) -> bool:
        """Return whether this is a Keras model, a tf.Module or a tf.function."""
        return is_instance(model, "keras", "Model") or is_instance(model, "tensorflow", "Module") or hasattr(model, "get_concrete_function")

    def signature(self, model: Any) -> list[list[Any]] | None:
        """Return name, dtype and shape of each input where the model says them."""
        return signature_of(model)

    def build(self, case: Case) -> Built:
        """Return the model, on the processor, with the weights the case asks for."""
        built = construct(case)
        if case.weights == "random":
            _refill(built, case.seed)
        return built

    def run(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the eager outputs, computed on the processor."""
        import tensorflow as tf

        with tf.device("CPU:0"):
            return arrays_of(model.call(feeds))

    def prepared(self, model: Built, feeds: Mapping[str, Any]) -> Any:
        """Return the eager call on tensors, on the processor, and what makes arrays of its outputs."""
        import tensorflow as tf

        with tf.device("CPU:0"):
            tensors = {name: tf.convert_to_tensor(array) for name, array in feeds.items()}

        def once() -> Any:
            with tf.device("CPU:0"):
                return model.call(tensors)

        return once, arrays_of

    def gradient(self, model: Built, feeds: Mapping[str, Any], cotangent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the derivative of the weighted outputs with respect to each real input, computed on the processor."""
        import tensorflow as tf

        with tf.device("CPU:0"), tf.GradientTape(watch_accessed_variables=False) as tape:
            tensors = {name: tf.convert_to_tensor(array) for name, array in feeds.items()}
            real = {name: tensor for name, tensor in tensors.items() if tensor.dtype.is_floating}
            tape.watch(list(real.values()))
            pairs = weighed(model.call(tensors), cotangent)
            pairs = [(y, tf.cast(w, y.dtype)) for y, w in pairs if tf.is_tensor(y) and y.dtype.is_floating]
        if not pairs:
            return {name: np.zeros(feeds[name].shape, feeds[name].dtype) for name in real}
        found = tape.gradient([y for y, _ in pairs], real, [w for _, w in pairs], tf.UnconnectedGradients.ZERO)
        return arrays_of(found)

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        """Return the outputs of a float64 build with the same weights; raises where a part of it is not in float64."""
        return self._in_double(case, model, feeds, move, None)

    def emulate(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move, inner: Inner) -> dict[str, Any]:
        """Return the outputs of a float64 build whose layers pass on rounded tensors."""
        return self._in_double(case, model, feeds, move, inner)

    def _in_double(
        self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move | None, inner: Inner | None
    ) -> dict[str, Any]:  # fmt: skip
        wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
        if model.twin is None:
            twin = _twin(case, model)
            narrow = _narrowed(twin, wide)
            if narrow:
                raise RuntimeError(f"the float64 model computes in less than float64 in {', '.join(sorted(narrow))}")
            model.twin = twin
        with _moved(model.twin, move), rounding(model.twin, inner):
            outputs = self.run(model.twin, wide)
        short = {name: str(array.dtype) for name, array in outputs.items() if array.dtype.name in ("float32", "float16", "bfloat16")}
        if short:
            raise RuntimeError(f"the float64 model still returns {short}")
        return outputs

    def trace(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every call of a layer."""
        return _keras_trace.trace(model, feeds, wanted)

    def replay(self, model: Built, path: str, call: int, inputs: Sequence[Any], double: bool = False) -> list[Any]:
        """Run one layer alone."""
        return _keras_trace.replay(model, path, call, inputs, double)

    def walk(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every call of a layer, and of an operation or function between layers."""
        return _keras_walk.walk(model, feeds, wanted)

    def bound(self, model: Built, place: Any, others: Mapping[Any, Any], shapes: Sequence[Any], elsewhere: Sequence[Any]) -> Any:
        """Return which numbers among the arguments of a call follow the shapes of its inputs, None where that is not known."""
        return bound_by(model.captured[place], others[place], shapes, elsewhere) if place in others else None

    def sub(self, model: Built, path: str, call: int, bound: Sequence[Sequence[int]], specs: Sequence[Any]) -> Any:
        """Return a functional model that makes one call alone."""
        return _keras_walk.sub(model, path, call, bound, specs)

    def mode(self) -> str:
        """Return the types that layers are made with: another model comes of it."""
        import keras

        return f"{keras.config.floatx()}/{keras.config.dtype_policy().name}"

    def parameters(self, model: Built, path: str) -> dict[str, Any]:
        """Return weights and running statistics of one layer."""
        return _keras_trace.parameters(model, path)


ADAPTERS = (TensorFlow(),)
