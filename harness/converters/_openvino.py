"""What the OpenVINO adapters share: an import that reports nothing to anyone, and the signs of a refusal."""

from __future__ import annotations

import re
import sys
from typing import Any

from harness.core.errors import Unsupported

_REFUSALS = re.compile(
    r"No conversion rule found for operations: [^\n]*|No translator found[^\n]*|(?:Operation|Op) [^\n]* (?:is )?not supported[^\n]*|"
    r"FrontEnd API failed with (?:OpConversionFailure|NotImplementedFailure)[^\n]*|"
    r"Conversion is failed for: [^\n]*"
)


def openvino() -> Any:
    """Import OpenVINO. Its Python tools send usage data on import unless this module cannot be found."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino as module

    return module


def refusal(tool: str, error: Exception) -> Unsupported | None:
    """Return the refusal that an exception of OpenVINO stands for, None for any other failure."""
    found = [match.group() for match in _REFUSALS.finditer(str(error))]
    if not found:
        return None
    result = Unsupported(f"{tool} refuses the model: {found[-1][:400]}")
    result.__cause__ = error
    return result
