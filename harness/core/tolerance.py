"""Declared tolerances: one additive formula, ``|actual - expected| <= atol + rtol * |expected|``.

The formula is NumPy's and torch's (``numpy.allclose``, ``torch.testing.assert_close``). Values are
widened to float64 before it is applied.
"""

from __future__ import annotations

from typing import Any, Mapping

from harness.core.errors import UsageError
from harness.core.value import value

FORMULA = "|actual - expected| <= atol + rtol * |expected|"


@value
class Tolerance:
    """Bounds for one output. Every override needs a ``reason``, which the report prints."""

    rtol: float
    atol: float
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("rtol", "atol"):
            number = getattr(self, name)
            if not isinstance(number, (int, float)) or not 0 <= number < float("inf"):
                raise UsageError(f"tolerance {name}={number!r}; expected a finite number >= 0")

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `tolerance_from` reads."""
        return {"rtol": self.rtol, "atol": self.atol, "reason": self.reason}


def tolerance_from(data: Mapping[str, Any], where: str) -> Tolerance:
    """Return the tolerance written as a table. ``where`` names the table in the error message."""
    extra = sorted(set(data) - {"rtol", "atol", "reason"})
    if extra or "rtol" not in data or "atol" not in data:
        raise UsageError(f"{where}: expected the keys rtol, atol and reason, got {', '.join(sorted(data)) or 'none'}")
    return Tolerance(rtol=data["rtol"], atol=data["atol"], reason=data.get("reason", ""))


# Twelve unit round-offs of headroom over what correct float32 kernels of different libraries were
# measured to differ by (summation order, fused multiply-add): 1e-5 relative to values of order 1.
DEFAULTS: Mapping[str, Tolerance] = {
    "float64": Tolerance(rtol=1e-7, atol=1e-9),
    "float32": Tolerance(rtol=1e-4, atol=1e-5),
    "float16": Tolerance(rtol=5e-3, atol=2e-3),
    "bfloat16": Tolerance(rtol=4e-2, atol=2e-2),
}
EXACT = Tolerance(rtol=0.0, atol=0.0)


def default_tolerance(dtype: str) -> Tolerance:
    """Return the default for ``dtype``; integers and booleans must be equal."""
    return DEFAULTS.get(dtype, EXACT)
