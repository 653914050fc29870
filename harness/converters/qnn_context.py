"""ONNX to the context binary that runs on Qualcomm's NPU."""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.core.protocols import Converted, Option, Source
from harness.runtimes import _qnn


class QnnContext:
    """The QNN compiler: a binary for one chip and one shape, wrapped in an ONNX file."""

    name = "qnn.context"
    sources = ("onnx",)
    target = "qnn.context"
    toolchain = "qnn"
    distributions = ("onnxruntime-qnn", "onnxruntime", "onnx")
    options = (_qnn.CHIP, Option(name="dynamic", default=False, choices=(False,), help="the compiler has fixed shapes only"))

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Compile for the shapes of the example inputs and write the context."""
        path = source.artifact.entry
        native = {port.native: source.feeds[port.name] for port in source.artifact.inputs}
        lengths = _qnn.lengths_of(_qnn.shapes_of(path), native)
        written = {
            "ep.context_enable": "1", "ep.context_embed_mode": "1", "ep.context_file_path": os.path.join(dest, "model.onnx"),
        }  # fmt: skip
        _qnn.opened(path, options["soc"], lengths, written)
        if not os.path.isfile(written["ep.context_file_path"]):
            raise RuntimeError("QNN ended without an error and wrote no context")
        return Converted(entry="model.onnx")


ADAPTERS = (QnnContext(),)
