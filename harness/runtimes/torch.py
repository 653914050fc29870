"""PyTorch modules run eagerly, on the processor or on an accelerator."""

from __future__ import annotations

import copy
from typing import Any, Callable, Mapping, Sequence

from harness.core.errors import Unavailable
from harness.core.protocols import Option, Source
from harness.frameworks import _torch_trace
from harness.frameworks._torch import Built, arrays_of, prepared, tensors_of


class EagerSession:
    """A private copy of the module on its device."""

    def __init__(self, model: Built, device: str) -> None:
        import torch

        self._device = device
        self._model: Any = Built(copy.deepcopy(model.module).to(device), model.inputs, model.outputs)
        kinds = sorted({str(p.dtype).replace("torch.", "") for p in self._model.module.parameters() if p.is_floating_point()})
        self.provenance = {"device": device, "provider": f"aten {torch.__version__}", "precision": " ".join(kinds) or "float32"}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name."""
        import torch

        with torch.no_grad():
            outputs = self._model.call(tensors_of(feeds, self._device))
        for name, tensor in outputs.items():
            if hasattr(tensor, "device") and tensor.device.type != self._device:
                self.provenance = {**self.provenance, "device": tensor.device.type, "stray_output": name}
        return arrays_of(outputs)

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the call of the module on tensors that are on the device, and what brings its outputs back."""
        return prepared(self._model, tensors_of(feeds, self._device))

    def synchronise(self) -> None:
        """Wait until the device has done what it was given."""
        import torch

        if self._device != "cpu":
            getattr(torch, self._device).synchronize()

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the outputs of sub-modules in execution order."""
        return _torch_trace.names(self._model, feeds, self._device)

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run with forward hooks."""
        return _torch_trace.tensors(self._model, feeds, names, self._device)

    def close(self) -> None:
        """Let the copy go."""
        self._model = None


class Eager:
    """PyTorch's own eager execution."""

    name = "torch"
    accepts = ("torch.module",)
    toolchain = "torch"
    distributions = ("torch",)
    devices = ("cpu", "cuda", "npu")
    options: tuple[Option, ...] = ()

    def probe(self, device: str) -> None:
        """Ask torch whether the device is there."""
        import torch

        if device == "cuda" and not torch.cuda.is_available():
            raise Unavailable(f"torch {torch.__version__} sees no CUDA device", "a CUDA build of torch and an NVIDIA GPU with its driver")
        if device == "npu":
            try:
                import torch_npu
            except (ImportError, OSError) as error:
                raise Unavailable(f"torch_npu cannot be imported: {error}", "pip install torch-npu on a machine with CANN") from None
            if not torch_npu.npu.is_available():
                raise Unavailable("torch_npu sees no Ascend device", "an Ascend NPU with its driver")

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> EagerSession:
        """Copy the module to the device, full float32 precision."""
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        if device == "npu":
            import torch_npu

            # On Ascend convolutions have 11 bits of mantissa unless told otherwise.
            torch_npu.npu.conv.allow_hf32 = False
            torch_npu.npu.matmul.allow_hf32 = False
        return EagerSession(source.model, device)


ADAPTERS = (Eager(),)
