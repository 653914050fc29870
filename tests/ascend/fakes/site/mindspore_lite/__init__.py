"""A stand-in for MindSpore Lite's Python API; it computes with ONNX Runtime what the stand-in for its converter wrote."""

from __future__ import annotations

import enum
from types import SimpleNamespace
from typing import Any

import numpy as np

__version__ = "2.9.0"


class ModelType(enum.Enum):
    """Kinds of files."""

    MINDIR = 0


class DataType(enum.Enum):
    """Types of elements."""

    FLOAT32 = 43
    INT64 = 35


class Context:
    """Where a model runs."""

    def __init__(self) -> None:
        self.target: list[str] = []
        self.ascend = SimpleNamespace(device_id=0)


class Tensor:
    """An input or output."""

    def __init__(self, name: str, dtype: DataType, shape: list[int], data: Any = None) -> None:
        self.name, self.dtype, self.shape, self._data = name, dtype, shape, data

    def set_data_from_numpy(self, array: Any) -> None:
        """Take an array; it must be contiguous."""
        assert array.flags["C_CONTIGUOUS"]
        self._data = array

    def get_data_to_numpy(self) -> Any:
        """Return the array."""
        return self._data


class Model:
    """A model on a device."""

    def build_from_file(self, path: str, kind: ModelType, context: Context) -> None:
        """Load."""
        import onnxruntime

        assert context.target == ["ascend"]
        assert kind is ModelType.MINDIR
        with open(path, "rb") as stream:
            raw = stream.read()
        if not raw.startswith(b"FAKE MINDIR\n"):
            raise RuntimeError("build_from_file failed! Error is Common error code.")
        self._session = onnxruntime.InferenceSession(raw.split(b"\n", 1)[1], providers=["CPUExecutionProvider"])

    def get_inputs(self) -> list[Tensor]:
        """Return the inputs."""
        kinds = {"tensor(float)": DataType.FLOAT32, "tensor(int64)": DataType.INT64}
        return [Tensor(port.name, kinds[port.type], list(port.shape)) for port in self._session.get_inputs()]

    def predict(self, inputs: list[Tensor]) -> list[Tensor]:
        """Compute."""
        outputs = self._session.run(None, {tensor.name: tensor.get_data_to_numpy() for tensor in inputs})
        return [Tensor(str(i), DataType.FLOAT32, list(array.shape), np.asarray(array)) for i, array in enumerate(outputs)]
