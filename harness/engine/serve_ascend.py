"""The verbs of a worker for Ascend: what its compiler is expected to make of an ONNX file, and repairs. Runs inside workers only."""

from __future__ import annotations

from typing import Any

from harness.core.errors import UsageError


class Ascend:
    """Part of `harness.engine.serve.Serve`."""

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
