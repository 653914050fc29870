"""Attributes of ONNX operators from their schemas: left out, written out with the default, and set to something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.value import value
from harness.generate.sweeps import OMITTED

RUN_TIME = "fed"
"""How the constants of an operator reach it: as constants, or known at run time only."""


@value
class Operator:
    """One version of an ONNX operator: its name, the first operator set that has this version, and one that is used to write it."""

    name: str
    since: int
    opset: int


def operators(opsets: Sequence[int]) -> list[Operator]:
    """Return every operator of the default domain that is current at one of ``opsets``, each version once, written at the last of them."""
    from onnx import defs

    found: dict[tuple[str, int], Operator] = {}
    for name in sorted({schema.name for schema in defs.get_all_schemas_with_history() if schema.domain == ""}):
        for opset in sorted(opsets):
            try:
                schema = defs.get_schema(name, opset, "")
            except defs.SchemaError:
                continue
            if not schema.deprecated:
                found[name, schema.since_version] = Operator(name=name, since=schema.since_version, opset=opset)
    return list(found.values())


def attributes_of(operator: Operator, values: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return attribute -> values: `OMITTED` where the schema allows it, the default where it has one, then others.

    ``values``: ``"Op.attribute"`` or ``"attribute"`` -> values other than the default. Without an entry a flag (a whole number whose
    default is 0 or 1) is turned over and a real number moved by one half; what else has none is swept over being left out and its default.
    """
    from onnx import defs, helper

    schema = defs.get_schema(operator.name, operator.opset, "")
    found = {}
    for name, attribute in sorted(schema.attributes.items()):
        default = helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None
        default = default.decode() if isinstance(default, bytes) else default
        others = values.get(f"{operator.name}.{name}", values.get(name, _others(default)))
        ordered = (() if attribute.required else (OMITTED,)) + (() if default is None else (default,)) + tuple(others)
        if len(ordered) > 1 or ordered and ordered[0] is not OMITTED:
            found[name] = tuple(item for number, item in enumerate(ordered) if item not in ordered[:number])
    return found


def _others(default: Any) -> tuple[Any, ...]:
    if isinstance(default, int) and default in (0, 1):
        return (1 - default,)
    return (round(default + 0.5, 6),) if isinstance(default, float) else ()
