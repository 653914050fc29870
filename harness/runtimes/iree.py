"""IREE: modules that its compiler made ahead of time, on the processor."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping

import numpy as np

from harness.core.protocols import Source


class IreeSession:
    """A module in a context of its own."""

    provenance = {"device": "cpu", "provider": "IREE local-task", "precision": "float32"}

    def __init__(self, function: Any, ports: Mapping[str, list[str]]) -> None:
        self._function, self._ports = function, ports

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once."""
        answers = self._function(*(np.ascontiguousarray(feeds[name]) for name in self._ports["inputs"]))
        listed = answers if isinstance(answers, (tuple, list)) else (answers,)
        return {name: np.array(answer.to_host()) for name, answer in zip(self._ports["outputs"], listed)}

    def close(self) -> None:
        """Drop the module."""
        self._function = None


class Iree:
    """Runs IREE modules."""

    name = "iree"
    accepts = ("iree.vmfb",)
    toolchain = "iree"
    distributions = ("iree-base-runtime", "numpy")
    devices = ("cpu",)
    options = ()

    def probe(self, device: str) -> None:
        """Import the runtime, which is all it needs."""
        import iree.runtime  # noqa: F401

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> IreeSession:
        """Open the module and find its one entry."""
        import iree.runtime as runtime

        entry = source.artifact.entry
        with open(os.path.join(os.path.dirname(entry), "model.json"), encoding="utf-8") as file:
            ports = json.load(file)
        context = runtime.SystemContext(config=runtime.Config("local-task"))
        with open(entry, "rb") as file:
            module = runtime.VmModule.copy_buffer(context.instance, file.read())
        context.add_vm_module(module)
        names = [name for name in module.function_names if not name.startswith("__") and not name.endswith("$async")]
        return IreeSession(context.modules[module.name][names[0]], ports)


ADAPTERS = (Iree(),)
