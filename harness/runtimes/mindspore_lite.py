"""MindIR that MindSpore Lite compiled for Ascend, run by its Python API."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from harness.ascend import devices, notes
from harness.core.errors import Unavailable, UsageError
from harness.core.protocols import Option, Source


class LiteSession:
    """A model on the NPU."""

    def __init__(self, model: Any, noted: Mapping[str, Any], provider: str, device: str) -> None:
        self._model = model
        self._names = list(noted.get("inputs", ()))
        full = noted.get("precision_mode") in ("enforce_fp32", "enforce_origin")
        self.provenance = {"device": device, "provider": provider, "precision": "float32" if full else "float16"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by their place. Raises `UsageError` for a feed of another type or shape than the model has."""
        tensors = self._model.get_inputs()
        if len(tensors) != len(feeds):
            wanted = ", ".join(tensor.name for tensor in tensors)
            raise UsageError(f"the model takes {len(tensors)} inputs ({wanted}), and was given {len(feeds)}")
        for place, tensor in enumerate(tensors):
            name = tensor.name if tensor.name in feeds else self._names[place]
            feed = feeds[name]
            dtype, shape = str(tensor.dtype).rpartition(".")[2].lower(), tuple(tensor.shape)
            if (feed.dtype.name, feed.shape) != (dtype, shape):
                raise UsageError(f"input {name} is {feed.dtype.name} {feed.shape}, and the model takes {dtype} {shape}")
            tensor.set_data_from_numpy(np.ascontiguousarray(feed))
        return {str(place): np.array(tensor.get_data_to_numpy()) for place, tensor in enumerate(self._model.predict(tensors))}

    def close(self) -> None:
        """Let the model go."""
        self._model = None


class Lite:
    """``mindspore_lite.Model`` with Ascend as its one target: it has no other to fall back to."""

    name = "mindspore.lite"
    accepts = ("mindir.ascend",)
    toolchain = "mindspore_lite"
    distributions = ("numpy",)
    devices = ("npu",)
    options = (Option(name="device_id", default=0, help="number of the NPU"),)
    made_of = ("harness.ascend.notes",)

    def probe(self, device: str) -> None:
        """Import the package, and ask the driver's tool for a chip: the package itself tells only by failing."""
        _module()
        found, why = devices.ask()
        if not found:
            raise Unavailable(f"no Ascend NPU: {why}", "an Ascend NPU with its driver")

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> LiteSession:
        """Build the model for the NPU."""
        lite = _module()
        context = lite.Context()
        context.target = ["ascend"]
        context.ascend.device_id = options["device_id"]
        model = lite.Model()
        model.build_from_file(source.artifact.entry, lite.ModelType.MINDIR, context)
        version = getattr(lite, "__version__", "")
        return LiteSession(model, notes.beside(source.artifact.entry), f"MindSpore Lite {version}".strip(), device)


def _module() -> Any:
    try:
        import mindspore_lite
    except (ImportError, OSError) as error:
        how = "the wheel mindspore_lite of the same release as converter_lite, from mindspore.cn/lite"
        raise Unavailable(f"mindspore_lite cannot be imported: {error}", how) from None
    return mindspore_lite


ADAPTERS = (Lite(),)
