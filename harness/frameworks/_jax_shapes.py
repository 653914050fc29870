"""What jax.export is told of dynamic axes: symbols, lengths made of them, and what is known of their ranges. Pure, imports no JAX."""

from __future__ import annotations

import re
from typing import Mapping

from harness.core.dims import Dim, DimExpr
from harness.core.expr import Node, factors, names_in
from harness.core.forms import form_of
from harness.core.protocols import Source
from harness.core.value import value

# Functions of jax.export's language of shapes.
_WORDS = ("mod", "floordiv", "max", "min", "non_negative")


@value
class Shapes:
    """``shapes``: input name to its shape as jax.export reads it, those with a symbol only; ``constraints``: on the symbols."""

    shapes: Mapping[str, str]
    constraints: tuple[str, ...]


class _Symbols:
    """The symbols made so far and the ranges of their roots."""

    def __init__(self) -> None:
        self.constraints: list[str] = []
        self._made: dict[str, str] = {}

    def of(self, root: str, low: int, high: int) -> str:
        """Return what stands for a root in an expression: a symbol, less one where it may be 0, since symbols begin at 1."""
        if root not in self._made:
            word = re.sub(r"\W", "_", root)
            while word in _WORDS or any(word in made.strip("()").split(" - ") for made in self._made.values()):
                word += "_"
            shift = 0 if low else 1
            if low + shift > 1:
                self.constraints.append(f"{word} >= {low + shift}")
            self.constraints.append(f"{word} <= {high + shift}")
            self._made[root] = f"({word} - 1)" if shift else word
        return self._made[root]


def symbolic(source: Source) -> Shapes:
    """Return the shapes of the inputs whose axes are dynamic.

    An axis that is ``times * root + plus`` is written so, and a multiple is ``times * root``: jax.export then knows what divides it. One of
    another form (``S//2``, ``S + T``) is written in terms of symbols that other axes tell; jax.export finds a symbol only by
    linear equations of one unknown, so where that is not enough the axis is a symbol of its own, within its range.
    """
    symbols = _Symbols()
    texts: dict[tuple[str, int], str] = {}
    told: set[str] = set()
    pending: dict[tuple[str, int], tuple[DimExpr, int, int]] = {}
    for port in source.artifact.inputs:
        for axis, (text, low, high) in source.dynamic.get(port.name, {}).items():
            length = _length(source, text)
            form = form_of(source.space, length) if length is not None and source.space is not None else None
            if form is not None:
                texts[port.name, axis] = _linear(symbols.of(_root(form.root, form.stepped), form.low, form.high), form.times, form.plus)
                told.add(_root(form.root, form.stepped))
            elif isinstance(length, DimExpr):
                pending[port.name, axis] = (length, low, high)
            else:
                texts[port.name, axis] = symbols.of(text, low, high)
    _solve(source, symbols, texts, told, pending)
    shapes = {}
    for name in dict.fromkeys(name for name, _ in texts):
        lengths = [texts.get((name, axis), str(n)) for axis, n in enumerate(source.feeds[name].shape)]
        shapes[name] = ", ".join(lengths) + ("," if len(lengths) == 1 else "")
    return Shapes(shapes=shapes, constraints=tuple(symbols.constraints))


def _solve(
    source: Source,
    symbols: _Symbols,
    texts: dict[tuple[str, int], str],
    told: set[str],
    pending: dict[tuple[str, int], tuple[DimExpr, int, int]],
) -> None:
    """Write the expressions that can be solved from what is told, one after another, and a symbol for each of the others."""
    moved = True
    while moved:
        moved = False
        for place, (length, _, _) in list(pending.items()):
            roots = {name: _parts(source, symbols, name) for name in dict.fromkeys(names_in(length.node))}
            unknown = [name for name, (root, _) in roots.items() if root not in told]
            if len(unknown) > (1 if factors(length.node) is not None else 0):
                continue
            texts[place] = _text(length.node, {name: text for name, (_, text) in roots.items()})
            told.update(root for root, _ in roots.values())
            del pending[place]
            moved = True
    for place, (length, low, high) in pending.items():
        texts[place] = symbols.of(length.text, low, high)


def _parts(source: Source, symbols: _Symbols, name: str) -> tuple[str, str]:
    """Return the root of a dimension, and the dimension in terms of it."""
    assert source.space is not None
    dim: Dim = source.space.dims[name]
    form = form_of(source.space, dim)
    if form is None:
        low, high = source.space.ends(dim)
        return name, symbols.of(name, low, high)
    root = _root(form.root, form.stepped)
    return root, _linear(symbols.of(root, form.low, form.high), form.times, form.plus)


def _root(name: str, stepped: bool) -> str:
    """Return the name of what counts a dimension, or the steps of one."""
    return f"_{name}" if stepped else name


def _length(source: Source, text: str) -> Dim | DimExpr | None:
    if source.space is None:
        return None
    dims = source.space.dims
    return dims[text] if text in dims else DimExpr(text, tuple(dims.values()))


def _linear(symbol: str, times: int, plus: int) -> str:
    product = symbol if times == 1 else f"{times}*{symbol}"
    return product if not plus else f"{product} + {plus}" if plus > 0 else f"{product} - {-plus}"


def _text(node: Node, names: Mapping[str, str]) -> str:
    """Return an expression as jax.export reads it."""
    if node[0] == "number":
        return str(node[1])
    if node[0] == "name":
        return f"({names[node[1]]})"
    left, right = _text(node[1], names), _text(node[2], names)
    if node[0] in ("//", "%"):
        return f"{'floordiv' if node[0] == '//' else 'mod'}({left}, {right})"
    return f"({left} {node[0]} {right})"
