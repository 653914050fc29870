"""Faults of precision: one activation or one sum in a narrower type, as fusions and fast paths do."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from harness.faults._onnx import Graph
from harness.faults._rule import Rule

_SUMS = ("MatMul", "Gemm", "Conv", "ConvTranspose")
_LINES = {"fp16": ["h = Cast<to = 10>(x)", "y = Cast<to = 1>(h)"], "bf16": ["h = Cast<to = 16>(x)", "y = Cast<to = 1>(h)"]}


def _activations(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes():
        if node.op_type not in ("Constant", "Identity", "Cast") and graph.dtype(node.output[0]) == "float32":
            yield node, None, ""


def _rounded(lines: Any) -> Any:
    def change(graph: Graph, node: Any, _: Any, __: Any) -> None:
        graph.after(node.output[0], lines)

    return change


def _sums(graph: Graph) -> Iterator[Any]:
    yield from ((node, None, "") for node in graph.nodes(*_SUMS) if graph.dtype(node.output[0]) == "float32")


def _narrow_sum(graph: Graph, node: Any, _: Any, __: Any) -> None:
    at, name = graph.place(node), node.output[0]
    casts = []
    live = graph.proto.node[at]
    for position, old in enumerate(live.input):
        if old:
            casts += graph.write(["y = Cast<to = 10>(x)"], {"x": old}, {})
            live.input[position] = casts[-1].output[0]
    inner = graph.fresh(name)
    live.output[0] = inner
    graph.insert(at + 1, graph.write(["y = Cast<to = 1>(x)"], {"x": inner, "y": name}, {}))
    graph.insert(at, casts)


def _noise(graph: Graph, node: Any, _: Any, rng: Any) -> None:
    factor = np.float32(1 + 1e-3 * (1 + rng.uniform()))
    graph.after(node.output[0], ["y = Mul(x, k)"], k=factor)


_NEEDS = "a node with a float32 result"

RULES = (
    Rule(name="activation-fp16", family="precision", tells="one activation passes through float16", needs=_NEEDS, find=_activations,
         change=_rounded(_LINES["fp16"])),
    Rule(name="activation-bf16", family="precision", tells="one activation passes through bfloat16", needs=_NEEDS, find=_activations,
         change=_rounded(_LINES["bf16"])),
    Rule(name="activation-scaled", family="precision", tells="one activation is scaled by a little", needs=_NEEDS, find=_activations,
         change=_noise),
    Rule(name="sum-fp16", family="precision", tells="one product accumulates in float16",
         needs="a MatMul, Gemm, Conv or ConvTranspose in float32",
         find=_sums, change=_narrow_sum),
)  # fmt: skip
