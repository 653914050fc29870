"""What torch.export is told of dynamic axes: named dims, lengths made of them, and axes it has to work out itself."""

from __future__ import annotations

import keyword
import re
from typing import Any, Mapping

from harness.core.dims import DimExpr
from harness.core.forms import Form, form_of
from harness.core.protocols import Source


def dynamic_shapes(source: Source) -> dict[str, Any] | None:
    """Return ``dynamic_shapes`` of torch.export for `harness.frameworks._torch.flat_module`, None without dynamic axes.

    An axis that is ``times * root + plus`` is written so: torch.export demands that of lengths related in that way, and
    of a multiple that a model relies on. A root of 1 would be specialised; then the axis is told by its range alone.
    One without such a form (``S + T``, ``S//2``) is left to torch.export to relate, within its range; see `specialised`.
    """
    import torch

    roots: dict[str, Any] = {}
    shapes: list[dict[int, Any]] = []
    for port in source.artifact.inputs:
        shape: dict[int, Any] = {}
        for axis, (text, low, high) in source.dynamic.get(port.name, {}).items():
            form = _form(source, text)
            length = int(source.feeds[port.name].shape[axis])
            if form is None:
                shape[axis] = torch.export.Dim.AUTO(min=low, max=high) if source.space is not None else _dim(roots, text, low, high)
            elif form.stepped and length - form.plus == form.times:
                shape[axis] = _dim(roots, text, low, high)
            else:
                root = _dim(roots, f"_{form.root}" if form.stepped else form.root, form.low, form.high)
                times = root if form.times == 1 else form.times * root
                shape[axis] = times if not form.plus else times + form.plus if form.plus > 0 else times - -form.plus
        shapes.append(shape)
    return {"tensors": tuple(shapes)} if any(shapes) else None


def specialised(source: Source, shapes: Mapping[str, tuple[Any, ...]]) -> tuple[str, ...]:
    """Return a message for each axis that was declared dynamic and is a number in ``shapes``, those of the program's inputs."""
    return tuple(
        f"dynamic axis {text} of {name} was specialised to {shapes[name][axis]}"
        for name, axes in source.dynamic.items()
        for axis, (text, _, _) in axes.items()
        if name in shapes and axis < len(shapes[name]) and isinstance(shapes[name][axis], int)
    )


def _form(source: Source, text: str) -> Form | None:
    if source.space is None:
        return None
    dims = source.space.dims
    return form_of(source.space, dims[text] if text in dims else DimExpr(text, tuple(dims.values())))


def _dim(made: dict[str, Any], name: str, low: int, high: int) -> Any:
    """Return the dim of a name, the same each time."""
    import torch

    if name not in made:
        made[name] = torch.export.Dim(_symbol(name, {dim.__name__ for dim in made.values()}), min=low, max=high)
    return made[name]


def _symbol(name: str, taken: set[str]) -> str:
    """Return an identifier that SymPy reads as a symbol: it has other meanings for S, N, E, I, O, Q, beta and more."""
    import sympy

    word = re.sub(r"\W", "_", name)
    while keyword.iskeyword(word) or word in taken or hasattr(sympy, word):
        word += "_"
    return word
