"""What the TensorFlow adapters share: the live model with its names, how it is built, and its weights."""

from __future__ import annotations

import os
from typing import Any, Mapping

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.outputs import flatten
from harness.core.space import space_of

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # Keras reads it once, when it is imported


class Built:
    """A live model with its input names in order and its output names; ``keras`` tells a Keras model from TensorFlow's own."""

    def __init__(self, model: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], keras: bool) -> None:
        self.model = model
        self.inputs = inputs
        self.outputs = outputs
        self.keras = keras
        self.twin: Built | None = None
        self.flat: tuple[str, ...] = ()
        self.captured: dict[tuple[str, int], Any] = {}
        self.functions: dict[tuple[str, int], Any] = {}
        self.groups: dict[str, Any] = {}

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return ``values`` as positional arguments, in the structure a functional model declares."""
        import keras

        ordered = [values[name] for name in self.inputs]
        declared = getattr(self.model, "inputs", None) if self.keras else None
        if not declared or isinstance(self.model, keras.Sequential):
            return ordered
        names = [leaf.name for leaf in keras.tree.flatten(self.model.input)]
        if sorted(names) == sorted(self.inputs):
            ordered = [values[name] for name in names]
        elif len(names) != len(ordered) or (len(names) > 1 and isinstance(self.model.input, Mapping)):
            raise UsageError(f"the Keras model takes {names}, the case declares {list(self.inputs)}; give keras.Input the same names")
        return [keras.tree.pack_sequence_as(self.model.input, ordered)]

    def raw(self, tensors: Mapping[str, Any]) -> Any:
        """Return what the model returns in inference mode."""
        return self.model(*self.arguments(tensors), **({"training": False} if self.keras else {}))

    def call(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the output tensors by name; ``flat`` then has the names in TensorFlow's own order, which sorts keys."""
        import tensorflow as tf

        result = self.raw({name: tf.convert_to_tensor(feeds[name]) for name in self.inputs})
        outputs = flatten(result, self.outputs)
        left = dict(outputs)
        flat = []
        for leaf in tf.nest.flatten(result):
            name = next((name for name, tensor in left.items() if tensor is leaf), None)
            if name is not None:
                flat.append(name)
                del left[name]
        self.flat = tuple(flat)
        return outputs


def arrays_of(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return output tensors as arrays that own their data."""
    import tensorflow as tf

    return {name: np.array(tf.convert_to_tensor(tensor)) for name, tensor in outputs.items()}


def construct(case: Case, device: str = "CPU:0") -> Built:
    """Return the model with its variables on ``device``, its weights as the builder left them."""
    import keras
    import tensorflow as tf

    keras.utils.clear_session(free_memory=False)  # layer names count up from here: the same in every build
    keras.utils.set_random_seed(case.seed % 2**32)
    builder, specs = case.build["tensorflow"], case.specs("tensorflow")
    assert builder is not None
    with tf.device(device):
        model = builder()
        known = isinstance(model, (keras.Model, tf.Module)) or hasattr(model, "get_concrete_function")
        if not known or not callable(model):
            raise UsageError(
                f"case {case.id!r}: the tensorflow builder returned {type(model).__name__}, "
                "expected a keras.Model, a tf.Module with __call__ or a tf.function"
            )
        built = Built(model, tuple(spec.name for spec in specs), case.outputs, isinstance(model, keras.Model))
        if not (built.keras and getattr(model, "inputs", None)):
            # Variables may come to be in the first call only.
            example = space_of(case, "tensorflow").example
            built.call({s.name: np.zeros(s.concrete(example), s.dtype) for s in specs})
    return built


def variables_of(built: Built) -> list[Any]:
    """Return weights and running statistics, without the states of random generators."""
    return list(built.model.weights) if built.keras else list(getattr(built.model, "variables", ()))


def copy_weights(source: Built, target: Built) -> None:
    """Give ``target`` the weights of ``source``, in its own types."""
    old, new = variables_of(source), variables_of(target)
    if [v.shape for v in old] != [v.shape for v in new]:
        raise RuntimeError(f"the builder is not reproducible: it made {len(old)} variables, then {len(new)} or others in shape")
    for before, after in zip(old, new):
        after.assign(np.asarray(before).astype(np.asarray(after).dtype))
