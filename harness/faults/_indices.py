"""Faults of indices, integers and rounding: duplicates, negative indices, wrapped and truncated numbers."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from harness.faults._activations import rewritten
from harness.faults._onnx import Graph, attribute, parameter
from harness.faults._rule import Rule

_I64 = "int64"


def _integers(graph: Graph, node: Any) -> bool:
    return "int" in graph.dtype(node.input[0])


def _gathers(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND"):
        computed = graph.constant(node.input[1]) is None
        if computed and graph.opset >= 12 and graph.dtype(node.input[1]) == _I64:
            yield node, None, ""


def _clamped(graph: Graph, node: Any, _: Any, __: Any) -> None:
    _before(graph, node, 1, ["y = Max(x, zero)"], zero=np.array(0, np.int64))


def _before(graph: Graph, node: Any, position: int, lines: Any, **values: Any) -> None:
    """Put nodes between a node and one of its inputs."""
    at = graph.place(node)
    made = graph.write(lines, {"x": node.input[position]}, values)
    node.input[position] = made[-1].output[0]
    graph.insert(at, made)


def _longs(graph: Graph) -> Iterator[Any]:
    """Yield the tensors of 64-bit integers that carry data: inputs of the model and results of arithmetic."""
    if graph.outer is None:
        yield from ((None, name, name) for name in graph.inputs if graph.dtype(name) == _I64 and graph.users(name))
    for node in graph.nodes("Add", "Sub", "Mul", "Div", "Mod", "ReduceSum", "CumSum", "Max", "Min", "Where", "Cast", "Neg", "Abs"):
        if graph.dtype(node.output[0]) == _I64:
            yield node, node.output[0], ""


def _through(kind: int) -> Any:
    def change(graph: Graph, _: Any, name: str, __: Any) -> None:
        graph.after(name, [f"n = Cast<to = {kind}>(x)", "y = Cast<to = 7>(n)"])

    return change


def _top_ks(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("TopK"):
        count = graph.scalar(node.input[1]) if len(node.input) > 1 else attribute(node, "k")
        if count is not None and count > 1:
            yield node, int(count), ""


def _unsorted(graph: Graph, node: Any, count: int, _: Any) -> None:
    axis, at = attribute(node, "axis", -1), graph.place(node)
    live, order, made = graph.proto.node[at], graph.store(np.arange(count, dtype=np.int64)[::-1]), []
    for position, name in enumerate(live.output):
        if name:
            live.output[position] = graph.fresh(name)
            bound = {"x": live.output[position], "y": name, "order": order}
            made += graph.write([f"y = Gather<axis = {axis}>(x, order)"], bound, {})
    graph.insert(at + 1, made)


def _casts_to_int(graph: Graph, node: Any) -> bool:
    return graph.dtype(node.input[0]) == "float32" and attribute(node, "to") in (6, 7)


def _casts(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Cast"):
        if _casts_to_int(graph, node):
            yield node, attribute(node, "to"), ""


def _cast_rounds(graph: Graph, node: Any, kind: int, _: Any) -> None:
    graph.replace(node, ["r = Round(a)", f"y = Cast<to = {kind}>(r)"])


def _cast_floors(graph: Graph, node: Any, kind: int, _: Any) -> None:
    graph.replace(node, ["r = Floor(a)", f"y = Cast<to = {kind}>(r)"])


def _slices(graph: Graph) -> Iterator[Any]:
    """Yield slices that begin at a place where there is room before: one step earlier keeps the shape."""
    for node in graph.nodes("Slice"):
        starts, ends = parameter(graph, node, "starts", 1), parameter(graph, node, "ends", 2)
        steps = parameter(graph, node, "steps", 4)
        plain = graph.opset >= 10 and starts is not None and ends is not None and (steps is None or np.all(steps == 1))
        if plain and np.all(starts > 0) and np.all((ends > starts) & (ends < 2**30)):
            yield node, None, ""


def _slice_shifted(graph: Graph, node: Any, _: Any, __: Any) -> None:
    for position in (1, 2):
        held = graph.constant(node.input[position])
        node.input[position] = graph.store(held - 1)


def _one_hots(graph: Graph) -> Iterator[Any]:
    yield from ((node, None, "") for node in graph.nodes("OneHot") if graph.dtype(node.input[0]) == _I64 and graph.opset >= 12)


def _one_hot_clamped(graph: Graph, node: Any, _: Any, __: Any) -> None:
    _before(graph, node, 0, ["y = Max(x, zero)"], zero=np.array(0, np.int64))


def _embeddings(graph: Graph) -> Iterator[Any]:
    """Yield lookups of computed ids: reading the row before wraps at the first one, as an id shifted by one does."""
    for node in graph.nodes("Gather"):
        if graph.constant(node.input[0]) is not None and graph.dtype(node.input[1]) == _I64 and graph.constant(node.input[1]) is None:
            yield node, None, ""


def _ids_shifted(graph: Graph, node: Any, _: Any, __: Any) -> None:
    _before(graph, node, 1, ["y = Sub(x, one)"], one=np.array(1, np.int64))


_FLOOR_DIV = [  # floor(a / b) from a division that truncates
    "q = Div(a, b)", "p = Mul(q, b)", "r = Sub(a, p)", "z = Sub(r, r)", "n = Equal(r, z)", "i = Not(n)", "s = Less(r, z)", "t = Less(b, z)",
    "d = Xor(s, t)", "f = And(i, d)", "g = CastLike(f, q)", "y = Sub(q, g)",
]  # fmt: skip

RULES = (
    Rule(name="index-clamped", family="index", tells="negative indices read as 0", needs="a Gather or Scatter with computed int64 indices",
         find=_gathers, change=_clamped),
    Rule(name="ids-shifted", family="index", tells="ids are looked up one row before", needs="a Gather of computed ids from a table",
         find=_embeddings, change=_ids_shifted),
    Rule(name="one-hot-clamped", family="index", tells="a negative index is hot at 0", needs="a OneHot of int64 indices",
         find=_one_hots, change=_one_hot_clamped),
    Rule(name="slice-shifted", family="index", tells="a slice begins one position early",
         needs="a Slice with constant bounds and room before",
         find=_slices, change=_slice_shifted),
    Rule(name="top-k-unsorted", family="index", tells="the largest come in another order", needs="a TopK of two or more", find=_top_ks,
         change=_unsorted),
    Rule(name="int-wrapped", family="integer", tells="64-bit integers pass through 32 bits", needs="computed int64 data",
         find=_longs, change=_through(6)),
    Rule(name="int-as-float", family="integer", tells="integers pass through float32, exact to 2^24 only", needs="computed int64 data",
         find=_longs, change=_through(1)),
    rewritten("div-floors", "integer", ("Div",), _FLOOR_DIV, "an integer division rounds down instead of towards 0", where=_integers,
              since=15,
              needs="a Div of integers"),
    rewritten("round-half-up", "integer", ("Round",), ["s = Add(a, half)", "y = Floor(s)"], "halves round up instead of to even",
              values={"half": np.float32(0.5)}),
    rewritten("floor-to-trunc", "integer", ("Floor",), ["i = Cast<to = 7>(a)", "y = Cast<to = 1>(i)"], "rounds towards 0 instead of down"),
    rewritten("ceil-to-floor", "integer", ("Ceil",), ["f = Floor(a)", "y = Add(f, one)"], "one more than floor: wrong at whole numbers",
              values={"one": np.float32(1)}),
    Rule(name="cast-rounds", family="integer", tells="a cast to integers rounds instead of cutting off",
         needs="a Cast from float32 to integers",
         find=_casts, change=_cast_rounds),
    Rule(name="cast-floors", family="integer", tells="a cast to integers rounds down instead of towards 0",
         needs="a Cast from float32 to integers",
         find=_casts, change=_cast_floors),
)  # fmt: skip
