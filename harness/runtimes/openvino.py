"""OpenVINO on its devices, at a stated precision: left alone it picks bfloat16 on processors that have it."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.converters._openvino import openvino, refusal
from harness.core.errors import Unavailable
from harness.core.protocols import Option, Source
from harness.runtimes._openvino_probe import GraphProbe

_PRECISIONS = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
_HOW = {"gpu": "the Intel GPU driver with OpenCL", "npu": "the Intel NPU driver", "cpu": "pip install openvino"}


class OpenVinoSession:
    """A compiled model."""

    def __init__(self, compiled: Any, names: list[list[str]], provenance: dict[str, Any], probe: Any, opened: Callable[[], Any]) -> None:
        self._compiled: Any = compiled
        self._opened = opened
        self._probe: Any = probe
        self._names = names
        self.provenance = provenance

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once, in a request of its own."""
        if self._compiled is None:
            self._compiled = self._opened()
        results = self._compiled.create_infer_request().infer(dict(feeds))
        return {name: np.array(results[index]) for index, names in enumerate(self._names) for name in names}

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the call of one request whose inputs are set, and what reads its output tensors."""
        request = self._compiled.create_infer_request()
        tensors = {name: openvino().Tensor(np.ascontiguousarray(array), shared_memory=False) for name, array in feeds.items()}
        for name, tensor in tensors.items():
            request.set_tensor(name, tensor)

        def read(_: Any) -> dict[str, Any]:
            return {name: request.get_output_tensor(index).data for index, names in enumerate(self._names) for name in names}

        return request.infer, read

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the graph in execution order, as it was read."""
        names: list[dict[str, Any]] = self._probe.names()
        return names

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Compile a copy whose inner tensors are outputs; what is fused there may differ."""
        self._compiled = None  # it holds all weights; two of a large model may be too many
        inner, results = self._probe.run(feeds, names)
        return inner, {name: results[index] for index, own in enumerate(self._names) for name in own}

    def close(self) -> None:
        """Free the model."""
        self._compiled = self._probe = None


class OpenVino:
    """Runs OpenVINO IR, and ONNX files through OpenVINO's own reader."""

    name = "openvino"
    accepts = ("openvino.ir", "onnx")
    toolchain = "openvino"
    distributions = ("openvino", "numpy")
    devices = ("cpu", "gpu", "npu")
    options = (
        Option(name="precision", default="f32", choices=tuple(_PRECISIONS), help="precision in which operators may compute"),
        Option(name="threads", default=0, help="threads on the processor; 0 leaves it to OpenVINO"),
    )

    def probe(self, device: str) -> None:
        """Ask OpenVINO for its devices."""
        available = openvino().Core().available_devices
        if not any(name.split(".")[0] == device.upper() for name in available):
            raise Unavailable(f"OpenVINO finds no {device.upper()} here, only {', '.join(available) or 'nothing'}", _HOW[device])

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> OpenVinoSession:
        """Compile the model and check that device and precision are those asked for."""
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": options["precision"]}
        if options["threads"] and device == "cpu":
            settings["INFERENCE_NUM_THREADS"] = options["threads"]

        def opened() -> Any:
            core = openvino().Core()
            try:
                return core.compile_model(core.read_model(source.artifact.entry), device.upper(), settings)
            except Exception as error:
                raise refusal(self.name, error) or error

        compiled = opened()
        ran = [str(name) for name in compiled.get_property("EXECUTION_DEVICES")]
        hint = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if {name.split(".")[0] for name in ran} != {device.upper()} or hint != options["precision"]:
            raise RuntimeError(f"asked OpenVINO for {device} in {options['precision']}, it runs {', '.join(ran)} in {hint}")
        names = _names([port.native for port in source.artifact.outputs], compiled.outputs)
        provenance = {"device": device, "provider": f"openvino {', '.join(ran)}", "precision": _PRECISIONS[hint]}
        return OpenVinoSession(compiled, names, provenance, GraphProbe(source.artifact.entry, device.upper(), settings), opened)


def _names(wanted: list[str], nodes: Any) -> list[list[str]]:
    """Return the names of each output: those the artifact lists, else one of its own, so that no output is lost."""
    result = []
    for index, node in enumerate(nodes):
        own = sorted(node.get_names())
        result.append([name for name in wanted if name in own] or own[:1] or [f"unnamed_{index}"])
    return result


ADAPTERS = (OpenVino(),)
