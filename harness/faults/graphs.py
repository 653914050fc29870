"""Every operator on ONNX graphs: those on nodes, by family, and those on the weights they hold."""

from __future__ import annotations

from typing import Any, Mapping

from harness.faults import _activations, _attention, _attributes, _indices, _initializers, _norms, _precision, _shapes, _structure, _windows
from harness.faults._onnx import EXAMPLE
from harness.faults._rule import bind
from harness.faults.operator import Operator, Site, find, table

_FAMILIES = (_attributes, _activations, _norms, _attention, _windows, _indices, _shapes, _structure, _precision)

OPERATORS: Mapping[str, Operator] = table([*(bind(rule) for family in _FAMILIES for rule in family.RULES), *_initializers.OPERATORS])
"""Operators by name. ``OPERATORS["eps-1e-3"].sites(model)`` lists the places, ``.apply(model, site)`` returns the mutant."""


def mutate(model: Any, operator: str, site: int = 0, seed: int = 0, lengths: Mapping[str, int] | None = None) -> tuple[Any, Site, int]:
    """Return the mutant, its site and how many sites there are.

    ``lengths``: the lengths that named dimensions had when the model was made, which faults that bake a shape write down
    (2 where not given). Raises `UsageError` for an operator or site that does not exist in ``model``.
    """
    chosen = find(OPERATORS, operator)
    if lengths:
        noted = type(model)()
        noted.CopyFrom(model)
        for name, length in lengths.items():
            noted.metadata_props.add(key=EXAMPLE + name, value=str(length))
        model = noted
    place = chosen.site(model, site)
    mutant = chosen.change(model, place, seed)
    kept = [entry for entry in mutant.metadata_props if not entry.key.startswith(EXAMPLE)]
    del mutant.metadata_props[:]
    mutant.metadata_props.extend(kept)
    return mutant, place, len(chosen.sites(model))
