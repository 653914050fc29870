"""TensorFlow with Keras 3 as a source: builds a model, runs it eagerly, and its float64 twin."""

from __future__ import annotations

import random
from typing import Any, Mapping

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.outputs import flatten
from harness.core.weights import fill


class Built:
    """A live Keras model or tf.Module with its input names in order and its output names."""

    def __init__(self, model: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self.model = model
        self.inputs = inputs
        self.outputs = outputs

    def call(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Return the output tensors by name, in inference mode."""
        import keras

        given = [tensors[name] for name in self.inputs]
        if not isinstance(self.model, keras.Model):
            return flatten(self.model(*given), self.outputs)
        names = list(getattr(self.model, "input_names", None) or [tensor.name for tensor in getattr(self.model, "inputs", None) or []])
        if set(names) == set(self.inputs):
            given = [tensors[name] for name in names]
        return flatten(self.model(given if len(given) > 1 else given[0], training=False), self.outputs)


_ROLES = {
    "moving_mean": "mean",
    "moving_variance": "variance",
    "gamma": "scale",
    "scale": "scale",
    "beta": "bias",
    "embeddings": "embedding",
}


def _refill(model: Any, seed: int) -> None:
    for number, weight in enumerate(model.weights):
        if "float" not in str(weight.dtype):
            continue
        last = weight.path.rsplit("/", 1)[-1]
        role = _ROLES.get(last, "bias" if "bias" in last else "weight")
        weight.assign(np.asarray(fill(f"{number}.{last}", tuple(weight.shape), seed, role)).astype("float32"))


class TensorFlow:
    """Keras models and TensorFlow modules."""

    name = "tensorflow"
    toolchain = "tensorflow"
    format = "keras.model"
    distributions = ("tensorflow", "keras")

    def build(self, case: Case) -> Built:
        """Return the model, seeded."""
        import keras
        import tensorflow as tf

        random.seed(case.seed)
        keras.utils.set_random_seed(case.seed)
        builder = case.build[self.name]
        assert builder is not None
        model = builder()
        if not isinstance(model, (keras.Model, tf.Module)) and not callable(model):
            raise UsageError(
                f"case {case.id!r}: the tensorflow builder returned {type(model).__name__}, expected a keras.Model or tf.Module"
            )
        if case.weights == "random" and isinstance(model, keras.Model):
            _refill(model, case.seed)
        return Built(model, tuple(spec.name for spec in case.specs(self.name)), case.outputs)

    def run(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the eager outputs."""
        import tensorflow as tf

        outputs = model.call({name: tf.constant(array) for name, array in feeds.items()})
        return {name: np.array(tensor) for name, tensor in outputs.items()}

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs of the case rebuilt under float64 with the same weights."""
        import keras

        if not isinstance(model.model, keras.Model):
            raise TypeError("only Keras models can be rebuilt in float64")
        builder = case.build[self.name]
        assert builder is not None
        before, policy = keras.config.floatx(), keras.config.dtype_policy()
        try:
            keras.config.set_floatx("float64")
            keras.config.set_dtype_policy("float64")
            twin = builder()
            twin.set_weights([np.asarray(w, "float64") if "float" in str(w.dtype) else w for w in model.model.get_weights()])
            wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
            outputs = self.run(Built(twin, model.inputs, model.outputs), wide)
        finally:
            keras.config.set_floatx(before)
            keras.config.set_dtype_policy(policy)
        low = [name for name, array in outputs.items() if array.dtype.name in ("float32", "float16")]
        if low:
            raise TypeError(f"output {low[0]} stayed {outputs[low[0]].dtype} although the model was rebuilt in float64")
        return outputs


ADAPTERS = (TensorFlow(),)
