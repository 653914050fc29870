"""What ATC is expected to refuse, ignore or change in an ONNX model, told without CANN. Runs inside workers."""

from __future__ import annotations

import os
from typing import Any, Iterable, Iterator

from harness.ascend import limits
from harness.ascend.expand import can_expand
from harness.ascend.finding import DOUBT, NOTE, REFUSED, SEVERITIES, SHOWN, WRONG, Finding
from harness.ascend.halves import halves
from harness.ascend.model import Model, Node
from harness.ascend.operators import HIGHEST, LOWEST, MAIN, find
from harness.ascend.plugins import has_plugin, predicted_opset
from harness.ascend.ports import ports
from harness.core.external import load, nbytes

LIMIT = 2**31 - 1
"""Bytes that one protobuf file may have."""
_DATA = ("NonZero", "Unique", "NonMaxSuppression", "Compress", "Loop", "BatchMultiClassNMS", "SequenceErase")
"""Operators whose output's shape depends on values, not on shapes."""


def preflight(path: str, soc: str, cann: str = "") -> dict[str, Any]:
    """Return ``findings`` and what is known of the model at ``path``: ``opset``, ``nodes``, ``inputs``, ``weights`` (bytes).

    ``cann``: the vendor list to ask as well, "" for none. Raises `UsageError` for weights that are missing or lie outside the model's
    folder, and what protobuf raises for what is no model.
    """
    if os.path.getsize(path) > LIMIT:
        what = "the file has more than 2 GiB, which no protobuf can hold"
        found = Finding(
            kind="size", severity=REFUSED, what=what, repair="save with external data: onnx.save(..., save_as_external_data=True)"
        )
        return {"findings": [found.to_json()], "opset": None, "nodes": 0, "inputs": [], "weights": os.path.getsize(path)}
    model = Model(load(path))
    predicted = [*_whole(model), *ports(model, soc, _shaped_by_data(model)), *_operators(model, cann), *halves(model)]
    order = list(SEVERITIES)
    return {
        "findings": [one.to_json() for one in sorted(predicted, key=lambda one: order.index(one.severity))],
        "opset": model.imports.get(MAIN), "nodes": sum(1 for _ in model.nodes()),
        "inputs": [[info.name, model.dims(info.name)] for info in model.inputs], "weights": sum(map(nbytes, model.stored.values())),
    }  # fmt: skip


def _whole(model: Model) -> Iterator[Finding]:
    """Opset, domains, size, and a graph with an inside."""
    opset = model.imports.get(MAIN)
    if opset is not None and not LOWEST <= opset <= HIGHEST:
        what = f"opset {opset}: plugins are registered for {LOWEST} to {HIGHEST}, whatever the operators themselves need"
        repair = f"export with opset_version={HIGHEST}, and look at what was saved: exporters may keep theirs"
        yield Finding(kind="opset", severity=REFUSED, what=what, repair=repair, code="E16002", fix="opset")
    if model.imports.get(MAIN) is None and any(node.domain == MAIN for node in model.nodes()):
        yield Finding(
            kind="domain", severity=REFUSED, what="the opset of ONNX's own operators is not imported", repair="export again", code="E19999"
        )
    graph = model.proto.graph
    for what, there in (("inputs", model.inputs), ("outputs", graph.output), ("nodes", graph.node)):
        if not there:
            yield Finding(kind="graph", severity=REFUSED, what=f"the graph has no {what}", repair="export with real inputs", code="E16001")
    if sum(map(nbytes, model.stored.values())) > LIMIT:
        what = "more than 2 GiB of weights: they must stay beside the model, and the .om may need them beside it too"
        yield Finding(
            kind="size", severity=NOTE, what=what, repair="keep the external data in the model's folder; --external_weight=1 for the .om"
        )
    if model.note:
        yield Finding(kind="graph", severity=DOUBT, what=f"shapes cannot be inferred: {model.note}", repair="onnx.checker tells more")


def _operators(model: Model, cann: str) -> list[Finding]:
    """Every node against the table, those of one kind told together."""
    found: dict[tuple[str, str, str, str, str, str], list[str]] = {}
    for node in model.nodes():
        for kind, severity, what, repair, code, fix in _node(node, model, cann):
            found.setdefault((kind, severity, what, repair, code, fix), []).append(node.name)
    return [
        Finding(kind=kind, severity=severity, what=what, repair=repair, code=code, fix=fix, where=tuple(names[:SHOWN]), count=len(names))
        for (kind, severity, what, repair, code, fix), names in found.items()
    ]


def _node(node: Node, model: Model, cann: str) -> Iterator[tuple[str, str, str, str, str, str]]:
    if (node.proto.domain, node.op) in model.functions:
        yield "function", REFUSED, f"{node.op} is a local function of the model, which has no plugin", "inline it", "E16002", "inline"
        return
    if node.opset is None and node.domain != MAIN:
        yield "domain", REFUSED, f"the domain {node.domain} of {node.op} is not imported", f"import an opset of {node.domain}", "E19999", ""
    row = find(node.domain, node.op)
    full = node.op if node.domain == MAIN else f"{node.domain}::{node.op}"
    if row is None or not row.registered:
        yield "operator", REFUSED, f"{full} has no plugin", _way_out(node), "E16002", _automatic(node)
    elif not has_plugin(node, model):
        opset = predicted_opset(model) if node.domain == MAIN else node.opset
        has = "will have" if opset != node.opset else "has"
        what = f"{full} has a plugin at opset {_ranges(row.opsets or ())} alone, and the model {has} {opset}"
        repair = f"an opset of {_ranges(row.opsets or ())}, or write it with other operators"
        yield "operator", REFUSED, what, repair, "E16002", _automatic(node)
    elif cann and not row.listed[cann] and row.opsets is not None:
        yield "operator", DOUBT, f"{full} is not in the vendor's list for CANN {cann}", "a newer CANN, or try --mode=3", "", ""
    for severity, what, repair, *fix in limits.told(node, row) if row is not None and node.domain == MAIN else ():
        yield "attribute", severity, what, repair, "", "fold" if node.fixed and not node.scope else fix[0] if fix else ""


def troubled(node: Node, model: Model) -> bool:
    """Return whether ATC would refuse a node, or convert it to something else."""
    return any(severity in (REFUSED, WRONG) for _, severity, *_ in _node(node, model, ""))


def _way_out(node: Node) -> str:
    if node.domain == "com.microsoft":
        return "the file as it was before ONNX Runtime optimised it"
    if node.domain != MAIN:
        return "a custom operator package with an ONNX plugin in the OPP path, or export without it"
    return {
        "Gelu": "opset 18 or lower, where exporters write Div, Erf, Add and Mul",
        "GroupNormalization": "its formula from InstanceNormalization",
        "QuantizeLinear": "AMCT's AscendQuant, or the float model", "DequantizeLinear": "AMCT's AscendDequant, or the float model",
        "Loop": "unroll it at export", "Scan": "unroll it at export", "RNN": "unroll it at export, or an LSTM or GRU",
        "Attention": "export attention as MatMul and Softmax (opset 18)", "STFT": "Conv with the windowed Fourier basis as its weight",
    }.get(node.op, "write it with other operators, or a custom operator package")  # fmt: skip


def _automatic(node: Node) -> str:
    """Return the automatic repair: a constant takes the place of what is one, other operators that of what ONNX says how to write."""
    return "fold" if node.fixed and not node.scope else "expand" if can_expand(node) else ""


def _shaped_by_data(model: Model) -> list[str]:
    return [node.name for node in model.nodes() if node.op in _DATA and node.domain == MAIN]


def _ranges(opsets: Iterable[int]) -> str:
    numbers = sorted(opsets)
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return " and ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
