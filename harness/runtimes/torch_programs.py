"""Saved PyTorch programs (TorchScript, torch.export) and modules compiled by ``torch.compile``."""

from __future__ import annotations

import copy
import shutil
from typing import Any, Callable, Mapping, Sequence

from harness.core.errors import Unavailable
from harness.core.outputs import flatten
from harness.core.protocols import Option, Source
from harness.frameworks import _torch_trace
from harness.frameworks._torch import Built, arrays_of, prepared, tensors_of
from harness.runtimes._torch_probe import GraphProbe, ScriptProbe, compiled


class ProgramSession:
    """A callable whose inputs and outputs are known by position."""

    def __init__(self, call: Any, provider: str, probe: Any) -> None:
        self._call = call
        self._probe: Any = probe
        self.provenance = {"device": "cpu", "provider": provider, "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by position."""
        import torch

        tensors = tensors_of(feeds)
        with torch.no_grad():
            result = self._call(*[tensors[str(index)] for index in range(len(tensors))])
        return arrays_of({str(index): tensor for index, tensor in enumerate(flatten(result).values())})

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the call of the program on tensors, and what makes arrays of its outputs."""
        import torch

        call = self._call
        tensors = tensors_of(feeds)
        given = [tensors[str(index)] for index in range(len(tensors))]

        def once() -> Any:
            with torch.no_grad():
                return call(*given)

        return once, lambda result: arrays_of({str(index): tensor for index, tensor in enumerate(flatten(result).values())})

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the program in execution order."""
        names: list[dict[str, Any]] = self._probe.names(feeds)
        return names

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run the program and return inner tensors by name, and the outputs."""
        inner, final = self._probe.run(feeds, names)
        return inner, final

    def close(self) -> None:
        """Let the program go."""
        self._call = self._probe = None


class _OnCpu:
    toolchain = "torch"
    distributions = ("torch",)
    devices = ("cpu",)
    options: tuple[Option, ...] = ()

    def probe(self, device: str) -> None:
        """The processor is always there."""


class TorchScript(_OnCpu):
    """TorchScript files."""

    name = "torchscript"
    accepts = ("torchscript",)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> ProgramSession:
        """Load the file."""
        import torch

        module = torch.jit.load(source.artifact.entry, map_location="cpu").eval()
        return ProgramSession(module, f"TorchScript {torch.__version__}", ScriptProbe(module))


class Exported(_OnCpu):
    """Programs of torch.export."""

    name = "torch.exported"
    accepts = ("torch.exported",)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> ProgramSession:
        """Load the file."""
        import torch

        module = torch.export.load(source.artifact.entry).module()
        return ProgramSession(module, f"torch.export {torch.__version__}", GraphProbe(module))


class CompiledSession:
    """A compiled private copy of a module."""

    def __init__(self, model: Built, options: Mapping[str, Any]) -> None:
        import torch

        self._source: Any = model
        self._options = dict(options)
        twin = Built(copy.deepcopy(model.module), model.inputs, model.outputs)
        torch.compiler.reset()
        twin.module.compile(backend=options["backend"], dynamic=options["dynamic"], fullgraph=False)
        self._model: Any = twin
        self.provenance = {"device": "cpu", "provider": f"torch.compile {options['backend']}", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name; the first call at a new kind of shape compiles."""
        import torch

        with torch.no_grad():
            return arrays_of(self._model.call(tensors_of(feeds)))

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the compiled call on tensors; the first one compiles."""
        return prepared(self._model, tensors_of(feeds))

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the outputs of sub-modules in execution order."""
        return _torch_trace.names(self._source, feeds)

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Compile another copy whose sub-modules hand out what they return; what is fused there may differ."""
        wanted = [entry["name"] for entry in self.tensor_names(feeds)] if names is None else list(names)
        return compiled(self._source, feeds, wanted, self._options)

    def close(self) -> None:
        """Let the module go."""
        self._model = self._source = None


class Compile(_OnCpu):
    """``torch.compile``."""

    name = "torch.compile"
    accepts = ("torch.module",)
    options = (
        Option(name="backend", default="inductor", choices=("inductor", "aot_eager", "eager"), help="compiler backend"),
        Option(name="dynamic", default=True, help="compile for symbolic shapes at once"),
    )

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> CompiledSession:
        """Prepare the compilation; inductor needs a C++ compiler."""
        if options["backend"] == "inductor" and not (shutil.which("g++") or shutil.which("clang++")):
            raise Unavailable("torch.compile's inductor backend found no C++ compiler", "install g++ or clang++")
        return CompiledSession(source.model, options)


ADAPTERS = (TorchScript(), Exported(), Compile())
