"""Faults that are one attribute: a table of node kinds, the attribute, and what it becomes."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Sequence

from harness.faults._onnx import Graph, attribute, set_attribute
from harness.faults._rule import Rule

New = Callable[[Any, Graph, Any], Any]
"""Old value, graph and node to the new value; None where the fault does not apply to this node."""


def changed(
    name: str, family: str, kinds: Sequence[str], attr: str, default: Any, new: New, tells: str, *, needs: str = "", since: int = 0
) -> Rule:
    """Return the rule that sets ``attr`` of nodes of ``kinds`` to what ``new`` says."""

    def find(graph: Graph) -> Iterator[Any]:
        for node in graph.nodes(*kinds) if graph.opset >= since else ():
            old = attribute(node, attr, default)
            held = new(old, graph, node)
            if held is not None and held != old:
                yield node, f"{attr} {old} -> {held}", ""

    def change(graph: Graph, node: Any, _: Any, __: Any) -> None:
        set_attribute(node, attr, new(attribute(node, attr, default), graph, node))

    return Rule(name=name, family=family, tells=tells, needs=needs or f"a {' or '.join(kinds)} node", find=find, change=change)


def to(held: Any) -> New:
    """Return the change to one value."""
    return lambda old, graph, node: held


def flip(old: Any, _: Graph, __: Any) -> Any:
    """Change 0 to 1 and anything else to 0."""
    return int(not old)


def among(**pairs: Any) -> New:
    """Return the change that a table gives; values that are not in it stay."""
    return lambda old, graph, node: pairs.get(old)


def _to_default(default: float, neutral: float) -> New:
    """Return the change that forgets a value: it becomes the default, or ``neutral`` where it is the default already."""
    return lambda old, graph, node: neutral if abs(old - default) < 1e-6 else default


def _softmax_axis(old: Any, graph: Graph, node: Any) -> Any:
    shape = graph.shape(node.input[0])
    if shape is None or len(shape) < 2:
        return None
    axis = old % len(shape)
    return axis - 1 if axis > 0 else 1


def _epsilon(held: float) -> New:
    return lambda old, graph, node: held if abs(old - held) > 1e-3 * held else None


def _kept(old: Any, graph: Graph, node: Any) -> Any:
    """Return the neighbouring axis where both have the same length, so that the shape does not tell."""
    shape = graph.shape(node.input[0])
    if shape is None or len(shape) < 2:
        return None
    axis = old % len(shape)
    near = [other for other in (axis - 1, axis + 1) if 0 <= other < len(shape) and shape[other] == shape[axis] is not None]
    return near[0] if near else None


def _strength(old: Any, _: Graph, __: Any) -> Any:
    return 1.0 if old != 1.0 else None


def _ceil(old: Any, _: Graph, node: Any) -> Any:
    return int(not old) if attribute(node, "auto_pad", "NOTSET") == "NOTSET" else None


def _direction(old: Any, _: Graph, __: Any) -> Any:
    return {"forward": "reverse", "reverse": "forward"}.get(old)


def _square(old: Any, graph: Graph, node: Any) -> Any:
    shape = graph.shape(node.input[1])
    return int(not old) if shape is not None and len(shape) == 2 and shape[0] == shape[1] is not None else None


_NORMS = ("BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization",
    "SkipLayerNormalization")

RULES = (
    changed("eps-1e-3", "norm", _NORMS, "epsilon", 1e-5, _epsilon(1e-3), "another framework's default epsilon, 1e-3"),
    changed("eps-1e-6", "norm", _NORMS, "epsilon", 1e-5, _epsilon(1e-6), "another framework's default epsilon, 1e-6"),
    changed("eps-1e-12", "norm", _NORMS, "epsilon", 1e-5, _epsilon(1e-12), "another framework's default epsilon, 1e-12"),
    changed("leaky-slope-lost", "activation", ("LeakyRelu",), "alpha", 0.01, _to_default(0.01, 0.0),
            "the slope is not written: the default"),
    changed("leaky-slope-doubled", "activation", ("LeakyRelu",), "alpha", 0.01, lambda old, g, n: 2 * old, "another slope"),
    changed("leaky-slope-zero", "activation", ("LeakyRelu",), "alpha", 0.01, to(0.0), "the slope reads as 0: a Relu"),
    changed("elu-alpha-lost", "activation", ("Elu", "Celu"), "alpha", 1.0, _to_default(1.0, 0.5), "alpha is not written: the default"),
    changed("hard-sigmoid-alpha", "activation", ("HardSigmoid",), "alpha", 0.2, _to_default(0.2, 1 / 6),
            "one sixth for one fifth, or back"),
    changed("gelu-form", "activation", ("Gelu",), "approximate", "none", among(none="tanh", tanh="none"),
            "the exact Gelu for its tanh form"),
    changed("softmax-axis", "activation", ("Softmax", "LogSoftmax"), "axis", -1, _softmax_axis, "normalised over the neighbouring axis",
            needs="a Softmax of rank 2 or more"),
    changed("ceil-mode", "window", ("MaxPool", "AveragePool", "LpPool"), "ceil_mode", 0, _ceil, "ceil_mode is dropped or added"),
    changed("pad-counted", "window", ("AveragePool",), "count_include_pad", 0, flip, "padding counts in the mean, or does not"),
    changed("same-side", "window", ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"), "auto_pad", "NOTSET",
            among(SAME_UPPER="SAME_LOWER", SAME_LOWER="SAME_UPPER"), "the odd row of SAME padding goes to the other side",
            needs="a node with auto_pad SAME_UPPER or SAME_LOWER"),
    changed("pad-mode", "window", ("Pad",), "mode", "constant", among(reflect="edge", edge="constant", wrap="reflect"),
            "another padding mode", needs="a Pad whose mode is not constant"),
    changed("resize-asymmetric", "resize", ("Resize",), "coordinate_transformation_mode", "half_pixel",
            among(half_pixel="asymmetric", pytorch_half_pixel="asymmetric", align_corners="asymmetric"),
            "coordinates without the half pixel"),
    changed("resize-align-corners", "resize", ("Resize",), "coordinate_transformation_mode", "half_pixel",
            among(half_pixel="align_corners", pytorch_half_pixel="align_corners", asymmetric="align_corners"), "corners aligned"),
    changed("resize-half-pixel", "resize", ("Resize",), "coordinate_transformation_mode", "half_pixel",
            among(asymmetric="half_pixel", align_corners="half_pixel"), "align_corners is dropped"),
    changed("resize-nearest", "resize", ("Resize",), "nearest_mode", "round_prefer_floor",
            lambda old, g, n: "floor" if attribute(n, "mode", "nearest") == "nearest" and old != "floor" else
            "round_prefer_ceil" if attribute(n, "mode", "nearest") == "nearest" else None, "nearest rounds another way",
            needs="a Resize of mode nearest"),
    changed("resize-cubic", "resize", ("Resize",), "cubic_coeff_a", -0.75,
            lambda old, g, n: None if attribute(n, "mode", "nearest") != "cubic" else -0.5 if old < -0.6 else -0.75,
            "the other cubic kernel", needs="a Resize of mode cubic"),
    changed("resize-antialias", "resize", ("Resize",), "antialias", 0, flip, "the filter of downscaling is lost or added", since=18),
    changed("resize-mode", "resize", ("Resize",), "mode", "nearest", among(cubic="linear", linear="nearest"), "a simpler interpolation",
            needs="a Resize of mode cubic or linear"),
    changed("grid-align-corners", "resize", ("GridSample",), "align_corners", 0, flip, "align_corners is dropped or added"),
    changed("grid-padding", "resize", ("GridSample",), "padding_mode", "zeros",
            among(zeros="border", border="zeros", reflection="border"), "what lies outside the grid reads as the border, or as zero"),
    changed("roi-half-pixel", "resize", ("RoiAlign",), "coordinate_transformation_mode", "half_pixel",
            among(half_pixel="output_half_pixel", output_half_pixel="half_pixel"), "the aligned flag of the boxes is lost", since=16),
    changed("roi-sampling", "resize", ("RoiAlign",), "sampling_ratio", 0, lambda old, g, n: 1 if old != 1 else 2, "fewer samples in a bin"),
    changed("roi-mode", "resize", ("RoiAlign",), "mode", "avg", among(avg="max", max="avg"), "maximum for mean"),
    changed("depth-order", "index", ("DepthToSpace",), "mode", "DCR", among(DCR="CRD", CRD="DCR"), "pixel shuffle in the other order"),
    changed("arg-last", "index", ("ArgMax", "ArgMin"), "select_last_index", 0, flip, "ties go to the last index, or to the first"),
    changed("arg-axis", "index", ("ArgMax", "ArgMin"), "axis", 0, _kept, "the neighbouring axis of the same length",
            needs="an ArgMax over an axis as long as its neighbour"),
    changed("top-k-smallest", "index", ("TopK",), "largest", 1, flip, "the smallest for the largest"),
    changed("cumsum-exclusive", "index", ("CumSum",), "exclusive", 0, flip, "the sum includes the element itself, or does not"),
    changed("cumsum-reverse", "index", ("CumSum",), "reverse", 0, flip, "summed from the other end"),
    changed("scatter-overwrites", "index", ("ScatterND", "ScatterElements"), "reduction", "none",
            lambda old, g, n: "none" if old != "none" else None, "duplicates overwrite instead of adding up", since=16,
            needs="a ScatterND or ScatterElements with a reduction"),
    changed("gather-axis", "index", ("Gather",), "axis", 0, _kept, "gathers along the neighbouring axis of the same length",
            needs="a Gather along an axis as long as its neighbour"),
    changed("mod-sign", "integer", ("Mod",), "fmod", 0, lambda old, g, n: int(not old) if "int" in g.dtype(n.input[0]) else None,
            "the sign of the remainder follows the other operand", needs="a Mod of integers"),
    changed("trilu-side", "attention", ("Trilu",), "upper", 1, flip, "the other triangle"),
    changed("gemm-alpha-lost", "structure", ("Gemm",), "alpha", 1.0, _strength, "alpha is dropped",
            needs="a Gemm with another alpha than 1"),
    changed("gemm-beta-lost", "structure", ("Gemm",), "beta", 1.0,
            lambda old, g, n: _strength(old, g, n) if len(n.input) > 2 else None, "beta is dropped",
            needs="a Gemm with another beta than 1"),
    changed("gemm-transposed", "structure", ("Gemm",), "transB", 0, _square, "a square weight is read transposed",
            needs="a Gemm with a square weight"),
    changed("rnn-direction", "recurrent", ("LSTM", "GRU", "RNN"), "direction", "forward", _direction, "runs from the other end"),
    changed("gru-reset-order", "recurrent", ("GRU",), "linear_before_reset", 0, flip, "the reset gate acts before the product, or after"),
    changed("lrn-size", "norm", ("LRN",), "size", 0, lambda old, g, n: old + 2, "a wider window", needs="an LRN node"),
    changed("lp-order", "norm", ("LpNormalization", "LpPool"), "p", 2, lambda old, g, n: 1 if old == 2 else 2, "the other norm"),
)  # fmt: skip
