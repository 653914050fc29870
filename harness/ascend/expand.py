"""Operators without a plugin, written with others: by the function body that the ONNX standard itself gives for them."""

from __future__ import annotations

from typing import Any

from harness.ascend.finding import few
from harness.ascend.lean import through
from harness.ascend.model import Model, Node
from harness.ascend.operators import HIGHEST, MAIN, find
from harness.ascend.plugins import has_plugin

_DOMAIN = "parity.expanded"


def body_of(node: Node) -> tuple[Any, int] | None:
    """Return the standard's function body for a node and the opset that it is written in; None where it gives none."""
    import onnx

    opset = node.opset
    if node.domain != MAIN or opset is None:
        return None
    try:
        schema = onnx.defs.get_schema(node.op, opset, "")
        plain = [one for one in schema.function_opset_versions if one <= opset]
        if plain:
            text = schema.get_function_with_opset_version(max(plain))
            return onnx.FunctionProto.FromString(text), max(plain)
        others = [one for one in schema.context_dependent_function_opset_versions if one <= opset]
        types = node.types()
        if not others or types is None:
            return None
        text = schema.get_context_dependent_function_with_opset_version(max(others), node.proto.SerializeToString(), types)
        return (onnx.FunctionProto.FromString(text), max(others)) if text else None
    except (onnx.defs.SchemaError, RuntimeError, ValueError):
        return None


def can_expand(node: Node) -> bool:
    """Return whether the standard says how to write a node with operators that have a plugin, and mean the same at the model's opset."""
    found = body_of(node)
    if found is None:
        return False
    body, opset = found
    return all(_usable(one.op_type, opset, node.opset or opset) for one in body.node)


def _usable(op: str, written: int, opset: int) -> bool:
    from onnx import defs

    row = find("", op)
    if row is None or not row.registered or (row.opsets is not None and min(opset, HIGHEST) not in row.opsets):
        return False
    # Between opset 18 and later ones types were added, and little else; before, meanings changed.
    return written >= HIGHEST or defs.get_schema(op, written, "").since_version == defs.get_schema(op, opset, "").since_version


def expand(model: Model) -> list[str]:
    """Write every node that can be, and has no plugin, with others; return what was done."""
    from onnx import inliner

    proto = model.proto
    done: dict[str, list[str]] = {}
    chosen = []
    for number, node in enumerate([one for one in model.nodes() if not has_plugin(one, model) and can_expand(one)]):
        found = body_of(node)
        assert found is not None
        body = proto.functions.add()
        body.CopyFrom(found[0])
        body.domain, body.name = _DOMAIN, f"{node.op}_{number}"
        del body.opset_import[:]
        body.opset_import.add(domain="", version=node.opset or 0)
        words = ", ".join(dict.fromkeys(one.op_type for one in body.node))
        done.setdefault(f"{node.op} is written with {words}", []).append(node.name)
        _complete(node)
        node.proto.domain, node.proto.op_type = _DOMAIN, body.name
        chosen.append((_DOMAIN, body.name))
    if chosen:
        proto.opset_import.add(domain=_DOMAIN, version=1)
        through(proto, lambda lean: inliner.inline_selected_functions(lean, chosen))
        for entry in [one for one in proto.opset_import if one.domain == _DOMAIN]:
            proto.opset_import.remove(entry)
    return [f"{what} ({few(names)})" for what, names in done.items()]


def _complete(node: Node) -> None:
    """Write down the defaults of a node: a function has none of its own."""
    from onnx import defs

    schema = defs.get_schema(node.op, node.opset or 1, "")
    present = {one.name for one in node.proto.attribute}
    for name, attribute in schema.attributes.items():
        if name not in present and attribute.default_value.name:
            node.proto.attribute.add().CopyFrom(attribute.default_value)


def inline(model: Model) -> list[str]:
    """Put the bodies of the model's local functions where they are called; return what was done."""
    from onnx import inliner

    names = [function.name for function in model.proto.functions]
    through(model.proto, inliner.inline_local_functions)
    domains = {node.domain for node in Model(model.proto).nodes()}
    for entry in [one for one in model.proto.opset_import if one.domain and one.domain not in domains]:
        model.proto.opset_import.remove(entry)
    return [f"the local functions {', '.join(names)} stand where they are called"] if names else []
