"""TensorFlow as a source: builds a Keras model or a tf.Module, runs it eagerly, and the float64 twin of a Keras model."""

from __future__ import annotations

import os
from typing import Any, Mapping

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.outputs import flatten, is_instance
from harness.core.weights import fill
from harness.frameworks._tensorflow_files import from_file, signature_of

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # Keras reads it once, when it is imported

# Keras layers agree on these names, whatever the layer; everything else is a weight or has "bias" in its name.
_ROLES = {
    "mean": "mean", "moving_mean": "mean", "variance": "variance", "moving_variance": "variance",
    "gamma": "scale", "scale": "scale", "beta": "bias", "embeddings": "embedding",
}  # fmt: skip


class Built:
    """A live model with its input names in order and its output names; ``keras`` tells a Keras model from TensorFlow's own."""

    def __init__(self, model: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], keras: bool) -> None:
        self.model = model
        self.inputs = inputs
        self.outputs = outputs
        self.keras = keras
        self.twin: Built | None = None
        self.flat: tuple[str, ...] = ()

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
            built.call({s.name: np.zeros(s.concrete({d.name: d.example for d in s.dims}), s.dtype) for s in specs})
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

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs of a float64 build with the same weights; raises where a part of it is not in float64."""
        wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
        if model.twin is None:
            twin = _twin(case, model)
            narrow = _narrowed(twin, wide)
            if narrow:
                raise RuntimeError(f"the float64 model computes in less than float64 in {', '.join(sorted(narrow))}")
            model.twin = twin
        outputs = self.run(model.twin, wide)
        short = {name: str(array.dtype) for name, array in outputs.items() if array.dtype.name in ("float32", "float16", "bfloat16")}
        if short:
            raise RuntimeError(f"the float64 model still returns {short}")
        return outputs


ADAPTERS = (TensorFlow(),)
