"""Declared tolerances: one additive formula, ``|actual - expected| <= atol + rtol * |expected|``, and further limits.

The formula is NumPy's and torch's (``numpy.allclose``, ``torch.testing.assert_close``). Values are
widened to float64 before it is applied. Of the limits that are given all must hold.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Mapping

from harness.core.errors import UsageError, unknown
from harness.core.presets import PRESETS, limits_of
from harness.core.value import value

FORMULA = "|actual - expected| <= atol + rtol * |expected|"
MODES = ("oracle", "declared")
AT_MOST = ("rtol", "atol", "max_ulp", "max_rms_rel", "max_rmse", "max_mean_rel", "max_kl")
"""Limits that are tighter the smaller they are."""
AT_LEAST = ("min_cosine", "min_sqnr_db", "min_top_k", "min_fraction")
"""Limits that are tighter the larger they are."""
KL_OF = ("probabilities", "logits", "range")
LIMITS = (*AT_MOST, *AT_LEAST, "top_k", "tie_window", "kl_of")
_RANGES: Mapping[str, tuple[float, float]] = {"min_cosine": (-1.0, 1.0), "min_top_k": (0.0, 1.0), "min_fraction": (0.0, 1.0)}


@value
class Tolerance:
    """Bounds for one output; all that are given must hold. Every override needs a ``reason``, which the report prints.

    ``rtol``, ``atol``: the formula, for at least ``min_fraction`` of the elements (1.0: all of them).
    ``max_ulp``: the largest ``|actual - expected|`` over the gap above ``|expected|`` in the output's dtype.
    ``min_cosine``: cosine similarity of the flattened tensors. Blind to scale: never give it alone.
    ``min_sqnr_db``: signal to noise, ``10 log10(sum expected^2 / sum error^2)``, in decibels.
    ``max_rms_rel``: root mean square error over the root mean square of the expected values; ``max_rmse``: before the division.
    ``max_mean_rel``: mean of ``|error| / (|expected| + 1e-7)``.
    ``max_kl``: Kullback-Leibler divergence in nats, the largest over the rows of the last axis. ``kl_of``
    says what these rows are: ``probabilities``, ``logits`` (softmax is applied), or ``range``: the whole
    tensor is rescaled to 0..1 and to a sum of 1 first, as Ascend's msaccucmp does it.
    ``top_k``, ``min_top_k``: share of the rows of the last axis whose ``top_k`` largest are the same
    set; scores within ``tie_window`` of each other may change places.
    ``expires``: last valid day (``2027-01-31``). ``preset``: see `harness.core.presets`; `at` fills its
    numbers in for a dtype, under the limits given here. ``mode``: ``declared`` when this replaces the
    bound from the float64 oracle, ``oracle`` when it holds beside it. ``row``: where a policy declares it.
    """

    rtol: float | None = None
    atol: float | None = None
    max_ulp: float | None = None
    min_cosine: float | None = None
    min_sqnr_db: float | None = None
    max_rms_rel: float | None = None
    max_rmse: float | None = None
    max_mean_rel: float | None = None
    max_kl: float | None = None
    kl_of: str = "probabilities"
    top_k: int | None = None
    min_top_k: float | None = None
    tie_window: float = 0.0
    min_fraction: float = 1.0
    reason: str = ""
    expires: str = ""
    preset: str = ""
    mode: str = "declared"
    row: str = ""

    def __post_init__(self) -> None:
        for name in (*AT_MOST, *AT_LEAST, "tie_window"):
            _check_number(name, getattr(self, name))
        self._check_pairs()
        for name, known in (("mode", MODES), ("kl_of", KL_OF)):
            if getattr(self, name) not in known:
                raise UsageError(f"tolerance {name}={getattr(self, name)!r}; expected one of {', '.join(known)}")
        if not isinstance(self.reason, str):
            raise UsageError(f"tolerance reason={self.reason!r}; expected a text that says why")
        object.__setattr__(self, "expires", day(self.expires))
        if self.expires and not self.reason.strip():
            raise UsageError(f"tolerance expires={self.expires!r} has no reason; say why the bound is what it is until then")

    def _check_pairs(self) -> None:
        """Raise `UsageError` for limits that mean nothing without another, or for none at all."""
        if self.preset and self.preset not in PRESETS:
            raise unknown("preset", str(self.preset), PRESETS)
        if self.top_k is not None and (not isinstance(self.top_k, int) or isinstance(self.top_k, bool) or self.top_k < 1):
            raise UsageError(f"tolerance top_k={self.top_k!r}; expected a whole number >= 1")
        if self.top_k is None and (self.min_top_k is not None or self.tie_window):
            raise UsageError("tolerance min_top_k or tie_window without top_k; say how many of the largest scores count")
        if self.top_k is not None and self.min_top_k is None:
            object.__setattr__(self, "min_top_k", 1.0)
        if self.kl_of != "probabilities" and self.max_kl is None and self.kl_of in KL_OF:
            raise UsageError(f"tolerance kl_of={self.kl_of!r} without max_kl; give the largest divergence")
        if self.preset:
            return
        if self.elementwise:
            for name in ("rtol", "atol"):
                object.__setattr__(self, name, getattr(self, name) or 0.0)
        elif self.min_fraction != 1.0:
            raise UsageError(f"tolerance min_fraction={self.min_fraction!r} without rtol or atol; say what that share must satisfy")
        if not self.limits:
            raise UsageError("a tolerance without any limit; give rtol and atol, a preset, or another limit")

    @property
    def elementwise(self) -> bool:
        """Whether single elements are held to the formula."""
        return self.rtol is not None or self.atol is not None

    @property
    def limits(self) -> dict[str, Any]:
        """The limits that are given, by name, with what belongs to them."""
        found = {name: getattr(self, name) for name in (*AT_MOST, *AT_LEAST) if getattr(self, name) is not None}
        if self.min_fraction == 1.0:
            found.pop("min_fraction")
        if self.max_kl is not None:
            found["kl_of"] = self.kl_of
        if self.top_k is not None:
            found.update(top_k=self.top_k, tie_window=self.tie_window)
        return found

    def at(self, dtype: str) -> Tolerance:
        """Return the tolerance for ``dtype``: the numbers of its preset, if it names one, with its own limits over them."""
        return dataclasses.replace(self, **{**limits_of(self.preset, dtype), **self.limits}) if self.preset else self

    def bound(self) -> dict[str, Any]:
        """Return what a record says about it: limits, formula, and where they come from."""
        found = self.limits
        if self.elementwise:
            found = {"rtol": self.rtol, "atol": self.atol, "formula": FORMULA, **found}
        named = {name: getattr(self, name) for name in ("reason", "expires", "preset", "row")}
        return {**found, **{name: text for name, text in named.items() if text}}

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `tolerance_from` reads."""
        named = {name: getattr(self, name) for name in ("reason", "expires", "preset", "mode", "row")}
        return {**self.limits, **{name: text for name, text in named.items() if text}}


def _check_number(name: str, number: Any) -> None:
    """Raise `UsageError` unless ``number`` is None, or finite and in the range of this limit."""
    if number is None and name not in ("min_fraction", "tie_window"):
        return
    low, high = _RANGES.get(name, (float("-inf") if name == "min_sqnr_db" else 0.0, float("inf")))
    said = f"a number from {low:g} to {high:g}" if name in _RANGES else "a finite number" + (" >= 0" if low == 0 else "")
    fits = isinstance(number, (int, float)) and not isinstance(number, bool) and low <= number <= high and abs(number) != float("inf")
    if not fits or (name == "min_fraction" and number == 0):
        raise UsageError(f"tolerance {name}={number!r}; expected {said}" + (", more than 0" if number == 0 else ""))


def day(given: Any, where: str = "tolerance ") -> str:
    """Return a day as ISO text; "" for none. Raises `UsageError`, begun with ``where``, for anything that is no day."""
    if isinstance(given, datetime.date) and not isinstance(given, datetime.datetime):
        return given.isoformat()
    if given == "":
        return ""
    try:
        return datetime.datetime.strptime(given if isinstance(given, str) else "", "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise UsageError(f"{where}expires={str(given)!r}; expected a date such as 2027-01-31") from None


def tolerance_from(data: Mapping[str, Any], where: str) -> Tolerance:
    """Return the tolerance written as a table. ``where`` names the table in the error message.

    Raises `UsageError` for an unknown limit, or for one that cannot hold.
    """
    fields = [field.name for field in dataclasses.fields(Tolerance)]
    for name in data:
        if name not in fields:
            raise UsageError(f"{where}: {unknown('limit', name, fields)}")
    try:
        return Tolerance(**data)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def wider(new: Tolerance, old: Tolerance) -> list[str]:
    """Return, in words, each limit that ``new`` lets go further than ``old`` does; none when it is as tight."""
    found = []
    for name in (*AT_MOST, *AT_LEAST):
        before, now = getattr(old, name), getattr(new, name)
        if before is None:
            continue
        if now is None:
            found.append(f"no {name}, {before:g} before")
        elif now > before if name in AT_MOST else now < before:
            found.append(f"{name} {now:g} instead of {before:g}")
    for name, needed in (("kl_of", old.max_kl), ("top_k", old.top_k), ("tie_window", old.top_k)):
        before, now = getattr(old, name), getattr(new, name)
        if needed is not None and (now > before if name == "tie_window" else now != before):
            found.append(f"{name} {now} instead of {before}")
    return found


# Twelve unit round-offs of headroom over what correct float32 kernels of different libraries were
# measured to differ by (summation order, fused multiply-add): 1e-5 relative to values of order 1.
DEFAULTS: Mapping[str, Tolerance] = {
    "float64": Tolerance(rtol=1e-7, atol=1e-9, mode="oracle"),
    "float32": Tolerance(rtol=1e-4, atol=1e-5, mode="oracle"),
    "float16": Tolerance(rtol=5e-3, atol=2e-3, mode="oracle"),
    "bfloat16": Tolerance(rtol=4e-2, atol=2e-2, mode="oracle"),
}
EXACT = Tolerance(rtol=0.0, atol=0.0, mode="oracle")


def default_tolerance(dtype: str) -> Tolerance:
    """Return the default for ``dtype``; integers and booleans must be equal."""
    return DEFAULTS.get(dtype, EXACT)


def floating(dtype: str) -> bool:
    """Return whether a dtype holds floating-point numbers, by its name."""
    return dtype.startswith(("float", "bfloat"))
