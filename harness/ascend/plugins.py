"""Whether CANN has a plugin for a node: by its domain, its name, and the opset of the model it stands in."""

from __future__ import annotations

from harness.ascend.model import Model, Node
from harness.ascend.operators import HIGHEST, LOWEST, MAIN, find


def predicted_opset(model: Model) -> int:
    """Return the opset that the model has, or will have once it was brought into the range of the plugins."""
    return min(max(model.imports.get(MAIN, LOWEST), LOWEST), HIGHEST)


def has_plugin(node: Node, model: Model) -> bool:
    """Return whether there is a plugin for a node, at the opset that the model has or will be brought to."""
    row = find(node.domain, node.op)
    if row is None or not row.registered:
        return False
    opset = predicted_opset(model) if node.domain == MAIN else node.opset
    return row.opsets is None or opset is None or opset in row.opsets
