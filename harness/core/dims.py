"""Lengths of axes: a `Dim` (range, multiples, allowed set) and a `DimExpr` made of them (``2*S + 1``)."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence, Union

from harness.core.errors import UsageError
from harness.core.expr import Interval, Node, bounds_of, names_in, parse, text_of, value_of

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
MOST = 4096
"""How many lengths of one dimension are listed at most."""


class _Term:
    """What stands in an expression: arithmetic with whole numbers, `Dim` values and other expressions."""

    __slots__ = ()

    @property
    def node(self) -> Node:
        """The expression as `harness.core.expr` reads it."""
        raise NotImplementedError

    @property
    def dims(self) -> tuple[Dim, ...]:
        """The dimensions in it, each once."""
        raise NotImplementedError

    def __add__(self, other: Any) -> DimExpr:
        return _joined("+", self, other)

    def __radd__(self, other: Any) -> DimExpr:
        return _joined("+", other, self)

    def __sub__(self, other: Any) -> DimExpr:
        return _joined("-", self, other)

    def __rsub__(self, other: Any) -> DimExpr:
        return _joined("-", other, self)

    def __mul__(self, other: Any) -> DimExpr:
        return _joined("*", self, other)

    def __rmul__(self, other: Any) -> DimExpr:
        return _joined("*", other, self)

    def __floordiv__(self, other: Any) -> DimExpr:
        return _joined("//", self, other)

    def __rfloordiv__(self, other: Any) -> DimExpr:
        return _joined("//", other, self)

    def __mod__(self, other: Any) -> DimExpr:
        return _joined("%", self, other)

    def __rmod__(self, other: Any) -> DimExpr:
        return _joined("%", other, self)


class Dim(_Term):
    """One named axis length: a range, optionally multiples of a step or an allowed set (gears).

    ``Dim("batch", 1, 64)`` reads "batch, 1 to 64". ``example`` is the length a model is exported with (default: a small
    admissible length that is neither 0 nor 1, nor once the multiple, so that 0/1 specialisation in an exporter shows);
    ``explicit`` says whether it must stay (default: where it was given) or moves where relations ask for it.
    ``2 * S + 1``, ``S // 2`` and ``S + T`` are lengths too, see `DimExpr`. Raises `UsageError` when the declaration
    contradicts itself.
    """

    __slots__ = ("allowed", "example", "explicit", "high", "low", "multiple", "name")
    name: str
    low: int
    high: int
    multiple: int
    allowed: tuple[int, ...]
    example: int
    explicit: bool

    def __init__(
        self,
        name: str,
        low: int = 1,
        high: int = 64,
        *,
        multiple: int = 1,
        allowed: Sequence[int] = (),
        example: int | None = None,
        explicit: bool | None = None,
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
        fill(self, "explicit", example is not None if explicit is None else explicit)
        admissible = self.lengths
        if not admissible:
            raise UsageError(f"dimension {name!r}: no multiple of {multiple} lies in {low}..{high}")
        if example is None:
            example = next((n for least in (multiple, 1) for n in admissible[:MOST] if n > least), admissible[0])
        if example not in admissible:
            raise UsageError(f"dimension {name!r}: example={example} is not admissible; it must be one of {self}")
        fill(self, "example", example)

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"Dim is frozen; cannot set {name}")

    @property
    def node(self) -> Node:
        """The dimension in an expression."""
        return ("name", self.name)

    @property
    def dims(self) -> tuple[Dim, ...]:
        """The dimension itself."""
        return (self,)

    @property
    def lengths(self) -> Sequence[int]:
        """Every admissible length, ascending; a `range` unless an allowed set was declared."""
        if self.allowed:
            return tuple(n for n in self.allowed if n % self.multiple == 0)
        return range(-(-self.low // self.multiple) * self.multiple, self.high + 1, self.multiple)

    def admissible(self) -> tuple[int, ...]:
        """Return every admissible length, ascending, at most the first `MOST`."""
        return tuple(self.lengths[:MOST])

    def other(self) -> int:
        """Return an admissible length unlike the example, odd and small where there is one."""
        rest = [n for n in self.admissible() if n != self.example]
        return min(rest, key=lambda n: (n < 2, n % 2 == 0, n < self.example, n)) if rest else self.example

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        return {
            "dim": self.name, "low": self.low, "high": self.high, "multiple": self.multiple,
            "allowed": list(self.allowed), "example": self.example, "explicit": self.explicit,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Dim:
        """Return the dimension that `to_json` wrote."""
        return cls(
            data["dim"], data["low"], data["high"], multiple=data["multiple"], allowed=data["allowed"],
            example=data["example"], explicit=data.get("explicit"),
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


class DimExpr(_Term):
    """A length made of others: ``DimExpr("2*S + 1", (S,))``, usually written ``2 * S + 1``.

    ``text`` is its one canonical form, ``dims`` the dimensions in it. Raises `UsageError` for a text that is no such
    expression, or names a dimension that is not among ``dims``.
    """

    __slots__ = ("_dims", "_node", "text")
    text: str

    def __init__(self, text: str, dims: Sequence[Dim]) -> None:
        node = parse(text)
        known = {dim.name: dim for dim in dims}
        for name in names_in(node):
            if name not in known:
                raise UsageError(f"expression {text!r} names the dimension {name!r}, which is not among {', '.join(known) or 'none'}")
        object.__setattr__(self, "_node", node)
        object.__setattr__(self, "_dims", tuple(known[name] for name in dict.fromkeys(names_in(node))))
        object.__setattr__(self, "text", text_of(node))

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"DimExpr is frozen; cannot set {name}")

    @property
    def node(self) -> Node:
        """The expression as `harness.core.expr` reads it."""
        node: Node = self._node  # type: ignore[attr-defined]
        return node

    @property
    def dims(self) -> tuple[Dim, ...]:
        """The dimensions in it, in order of reading, each once."""
        dims: tuple[Dim, ...] = self._dims  # type: ignore[attr-defined]
        return dims

    @property
    def bounds(self) -> Interval | None:
        """Bounds of the value over the declared ranges, never too narrow; None where a divisor may be negative."""
        return bounds_of(self.node, {dim.name: (dim.lengths[0], dim.lengths[-1]) for dim in self.dims})

    def at(self, lengths: Mapping[str, int]) -> int:
        """Return the value at these lengths. Raises `ZeroDivisionError` for // or % by 0, `KeyError` for a name without length."""
        return value_of(self.node, lengths)

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads."""
        return {"text": self.text, "dims": [dim.to_json() for dim in self.dims]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DimExpr:
        """Return the expression that `to_json` wrote."""
        return cls(data["text"], [Dim.from_json(dim) for dim in data["dims"]])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DimExpr) and (self.text, self.dims) == (other.text, other.dims)

    def __hash__(self) -> int:
        return hash((self.text, self.dims))

    def __repr__(self) -> str:
        return self.text


Length = Union[int, Dim, DimExpr]  # noqa: UP007 (evaluated on Python 3.7)
"""What stands in a shape."""


def length_from(data: Any) -> Length:
    """Return the length that ``to_json`` of a `Dim` or a `DimExpr` wrote; a number stands for itself."""
    if isinstance(data, dict):
        return DimExpr.from_json(data) if "text" in data else Dim.from_json(data)
    return int(data)


def _joined(operator: str, left: Any, right: Any) -> DimExpr:
    nodes: list[Node] = []
    dims: list[Dim] = []
    for part in (left, right):
        if isinstance(part, _Term):
            nodes.append(part.node)
            dims += part.dims
        elif isinstance(part, int) and part >= 0:
            nodes.append(("number", int(part)))
        else:
            raise UsageError(f"{part!r} beside {operator} in a length; expected a Dim, an expression of Dims or a whole number >= 0")
    return DimExpr(text_of((operator, *nodes)), dims)
