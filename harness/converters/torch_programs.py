"""PyTorch to its own portable programs: TorchScript by tracing or scripting, and torch.export."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source
from harness.frameworks._torch import Built, flat_module, tensors_of
from harness.frameworks._torch_shapes import dynamic_shapes, specialised


def _numbered(source: Source) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names a program without names is given: its positions."""
    inputs = {port.name: str(index) for index, port in enumerate(source.artifact.inputs)}
    return inputs, {port.name: str(index) for index, port in enumerate(source.artifact.outputs)}


def _made(source: Source, entry: str) -> Converted:
    inputs, outputs = _numbered(source)
    return Converted(entry=entry, inputs=inputs, outputs=outputs)


class _Script:
    sources = ("torch.module",)
    target = "torchscript"
    toolchain = "torch"
    distributions = ("torch",)
    options: tuple[Option, ...] = ()


class Trace(_Script):
    """``torch.jit.trace`` at the example shapes; checks of its own are left to the judge."""

    name = "torchscript.trace"

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Trace a module that returns a flat tuple."""
        import torch

        tensors = tensors_of(source.feeds)
        with torch.no_grad():
            traced = torch.jit.trace(
                flat_module(source.model), tuple(tensors[port.name] for port in source.artifact.inputs), check_trace=False
            )
        traced.save(os.path.join(dest, "model.pt"))
        return _made(source, "model.pt")


class Script(_Script):
    """``torch.jit.script`` of the module itself; Python that TorchScript does not have is refused."""

    name = "torchscript.script"

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Script the module; its outputs are flattened by the runtime in their order."""
        import torch

        built: Built = source.model
        if built.by_name and not built.in_order:
            raise Unsupported("torch.jit.script keeps the module's own call order, and this case skips optional inputs")
        try:
            scripted = torch.jit.script(built.module)
        except Exception as error:
            # The compiler raises many types (NotSupportedError, FrontendError, RuntimeError) with one meaning: not in the language.
            raise Unsupported(f"torch.jit.script refuses: {str(error).strip().splitlines()[0]}") from error
        scripted.save(os.path.join(dest, "model.pt"))
        return _made(source, "model.pt")


class Export:
    """``torch.export`` with the declared dynamic axes."""

    name = "torch.export"
    sources = ("torch.module",)
    target = "torch.exported"
    toolchain = "torch"
    distributions = ("torch",)
    options = (Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export and save the program."""
        import torch

        tensors = tensors_of(source.feeds)
        shapes = dynamic_shapes(source) if options["dynamic"] else None
        given = tuple(tensors[port.name] for port in source.artifact.inputs)
        try:
            with torch.no_grad():
                program = torch.export.export(flat_module(source.model), given, dynamic_shapes=shapes)
        except torch._dynamo.exc.UserError as error:
            if "Constraints violated" in str(error):
                raise Unsupported(f"torch.export refuses a dynamic axis: {str(error).strip().splitlines()[0]}") from error
            raise
        torch.export.save(program, os.path.join(dest, "model.pt2"))
        made = _made(source, "model.pt2")
        found = [node.meta["val"].shape for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
        shapes = {port.name: tuple(shape) for port, shape in zip(source.artifact.inputs, found)}
        return dataclasses.replace(made, messages=specialised(source, shapes) if options["dynamic"] else ())


ADAPTERS = (Trace(), Script(), Export())
