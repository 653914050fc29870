"""JAX functions to the portable programs of jax.export: serialised StableHLO with symbolic lengths."""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source
from harness.frameworks._jax import Built, first_line, on_device, precision, untraceable
from harness.frameworks._jax_shapes import symbolic


class Export:
    """``jax.export`` for the processor, weights inside; the program knows its inputs and outputs by position."""

    name = "jax.export"
    sources = ("jax.function",)
    target = "jax.exported"
    toolchain = "jax"
    distributions = ("jax", "jaxlib")
    options = (Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export and serialise the program. Raises `Unsupported` where the function cannot be traced, or not with free lengths."""
        import jax

        model: Built = source.model

        def positional(*arrays: Any) -> tuple[Any, ...]:
            return tuple(jax.numpy.asarray(out) for out in model.call(model.weights, dict(zip(model.inputs, arrays))).values())

        with precision(model.double):
            given = self._arguments(source, options["dynamic"])
            try:
                program = jax.export.export(jax.jit(positional), platforms=["cpu"])(*given)
            except untraceable() as error:
                raise Unsupported(f"jax.export refuses Python that depends on values: {first_line(error)}") from error
            except jax.errors.InconclusiveDimensionOperation as error:
                raise Unsupported(f"jax.export refuses a dynamic axis: {first_line(error)}") from error
            with open(os.path.join(dest, "model.jax"), "wb") as file:
                file.write(program.serialize())
        return Converted(
            entry="model.jax",
            inputs={port.name: str(index) for index, port in enumerate(source.artifact.inputs)},
            outputs={port.name: str(index) for index, port in enumerate(source.artifact.outputs)},
        )

    def _arguments(self, source: Source, dynamic: bool) -> list[Any]:
        """Return shape and type of each input, in the order of the call."""
        import jax

        told = symbolic(source)
        scope = jax.export.SymbolicScope(told.constraints)
        arguments = []
        for name, array in on_device(source.feeds, source.model.double).items():
            text = told.shapes.get(name) if dynamic else None
            shape = array.shape if text is None else jax.export.symbolic_shape(text, scope=scope)
            arguments.append(jax.ShapeDtypeStruct(shape, array.dtype))
        return arguments


ADAPTERS = (Export(),)
