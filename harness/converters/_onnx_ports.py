"""The order of outputs in an ONNX file, which compilers keep where they change the names."""

from __future__ import annotations

from harness.core.errors import Unavailable


def outputs_of(path: str, who: str) -> list[str]:
    """Return the names of a file's outputs in order. Raises `Unavailable` where onnx is not installed."""
    try:
        import onnx
    except ImportError:
        raise Unavailable(who + " reads the order of outputs from the model, for which it needs onnx", "pip install onnx") from None
    return [info.name for info in onnx.load(path, load_external_data=False).graph.output]
