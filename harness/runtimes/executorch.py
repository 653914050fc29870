"""ExecuTorch: lowered programs on its own runtime, on the processor."""

from __future__ import annotations

import json
import os
import re
import tempfile
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.core.errors import Unsupported
from harness.core.protocols import Option, Source

# executorch/runtime/core/error.h
_CODES = {
    0x01: "Internal", 0x02: "InvalidState", 0x10: "NotSupported", 0x11: "NotImplemented", 0x12: "InvalidArgument", 0x13: "InvalidType",
    0x14: "OperatorMissing", 0x20: "NotFound", 0x21: "MemoryAllocationFailed", 0x22: "AccessFailed", 0x23: "InvalidProgram",
    0x24: "InvalidExternalData", 0x25: "OutOfResources", 0x30: "DelegateInvalidCompatibility", 0x31: "DelegateMemoryAllocationFailed",
    0x32: "DelegateInvalidHandle",
}  # fmt: skip


def in_words(error: Exception) -> str:
    """Return what an error of the runtime says, its code with the name that ExecuTorch gives it."""
    return re.sub(r"error 0x([0-9a-f]+)", lambda found: f"error 0x{found[1]} ({_CODES.get(int(found[1], 16), 'unknown')})", str(error))


_KERNEL = re.compile(r"KernelCall failed at instruction [\d:]+ in operator (\w+::[\w.]+)")
_CHECK = re.compile(r"Check failed \([^\n]*?\): ([^\s][^\n]*)")
_RESIZE = re.compile(r"Attempted to resize[^\n]*")


def meant(error: Exception, logged: str) -> Exception:
    """Return what a failed call means, given what the runtime logged: a refusal where a kernel rejects its arguments."""
    kernel, check, resize = _KERNEL.search(logged), _CHECK.search(logged), _RESIZE.search(logged)
    if kernel:
        return Unsupported(f"ExecuTorch's kernel {kernel[1]} refuses its arguments{': ' + check[1][:200] if check else ''}")
    return RuntimeError(in_words(error) + (f": {resize[0][:200]}" if resize else ""))


def _logged(call: Callable[[], Any]) -> str:
    """Return what native code writes to standard error while ``call`` fails."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            call()
        except RuntimeError:
            pass
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return file.read().decode("utf-8", "replace")


class ExecuTorchSession:
    """The one method of a program; inputs and outputs go by position.

    ``told``: what the converter wrote beside the program, empty for one made elsewhere.
    """

    def __init__(self, path: str, told: Mapping[str, Any]) -> None:
        import executorch.version
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Runtime, Verification

        missing = absent(told.get("operators", ()), portable_lib._get_operator_names())
        if missing:
            raise Unsupported(f"ExecuTorch's Python runtime has no kernel for {', '.join(missing)}")
        # The program must outlive its method.
        self._program: Any = Runtime.get().load_program(path, verification=Verification.InternalConsistency)
        self._method: Any = self._program.load_method("forward")
        backend, delegated = told.get("backend", ""), told.get("delegated", 0)
        version = executorch.version.__version__
        self.provenance = {
            "device": "cpu",
            "provider": f"ExecuTorch {version} {backend} and its own kernels" if delegated else f"ExecuTorch {version} own kernels",
            "precision": told.get("precision", "not told"),
        }
        if told:
            self.provenance["delegated"] = f"{delegated} of {delegated + told['own']} operators"

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by position, copied out of the memory that the next call writes into.

        Raises `Unsupported` where a kernel rejects its arguments.
        """
        given = _tensors(feeds)
        try:
            return _arrays(self._method.execute(given))
        except RuntimeError as error:
            # Only its log tells why, so it has to fail once more.
            raise meant(error, _logged(lambda: self._method.execute(given))) from error

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the call of the method on tensors, and what makes arrays of its outputs."""
        method, given = self._method, _tensors(feeds)
        return lambda: method.execute(given), _arrays

    def close(self) -> None:
        """Let method and program go."""
        self._method = self._program = None


def absent(operators: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the operators, as ``aten::add.out``, that are not among those known."""
    return sorted(set(operators) - set(known))


def _tensors(feeds: Mapping[str, Any]) -> list[Any]:
    import torch

    return [torch.from_numpy(np.array(feeds[str(index)])) for index in range(len(feeds))]


def _arrays(outputs: Sequence[Any]) -> dict[str, Any]:
    return {str(index): np.array(out.numpy() if hasattr(out, "numpy") else out) for index, out in enumerate(outputs)}


class ExecuTorch:
    """Runs ``.pte`` files."""

    name = "executorch"
    accepts = ("executorch.pte",)
    toolchain = "executorch"
    distributions = ("executorch", "torch")
    devices = ("cpu",)
    options = (Option(name="threads", default=0, help="threads of its pool; 0: its own choice"),)

    def probe(self, device: str) -> None:
        """Import the runtime, which is all it needs."""
        import executorch.runtime  # noqa: F401

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> ExecuTorchSession:
        """Open the program. Raises `Unsupported` where the runtime lacks a kernel for one of its operators."""
        from executorch.extension.pybindings import portable_lib

        if options["threads"]:
            portable_lib._unsafe_reset_threadpool(options["threads"])
        entry = source.artifact.entry
        beside = os.path.join(os.path.dirname(entry), "model.json")
        told: Mapping[str, Any] = {}
        if os.path.isfile(beside):
            with open(beside, encoding="utf-8") as file:
                told = json.load(file)
        return ExecuTorchSession(entry, told)


ADAPTERS = (ExecuTorch(),)
