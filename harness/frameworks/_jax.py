"""What the JAX adapters share: a function with its named weights, precision as a choice of each call, and arrays in and out."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.core.outputs import flatten, is_instance

EXPECTED = "a function of arrays, a pair (function, parameters) called as function(parameters, *arrays), or a flax.nnx.Module"
_NARROW = {"int64": "int32", "uint64": "uint32"}


class Built:
    """A function of weights and inputs, with its weights by name, its input names in order and its output names.

    ``double``: an input is declared float64, so that everything runs with 64-bit types; without one JAX has none.
    """

    def __init__(self, model: Any, inputs: Sequence[str], outputs: Sequence[str], double: bool) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.double = double
        with precision(double):
            self._function, self.weights = _taken_apart(model)

    def call(self, weights: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name, as JAX has them; to be called within `precision`."""
        return flatten(self._function(weights, *[arrays[name] for name in self.inputs]), self.outputs)


def _taken_apart(model: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return ``function(weights, *arrays)`` and the weights by name: the leaves of the parameters that are arrays.

    Raises `TypeError` for what is no model.
    """
    import jax

    function: Callable[..., Any]
    parameters: Any
    if is_instance(model, "flax.nnx", "Module"):
        from flax import nnx

        model.eval()
        definition, state = nnx.split(model)
        function, parameters = (lambda given, *arrays: nnx.merge(definition, given)(*arrays)), state
    elif isinstance(model, tuple) and len(model) == 2 and callable(model[0]):
        function, parameters = model
    elif callable(model):
        function, parameters = (lambda _, *arrays: model(*arrays)), ()
    else:
        raise TypeError(type(model).__name__)
    found, structure = jax.tree_util.tree_flatten_with_path(parameters)
    leaves = [leaf for _, leaf in found]
    places: dict[str, int] = {}
    for place, (path, leaf) in enumerate(found):
        if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
            name = _named(jax.tree_util.keystr(path, simple=True, separator="."))
            places[name if name not in places else f"{name}.{place}"] = place

    def whole(weights: Mapping[str, Any], *arrays: Any) -> Any:
        given = list(leaves)
        for name, place in places.items():
            given[place] = weights[name]
        return function(jax.tree_util.tree_unflatten(structure, given), *arrays)

    return whole, {name: _as_array(leaves[place]) for name, place in places.items()}


def _named(path: str) -> str:
    """Return a path without the last step of those into a Flax module, which leads from a variable to what it holds."""
    return path[: -len(".value")] if path.endswith(".value") else path


def _as_array(leaf: Any) -> Any:
    """Return a leaf as JAX holds it in this precision; keys of its random generators stay as they are."""
    import jax

    return leaf if isinstance(leaf, jax.Array) else jax.numpy.asarray(leaf)


@contextlib.contextmanager
def precision(double: bool) -> Iterator[None]:
    """Work on the processor, with or without 64-bit types, and leave the settings of the process as they were."""
    import jax

    with contextlib.ExitStack() as settings:
        settings.enter_context(jax.default_device(jax.devices("cpu")[0]))
        settings.enter_context(jax.enable_x64(double))
        settings.enter_context(jax.default_matmul_precision("highest"))
        yield


def floating(array: Any) -> bool:
    """Return whether an array holds real numbers, of any width."""
    import jax

    return bool(jax.numpy.issubdtype(array.dtype, jax.numpy.floating))


def on_device(feeds: Mapping[str, Any], double: bool) -> dict[str, Any]:
    """Return feeds as JAX arrays that own their data; to be called within `precision`.

    Raises `UsageError` for whole numbers beyond 32 bits where JAX has no wider ones: it would cut them off without a word.
    """
    import jax

    return {name: jax.numpy.asarray(array if double else narrowed(name, np.array(array))) for name, array in feeds.items()}


def narrowed(name: str, array: Any) -> Any:
    """Return whole numbers of 64 bits as JAX takes them by default, in 32. Raises `UsageError` where they do not fit."""
    if array.dtype.name not in _NARROW:
        return array
    short = array.astype(_NARROW[array.dtype.name])
    wrong = array[short != array]
    if wrong.size:
        raise UsageError(
            f"input {name!r} holds {wrong.reshape(-1)[0]}, and JAX has whole numbers of 32 bits only where no input is float64; "
            "declare smaller ones, for example domain=ids(1000)"
        )
    return short


def arrays_of(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs as arrays that own their data."""
    return {name: np.array(array) for name, array in outputs.items()}


def untraceable() -> tuple[Any, ...]:
    """Return the errors by which JAX says that Python of a model depends on the values of arrays."""
    import jax

    names = ("ConcretizationTypeError", "TracerArrayConversionError", "TracerIntegerConversionError", "NonConcreteBooleanIndexError")
    return tuple(getattr(jax.errors, name) for name in names)


def first_line(error: Exception) -> str:
    """Return what an error says before it explains."""
    return str(error).strip().splitlines()[0][:300]
