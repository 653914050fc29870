"""Faults of shape and layout: baked lengths, axes confused where lengths are equal, the wrong branch."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from harness.faults._onnx import Graph, attribute, parameter, set_attribute, set_parameter
from harness.faults._rule import Rule


def _symbolic(shape: Any) -> bool:
    return shape is not None and any(not isinstance(n, int) for n in shape)


def _reshapes(graph: Graph) -> Iterator[Any]:
    """Yield reshapes to a shape that follows the input: with 0, with -1, or computed."""
    for node in graph.nodes("Reshape", "Expand"):
        held, out = graph.constant(node.input[1]), graph.shape(node.output[0])
        if held is not None and len(held) > 1 and node.op_type == "Reshape" and held[0] in (0, -1):
            first = out[0] if out else None
            if not isinstance(first, int):
                yield node, [graph.example(first), *_open(out, [int(n) for n in held[1:]])], ""
        elif held is None and _symbolic(out):
            yield node, [graph.example(n) for n in out], ""


def _open(out: Any, rest: list[int]) -> list[int]:
    """Return the other lengths with one of them left open, so that another batch goes through and comes out mixed up."""
    dynamic = [i for i, n in enumerate(rest) if n == 0 and out and not isinstance(out[i + 1], int)]
    if -1 not in rest:
        rest[dynamic[0] if dynamic else 0] = -1
    return rest


def _reshape_baked(graph: Graph, node: Any, shape: Any, _: Any) -> None:
    node.input[1] = graph.store(np.array(shape, np.int64))


def _lengths(graph: Graph) -> Iterator[Any]:
    """Yield the lengths that a graph takes from the shape of a tensor."""
    for node in graph.nodes("Gather", "Slice", "Shape", "Size"):
        source = node if node.op_type in ("Shape", "Size") else graph.maker(node.input[0], "Shape")
        if source is None or source.op_type not in ("Shape", "Size"):
            continue
        if node is source and any(user.op_type in ("Gather", "Slice") for user in graph.users(node.output[0])):
            continue  # told apart by what picks the lengths out of it
        baked = _baked(graph, node, source)
        if baked is not None:
            yield node, baked, ""


def _baked(graph: Graph, node: Any, source: Any) -> Any:
    """Return what the node computes at the lengths the model was made with, as plain data; None where nothing is dynamic."""
    shape = graph.shape(source.input[0])
    if not _symbolic(shape):
        return None
    if source.op_type == "Size":
        return int(np.prod([graph.example(n) for n in shape]))
    picked = np.arange(len(shape))[slice(attribute(source, "start", 0), attribute(source, "end"))]
    if node.op_type == "Gather":
        index = graph.constant(node.input[1])
        if index is None:
            return None
        picked = picked[index]
    elif node.op_type == "Slice":
        bounds = [parameter(graph, node, name, i) for i, name in ((1, "starts"), (2, "ends"))]
        if bounds[0] is None or bounds[1] is None:
            return None
        picked = picked[int(bounds[0].reshape(-1)[0]) : int(bounds[1].reshape(-1)[0])]
    chosen = [shape[i] for i in np.asarray(picked).reshape(-1)]
    if not _symbolic(chosen):
        return None
    lengths = [graph.example(n) for n in chosen]
    return lengths if np.ndim(picked) else lengths[0]


def _length_baked(graph: Graph, node: Any, held: Any, _: Any) -> None:
    graph.replace(node, ["y = Identity(x)"], {"x": graph.store(np.array(held, np.int64))})


def _ifs(graph: Graph) -> Iterator[Any]:
    yield from ((node, None, "") for node in graph.nodes("If") if graph.constant(node.input[0]) is None)


def _branch(taken: bool) -> Any:
    def change(graph: Graph, node: Any, _: Any, __: Any) -> None:
        node.input[0] = graph.store(np.array(taken))

    return change


def _transposes(graph: Graph) -> Iterator[Any]:
    """Yield transpositions of which two axes have one length: exchanging them keeps the shape."""
    for node in graph.nodes("Transpose"):
        shape, perm = graph.shape(node.input[0]), attribute(node, "perm")
        if shape is None or len(shape) < 2:
            continue
        perm = perm or list(range(len(shape)))[::-1]
        for first in range(len(perm)):
            twins = [i for i in range(first + 1, len(perm)) if shape[perm[i]] == shape[perm[first]] is not None and shape[perm[first]] != 1]
            if twins:
                new = list(perm)
                new[first], new[twins[0]] = new[twins[0]], new[first]
                yield node, new, ""
                break


def _perm_changed(graph: Graph, node: Any, perm: Any, _: Any) -> None:
    set_attribute(node, "perm", perm)


_REDUCE = ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
    "ReduceSumSquare")


def _reductions(graph: Graph) -> Iterator[Any]:
    """Yield reductions over one axis that has a neighbour of the same length."""
    for node in graph.nodes(*_REDUCE):
        shape, axes = graph.shape(node.input[0]), parameter(graph, node, "axes", 1)
        if shape is None or axes is None or axes.size != 1:
            continue
        axis = int(axes.reshape(-1)[0]) % len(shape)
        near = [other for other in (axis - 1, axis + 1) if 0 <= other < len(shape) and shape[other] == shape[axis] is not None]
        if near and shape[axis] != 1:
            yield node, near[0], ""


def _axis_moved(graph: Graph, node: Any, axis: int, _: Any) -> None:
    set_parameter(graph, node, "axes", 1, [axis])


def _kept_reductions(graph: Graph) -> Iterator[Any]:
    """Yield reductions that keep one of several axes they should sum over, where the result is broadcast anyway."""
    for node in graph.nodes(*_REDUCE):
        axes = parameter(graph, node, "axes", 1)
        if axes is not None and axes.size > 1 and attribute(node, "keepdims", 1) == 1 and node.output[0] not in graph.outputs:
            yield node, [int(n) for n in axes.reshape(-1)[1:]], ""


def _axes_fewer(graph: Graph, node: Any, axes: Any, _: Any) -> None:
    set_parameter(graph, node, "axes", 1, axes)


def _tiles(graph: Graph) -> Iterator[Any]:
    """Yield Tile nodes that repeat one axis of known length: each element may be repeated instead of the whole."""
    for node in graph.nodes("Tile"):
        shape, repeats = graph.shape(node.input[0]), graph.constant(node.input[1]) if len(node.input) == 2 else None
        if shape is None or repeats is None:
            continue
        for axis, count in enumerate(repeats):
            if count > 1 and isinstance(shape[axis], int) and shape[axis] > 1:
                yield node, [axis, int(count), int(shape[axis])], ""
                break


def _interleaved(graph: Graph, node: Any, detail: Any, _: Any) -> None:
    axis, count, length = detail
    order = np.argsort(np.arange(length * count) % length, kind="stable")
    graph.after(node.output[0], [f"y = Gather<axis = {axis}>(x, order)"], order=order.astype(np.int64))


def _squares(shape: Any) -> bool:
    return shape is not None and len(shape) >= 2 and isinstance(shape[-1], int) and shape[-1] == shape[-2] and shape[-1] > 1


def _swap_last(rank: int) -> Any:
    return [*range(rank - 2), rank - 1, rank - 2]


def _expands(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Expand"):
        shape = graph.shape(node.output[0])
        if _squares(shape):
            yield node, _swap_last(len(shape)), ""


def _expanded_wrong(graph: Graph, node: Any, perm: Any, _: Any) -> None:
    graph.after(node.output[0], [f"y = Transpose<perm = {perm}>(x)"])


def _broadcasts(graph: Graph) -> Iterator[Any]:
    """Yield elementwise nodes with a vector constant whose length two axes have."""
    for node in graph.nodes("Add", "Mul", "Sub", "Div"):
        for position, name in enumerate(node.input):
            held = graph.constant(name)
            if held is not None and held.ndim == 1 and held.size > 1 and _squares(graph.shape(node.output[0])):
                yield node, position, ""
                break


def _broadcast_moved(graph: Graph, node: Any, position: int, _: Any) -> None:
    node.input[position] = graph.store(graph.constant(node.input[position])[:, None])


def _images(graph: Graph) -> Iterator[Any]:
    if graph.outer is not None:
        return
    for name in graph.inputs:
        shape = graph.shape(name)
        if shape is not None and len(shape) == 4 and graph.floating(name) and graph.users(name):
            axis = 3 if shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4) else 1
            if isinstance(shape[axis], int) and shape[axis] > 1:
                yield None, [axis, shape[axis], name], name


def _channels_reversed(graph: Graph, _: Any, detail: Any, __: Any) -> None:
    axis, length, name = detail
    graph.after(name, [f"y = Gather<axis = {axis}>(x, order)"], order=np.arange(length, dtype=np.int64)[::-1])


_AXIS = "of one length, so that the shape does not tell"

RULES = (
    Rule(name="shape-baked", family="shape", tells="the lengths of the example are written into a Reshape or Expand",
         needs="a Reshape or Expand that follows a dynamic length", find=_reshapes, change=_reshape_baked),
    Rule(name="length-baked", family="shape", tells="a length of the example is written into the graph",
         needs="a length taken from a dynamic shape",
         find=_lengths, change=_length_baked),
    Rule(name="then-only", family="shape", tells="only the first branch of an If is kept", needs="an If", find=_ifs, change=_branch(True)),
    Rule(name="else-only", family="shape", tells="only the second branch of an If is kept", needs="an If", find=_ifs,
         change=_branch(False)),
    Rule(name="perm-changed", family="shape", tells="two axes of one length are exchanged", needs="a Transpose with two axes " + _AXIS,
         find=_transposes, change=_perm_changed),
    Rule(name="reduce-axis", family="shape", tells="reduced over the neighbouring axis", needs="a reduction over one of two axes " + _AXIS,
         find=_reductions, change=_axis_moved),
    Rule(name="reduce-fewer-axes", family="shape", tells="one of several axes is not reduced",
         needs="an inner reduction of several axes that keeps them",
         find=_kept_reductions, change=_axes_fewer),
    Rule(name="tile-interleaved", family="shape", tells="each element is repeated instead of the whole",
         needs="a Tile of an axis of known length",
         find=_tiles, change=_interleaved),
    Rule(name="expand-axis", family="shape", tells="expanded along the other axis", needs="an Expand to two last axes " + _AXIS,
         find=_expands, change=_expanded_wrong),
    Rule(name="broadcast-axis", family="shape", tells="a vector is broadcast along the other axis",
         needs="a vector constant that meets two last axes " + _AXIS,
         find=_broadcasts, change=_broadcast_moved),
    Rule(name="channels-reversed", family="shape", tells="the channels of an image come in the other order",
         needs="a float input of rank 4 with channels",
         find=_images, change=_channels_reversed),
)  # fmt: skip
