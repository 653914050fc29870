"""The verbs of a worker for Ascend: what its compiler is expected to make of an ONNX file, and repairs. Runs inside workers only."""

from __future__ import annotations

from typing import Any

from harness.core.errors import UsageError


class Ascend:
    """Part of `harness.engine.serve.Serve`."""

    def ascend_inputs(self, path: str) -> dict[str, Any]:
        """Return ``inputs``: name and lengths of each, a symbol or None for one that is open; None for an input without a shape."""
        import onnx
        from google.protobuf.message import DecodeError

        from harness.ascend.model import dims_of

        try:
            graph = onnx.load(path, load_external_data=False).graph
        except DecodeError as error:
            raise UsageError(f"{path} is no ONNX model: {error}") from error
        stored = {tensor.name for tensor in graph.initializer}
        return {"inputs": [[info.name, dims_of(info)] for info in graph.input if info.name not in stored]}

    def ascend_check(self, path: str, soc: str, cann: str) -> dict[str, Any]:
        """Return what is predicted of the model at ``path``, see `harness.ascend.preflight.preflight`."""
        from google.protobuf.message import DecodeError

        from harness.ascend.preflight import preflight

        try:
            return preflight(path, soc, cann)
        except DecodeError as error:
            raise UsageError(f"{path} is no ONNX model: {error}") from error

    def ascend_repair(self, path: str, name: str, dest: str) -> dict[str, Any]:
        """Make one repair, see `harness.ascend.repair.repair`."""
        from harness.ascend.repair import repair

        return repair(path, name, dest)
