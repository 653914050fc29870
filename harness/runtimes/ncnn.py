"""ncnn on the processor, in float32: the half precision that it stores and computes in by default is turned off."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping

import numpy as np

from harness.converters._captured import captured
from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Option, Source

_HALVES = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_packed", "use_bf16_storage", "use_int8_inference")


class NcnnSession:
    """A net; ``ports`` are names and batch axes by side."""

    provenance = {"device": "cpu", "provider": "ncnn CPU", "precision": "float32"}

    def __init__(self, net: Any, ports: Mapping[str, list[Any]]) -> None:
        self._net, self._ports = net, ports

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once, in an extractor of its own."""
        found = {}
        with self._net.create_extractor() as extractor:
            for name, batch in self._ports["inputs"]:
                if extractor.input(name, _mat(feeds[name], name, batch)):
                    raise RuntimeError(f"ncnn does not take input {name}")
            for name, batch in self._ports["outputs"]:
                code, answer = extractor.extract(name)
                if code:
                    raise RuntimeError(f"ncnn ends with code {code} where it computes output {name}")
                found[name] = np.array(answer.numpy() if batch is None else answer.numpy(batch_index=batch))
        return found

    def close(self) -> None:
        """Free the net."""
        if self._net is not None:
            self._net.clear()
        self._net = None


class Ncnn:
    """Runs ncnn's pairs of parameters and weights."""

    name = "ncnn"
    accepts = ("ncnn",)
    toolchain = "ncnn"
    distributions = ("ncnn", "numpy")
    devices = ("cpu",)
    options = (
        Option(name="precision", default="f32", choices=("f32",), help="precision of operators; asked for, since the default is lower"),
        Option(name="threads", default=0, help="threads within an operator; 0 leaves it to ncnn"),
    )

    def probe(self, device: str) -> None:
        """Import the package, which is all it needs."""
        try:
            import ncnn  # noqa: F401
        except ImportError as error:
            raise Unavailable(f"ncnn does not import: {error}", "parity env build ncnn") from None

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> NcnnSession:
        """Open both files. Raises `Unsupported` where ncnn does not know a layer or its parameters."""
        import ncnn

        entry = source.artifact.entry
        with open(os.path.join(os.path.dirname(entry), "model.json"), encoding="utf-8") as file:
            ports = json.load(file)
        net = ncnn.Net()
        net.opt.use_vulkan_compute = False
        for name in _HALVES:
            if hasattr(net.opt, name):
                setattr(net.opt, name, False)
        if options["threads"]:
            net.opt.num_threads = options["threads"]
        said: list[str] = []
        with captured(said, 2):
            refused = net.load_param(entry) or net.load_model(os.path.splitext(entry)[0] + ".bin")
        if refused:
            raise Unsupported(f"ncnn refuses the model that pnnx wrote: {'; '.join(said)[:300] or 'it gives no reason'}")
        return NcnnSession(net, ports)


def _mat(array: Any, name: str, batch: int | None) -> Any:
    """Return ncnn's own copy of an array. Raises `Unsupported` for more axes than it has."""
    import ncnn

    plain = np.array(array, np.int32 if array.dtype.kind == "i" else np.float32, order="C")
    axes = plain.ndim - (batch is not None)
    if not 1 <= axes <= 4 or not plain.size:
        raise Unsupported(f"ncnn has matrices of one to four axes beside the batch, with elements; input {name} is {plain.shape}")
    return (ncnn.Mat(plain) if batch is None else ncnn.Mat(plain, batch_index=batch)).clone()


ADAPTERS = (Ncnn(),)
