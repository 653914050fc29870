"""JAX as a source: a function of arrays, run op by op in float32, and the same function in float64."""

from __future__ import annotations

import random
from typing import Any, Mapping

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.outputs import is_instance, weighed
from harness.core.weights import Move, fill
from harness.frameworks._jax import EXPECTED, Built, arrays_of, floating, on_device, precision


def _refilled(weights: Mapping[str, Any], seed: int) -> dict[str, Any]:
    import jax.numpy as jnp

    return {
        name: jnp.asarray(np.asarray(fill(name, tuple(array.shape), seed)), array.dtype) if floating(array) else array
        for name, array in weights.items()
    }


class Jax:
    """Functions of arrays, with or without parameters, and Flax modules."""

    name = "jax"
    toolchain = "jax"
    format = "jax.function"
    distributions = ("jax", "jaxlib", "numpy")

    def owns(self, model: Any) -> bool:
        """Return whether this is a module of Flax; a plain function may be anybody's."""
        return is_instance(model, "flax.nnx", "Module")

    def build(self, case: Case) -> Built:
        """Return the function with its weights."""
        random.seed(case.seed)
        np.random.seed(case.seed % 2**32)  # noqa: NPY002 (builders may draw from the global generator)
        builder = case.build[self.name]
        assert builder is not None
        specs = case.specs(self.name)
        double = any(spec.dtype == "float64" for spec in specs)
        with precision(double):
            model = builder()
            try:
                built = Built(model, [spec.name for spec in specs], case.outputs, double)
            except TypeError:
                raise UsageError(f"case {case.id!r}: the jax builder returned {type(model).__name__}, expected {EXPECTED}") from None
            if case.weights == "random":
                built.weights = _refilled(built.weights, case.seed)
        return built

    def run(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs, computed op by op: what ``jax.jit`` makes of the whole is a runtime's matter."""
        with precision(model.double):
            return arrays_of(model.call(model.weights, on_device(feeds, model.double)))

    def prepared(self, model: Built, feeds: Mapping[str, Any]) -> Any:
        """Return the call on arrays that are on the device, and what makes NumPy arrays of its outputs."""
        import jax

        with precision(model.double):
            given = on_device(feeds, model.double)

        def once() -> Any:
            with precision(model.double):
                return jax.block_until_ready(model.call(model.weights, given))

        return once, arrays_of

    def gradient(self, model: Built, feeds: Mapping[str, Any], cotangent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the derivative of the weighted outputs with respect to each real input."""
        import jax
        import jax.numpy as jnp

        with precision(model.double):
            given = on_device(feeds, model.double)
            leaves = {name: array for name, array in given.items() if floating(array)}
            pairs = weighed(model.call(model.weights, given), cotangent)
            wanted = [name for name, (output, _) in zip(cotangent, pairs) if hasattr(output, "dtype") and floating(output)]
            if not wanted or not leaves:
                return {name: np.zeros(feeds[name].shape, feeds[name].dtype) for name in leaves}

            def outputs(moving: Mapping[str, Any]) -> list[Any]:
                found = model.call(model.weights, {**given, **moving})
                return [found[name] for name in wanted]

            values, pull = jax.vjp(outputs, leaves)
            (slopes,) = pull([jnp.asarray(np.asarray(cotangent[name]), value.dtype) for name, value in zip(wanted, values)])
            return arrays_of(slopes)

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        """Return the outputs of the same function on float64 weights and inputs.

        Arrays that the function holds in a closure widen as they meet these; they are not moved. Raises `RuntimeError`
        where it casts to less on its own.
        """
        import jax.numpy as jnp

        with precision(True):
            weights = {}
            for name, array in model.weights.items():
                if floating(array):
                    kind, values = array.dtype.name, np.array(array)
                    array = jnp.asarray(values.astype(np.float64) if move is None else move(name, values, kind), np.float64)
                weights[name] = array
            narrow = on_device({name: array for name, array in feeds.items() if not floating(array)}, model.double)
            wide = {name: jnp.asarray(feeds[name], np.float64) for name in feeds if name not in narrow}
            outputs = arrays_of(model.call(weights, {**narrow, **wide}))
        short = [name for name, array in outputs.items() if array.dtype.name in ("float32", "float16", "bfloat16")]
        if short:
            raise RuntimeError(f"the float64 function still returns less in {', '.join(short)}")
        return outputs

    def parameters(self, model: Built, path: str) -> dict[str, Any]:
        """Return the weights whose names begin with ``path``."""
        return arrays_of({name: array for name, array in model.weights.items() if not path or name.startswith(path + ".")})


ADAPTERS = (Jax(),)
