"""ONNX back to PyTorch by onnx2torch."""

from __future__ import annotations

import os
import shutil
import sys
import types
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source
from harness.frameworks._torch import Built


def _imported() -> Any:
    """Return onnx2torch, also where torchvision's binary does not fit this torch: it needs two names of it.

    The stand-in is gone again when this returns, so that nobody else in the worker takes it for torchvision.
    """

    def refused(*_: Any, **__: Any) -> Any:
        raise Unsupported("onnx2torch needs torchvision for this operator, and torchvision does not load here")

    stand_in = {}
    if "onnx2torch" not in sys.modules:
        try:
            import torchvision  # noqa: F401
        except (ImportError, RuntimeError):
            for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
                del sys.modules[name]
            ops: Any = types.ModuleType("torchvision.ops")
            ops.roi_align = ops.nms = refused
            package: Any = types.ModuleType("torchvision")
            package.ops = ops
            stand_in = {"torchvision": package, "torchvision.ops": ops}
            sys.modules.update(stand_in)
    try:
        import onnx2torch
    finally:
        for name in stand_in:
            sys.modules.pop(name, None)
    return onnx2torch


class Onnx2Torch:
    """onnx2torch; the artifact is the ONNX file, converted again each time it is opened."""

    name = "torch.onnx2torch"
    sources = ("onnx",)
    target = "torch.module"
    toolchain = "torch"
    distributions = ("onnx2torch", "torch", "onnx")
    options: tuple[Option, ...] = ()

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Copy the file (external data too) and see that it converts."""
        folder = os.path.dirname(source.artifact.entry)
        shutil.copytree(folder, dest, dirs_exist_ok=True)
        entry = os.path.basename(source.artifact.entry)
        self.restore(os.path.join(dest, entry))
        return Converted(entry=entry)

    def restore(self, entry: str) -> Built:
        """Return the converted module as a live model."""
        import onnx

        onnx2torch = _imported()
        proto = onnx.load(entry)
        try:
            module = onnx2torch.convert(proto)
        except NotImplementedError as error:
            raise Unsupported(f"onnx2torch refuses: {str(error).strip().splitlines()[0]}") from error
        constants = {item.name for item in proto.graph.initializer}
        inputs = tuple(value.name for value in proto.graph.input if value.name not in constants)
        return Built(module.eval().requires_grad_(False), inputs, tuple(value.name for value in proto.graph.output))


ADAPTERS = (Onnx2Torch(),)
