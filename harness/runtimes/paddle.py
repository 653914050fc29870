"""Paddle: the dynamic graph itself, and Paddle Inference on saved programs."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.core.errors import Unavailable
from harness.core.protocols import Option, Source
from harness.frameworks import _paddle_trace
from harness.frameworks._calls import names_of, paths_of, shown
from harness.frameworks._paddle import config_of
from harness.runtimes._paddle_probe import ProgramProbe


def _probe(device: str) -> None:
    import paddle

    if device == "gpu" and not (paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count()):
        raise Unavailable("this Paddle has no CUDA, or there is no CUDA device", "a GPU build of paddlepaddle and an NVIDIA GPU")


class EagerSession:
    """The live layer."""

    def __init__(self, model: Any, device: str) -> None:
        import paddle

        self._model: Any = model
        paddle.set_device(device)
        self.provenance = {"device": paddle.get_device().split(":")[0], "provider": f"paddle {paddle.__version__}", "precision": "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name."""
        outputs: dict[str, Any] = self._model.call(feeds)
        return outputs

    def prepared(self, feeds: Mapping[str, Any]) -> Any:
        """Return the call of the layer on tensors that are on the device, and what makes arrays of its outputs."""
        return self._model.prepared(feeds)

    def synchronise(self) -> None:
        """Wait until the device has done what it was given."""
        import paddle

        if self.provenance["device"] != "cpu":
            paddle.device.synchronize()

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the outputs of sub-layers in execution order."""
        return names_of(_paddle_trace.trace(self._model, feeds, ()))

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run with forward hooks."""
        return shown(_paddle_trace.trace(self._model, feeds, paths_of(names)), names)

    def close(self) -> None:
        """Let the layer go."""
        self._model = None


class Eager:
    """Paddle's dynamic graph."""

    name = "paddle"
    accepts = ("paddle.layer",)
    toolchain = "paddle"
    distributions = ("paddlepaddle",)
    devices = ("cpu", "gpu")
    options: tuple[Option, ...] = ()

    def probe(self, device: str) -> None:
        """Ask Paddle whether the device is there."""
        _probe(device)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> EagerSession:
        """Use the live layer."""
        return EagerSession(source.model, device)


class PredictorSession:
    """A Paddle Inference predictor."""

    def __init__(self, predictor: Any, provenance: Mapping[str, Any], program: str) -> None:
        self._predictor = predictor
        self._program = program
        self.provenance = dict(provenance)

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by native name."""
        call, read = self.prepared(feeds)
        call()
        return read(None)

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the call of the predictor, its inputs copied in, and what copies its outputs out."""
        predictor = self._predictor
        for name in predictor.get_input_names():
            array = np.ascontiguousarray(feeds[name])
            handle = predictor.get_input_handle(name)
            handle.reshape(list(array.shape))
            handle.copy_from_cpu(array)

        def read(_: Any) -> dict[str, Any]:
            return {name: np.array(predictor.get_output_handle(name).copy_to_cpu()) for name in predictor.get_output_names()}

        return predictor.run, read

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the values of the program in execution order, before any pass of the optimiser."""
        return ProgramProbe(self._program).names()

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run the program in an executor that fetches inner values; a predictor only gives outputs."""
        inner, final = ProgramProbe(self._program).run(feeds, names)
        return inner, dict(zip(self._predictor.get_output_names(), final))

    def close(self) -> None:
        """Let the predictor go."""
        self._predictor = None


class Inference:
    """Paddle Inference."""

    name = "paddle.inference"
    accepts = ("paddle.inference",)
    toolchain = "paddle"
    distributions = ("paddlepaddle",)
    devices = ("cpu", "gpu")
    options = (
        Option(name="ir_optim", default=True, help="run the graph optimisation passes"),
        Option(name="onednn", default=False, help="use oneDNN kernels"),
        Option(name="threads", default=0, help="threads of the mathematical library; 0 leaves it to Paddle"),
    )

    def probe(self, device: str) -> None:
        """Ask Paddle whether the device is there."""
        _probe(device)

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> PredictorSession:
        """Create the predictor and read back where it runs."""
        import paddle
        from paddle import inference

        config = config_of(source.artifact.entry)
        config.disable_glog_info()
        config.switch_ir_optim(options["ir_optim"])
        if device == "gpu":
            config.enable_use_gpu(256, 0)
        else:
            config.disable_gpu()
            if options["onednn"]:
                config.enable_mkldnn()
            elif hasattr(config, "disable_mkldnn"):
                config.disable_mkldnn()
        if options["threads"]:
            config.set_cpu_math_library_num_threads(options["threads"])
        predictor = inference.create_predictor(config)
        ran = "gpu" if config.use_gpu() else "cpu"
        said = {"device": ran, "provider": f"paddle {paddle.__version__}", "precision": "float32"}
        return PredictorSession(predictor, said, source.artifact.entry)


ADAPTERS = (Eager(), Inference())
