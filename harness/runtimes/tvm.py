"""Apache TVM: libraries that its compiler made ahead of time, in Relax's virtual machine on the processor."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Mapping

import numpy as np

from harness.core.errors import Unavailable
from harness.core.protocols import Source


class TvmSession:
    """A library in a virtual machine of its own; inputs and outputs go by position."""

    provenance = {"device": "cpu", "provider": "TVM Relax VM", "precision": "float32"}

    def __init__(self, machine: Any, ports: Mapping[str, list[str]]) -> None:
        self._machine, self._ports = machine, ports

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once."""
        once, read = self.prepared(feeds)
        return read(once())

    def prepared(self, feeds: Mapping[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]:
        """Return the call of the compiled function on tensors, and what makes arrays of its result."""
        import tvm

        given = [tvm.runtime.tensor(np.array(feeds[name], order="C")) for name in self._ports["inputs"]]
        call, outputs = self._machine["main"], self._ports["outputs"]

        def read(result: Any) -> dict[str, Any]:
            listed = [result] if hasattr(result, "numpy") else list(result)
            if len(listed) != len(outputs):
                raise RuntimeError(f"TVM returns {len(listed)} values, where the model has the outputs {', '.join(outputs)}")
            return {name: np.array(value.numpy()) for name, value in zip(outputs, listed)}

        return (lambda: call(*given)), read

    def close(self) -> None:
        """Drop the machine and what it allocated."""
        self._machine = None


class Tvm:
    """Runs libraries that TVM compiled."""

    name = "tvm"
    accepts = ("tvm",)
    toolchain = "tvm"
    distributions = ("apache-tvm", "apache-tvm-ffi", "numpy")
    devices = ("cpu",)
    options = ()

    def probe(self, device: str) -> None:
        """Import the package, which is all it needs."""
        try:
            import tvm  # noqa: F401
        except ImportError as error:
            raise Unavailable(f"TVM does not import: {error}", "parity env build tvm") from None

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> TvmSession:
        """Open the library and start its virtual machine."""
        import tvm
        from tvm import relax

        entry = source.artifact.entry
        with open(os.path.join(os.path.dirname(entry), "model.json"), encoding="utf-8") as file:
            ports = json.load(file)
        return TvmSession(relax.VirtualMachine(tvm.runtime.load_module(entry), tvm.cpu()), ports)


ADAPTERS = (Tvm(),)
