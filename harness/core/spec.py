"""What a model eats: named dimensions, value domains and tensor specifications."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

from harness.core.errors import UsageError
from harness.core.value import value

DTYPES = (
    "float64", "float32", "float16", "bfloat16",
    "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool",
)  # fmt: skip
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_PORT = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.:/+-]*$")


class Dim:
    """One named axis length: a range, optionally multiples of a step or an allowed set.

    ``Dim("batch", 1, 64)`` reads "batch, 1 to 64". ``example`` is the length a model is exported
    with (default: a small admissible length that is neither 0 nor 1, so that 0/1 specialisation
    in an exporter shows). Raises `UsageError` when the declaration contradicts itself.
    """

    __slots__ = ("allowed", "example", "high", "low", "multiple", "name")
    name: str
    low: int
    high: int
    multiple: int
    allowed: tuple[int, ...]
    example: int

    def __init__(
        self,
        name: str,
        low: int = 1,
        high: int = 64,
        *,
        multiple: int = 1,
        allowed: Sequence[int] = (),
        example: int | None = None,
    ) -> None:
        for what, number in (("low", low), ("high", high), ("multiple", multiple), ("example", 1 if example is None else example)):
            if not isinstance(number, int):
                raise UsageError(f"dimension {name!r} has {what}={number!r}; expected a whole number")
        if not isinstance(name, str) or not _NAME.match(name):
            raise UsageError(f"dimension name {name!r} is not an identifier; write for example 'batch'")
        if allowed:
            low, high = min(allowed), max(allowed)
        if low < 0 or low > high:
            raise UsageError(
                f"dimension {name!r} has range {low}..{high}; expected 0 <= low <= high, "
                f"for example Dim({name!r}, {min(low, high) if min(low, high) >= 0 else 1}, {max(low, high)})"
            )
        if multiple < 1:
            raise UsageError(f"dimension {name!r} has multiple={multiple}; expected a whole number >= 1")
        fill = object.__setattr__
        fill(self, "name", name)
        fill(self, "low", low)
        fill(self, "high", high)
        fill(self, "multiple", multiple)
        fill(self, "allowed", tuple(sorted(allowed)))
        admissible = self.admissible()
        if not admissible:
            raise UsageError(f"dimension {name!r}: no multiple of {multiple} lies in {low}..{high}")
        if example is None:
            example = next((n for n in admissible if n > 1), admissible[0])
        if example not in admissible:
            raise UsageError(f"dimension {name!r}: example={example} is not admissible; it must be one of {self}")
        fill(self, "example", example)

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"Dim is frozen; cannot set {name}")

    def admissible(self) -> tuple[int, ...]:
        """Return every admissible length, ascending, at most the first 4096."""
        if self.allowed:
            return tuple(n for n in self.allowed if n % self.multiple == 0)
        first = -(-self.low // self.multiple) * self.multiple
        return tuple(range(first, min(self.high, first + 4096 * self.multiple) + 1, self.multiple))

    def other(self) -> int:
        """Return an admissible length unlike the example, odd and small where there is one."""
        rest = [n for n in self.admissible() if n != self.example]
        return min(rest, key=lambda n: (n < 2, n % 2 == 0, n < self.example, n)) if rest else self.example

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        return {
            "dim": self.name, "low": self.low, "high": self.high, "multiple": self.multiple,
            "allowed": list(self.allowed), "example": self.example,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Dim:
        """Return the dimension that `to_json` wrote."""
        return cls(
            data["dim"], data["low"], data["high"],
            multiple=data["multiple"], allowed=data["allowed"], example=data["example"],
        )  # fmt: skip

    def _key(self) -> tuple[Any, ...]:
        return (self.name, self.low, self.high, self.multiple, self.allowed, self.example)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        if self.allowed:
            return f"{self.name} in {{{', '.join(map(str, self.allowed))}}}"
        step = f" by {self.multiple}" if self.multiple > 1 else ""
        return f"{self.name} in {self.low}..{self.high}{step}"


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
    """One input: its name, dtype, shape of whole numbers and `Dim` values, and value domain.

    Raises `UsageError` for a dtype outside `DTYPES`, a name with other characters than letters, digits and ``_.:/+-``, a negative
    length, or an integer input whose domain nobody declared.
    """

    name: str
    dtype: str
    shape: tuple[int | Dim, ...]
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
            if not isinstance(length, Dim) and (not isinstance(length, int) or length < 0):
                raise UsageError(f"input {self.name!r}, axis {axis}: length is {length!r}; expected a whole number >= 0 or a Dim")
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
        """The dynamic axes, in order."""
        return tuple(length for length in self.shape if isinstance(length, Dim))

    def concrete(self, lengths: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape with every `Dim` replaced by ``lengths[dim.name]``."""
        return tuple(lengths[n.name] if isinstance(n, Dim) else n for n in self.shape)

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        domain = self.domain
        assert domain is not None
        return {
            "name": self.name, "dtype": self.dtype,
            "shape": [n.to_json() if isinstance(n, Dim) else n for n in self.shape],
            "domain": [domain.kind, domain.low, domain.high],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TensorSpec:
        """Return the specification that `to_json` wrote."""
        kind, low, high = data["domain"]
        return cls(
            name=data["name"], dtype=data["dtype"],
            shape=tuple(Dim.from_json(n) if isinstance(n, dict) else n for n in data["shape"]),
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
    return found
