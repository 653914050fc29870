"""ONNX to MNN's own files, by the entry of its converter: the command line installs a package with pip and sends what it did.

Left alone, MNN 3.6 makes a loop of an LSTM or GRU and reads memory beyond a missing input on the way: the same file is converted, or
the process dies, as that memory happens to be. Layers are the default here; ``recurrent=loop`` asks for MNN's own choice.
"""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.converters._mnn import HELD, failure, printed
from harness.core.protocols import Converted, Option, Source


class MnnConvert:
    """``MNNConvert`` in the worker; it answers True whatever happens, so the file that it writes is asked for."""

    name = "mnn.convert"
    sources = ("onnx",)
    target = "mnn"
    toolchain = "mnn"
    distributions = ("MNN",)
    options = (
        Option(name="precision", default="fp32", choices=("fp32", "fp16"), help="type in which weights are stored"),
        Option(name="recurrent", default="layer", choices=("layer", "loop"), help="what LSTM and GRU become; loop is unsafe"),
    )

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write ``model.mnn``; names are kept, types that MNN does not have become those in which it holds them."""
        import _tools

        entry = os.path.join(dest, "model.mnn")
        words = [
            "mnnconvert", "-f", "ONNX", "--modelFile", source.artifact.entry, "--MNNModel", entry, "--bizCode", "parity",
            "--useGeluApproximation", "0",
        ]  # fmt: skip
        words += ["--fp16"] if options["precision"] == "fp16" else []
        words += ["--useOriginRNNImpl"] if options["recurrent"] == "layer" else []
        lines: list[str] = []
        with printed(lines):
            _tools.mnnconvert(words)
        if not os.path.isfile(entry):
            raise failure(lines, "mnnconvert")
        ports = (*source.artifact.inputs, *source.artifact.outputs)
        casts = {port.name: HELD[port.dtype] for port in ports if HELD.get(port.dtype, port.dtype) != port.dtype}
        return Converted(entry="model.mnn", casts=casts, messages=tuple(lines[:5]))


ADAPTERS = (MnnConvert(),)
