"""What a model eats: value domains and tensor specifications. Named dimensions are in `harness.core.dims`."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from harness.core.dims import Dim as Dim
from harness.core.dims import DimExpr as DimExpr
from harness.core.dims import Length, length_from
from harness.core.errors import UsageError
from harness.core.value import value

DTYPES = (
    "float64", "float32", "float16", "bfloat16",
    "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool",
)  # fmt: skip
_PORT = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.:/+-]*$")


@value
class Domain:
    """What values an input may hold; make one with the functions below.

    ``kind`` is one of normal, uniform, integers, ids, mask, causal, probability, positions.
    """

    kind: str
    low: float = 0.0
    high: float = 1.0


def normal(scale: float = 1.0) -> Domain:
    """Gaussian values with mean 0 and standard deviation ``scale``."""
    return Domain(kind="normal", high=scale)


def uniform(low: float, high: float) -> Domain:
    """Real values drawn evenly from ``low`` to ``high``."""
    return Domain(kind="uniform", low=low, high=high)


def integers(low: int, high: int) -> Domain:
    """Whole numbers from ``low`` to ``high``, both included; any dtype."""
    return Domain(kind="integers", low=low, high=high)


def ids(below: int) -> Domain:
    """Token or class ids, 0 to ``below`` - 1; the first and the last id always occur."""
    return Domain(kind="ids", low=0, high=below)


def mask() -> Domain:
    """0/1 along the last axis: each row keeps a non-empty prefix, at least one row is padded."""
    return Domain(kind="mask")


def probability() -> Domain:
    """Non-negative values that sum to 1 along the last axis."""
    return Domain(kind="probability")


def positions() -> Domain:
    """0, 1, 2, ... along the last axis."""
    return Domain(kind="positions")


@value
class TensorSpec:
    """One input: its name, dtype, shape of whole numbers, `Dim` values and expressions of them, and value domain.

    Raises `UsageError` for a dtype outside `DTYPES`, a name with other characters than letters, digits and ``_.:/+-``, a negative
    length, an expression that is negative whatever its dimensions are, or an integer input whose domain nobody declared.
    """

    name: str
    dtype: str
    shape: tuple[Length, ...]
    domain: Domain | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _PORT.match(self.name):
            raise UsageError(f"input name {self.name!r} has a character outside letters, digits and _.:/+-; write for example 'input_ids'")
        if self.dtype not in DTYPES:
            raise UsageError(f"input {self.name!r} has dtype {self.dtype!r}; expected one of {', '.join(DTYPES)}")
        if not isinstance(self.shape, (list, tuple)):
            raise UsageError(f"input {self.name!r} has shape {self.shape!r}; expected one length or Dim for each axis, for example (1, 4)")
        object.__setattr__(self, "shape", tuple(self.shape))
        for axis, length in enumerate(self.shape):
            where = f"input {self.name!r}, axis {axis}: length"
            if isinstance(length, DimExpr):
                bounds = length.bounds
                if bounds and bounds[1] < 0:
                    ranges = ", ".join(map(str, length.dims))
                    raise UsageError(f"{where} {length} is negative for every {ranges}; expected lengths >= 0 for at least some of them")
            elif not isinstance(length, Dim) and (not isinstance(length, int) or length < 0):
                raise UsageError(f"{where} is {length!r}; expected a whole number >= 0, a Dim, or an expression such as 2 * S + 1")
        if self.domain is None:
            if self.dtype == "bool":
                object.__setattr__(self, "domain", mask())
            elif self.dtype.startswith(("float", "bfloat")):
                object.__setattr__(self, "domain", normal())
            else:
                raise UsageError(
                    f"input {self.name!r} is {self.dtype} and has no domain; "
                    "say which values it may hold: domain=ids(1000), integers(-5, 5), mask() or positions()"
                )

    @property
    def dims(self) -> tuple[Dim, ...]:
        """The dimensions of the dynamic axes, in order, those inside expressions included."""
        return tuple(dim for length in self.shape if not isinstance(length, int) for dim in length.dims)

    @property
    def free(self) -> tuple[int, ...]:
        """The shape with -1 for every dynamic axis."""
        return tuple(length if isinstance(length, int) else -1 for length in self.shape)

    def concrete(self, lengths: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape at these lengths of its dimensions."""
        return tuple(n if isinstance(n, int) else n.at(lengths) if isinstance(n, DimExpr) else lengths[n.name] for n in self.shape)

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        domain = self.domain
        assert domain is not None
        return {
            "name": self.name, "dtype": self.dtype,
            "shape": [n if isinstance(n, int) else n.to_json() for n in self.shape],
            "domain": [domain.kind, domain.low, domain.high],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TensorSpec:
        """Return the specification that `to_json` wrote."""
        kind, low, high = data["domain"]
        return cls(
            name=data["name"], dtype=data["dtype"],
            shape=tuple(map(length_from, data["shape"])),
            domain=Domain(kind=kind, low=low, high=high),
        )  # fmt: skip


def dims_of(specs: Sequence[TensorSpec]) -> dict[str, Dim]:
    """Return every dimension by name. Raises `UsageError` when one name is declared in two ways."""
    found: dict[str, Dim] = {}
    for spec in specs:
        for dim in spec.dims:
            if found.setdefault(dim.name, dim) != dim:
                raise UsageError(
                    f"dimension {dim.name!r} is declared twice and differently: {found[dim.name]} and {dim}; "
                    "declare it once and use that value in every input"
                )
            if dim.explicit:
                found[dim.name] = dim
    return found
