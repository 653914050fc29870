"""TensorFlow: Keras models run eagerly, and the serving signature of a SavedModel."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Sequence

from harness.converters._keras_signature import SIGNATURE
from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Option, Source
from harness.frameworks._tensorflow import arrays_of, construct, copy_weights
from harness.runtimes._tensorflow_probe import GraphProbe, LayerProbe

_REFUSALS = re.compile(r"No OpKernel was registered|could not satisfy|Could not satisfy|No registered '\w+' OpKernel|no supported kernel")


class TensorFlowSession:
    """A function on tensors, called on one device."""

    def __init__(self, call: Callable[[Mapping[str, Any]], dict[str, Any]], device: str, provider: str, probe: Any = None) -> None:
        self._call: Any = call
        self._probe: Any = probe
        self._device = device
        self.provenance: dict[str, Any] = {"device": device, "provider": provider, "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once; an output that was made on another device is an error."""
        import tensorflow as tf

        try:
            with tf.device(_place(self._device)):
                outputs = self._call(feeds)
        except (tf.errors.NotFoundError, tf.errors.InvalidArgumentError) as error:
            raise _refusal(error, self._device) or error
        for name, tensor in outputs.items():
            if hasattr(tensor, "device") and f"device:{_place(self._device)}" not in tensor.device:
                raise RuntimeError(f"asked TensorFlow for {self._device}, output {name} was made on {tensor.device}")
        kinds = sorted({t.dtype.name for t in outputs.values() if hasattr(t, "dtype") and t.dtype.is_floating})
        self.provenance = {**self.provenance, "precision": " ".join(kinds) or self.provenance["precision"]}
        return arrays_of(outputs)

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the call on tensors that are on the device, and what makes arrays of its outputs."""
        import tensorflow as tf

        place, call = _place(self._device), self._call
        with tf.device(place):
            tensors = {name: tf.identity(tf.convert_to_tensor(array)) for name, array in feeds.items()}

        def once() -> Any:
            with tf.device(place):
                return call(tensors)

        return once, arrays_of

    def synchronise(self) -> None:
        """Wait until the device has done what it was given; on the processor operators end before they return."""
        import tensorflow as tf

        if self._device != "cpu":
            tf.test.experimental.sync_devices()

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the graph, or the outputs of layers, in execution order."""
        names: list[dict[str, Any]] = self._probe.names(feeds)
        return names

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run and return inner tensors by name, and the outputs."""
        import tensorflow as tf

        with tf.device(_place(self._device)):
            inner, final = self._probe.run(feeds, names)
        return inner, final

    def close(self) -> None:
        """Let the function and its variables go."""
        self._call = self._probe = None


class _Runtime:
    name: str
    toolchain = "tensorflow"
    distributions = ("tensorflow", "keras", "numpy")
    devices = ("cpu", "gpu")
    options: tuple[Option, ...] = ()

    def probe(self, device: str) -> None:
        """Ask TensorFlow for its devices."""
        import tensorflow as tf

        if not tf.config.list_physical_devices(device.upper()):
            raise Unavailable(f"TensorFlow {tf.__version__} sees no {device.upper()}", "pip install tensorflow[and-cuda], an NVIDIA GPU")

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> TensorFlowSession:
        """Place the model; float32 stays float32, and an operator that the device lacks is an error."""
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        tf.config.set_soft_device_placement(False)
        call, probe = self._callable(source, _place(device))
        return TensorFlowSession(call, device, f"tensorflow {tf.__version__} {self.name}", probe)

    def _callable(self, source: Source, place: str) -> tuple[Any, Any]:
        """Return what to call, and what shows its inner tensors."""
        raise NotImplementedError


class Eager(_Runtime):
    """Eager execution of the live model."""

    name = "tensorflow"
    accepts = ("keras.model",)

    def _callable(self, source: Source, place: str) -> tuple[Any, Any]:
        built = source.model
        if source.case is not None and not place.startswith("CPU"):
            # Variables stay where they were made: on the processor, where operators on them would run too.
            built = construct(source.case, place)
            copy_weights(source.model, built)
        return built.call, LayerProbe(built)


class SavedModel(_Runtime):
    """The serving signature of a SavedModel."""

    name = "tf.savedmodel"
    accepts = ("tf.savedmodel",)

    def _callable(self, source: Source, place: str) -> tuple[Any, Any]:
        import tensorflow as tf

        with tf.device(place):
            model = tf.saved_model.load(source.artifact.entry)
        signatures = dict(model.signatures)
        signature = signatures.get(SIGNATURE) or next(iter(signatures.values()), None)
        if signature is None:
            raise RuntimeError("the SavedModel has no signature to call")

        def call(feeds: Mapping[str, Any]) -> Any:
            _ = model  # the signature does not keep the variables alive
            return dict(signature(**{name: tf.convert_to_tensor(array) for name, array in feeds.items()}))

        return call, GraphProbe(signature)


def _place(device: str) -> str:
    return f"{device.upper()}:0"


def _refusal(error: Exception, device: str) -> Unsupported | None:
    """Return the refusal that an exception of TensorFlow stands for, None for any other failure."""
    if not _REFUSALS.search(str(error)):
        return None
    refusal = Unsupported(f"tensorflow refuses an operator on {device}: {str(error).strip().splitlines()[0][:300]}")
    refusal.__cause__ = error
    return refusal


ADAPTERS = (Eager(), SavedModel())
