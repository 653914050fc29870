"""JAX: a function compiled as a whole by XLA, and exported programs, on the processor."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from harness.core.errors import Unsupported
from harness.core.outputs import flatten
from harness.core.protocols import Option, Source
from harness.frameworks._jax import Built, arrays_of, first_line, floating, on_device, precision, untraceable


class JaxSession:
    """A function from arrays by name to arrays by name.

    ``floats``: the types of real numbers that weights and inputs have.
    """

    def __init__(self, call: Callable[[Mapping[str, Any]], dict[str, Any]], double: bool, provider: str, floats: set[str]) -> None:
        import jax

        self._call: Any = call
        self._double = double
        device = jax.devices("cpu")[0]
        self.provenance = {"device": device.platform, "provider": f"{provider} {jax.__version__}", "precision": " ".join(sorted(floats))}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by native name. Raises `Unsupported` where the function cannot be compiled as a whole."""
        with precision(self._double):
            given = on_device(feeds, self._double)
            try:
                outputs = self._call(given)
            except untraceable() as error:
                raise Unsupported(f"jax.jit refuses Python that depends on values: {first_line(error)}") from error
            stray = {device.platform for array in outputs.values() if hasattr(array, "devices") for device in array.devices()} - {"cpu"}
            if stray:
                self.provenance = {**self.provenance, "device": " ".join(sorted(stray))}
            return arrays_of(outputs)

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the compiled call on arrays that are on the device, until its results are there, and what makes NumPy arrays of them."""
        import jax

        call, double = self._call, self._double
        with precision(double):
            given = on_device(feeds, double)

        def once() -> Any:
            with precision(double):
                return jax.block_until_ready(call(given))

        return once, arrays_of

    def close(self) -> None:
        """Let the function go, and what was compiled for it: JAX keeps that for every shape as long as the process lives."""
        import jax

        self._call = None
        jax.clear_caches()


class _Jax:
    toolchain = "jax"
    distributions = ("jax", "jaxlib", "numpy")
    devices = ("cpu",)

    def probe(self, device: str) -> None:
        """The processor is always there."""


class Compiled(_Jax):
    """``jax.jit`` of the whole function."""

    name = "jax"
    accepts = ("jax.function",)
    options = (Option(name="jit", default=True, help="compile the whole function; false runs op by op, as the source does"),)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> JaxSession:
        """Prepare the compilation, which happens at the first call with new shapes."""
        import jax

        model: Built = source.model
        call = jax.jit(model.call) if options["jit"] else model.call
        floats = {array.dtype.name for array in model.weights.values() if floating(array)}
        provider = "XLA, jax.jit of JAX" if options["jit"] else "XLA, op by op of JAX"
        return JaxSession(lambda given: call(model.weights, given), model.double, provider, floats or {_wanted(model.double)})


class Exported(_Jax):
    """Programs of jax.export."""

    name = "jax.exported"
    accepts = ("jax.exported",)
    options: tuple[Option, ...] = ()

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> JaxSession:
        """Open the program: StableHLO and a description, no Python. Raises `Unsupported` for one of another platform."""
        import jax

        with open(source.artifact.entry, "rb") as file:
            program = jax.export.deserialize(bytearray(file.read()))
        if "cpu" not in program.platforms:
            raise Unsupported(f"the program was exported for {', '.join(program.platforms)}, not for cpu")
        avals = (*program.in_avals, *program.out_avals)
        double = any(aval.dtype.name in ("float64", "int64", "uint64") for aval in avals)
        call = jax.jit(program.call)

        def by_position(given: Mapping[str, Any]) -> dict[str, Any]:
            arrays = [given[str(index)].astype(aval.dtype) for index, aval in enumerate(program.in_avals)]
            return {str(index): array for index, array in enumerate(flatten(call(*arrays)).values())}

        floats = {aval.dtype.name for aval in avals if floating(aval)}
        return JaxSession(by_position, double, "XLA, jax.export of JAX", floats or {_wanted(double)})


def _wanted(double: bool) -> str:
    return "float64" if double else "float32"


ADAPTERS = (Compiled(), Exported())
