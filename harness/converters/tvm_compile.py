"""ONNX, and programs of torch.export, to machine code for the processor: TVM's own readers, Relax and LLVM."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
from typing import Any, Mapping

from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Converted, Option, Source

_REFUSED = re.compile(r"not (yet )?support|unsupported|not implemented|must be a constant", re.IGNORECASE)
_OPERATOR = re.compile(r"Error converting operator (\w+)")


class TvmCompile:
    """``from_onnx`` or ``from_exported_program``, then ``tvm.compile``."""

    name = "tvm.compile"
    sources = ("onnx", "torch.exported")
    target = "tvm"
    toolchain = "tvm"
    distributions = ("apache-tvm", "apache-tvm-ffi", "torch", "onnx", "numpy")
    options = (Option(name="cpu", default="generic", help="the processor to compile for, as LLVM calls it; host is this one"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write a shared library and, beside it, the names that it forgets. Raises `Unsupported` where TVM names what it lacks."""
        import tvm

        if not shutil.which("g++"):
            raise Unavailable("TVM links what it compiles with g++, and finds none", "install g++")
        cpu = tvm.target.codegen.llvm_get_system_cpu() if options["cpu"] == "host" else options["cpu"]
        heard = io.StringIO()
        step = "reading"
        try:
            with contextlib.redirect_stdout(heard):
                module, ports = (_onnx if source.artifact.format == "onnx" else _exported)(source)
            step = "compiling"
            built = tvm.compile(module, tvm.target.Target({"kind": "llvm", "mcpu": cpu}))
        except Exception as error:
            raise _told(error, step, heard.getvalue()) from error
        built.export_library(os.path.join(dest, "model.so"))
        with open(os.path.join(dest, "model.json"), "w", encoding="utf-8") as file:
            json.dump(ports, file)
        return Converted(entry="model.so")


def _onnx(source: Source) -> tuple[Any, dict[str, list[str]]]:
    """Return the Relax module of an ONNX file and its names in order."""
    import onnx
    from tvm.relax.frontend.onnx import from_onnx

    model = onnx.load(source.artifact.entry)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [port.name for port in model.graph.input if port.name not in weights]
    return from_onnx(model), {"inputs": inputs, "outputs": [port.name for port in model.graph.output]}


def _exported(source: Source) -> tuple[Any, dict[str, list[str]]]:
    """Return the Relax module of a program of torch.export; its names are positions."""
    import torch
    from tvm.relax.frontend.torch import from_exported_program

    module = from_exported_program(torch.export.load(source.artifact.entry))
    artifact = source.artifact
    return module, {"inputs": [port.native for port in artifact.inputs], "outputs": [port.native for port in artifact.outputs]}


def _told(error: Exception, step: str, heard: str) -> Exception:
    """Return the exception that TVM's own stands for: a refusal where it says that something is not supported."""
    said = " ".join(str(error).split())[:400] or type(error).__name__
    operators = _OPERATOR.findall(heard)
    where = f"{step} {operators[-1]}" if operators else step
    if isinstance(error, NotImplementedError) or _REFUSED.search(said):
        return Unsupported(f"TVM refuses in {where}: {said}")
    return RuntimeError(f"TVM failed in {where}: {said}")


ADAPTERS = (TvmCompile(),)
