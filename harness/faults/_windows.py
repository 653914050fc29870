"""Faults of sliding windows and of interpolation: where padding goes, what it holds, how lengths are told."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from harness.faults._onnx import Graph, attribute, parameter, set_attribute, set_parameter
from harness.faults._rule import Rule

_WINDOWS = ("Conv", "MaxPool", "AveragePool", "LpPool", "ConvTranspose")


def _padded(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes(*_WINDOWS):
        pads = attribute(node, "pads")
        if pads and any(pads) and attribute(node, "auto_pad", "NOTSET") == "NOTSET":
            axis = next(i for i in range(len(pads) // 2) if pads[i] or pads[i + len(pads) // 2])
            yield node, axis, ""


def _moved(pads: Any, axis: int) -> Any:
    """Return the pads of one axis with one row moved to the other side; the total stays."""
    half, pads = len(pads) // 2, list(pads)
    step = 1 if pads[axis] else -1
    pads[axis] -= step
    pads[axis + half] += step
    return pads


def _pads_moved(graph: Graph, node: Any, axis: int, _: Any) -> None:
    set_attribute(node, "pads", _moved(attribute(node, "pads"), axis))


def _pad_nodes(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Pad"):
        pads = parameter(graph, node, "pads", 1)
        if pads is not None and np.any(pads > 0):
            half = len(pads) // 2
            yield node, next(i for i in range(half) if pads[i] > 0 or pads[i + half] > 0), ""


def _pad_moved(graph: Graph, node: Any, axis: int, _: Any) -> None:
    set_parameter(graph, node, "pads", 1, _moved(parameter(graph, node, "pads", 1).tolist(), axis))


def _pad_values(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Pad"):
        if attribute(node, "mode", "constant") == "constant" and graph.dtype(node.output[0]) == "float32":
            yield node, None, ""


def _pad_value(graph: Graph, node: Any, _: Any, __: Any) -> None:
    held = parameter(graph, node, "value", 2)
    new = np.float32(0 if held is not None and float(held) != 0 else -1)
    if graph.opset < 11:
        set_attribute(node, "value", float(new))
        return
    rest = list(node.input[3:])
    del node.input[2:]
    node.input.extend([graph.store(new), *rest])


def _dilated(graph: Graph) -> Iterator[Any]:
    """Yield the dilated windows whose padding has room for what the dilation took."""
    for node in graph.nodes("Conv", "MaxPool"):
        room = _without_dilation(graph, node)
        if room is not None:
            yield node, room, ""


def _without_dilation(graph: Graph, node: Any) -> Any:
    dilations, pads = attribute(node, "dilations"), attribute(node, "pads")
    kernel = attribute(node, "kernel_shape") or list((graph.shape(node.input[1]) or ())[2:]) if node.op_type == "Conv" else attribute(node,
        "kernel_shape")
    if not dilations or not pads or not kernel or max(dilations) == 1:
        return None
    half, left = len(pads) // 2, list(pads)
    for axis, (size, step) in enumerate(zip(kernel, dilations)):
        take = (size - 1) * (step - 1)
        first = min(left[axis], (take + 1) // 2)
        if take - first > left[axis + half]:
            return None
        left[axis], left[axis + half] = left[axis] - first, left[axis + half] - (take - first)
    return left


def _dilation_lost(graph: Graph, node: Any, pads: Any, _: Any) -> None:
    set_attribute(node, "dilations", None)
    set_attribute(node, "pads", pads)


def _grouped(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Conv"):
        held = graph.constant(node.input[1])
        groups = attribute(node, "group", 1)
        if groups > 1 and held is not None and held.shape[0] > groups:
            yield node, groups, node.input[1]


def _groups_interleaved(graph: Graph, node: Any, groups: int, _: Any) -> None:
    held = graph.constant(node.input[1])
    order = np.arange(held.shape[0]).reshape(groups, -1).T.reshape(-1)
    node.input[1] = graph.store(held[order])


def _group_inputs(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Conv"):
        held, groups = graph.constant(node.input[1]), attribute(node, "group", 1)
        if held is not None and groups > 1 and groups * held.shape[1] > 1:
            yield node, groups * held.shape[1], ""


def _groups_rolled(graph: Graph, node: Any, channels: int, _: Any) -> None:
    order = np.roll(np.arange(channels), 1).astype(np.int64)
    made = graph.write(["y = Gather<axis = 1>(x, order)"], {"x": node.input[0]}, {"order": order})
    at = graph.place(node)
    node.input[0] = made[0].output[0]
    graph.insert(at, made)


def _output_padded(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("ConvTranspose"):
        extra, pads = attribute(node, "output_padding"), attribute(node, "pads")
        if extra and pads and any(extra) and all(pads[i] >= extra[i] for i in range(len(extra))):
            yield node, None, ""


def _output_padding_moved(graph: Graph, node: Any, _: Any, __: Any) -> None:
    extra, pads = attribute(node, "output_padding"), attribute(node, "pads")
    set_attribute(node, "pads", [pad - extra[i] if i < len(extra) else pad for i, pad in enumerate(pads)])
    set_attribute(node, "output_padding", None)


def _strided(graph: Graph) -> Iterator[Any]:
    """Yield strided windows without padding: sampling may begin one position later where the last window has room."""
    for node in graph.nodes("Conv", "MaxPool", "AveragePool"):
        shape, out = graph.shape(node.input[0]), graph.shape(node.output[0])
        strides = attribute(node, "strides") or []
        if any(step > 1 for step in strides) and shape is not None and out is not None and attribute(node, "auto_pad",
            "NOTSET") == "NOTSET":
            yield node, len(strides), ""


def _phase(graph: Graph, node: Any, rank: int, _: Any) -> None:
    # One row dropped in front, one added behind: the phase of sampling moves, the shape stays.
    pads = np.array([0, 0] + [-1] * rank + [0, 0] + [1] * rank, np.int64)
    at = graph.place(node)
    if graph.opset >= 11:
        made = graph.write(["y = Pad(x, pads)"], {"x": node.input[0]}, {"pads": pads})
    else:
        made = graph.write([f"y = Pad<pads = {pads.tolist()}>(x)"], {"x": node.input[0]}, {})
    node.input[0] = made[0].output[0]
    graph.insert(at, made)


def _resizes(graph: Graph, by: int) -> Iterator[Any]:
    """Yield static Resize nodes told by scales (``by`` 2) or sizes (3) whose other spelling is not the same number."""
    for node in graph.nodes("Resize"):
        shape = graph.shape(node.input[0])
        if graph.opset < 11 or len(node.input) <= by or not node.input[by] or shape is None or attribute(node, "axes"):
            continue
        held = graph.constant(node.input[by])
        if held is None or not all(isinstance(n, int) for n in shape[2:]) or len(held) != len(shape) or by == 2 and set(held[:2]) != {1}:
            continue
        if by == 2 and any(abs(n * s - np.floor(n * s)) > 1e-3 for n, s in zip(shape[2:], held[2:])):
            yield node, [int(np.floor(n * s)) / n for n, s in zip(shape[2:], held[2:])], ""


def _scale_to_ratio(graph: Graph, node: Any, ratios: Any, _: Any) -> None:
    # The length stays that of the scale: a hair more than the ratio, so that its product does not fall below.
    node.input[2] = graph.store(np.array([1, 1, *(np.nextafter(np.float32(r), np.float32(9)) for r in ratios)], np.float32))


def _sizes(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Resize"):
        shape, out = graph.shape(node.input[0]), graph.shape(node.output[0])
        spatial: list[Any] = [*shape[2:], *out[2:]] if shape is not None and out is not None else [None]
        if graph.opset < 11 or attribute(node, "axes") or not all(isinstance(n, int) for n in spatial):
            continue
        half = len(spatial) // 2
        steps = [((b + 0.4) / a) for a, b in zip(spatial[:half], spatial[half:])]
        if len(node.input) > 3 and node.input[3] and all(a != b for a, b in zip(spatial[:half], spatial[half:])):
            yield node, steps, ""


def _ratio_to_scale(graph: Graph, node: Any, scales: Any, _: Any) -> None:
    # The scale that the size was computed from is kept, 1.7 where 11 / 7 would be right: the length is the same.
    del node.input[2:]
    node.input.append(graph.store(np.array([1, 1, *scales], np.float32)))


_NEEDS_PADS = "a convolution or pooling with explicit padding"

RULES = (
    Rule(name="pads-moved", family="window", tells="one row of padding lies on the other side", needs=_NEEDS_PADS, find=_padded,
         change=_pads_moved),
    Rule(name="pad-moved", family="window", tells="one row of a Pad lies on the other side", needs="a Pad with constant pads",
         find=_pad_nodes, change=_pad_moved),
    Rule(name="pad-value", family="window", tells="padded with another value", needs="a Pad of mode constant", find=_pad_values,
         change=_pad_value),
    Rule(name="dilation-lost", family="window", tells="the dilation is dropped", needs="a dilated window with enough padding",
         find=_dilated, change=_dilation_lost),
    Rule(name="groups-interleaved", family="window", tells="filters of groups are taken in the other order",
         needs="a grouped Conv with a constant weight",
         find=_grouped, change=_groups_interleaved),
    Rule(name="groups-rolled", family="window", tells="each group reads its neighbour's channels", needs="a grouped Conv",
         find=_group_inputs, change=_groups_rolled),
    Rule(name="output-padding-moved", family="window", tells="output_padding goes to the front",
         needs="a ConvTranspose with output_padding and as much padding",
         find=_output_padded, change=_output_padding_moved),
    Rule(name="stride-phase", family="window", tells="strided sampling begins one position later", needs="a window with a stride above 1",
         find=_strided, change=_phase),
    Rule(name="scale-to-ratio", family="resize", tells="the scale is replaced by the ratio of sizes",
         needs="a Resize whose scale times size is no integer",
         find=lambda graph: _resizes(graph, 2), change=_scale_to_ratio),
    Rule(name="ratio-to-scale", family="resize", tells="the ratio of sizes is replaced by a scale",
         needs="a Resize told by sizes, of known lengths",
         find=_sizes, change=_ratio_to_scale),
)  # fmt: skip
