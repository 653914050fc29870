"""An `Artifact`: a file or folder in a known format, with the names and shapes of its ports."""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.core.errors import UsageError
from harness.core.value import value

FORMATS = {
    ".onnx": "onnx", ".tflite": "tflite", ".xml": "openvino.ir", ".pt2": "torch.exported", ".pt": "torchscript", ".pth": "torchscript",
    ".ts": "torchscript", ".json": "paddle.inference", ".pdmodel": "paddle.inference", ".mindir": "mindir",
    ".keras": "keras.model", ".h5": "keras.model", "": "tf.savedmodel", ".om": "om", ".pte": "executorch.pte",
}  # fmt: skip
"""File name ending to format; a folder is a SavedModel."""


def format_of(name: str) -> str:
    """Return the format that the name of an artifact tells, "" for ``file.py:name``. Raises `UsageError` for another ending."""
    if ":" in os.path.basename(name):
        return ""
    end = os.path.splitext(name)[1].lower()
    if end not in FORMATS:
        known = ", ".join(filter(None, FORMATS))
        raise UsageError(f"artifact {name!r}: files ending in {end!r} are not known; known are {known} and folders")
    return FORMATS[end]


@value
class Port:
    """One input or output of an artifact.

    ``name`` is the name the source gave it, ``native`` the name inside this file; ``shape`` holds
    -1 for an axis the file declares dynamic. An empty ``dtype`` means the format records none.
    """

    name: str
    native: str
    dtype: str = ""
    shape: tuple[int, ...] | None = None

    def to_json(self) -> list[Any]:
        """Return plain data that `port_from` reads."""
        return [self.name, self.native, self.dtype, None if self.shape is None else list(self.shape)]


def port_from(data: Any) -> Port:
    """Return the port that `Port.to_json` wrote."""
    name, native, dtype, shape = data
    return Port(name=name, native=native, dtype=dtype, shape=None if shape is None else tuple(shape))


@value
class Artifact:
    """What one converter made: where it lies, what it holds, and the recipe that made it.

    ``path`` is the artifact's folder; ``entry`` the file or folder inside it that a runtime opens.
    ``maker`` is the converter that made it (empty for the source model itself). ``messages`` are
    the converter's warnings that matter. ``digest`` is that of the content.
    """

    format: str
    path: str
    entry: str
    digest: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    maker: str = ""
    recipe: str = ""
    messages: tuple[str, ...] = ()
    casts: Mapping[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `artifact_from` reads."""
        return {
            "format": self.format, "path": self.path, "entry": self.entry, "digest": self.digest,
            "inputs": [port.to_json() for port in self.inputs],
            "outputs": [port.to_json() for port in self.outputs],
            "maker": self.maker, "recipe": self.recipe, "messages": list(self.messages),
            "casts": dict(self.casts or {}),
        }  # fmt: skip


def artifact_from(data: Mapping[str, Any]) -> Artifact:
    """Return the artifact that `Artifact.to_json` wrote."""
    return Artifact(
        format=data["format"], path=data["path"], entry=data["entry"], digest=data["digest"],
        inputs=tuple(map(port_from, data["inputs"])), outputs=tuple(map(port_from, data["outputs"])),
        maker=data["maker"], recipe=data["recipe"], messages=tuple(data["messages"]),
        casts=data["casts"],
    )  # fmt: skip
