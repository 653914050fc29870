"""What every session of ONNX Runtime has in common, whichever provider it is on."""

from __future__ import annotations

import re
from typing import Any, Mapping

import numpy as np

from harness.core.errors import Unsupported

_REFUSALS = re.compile(
    r"is not a registered function/op|Unsupported model IR version|only \*guarantees\* support|No opset import for domain|"
    r"fallback to CPU EP has been explicitly disabled"
)


def ran(session: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return every output of a session by name."""
    names = [port.name for port in session.get_outputs()]
    try:
        return {name: np.array(array) for name, array in zip(names, session.run(names, dict(feeds)))}
    except Exception as error:
        raise refusal(error) or error


def share(session: Any, provider: str) -> float:
    """Return which part of the operators the provider took; 1.0 where this version does not tell."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return 1.0
    owners = [part.ep_name for part in session.get_provider_graph_assignment_info() for _ in part.get_nodes()]
    return owners.count(provider) / len(owners) if owners else 1.0


def refusal(error: Exception) -> Unsupported | None:
    """Return the refusal that an exception of ONNX Runtime stands for, None for any other failure."""
    if type(error).__name__ not in ("NotImplemented", "InvalidGraph") and not _REFUSALS.search(str(error)):
        return None
    refusal = Unsupported(f"onnxruntime refuses the graph: {str(error).strip().splitlines()[0][:400]}")
    refusal.__cause__ = error
    return refusal
