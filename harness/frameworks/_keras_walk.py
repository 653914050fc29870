"""A Keras model taken apart: every call of a layer and of an operation or function between layers, each able to run alone."""

from __future__ import annotations

import contextlib
import inspect
import sys
import types
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.core.spec import Dim
from harness.frameworks._calls import Slot, apart, ended, follow, missing, together
from harness.frameworks._keras_groups import arguments_of, groups_of, with_groups
from harness.frameworks._keras_trace import config_of, is_tensor, layers_of
from harness.frameworks._keras_words import signature_of
from harness.frameworks._tensorflow import Built, arrays_of
from harness.frameworks._walks import Walk, slots, wrapped

NO_LAYERS = "a tf.Module or tf.function is one call: TensorFlow shows nothing of what is inside"
_LOOKING = (
    "convert_to_tensor", "convert_to_numpy", "is_tensor", "ndim", "identity", "stop_gradient", "get_static_value", "ensure_shape", "len",
    "is_nested", "flatten_nest", "executing_eagerly", "debugging", "print", "array", "bool", "int", "float", "index", "iter",
)  # fmt: skip
_SIZING = ("shape", "shape_n", "size", "rank", "broadcast_dynamic_shape")
_OPERATORS = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "neg", "abs", "invert", "getitem",
    "lt", "le", "gt", "ge", "eq", "ne", "radd", "rsub", "rmul", "rtruediv", "rfloordiv", "rmod", "rpow", "rmatmul",
)  # fmt: skip


def walk(model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return every call of a layer, an operation or a function outside the innermost layers; see `harness.core.protocols.Framework`.

    A function that TensorFlow has compiled runs step by step meanwhile. Implicit masks count as inputs of what may use them. Layers
    whose names begin alike are a block as well.
    """
    import keras
    import tensorflow as tf

    width = keras.config.floatx()
    feeds = {name: np.array(array, dtype=width) if np.asarray(array).dtype.kind == "f" else array for name, array in feeds.items()}
    groups = groups_of(model.model, layers_of(model.model)) if model.keras else {}
    asked = None if wanted is None else [*wanted, *(path for one in wanted if one in groups for path in groups[one].needed)]
    state = _KerasWalk(model, asked)
    eager = tf.config.functions_run_eagerly()
    try:
        tf.config.run_functions_eagerly(True)
        with tf.device("CPU:0"):
            state.begin(type(model.model).__name__, feeds, *((0, "") if model.keras else (1, NO_LAYERS)))
            with state.watching() if model.keras else contextlib.nullcontext():
                outputs = model.call(feeds)
            outputs = arrays_of(outputs)
    finally:
        tf.config.run_functions_eagerly(eager)
    model.captured = {**state.kept, **{(path, 0): arguments_of(group) for path, group in groups.items()}}
    model.functions, model.groups = state.functions, groups
    calls = ended(state.tape, outputs)
    return with_groups(calls, groups, _inputs(model, state.kept, groups), wanted) if groups else calls


def _inputs(model: Built, kept: Mapping[tuple[str, int], Any], groups: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return, for each functional model, which of the arrays of its call is its first input, its second and so on."""
    import keras

    found = {}
    for holder in {group.holder for group in groups.values()}:
        if not holder:
            packed = model.arguments({name: Slot(place) for place, name in enumerate(model.inputs)})
        elif (holder, 0) in kept:
            packed = kept[holder, 0][0]
        else:
            continue
        found[holder] = [slot.number for slot in keras.tree.flatten(packed) if isinstance(slot, Slot)]
    return found


class _KerasWalk(Walk):
    """A walk that knows the layers of one model."""

    def __init__(self, model: Built, wanted: Sequence[str] | None) -> None:
        import tensorflow as tf

        layers = layers_of(model.model) if model.keras else {}
        owned = [part for variable in (model.model.weights if model.keras else ()) for part in (variable, getattr(variable, "value", None))]
        super().__init__(wanted, is_tensor, lambda tensor: arrays_of({"": tensor})[""], owned=owned, looking=_LOOKING, sizing=_SIZING)
        self._paths = {id(layer): path for path, layer in layers.items()}
        self._single = {path for path, layer in layers.items() if not _parts(layer)}
        self._signatures: dict[str, str] = {}
        self._eager = tf.executing_eagerly  # as it is before functions are wrapped

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """See every call of a layer, operation or function while a model runs."""
        import keras

        around = {keras.layers.Layer: self._layer, keras.Operation: self._operation}
        plain = {kind: vars(kind)["__call__"] for kind in around}

        def through(kind: Any) -> Any:
            return lambda item, *args, **kwargs: around[kind](plain[kind], item, args, kwargs)

        try:
            for kind in around:
                kind.__call__ = through(kind)
            with wrapped(_places(), self._function):
                yield
        finally:
            for kind, call in plain.items():
                kind.__call__ = call

    def _layer(self, plain: Any, layer: Any, args: Any, kwargs: Any) -> Any:
        path = self._paths.get(id(layer))
        if self._blind() or path is None:
            return plain(layer, *args, **kwargs)
        given = self.tensors((args, kwargs))
        masks = [getattr(tensor, "_keras_mask", None) for tensor in given] if _takes_masks(layer) else []
        masks = [None if any(mask is tensor for tensor in given) else mask for mask in masks]
        if path not in self._signatures:
            self._signatures[path] = signature_of(layer)
        return self.layer(
            path, type(layer).__name__, config_of(layer), self._signatures[path], (args, kwargs, masks),
            lambda: plain(layer, *args, **kwargs), opaque=_is_opaque(layer) or (path in self._single and _is_own(layer)),
        )  # fmt: skip

    def _operation(self, plain: Any, operation: Any, args: Any, kwargs: Any) -> Any:
        import keras

        if self._blind() or isinstance(operation, keras.layers.Layer):
            return plain(operation, *args, **kwargs)
        path = "/".join(filter(None, (self._here(), operation.name)))
        return self.layer(
            path, type(operation).__name__, "", signature_of(operation), (args, kwargs, []),
            lambda: plain(operation, *args, **kwargs), opaque=True, function=operation,
        )  # fmt: skip

    def _function(self, name: str, func: Any, again: Any, args: Any, kwargs: Any) -> Any:
        if self._blind():
            return func(*args, **kwargs)
        return self.function(name, func, again, args, kwargs, self._here() in self._single)

    def _here(self) -> str:
        return str(self.tape.top["path"]) if self.tape.top else ""

    def _blind(self) -> bool:
        return self.quiet or self.tape.top is None or not self._eager()


def _places() -> list[tuple[Any, list[str]]]:
    """Return where functions between layers are looked up: the public modules, and the operators of tensors and variables."""
    import keras
    import tensorflow as tf

    modules = [tf, tf.nn, tf.math, tf.linalg, tf.image, tf.signal, keras.src.ops]
    modules += [module for name, module in sys.modules.items() if name.split(".")[:2] == ["keras", "ops"] or name.endswith(".keras.ops")]
    found: list[tuple[Any, list[str]]] = []
    for module in modules:
        found.append((module, [name for name, item in vars(module).items() if isinstance(item, types.FunctionType) and name[0] != "_"]))
    for kind in (tf.Tensor, *keras.Variable.__mro__):
        found.append((kind, [f"__{name}__" for name in _OPERATORS if isinstance(vars(kind).get(f"__{name}__"), types.FunctionType)]))
    return found


def _parts(layer: Any) -> list[Any]:
    return [] if _is_opaque(layer) else [part for part in getattr(layer, "_layers", ()) if type(part).__name__ != "InputLayer"]


def _is_opaque(layer: Any) -> bool:
    """Return whether a layer is one operator to whoever converts it, whatever it is made of: a recurrence is a loop over its cell."""
    import keras

    return isinstance(layer, (keras.layers.RNN, keras.layers.TimeDistributed))


def _is_own(layer: Any) -> bool:
    return bool(type(layer).__module__.startswith("keras."))


def _takes_masks(layer: Any) -> bool:
    """Return whether a layer, or one inside it, may use the mask that comes with a tensor unseen."""
    import keras

    # These take a mask only to hand it on.
    own = not isinstance(layer, (keras.Sequential, keras.src.models.Functional))
    named = own and any(name == "mask" or name.endswith("_mask") for name in inspect.signature(layer.call).parameters)
    return named or any(map(_takes_masks, _parts(layer)))


def sub(model: Built, path: str, number: int, bound: Sequence[Sequence[int]], specs: Sequence[Any]) -> Any:
    """Return a functional model that makes one call alone, of inputs like ``specs``. Raises `UsageError` before a walk."""
    import keras

    if (path, number) not in model.captured:
        raise missing(path, number)
    function = model.functions.get((path, number))
    layer = model.groups[path].layer() if path in model.groups else None if function is not None else layers_of(model.model)[path]
    made = _part(function, layer, model.captured[path, number], bound)
    width = keras.config.floatx()
    inputs = [
        keras.Input(
            batch_shape=[None if isinstance(n, Dim) else n for n in spec.shape], name=spec.name,
            dtype="float64" if width == "float64" and "float" in spec.dtype else spec.dtype,
        )
        for spec in specs
    ]  # fmt: skip
    return keras.Model(inputs, made(*inputs))


def _part(function: Any, layer: Any, kept: Any, bound: Sequence[Sequence[int]]) -> Any:
    """Return a layer of tensors, by position, that makes one call of a function or layer and returns its tensors."""
    import keras
    import tensorflow as tf

    taken: list[Any] = [None] * slots(kept)
    count = len(taken)
    kept = apart(kept, lambda item: isinstance(item, (keras.Variable, tf.Variable)), taken)

    class Part(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="part", autocast=False)
            self.layer = layer
            for place, variable in enumerate(taken[count:]):
                setattr(self, f"weight_{place}", variable)
            self.built = True

        def call(self, *tensors: Any) -> Any:
            shapes = [_lengths(tensor) for tensor in tensors] if bound else []
            args, kwargs, *masks = together(follow(kept, bound, shapes), [*tensors, *taken[count:]])
            for tensor, mask in zip(_tensors((args, kwargs)), masks[0] if masks else ()):
                if mask is not None:
                    tensor._keras_mask = mask
            found = _tensors((function or layer)(*args, **kwargs))
            return found[0] if len(found) == 1 else tuple(found)

    return Part()


def _tensors(item: Any) -> list[Any]:
    import tensorflow as tf

    found: list[Any] = []
    apart(item, lambda part: isinstance(part, (tf.Tensor, tf.Variable)), found)
    return found


def _lengths(tensor: Any) -> list[Any]:
    """Return the lengths of the axes: numbers where they are known, else scalars that come to be when the model runs."""
    import tensorflow as tf

    return [tf.shape(tensor)[axis] if length is None else length for axis, length in enumerate(tensor.shape)]
