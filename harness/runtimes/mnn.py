"""MNN on the processor, through its modules: they take free shapes and the loops that its converter makes of recurrent layers."""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy as np

from harness.converters._mnn import failure, printed
from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Option, Source

_KINDS = {"float32": "float", "int32": "int", "uint8": "uint8"}


class MnnSession:
    """A module; its inputs and outputs go by position, under the names that the file has for them."""

    def __init__(self, module: Any, inputs: list[str], outputs: list[str]) -> None:
        self._module, self._inputs, self._outputs = module, inputs, outputs
        self.provenance = {"device": "cpu", "provider": "MNN CPU", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once."""
        once, read = self.prepared(feeds)
        lines: list[str] = []
        try:
            with printed(lines):
                return read(once())
        except Exception as error:
            raise failure(lines or [str(error)], "the run") from error

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the module's call on these arrays, and what makes arrays of what it returns."""
        given, module = [_variable(np.array(feeds[name], order="C"), name) for name in self._inputs], self._module

        def read(answers: Any) -> dict[str, Any]:
            if len(answers) != len(self._outputs):
                raise RuntimeError(f"{len(answers)} outputs, where the file names {', '.join(self._outputs)}")
            return {name: _array(answer) for name, answer in zip(self._outputs, answers)}

        return (lambda: module.onForward(given)), read

    def close(self) -> None:
        """Drop the module."""
        self._module = None


class Mnn:
    """Runs MNN files."""

    name = "mnn"
    accepts = ("mnn",)
    toolchain = "mnn"
    distributions = ("MNN", "numpy")
    devices = ("cpu",)
    options = (
        Option(name="precision", default="f32", choices=("f32",), help="precision of operators; MNN has no other on x86"),
        Option(name="threads", default=0, help="threads within an operator; 0 leaves it to MNN, which takes one"),
    )

    def probe(self, device: str) -> None:
        """Import the package, which is all it needs."""
        try:
            import MNN  # noqa: F401
        except ImportError as error:
            raise Unavailable(f"MNN does not import: {error}", "parity env build mnn") from None

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> MnnSession:
        """Open the file, asking for high precision: left alone, MNN chooses by processor."""
        import MNN

        lines: list[str] = []
        try:
            with printed(lines):
                module = MNN.nn.load_module_from_file(
                    source.artifact.entry, [], [], backend=MNN.expr.Backend.CPU, precision_mode=MNN.expr.PrecisionMode.High,
                    **({"thread_num": options["threads"]} if options["threads"] else {}),
                )  # fmt: skip
                told = module.get_info()
        except Exception as error:
            raise failure(lines or [str(error)], "loading") from error
        return MnnSession(module, list(told["inputNames"]), list(told["outputNames"]))


def _variable(array: Any, name: str) -> Any:
    """Return MNN's variable of an array. Raises `Unsupported` for a type whose bytes it would take for another's."""
    import MNN

    kind = _KINDS.get(array.dtype.name)
    if kind is None:
        raise Unsupported(f"MNN's Python interface makes no variable of {array.dtype.name}, which input {name} is")
    if not array.size:
        raise Unsupported(f"MNN makes no variable without elements, which input {name} of shape {array.shape} is")
    return MNN.expr.const(array, list(array.shape), MNN.expr.NCHW, getattr(MNN.expr, kind))


def _array(variable: Any) -> Any:
    """Return the values of a variable, in the plain order of its axes."""
    import MNN

    shape = tuple(variable.shape)
    if 0 in shape:
        return np.zeros(shape, {"float": np.float32, "int": np.int32, "uint8": np.uint8}[str(variable.dtype).rpartition(".")[2]])
    if variable.data_format == MNN.expr.NC4HW4:
        variable = MNN.expr.convert(variable, MNN.expr.NCHW)
    return np.array(variable.read()).reshape(shape)


ADAPTERS = (Mnn(),)
