"""ONNX to IREE modules, by IREE's own importer and compiler."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source

_ERROR = re.compile(r"error: ([^\n]+)")
_ILLEGAL = re.compile(r"failed to legalize operation '([^']+)'")
_REFUSED = re.compile(r"not supported|unsupported|unimplemented", re.IGNORECASE)


class IreeCompile:
    """``iree-import-onnx`` and ``iree-compile`` for the processor."""

    name = "iree.compile"
    sources = ("onnx",)
    target = "iree.vmfb"
    toolchain = "iree"
    distributions = ("iree-base-compiler", "onnx")
    options = (Option(name="cpu", default="generic", help="the processor to compile for, as LLVM calls it; host is this one"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Import and compile; the names that the module forgets are kept beside it."""
        import iree.compiler.tools as tools
        import iree.compiler.tools.import_onnx.__main__ as importer
        import onnx

        graph = onnx.load(source.artifact.entry, load_external_data=False).graph
        weights = {tensor.name for tensor in graph.initializer}
        ports = {
            "inputs": [port.name for port in graph.input if port.name not in weights],
            "outputs": [port.name for port in graph.output],
        }  # fmt: skip
        middle = os.path.join(dest, "model.mlir")
        code = importer.main(importer.parse_arguments([source.artifact.entry, "-o", middle, "--opset-version", "17"]))
        if code:
            raise RuntimeError(f"iree-import-onnx ended with exit code {code}")
        try:
            tools.compile_file(
                middle, input_type="onnx", target_backends=["llvm-cpu"], output_file=os.path.join(dest, "model.vmfb"),
                extra_args=["--iree-llvmcpu-target-cpu=" + options["cpu"]],
            )  # fmt: skip
        except tools.CompilerToolError as error:
            raise _told(str(error)) from error
        os.unlink(middle)
        with open(os.path.join(dest, "model.json"), "w", encoding="utf-8") as file:
            json.dump(ports, file)
        return Converted(entry="model.vmfb")


def _told(said: str) -> Exception:
    """Return the exception that the compiler's diagnostics stand for: a refusal where an operator is named as one it does not take."""
    found = _ERROR.search(said)
    first = found.group(1)[:400] if found else said[:400]
    illegal = _ILLEGAL.search(first)
    if illegal:
        operator = re.search(r"onnx\.\w+", said[said.index(first) :])
        return Unsupported(f"iree-compile refuses: failed to legalize {operator.group() if operator else illegal.group(1)}")
    return Unsupported(f"iree-compile refuses: {first}") if _REFUSED.search(first) else RuntimeError(f"iree-compile: {first}")


ADAPTERS = (IreeCompile(),)
