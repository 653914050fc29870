"""ONNX Runtime on its execution providers, each held to the device that was asked for."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from harness.core.errors import Unavailable
from harness.core.memory import give_back
from harness.core.protocols import Option, Source
from harness.runtimes import _onnx_probe
from harness.runtimes._onnxruntime import ran, refusal, share

# Device -> execution provider, provider options that keep float32, the precision these give, the package that has it.
_DEVICES: dict[str, tuple[str, dict[str, str], str, str]] = {
    "cpu": ("CPUExecutionProvider", {}, "float32", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", {"use_tf32": "0"}, "float32", "onnxruntime-gpu"),
    "tensorrt": ("TensorrtExecutionProvider", {}, "float32 or tf32", "onnxruntime-gpu and TensorRT"),
    "openvino": ("OpenVINOExecutionProvider", {"device_type": "CPU", "precision": "FP32"}, "float32", "onnxruntime-openvino"),
    "directml": ("DmlExecutionProvider", {}, "float32", "onnxruntime-directml, on Windows"),
    "coreml": ("CoreMLExecutionProvider", {}, "float32 or float16", "onnxruntime, on macOS"),
    "cann": ("CANNExecutionProvider", {"precision_mode": "must_keep_origin_dtype"}, "float32", "onnxruntime-cann, with the CANN toolkit"),
}
# What an option of a provider is called in later versions, tried where this one does not know it.
_LATER = {"precision_mode": {"precision_mode_v2": "origin"}}
_LEVELS = {"all": "ORT_ENABLE_ALL", "extended": "ORT_ENABLE_EXTENDED", "basic": "ORT_ENABLE_BASIC", "disable": "ORT_DISABLE_ALL"}


class OrtSession:
    """A session on one provider."""

    def __init__(self, session: Any, provenance: dict[str, Any], path: str, opened: Callable[[str], Any]) -> None:
        self._session: Any = session
        self.provenance = provenance
        self._path = path
        self._opened = opened

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once."""
        if self._session is None:
            self._session = self._opened(self._path)
        return ran(self._session, feeds)

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the call of the session on these arrays, and what names its outputs."""
        names = [port.name for port in self._session.get_outputs()]
        session, given = self._session, dict(feeds)
        return (lambda: session.run(names, given)), (lambda outputs: dict(zip(names, outputs)))

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the file in execution order."""
        return _onnx_probe.names_of(self._path)

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run a copy of the file whose inner tensors are outputs; optimisation may differ there."""
        self._session = None  # a session holds all weights; two of a large model may be too many
        give_back()
        return _onnx_probe.probed(self._path, feeds, names, lambda file, given: ran(self._opened(file), given))

    def close(self) -> None:
        """Free the session."""
        self._session = None


class OnnxRuntime:
    """Runs ONNX files."""

    name = "onnxruntime"
    accepts = ("onnx",)
    toolchain = "onnxruntime"
    distributions = ("onnxruntime", "numpy")
    devices = tuple(_DEVICES)
    options = (
        Option(name="optimisation", default="all", choices=tuple(_LEVELS), help="graph optimisation level"),
        Option(name="threads", default=0, help="threads within an operator; 0 is one a core"),
    )

    def probe(self, device: str) -> None:
        """Ask the installed package for its providers."""
        import onnxruntime

        provider, _, _, package = _DEVICES[device]
        available = onnxruntime.get_available_providers()
        if provider not in available:
            raise Unavailable(f"this ONNX Runtime has no {provider}, only {', '.join(available)}", f"pip install {package}")

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> OrtSession:
        """Open the file; a node that would run elsewhere than on ``device`` is refused."""
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        provider, settings, precision, _ = _DEVICES[device]
        wanted = onnxruntime.SessionOptions()
        wanted.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, _LEVELS[options["optimisation"]])
        wanted.intra_op_num_threads = options["threads"]
        wanted.log_severity_level = 4  # an error is raised as well as logged
        wanted.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if device != "cpu":
            wanted.add_session_config_entry("session.disable_cpu_ep_fallback", "1")

        def opened(path: str) -> Any:
            try:
                try:
                    return onnxruntime.InferenceSession(path, wanted, providers=[(provider, settings)])
                except Exception as error:
                    later = _LATER.get(next(iter(settings), "")) if "Unknown provider option" in str(error) else None
                    if later is None:
                        raise
                    return onnxruntime.InferenceSession(path, wanted, providers=[(provider, later)])
            except Exception as error:
                raise refusal(error) or error

        session = opened(source.artifact.entry)
        # A provider that fails to start is replaced by the CPU with no more than a log line.
        if session.get_providers()[0] != provider:
            raise RuntimeError(f"asked ONNX Runtime for {provider}, it runs {', '.join(session.get_providers())}")
        session.disable_fallback()
        provenance = {"device": device, "provider": provider, "precision": precision, "share": share(session, provider)}
        return OrtSession(session, provenance, source.artifact.entry, opened)


ADAPTERS = (OnnxRuntime(),)
