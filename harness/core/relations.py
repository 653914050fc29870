"""A `Relation` between lengths (``T == 2*S + 1``), and the lengths it leaves to the last unknown in it."""

from __future__ import annotations

import bisect
import dataclasses
import math
import operator
import re
from typing import Any, Callable, Mapping, Sequence

from harness.core.errors import UsageError
from harness.core.expr import Interval, Node, bounds_of, direction, factors, leaves, names_in, parse, text_of, value_of
from harness.core.value import value

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip


@value
class Relation:
    """Two expressions and how they compare: ``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``. Made by `relation`.

    ``size``: how many names and numbers there are in it. ``factors``: where left - right is linear, the factor of each
    name and the constant under "".
    """

    left: Node
    compare: str
    right: Node
    names: tuple[str, ...]
    size: int
    factors: Mapping[str, int] | None = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The relation as `relation` reads it."""
        return f"{text_of(self.left)} {self.compare} {text_of(self.right)}"

    def holds(self, lengths: Mapping[str, int]) -> bool:
        """Return whether it holds; it does not where an expression divides by 0. Raises `KeyError` for a name without length."""
        try:
            return _COMPARE[self.compare](value_of(self.left, lengths), value_of(self.right, lengths))
        except ZeroDivisionError:
            return False


def related(left: Node, compare: str, right: Node) -> Relation:
    """Return the relation between two expressions."""
    names = tuple(dict.fromkeys((*names_in(left), *names_in(right))))
    size = leaves(left) + leaves(right)
    return Relation(left=left, compare=compare, right=right, names=names, size=size, factors=factors(("-", left, right)))


def relation(text: str) -> Relation:
    """Return the relation written as ``text``. Raises `UsageError` for what is none."""
    parts = re.split(r"(==|!=|<=|>=|<|>)", text) if isinstance(text, str) else []
    if len(parts) != 3:
        raise UsageError(f"relation {text!r}: expected two expressions and one of == != < <= > >= between them, for example 'T == 2*S + 1'")
    try:
        found = related(parse(parts[0]), parts[1], parse(parts[2]))
    except UsageError as error:
        raise UsageError(f"relation {text!r}: {error}") from None
    if not found.names:
        raise UsageError(f"relation {text!r} names no dimension")
    return found


def left_over(one: Relation, name: str, lengths: Mapping[str, int], domain: Sequence[int], spend: Callable[[int], None]) -> Sequence[int]:
    """Return the part of ``domain`` (ascending, >= 0) at which the relation holds, all other names having lengths.

    A linear relation is solved directly, a difference that only rises or only falls by bisection, one that repeats by
    its first period; anything else is tried length by length. ``spend`` hears how much work that is. Of an inequality ``!=``
    only the ends are taken off, so that a range stays one.
    """
    if one.compare == "!=":
        return _without_ends(one, name, lengths, domain)
    if one.factors is not None and one.factors[name]:
        return _linear(one, name, {n: (lengths[n], lengths[n]) for n in one.names if n != name}, domain)
    difference = ("-", one.left, one.right)
    given = dict(lengths)

    def at(length: int) -> Interval:
        given[name] = length
        spend(one.size)
        number = value_of(difference, given)
        return number, number

    try:
        ranges = {n: (lengths[n], lengths[n]) if n != name else (domain[0], domain[-1]) for n in one.names}
        way = direction(difference, name, ranges)
        if way == 0:
            return domain if _COMPARE[one.compare](at(domain[0])[0], 0) else ()
        if way is not None:
            return _slice(one.compare, way, at, domain)
        period = _period(difference, name, lengths)
    except ZeroDivisionError:
        return ()
    if period and isinstance(domain, range):
        return _periodic(one, period // math.gcd(period, domain.step), name, lengths, domain)
    spend(len(domain) * one.size)
    return tuple(n for n in domain if one.holds({**lengths, name: n}))


def tightened(
    one: Relation, name: str, ranges: Mapping[str, Interval], domain: Sequence[int], spend: Callable[[int], None]
) -> Sequence[int]:
    """Return ``domain`` without ends at which the relation fails wherever the other names lie in their ranges."""
    if one.compare == "!=":
        return domain
    if one.factors is not None:
        return _linear(one, name, ranges, domain) if one.factors[name] else domain
    difference = ("-", one.left, one.right)
    given = dict(ranges)
    way = direction(difference, name, ranges) if bounds_of(difference, ranges) else None

    def at(length: int) -> Interval:
        given[name] = length, length
        spend(4 * one.size)
        bounds = bounds_of(difference, given)
        assert bounds is not None, "within ranges that have bounds"
        return bounds

    return _slice(one.compare, way, at, domain) if way else domain


def _without_ends(one: Relation, name: str, lengths: Mapping[str, int], domain: Sequence[int]) -> Sequence[int]:
    while len(domain) and not one.holds({**lengths, name: domain[0]}):
        domain = domain[1:]
    while len(domain) and not one.holds({**lengths, name: domain[-1]}):
        domain = domain[:-1]
    return domain


def _linear(one: Relation, name: str, ranges: Mapping[str, Interval], domain: Sequence[int]) -> Sequence[int]:
    """Return where factor * length + rest compares with 0 for at least one value of the rest."""
    terms = one.factors or {}
    factor, compare = terms[name], one.compare
    low = high = terms.get("", 0)
    for other in one.names:
        if other != name:
            ends = [terms[other] * end for end in ranges[other]]
            low, high = low + min(ends), high + max(ends)
    if factor < 0:
        factor, low, high = -factor, -high, -low
        compare = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(compare, compare)
    # factor * length == -rest, so the length lies between -high / factor, rounded up, and -low / factor, rounded down.
    least = -((high if compare != ">" else high - 1) // factor)
    most = -(low if compare != "<" else low + 1) // factor
    start = 0 if compare[0] == "<" else bisect.bisect_left(domain, least)
    stop = len(domain) if compare[0] == ">" else bisect.bisect_right(domain, most)
    return domain[start:stop]


def _slice(compare: str, way: int, at: Callable[[int], Interval], domain: Sequence[int]) -> Sequence[int]:
    """Return where a difference compares with 0; ``at`` gives its bounds, which rise (``way`` 1) or fall (-1) with the length."""
    if way < 0:
        compare = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(compare, compare)

    def bounds(length: int) -> Interval:
        low, high = at(length)
        return (low, high) if way > 0 else (-high, -low)

    start = 0 if compare[0] == "<" else first(domain, lambda n: bounds(n)[1] > 0 if compare == ">" else bounds(n)[1] >= 0)
    stop = len(domain) if compare[0] == ">" else first(domain, lambda n: bounds(n)[0] >= 0 if compare == "<" else bounds(n)[0] > 0)
    return domain[start:stop]


def first(domain: Sequence[int], reached: Callable[[int], bool]) -> int:
    """Return the index of the first length at which ``reached`` turns true and stays so, the number of lengths for none."""
    low, high = 0, len(domain)
    while low < high:
        middle = (low + high) // 2
        if reached(domain[middle]):
            high = middle
        else:
            low = middle + 1
    return low


def _periodic(one: Relation, period: int, name: str, lengths: Mapping[str, int], domain: range) -> Sequence[int]:
    hits = [place for place, n in enumerate(domain[:period]) if one.holds({**lengths, name: n})]
    if len(hits) == 1:
        return domain[hits[0] :: period]
    return domain if len(hits) == period else tuple(n for start in range(0, len(domain), period) for n in _picked(domain, start, hits))


def _picked(domain: range, start: int, hits: Sequence[int]) -> Sequence[int]:
    return [domain[start + place] for place in hits if start + place < len(domain)]


def _period(node: Node, name: str, lengths: Mapping[str, int]) -> int:
    """Return after how many steps of ``name`` the value repeats; 0 where it does not, or where that is not known."""
    if name not in names_in(node):
        return 1
    if node[0] == "name":
        return 0
    parts = [_period(part, name, lengths) for part in node[1:]]
    if all(parts):
        return parts[0] * parts[1] // math.gcd(*parts)
    # A polynomial with whole factors repeats in every remainder.
    return abs(value_of(node[2], lengths)) if node[0] == "%" and parts[1] == 1 and _polynomial(node[1], name) else 0


def _polynomial(node: Node, name: str) -> bool:
    return name not in names_in(node) or node[0] == "name" or (node[0] in ("+", "-", "*") and all(_polynomial(n, name) for n in node[1:]))
