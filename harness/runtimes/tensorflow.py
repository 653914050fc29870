"""TensorFlow eager and SavedModel signatures."""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy as np

from harness.core.errors import Unavailable
from harness.core.protocols import Option, Source


class Session:
    """A callable on one device."""

    def __init__(self, call: Callable[[Mapping[str, Any]], Mapping[str, Any]], device: str) -> None:
        import tensorflow as tf

        self._call: Any = call
        self._device = device
        self.provenance = {"device": device, "provider": f"tensorflow {tf.__version__}", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by native name."""
        import tensorflow as tf

        with tf.device(f"/{self._device.upper()}:0"):
            outputs = self._call({name: tf.constant(array) for name, array in feeds.items()})
        ran = {tensor.device.split("device:")[-1].split(":")[0].lower() for tensor in outputs.values() if getattr(tensor, "device", "")}
        if ran:
            self.provenance = {**self.provenance, "device": " ".join(sorted(ran))}
        return {name: np.array(tensor) for name, tensor in outputs.items()}

    def close(self) -> None:
        """Let the model go."""
        self._call = None


class _TensorFlow:
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras")
    devices = ("cpu", "gpu")
    options: tuple[Option, ...] = ()

    def probe(self, device: str) -> None:
        """Ask TensorFlow whether the device is there."""
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        if device == "gpu" and not tf.config.list_physical_devices("GPU"):
            raise Unavailable("TensorFlow sees no GPU", "pip install 'tensorflow[and-cuda]' on a machine with an NVIDIA GPU")


class Eager(_TensorFlow):
    """TensorFlow's eager execution."""

    name = "tensorflow"
    accepts = ("keras.model",)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> Session:
        """Use the live model."""
        return Session(source.model.call, device)


class SavedModel(_TensorFlow):
    """The serving signature of a SavedModel."""

    name = "tf.savedmodel"
    accepts = ("tf.savedmodel",)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> Session:
        """Load the SavedModel."""
        import tensorflow as tf

        loaded = tf.saved_model.load(source.artifact.entry)
        signature = loaded.signatures["serving_default"]

        def call(tensors: Mapping[str, Any], _keep: Any = loaded) -> Mapping[str, Any]:
            result: Mapping[str, Any] = signature(**tensors)
            return result

        return Session(call, device)


ADAPTERS = (Eager(), SavedModel())
