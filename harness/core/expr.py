"""Whole-number expressions over named lengths (``2*S + 1``), read from text without ever executing it.

A node is ``("number", n)``, ``("name", name)`` or ``(operator, left, right)`` with an operator of ``+ - * // %``.
"""

from __future__ import annotations

import ast
import re
from typing import Any, Iterator, Mapping, Tuple

from harness.core.errors import UsageError

Node = Tuple[Any, ...]  # noqa: UP006 (evaluated on Python 3.7)
Interval = Tuple[int, int]  # noqa: UP006 (evaluated on Python 3.7)

LONGEST_TEXT = 200
"""Texts beyond this many characters are refused before they are parsed."""
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%"}
_STRENGTH = {"+": 1, "-": 1, "*": 2, "//": 2, "%": 2}


def parse(text: str) -> Node:
    """Return the node that ``text`` stands for.

    Names may hold dots and be words of Python: they are replaced before the parser sees them. Raises `UsageError`
    for anything but names, whole numbers, + - * // % and parentheses.
    """
    expected = f"expression {text!r}: expected names, whole numbers, + - * // % and parentheses, for example '2*S + 1'"
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
        raise UsageError(expected)
    found: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        found.append(match[0])
        return f" _{len(found) - 1} "

    try:
        tree = ast.parse(_NAMES.sub(stand_in, text.strip()).strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise UsageError(expected) from None
    return _node(tree, found, expected)


def _node(tree: Any, names: list[str], expected: str) -> Node:
    if isinstance(tree, ast.BinOp) and type(tree.op) in _OPERATORS:
        return (_OPERATORS[type(tree.op)], _node(tree.left, names, expected), _node(tree.right, names, expected))
    if isinstance(tree, ast.Name) and re.match(r"_\d+$", tree.id, re.ASCII) and int(tree.id[1:]) < len(names):
        return ("name", names[int(tree.id[1:])])
    # Python 3.7 has a class Num for what is a Constant later.
    number = getattr(tree, "n" if type(tree).__name__ == "Num" else "value", None) if not isinstance(tree, ast.Attribute) else None
    if type(number) is int:
        return ("number", number)
    raise UsageError(expected)


def text_of(node: Node) -> str:
    """Return the text that `parse` reads back into the very same node: ``2*S + 1``, ``(S + T)//2``."""
    if node[0] in ("number", "name"):
        return str(node[1])
    operator, left, right = node
    strength = _STRENGTH[operator]
    parts = [
        f"({text_of(part)})" if part[0] in _STRENGTH and (_STRENGTH[part[0]] < strength or (second and _STRENGTH[part[0]] == strength))
        else text_of(part)
        for second, part in enumerate((left, right))
    ]  # fmt: skip
    return (operator if operator in ("*", "//") else f" {operator} ").join(parts)


def names_in(node: Node) -> Iterator[str]:
    """Yield the names of an expression in order of reading, repeated where they are."""
    if node[0] == "name":
        yield node[1]
    elif node[0] != "number":
        for part in node[1:]:
            yield from names_in(part)


def replaced(node: Node, names: Mapping[str, Node]) -> Node:
    """Return the expression with other nodes in place of names; a name that is not there stays."""
    if node[0] == "name":
        return names.get(node[1], node)
    return node if node[0] == "number" else (node[0], replaced(node[1], names), replaced(node[2], names))


def leaves(node: Node) -> int:
    """Return how many names and numbers there are in an expression."""
    return 1 if node[0] in ("name", "number") else leaves(node[1]) + leaves(node[2])


def divisors(node: Node) -> Iterator[Node]:
    """Yield what an expression divides by."""
    if node[0] in ("//", "%"):
        yield node[2]
    if node[0] not in ("name", "number"):
        for part in node[1:]:
            yield from divisors(part)


def value_of(node: Node, lengths: Mapping[str, int]) -> int:
    """Return the value at these lengths. Raises `ZeroDivisionError` for // or % by 0, `KeyError` for a name without length."""
    kind = node[0]
    if kind == "name":
        return lengths[node[1]]
    if kind == "number":
        return int(node[1])
    left, right = value_of(node[1], lengths), value_of(node[2], lengths)
    if kind == "+":
        return left + right
    if kind == "-":
        return left - right
    if kind == "*":
        return left * right
    return left // right if kind == "//" else left % right


def bounds_of(node: Node, ranges: Mapping[str, Interval]) -> Interval | None:
    """Return bounds of the value over these ranges, never too narrow; None where a divisor may be negative.

    A divisor of 0 has no value and so no part in it.
    """
    kind = node[0]
    if kind == "name":
        return ranges[node[1]]
    if kind == "number":
        return node[1], node[1]
    left, right = bounds_of(node[1], ranges), bounds_of(node[2], ranges)
    if left is None or right is None:
        return None
    if kind == "+":
        return left[0] + right[0], left[1] + right[1]
    if kind == "-":
        return left[0] - right[1], left[1] - right[0]
    if kind == "*":
        ends = [a * b for a in left for b in right]
        return min(ends), max(ends)
    if right[0] < 0 or right[1] < 1:
        return None
    right = max(1, right[0]), right[1]
    if kind == "//":
        ends = [a // b for a in left for b in right]
        return min(ends), max(ends)
    return left if left[0] >= 0 and left[1] < right[0] else (0, right[1] - 1)


def direction(node: Node, name: str, ranges: Mapping[str, Interval]) -> int | None:
    """Return 1 where the value never falls as ``name`` grows, -1 where it never rises, 0 where it does not depend on it.

    None where it may do both, or where that is not known.
    """
    kind = node[0]
    if kind in ("name", "number"):
        return int(kind == "name" and node[1] == name)
    left, right = direction(node[1], name, ranges), direction(node[2], name, ranges)
    if left is None or right is None:
        return None
    if not left and not right:
        return 0
    if kind in ("+", "-"):
        right = right if kind == "+" else -right
        return left or right if not (left and right) or left == right else None
    if kind == "%" or (kind == "//" and right):
        return None
    first, second = bounds_of(node[1], ranges), bounds_of(node[2], ranges)
    if first is None or second is None:
        return None
    if left and right:
        return left if left == right and first[0] >= 0 and second[0] >= 0 else None
    moving, still = (left, second) if left else (right, first)
    if still[0] >= 0:
        return moving
    return -moving if still[1] <= 0 and kind == "*" else None


def linear(node: Node) -> tuple[str, int, int] | None:
    """Return ``(name, a, b)`` where the expression is ``a*name + b`` with ``a`` != 0, None for any other."""
    found = factors(node)
    if found is None:
        return None
    named = [(name, times) for name, times in found.items() if name and times]
    return (*named[0], found.get("", 0)) if len(named) == 1 else None


def factors(node: Node) -> dict[str, int] | None:
    """Return the factor of each name in it, perhaps 0, and the constant under ""; None for an expression that is not linear."""
    kind = node[0]
    if kind in ("name", "number"):
        return {node[1]: 1} if kind == "name" else {"": node[1]}
    left, right = factors(node[1]), factors(node[2])
    if left is None or right is None or kind in ("//", "%"):
        return None
    if kind == "*":
        if any(left[name] for name in left if name) and any(right[name] for name in right if name):
            return None
        number, rest = (left, right) if not any(left[name] for name in left if name) else (right, left)
        return {**dict.fromkeys(number, 0), **{name: times * number.get("", 0) for name, times in rest.items()}}
    sign = 1 if kind == "+" else -1
    return {name: left.get(name, 0) + sign * right.get(name, 0) for name in {**left, **right}}
