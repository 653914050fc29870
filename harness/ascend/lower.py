"""A model's opset brought into the range of CANN's plugins: up by ONNX's converter, down by what the older schemas still accept.

ONNX's own converter has no way down from opset 19 for operators as common as Reshape. Most operators have only gained element types
since; each is checked against its schema of opset 18, and what does not fit is refused.
"""

from __future__ import annotations

from typing import Any, Iterator

from harness.ascend.lean import through
from harness.ascend.model import Model, Node
from harness.ascend.operators import HIGHEST, MAIN
from harness.core.errors import Unsupported

MEANT = 13
"""The opset that older models are brought to: from it on Softmax means what the plugin does."""
_IR = 8
"""The IR version that came with opset 18."""
_RENAMED = {("GridSample", "mode", "linear"): "bilinear", ("GridSample", "mode", "cubic"): "bicubic"}
"""Values that a later opset calls otherwise."""
_REDEFINED = {"GroupNormalization": 21, "DFT": 20}
"""Operators that mean something else since an opset, though their signature does not tell."""
_LATER = {("Pad", "mode"): ("wrap",), ("Resize", "coordinate_transformation_mode"): ("half_pixel_symmetric",)}
"""Values that opset 18 does not have."""


def to_range(model: Model) -> list[str]:
    """Change the opset of the model; return what was done. Raises `Unsupported` where a node has no older form."""
    opset = model.imports[MAIN]
    return _down(model, opset) if opset > HIGHEST else _up(model, opset)


def _up(model: Model, opset: int) -> list[str]:
    from onnx import version_converter

    if opset >= MEANT:
        return []
    try:
        through(model.proto, lambda lean: version_converter.convert_version(lean, MEANT))
    except RuntimeError as error:
        raise Unsupported(f"opset {opset} to {MEANT}: {str(error).strip().splitlines()[0]}") from None
    return [f"opset {opset} became {MEANT}"]


def _down(model: Model, opset: int) -> list[str]:
    nodes = [node for node in model.nodes() if node.domain == MAIN]
    problems = [problem for node in nodes for problem in _misfits(node, opset)]
    if problems:
        raise Unsupported(f"opset {opset} to {HIGHEST}: {'; '.join(dict.fromkeys(problems))}")
    for node in nodes:
        _rewrite(node, opset)
    for holder in (model.proto, *model.proto.functions):
        for entry in holder.opset_import:
            if entry.domain in ("", MAIN):
                entry.version = HIGHEST
    model.proto.ir_version = min(model.proto.ir_version, _IR)
    return [f"opset {opset} became {HIGHEST}"]


def _schemas(node: Node, opset: int) -> tuple[Any, Any]:
    """Return the schema now and at opset 18; None for both where they are the same one or ONNX knows no such operator."""
    from onnx import defs

    try:
        now = defs.get_schema(node.op, opset, "")
    except defs.SchemaError:
        return None, None
    if now.since_version <= HIGHEST:
        return None, None
    try:
        return now, defs.get_schema(node.op, HIGHEST, "")
    except defs.SchemaError:
        return now, None


def _misfits(node: Node, opset: int) -> Iterator[str]:
    """Yield why a node means nothing, or something else, at opset 18."""
    now, then = _schemas(node, opset)
    if now is None:
        return
    if then is None:
        yield f"{node.op} is newer"
        return
    if opset >= _REDEFINED.get(node.op, opset + 1):
        yield f"{node.op} meant something else then"
    for name, given in node.given.items():
        if name not in then.attributes and given != node.defaults.get(name):
            yield f"{node.op} had no {name}"
        if given in _LATER.get((node.op, name), ()):
            yield f"{node.op} had no {name}={given}"
    if len(node.proto.input) > then.max_input or len(node.proto.output) > then.max_output:
        yield f"{node.op} had fewer inputs or outputs"
    for place, kind in enumerate(node.kinds()):
        formal = then.inputs[min(place, len(then.inputs) - 1)] if then.inputs else None
        if kind and formal is not None and kind not in formal.types:
            yield f"{node.op} did not take {kind}"


def _rewrite(node: Node, opset: int) -> None:
    now, then = _schemas(node, opset)
    if now is None:
        return
    for attribute in [one for one in node.proto.attribute if one.name not in then.attributes]:
        node.proto.attribute.remove(attribute)
    for attribute in node.proto.attribute:
        older = _RENAMED.get((node.op, attribute.name, attribute.s.decode("utf-8", "replace")))
        if older:
            attribute.s = older.encode()
