"""What single plugins of CANN refuse, ignore or change without a word; read from the sources of the ONNX plugins (2026).

Each rule takes a `Node` and yields severity, what is wrong, and the smallest repair; a fourth entry names the automatic repair.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator

from harness.ascend.finding import DOUBT, REFUSED, WRONG
from harness.ascend.model import Node
from harness.ascend.operators import Operator
from harness.ascend.pads import padding

Told = Iterator["tuple[str, ...]"]
RULES: dict[str, list[Callable[[Node], Told]]] = {}
_UNHEARD = {("BatchNormalization", "momentum"), ("Dropout", "seed")}
"""Attributes that matter in training alone."""
_GATES = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh")}


def _of(*names: str) -> Callable[[Callable[[Node], Told]], Callable[[Node], Told]]:
    def add(rule: Callable[[Node], Told]) -> Callable[[Node], Told]:
        for name in names:
            RULES.setdefault(name, []).append(rule)
        return rule

    return add


def told(node: Node, row: Operator) -> Told:
    """Yield what the plugin of one node does wrong with it."""
    yield from _ignored(node, row)
    for rule in RULES.get(node.op, ()):
        yield from rule(node)


def _ignored(node: Node, row: Operator) -> Told:
    """Attributes that the plugin never reads, where they differ from what it takes for granted."""
    given, usual = node.given, node.defaults
    unread = [name for name in row.ignored if name in given and not _same(node.op, name, given[name], usual.get(name))]
    if node.op == "Shape" and unread:
        yield WRONG, "Shape: start and end are never read by the plugin", "Shape without them, and Slice behind", "shape"
        return
    for name in unread:
        if (node.op, name) in _UNHEARD or node.op == "Resize":
            continue
        repair = f"leave {name} at its default, or write the operator with others"
        if (node.op, name) == ("GRU", "linear_before_reset"):
            repair = "unroll the GRU, or write its cell with MatMul, Sigmoid and Tanh (PyTorch's GRU needs 1)"
        yield WRONG, f"{node.op}: {name}={_short(given[name])} is never read by the plugin", repair


def _same(op: str, name: str, given: Any, usual: Any) -> bool:
    if name == "activations":
        gates = _GATES[op]
        return bool(given) and tuple(given) == gates * (len(given) // len(gates))
    if name == "clip":
        return False
    return bool(given == (0 if usual is None and isinstance(given, int) else usual))


def _short(given: Any) -> str:
    text = str(given)
    return text if len(text) < 40 else text[:37] + "..."


@_of("Resize")
def _resize(node: Node) -> Told:
    mode = node.get("mode", "nearest")
    transform = node.get("coordinate_transformation_mode", "half_pixel")
    given = node.given
    if mode == "nearest":
        if transform not in ("half_pixel", "align_corners", "asymmetric"):
            yield WRONG, f"Resize nearest with {transform} is taken for asymmetric", "export with asymmetric, half_pixel or align_corners"
        rounding = given.get("nearest_mode", "round_prefer_floor")
        if rounding not in ("floor", "round_prefer_floor") or (rounding == "round_prefer_floor" and transform == "asymmetric"):
            yield WRONG, f"Resize: nearest_mode={rounding} is never read", "export with asymmetric and floor (torch's mode='nearest')"
    if mode == "cubic" and abs(float(given.get("cubic_coeff_a", -0.75)) + 0.75) > 1e-6:
        yield WRONG, "Resize: cubic_coeff_a is never read", "use -0.75, or resize before the model"
    for name in ("antialias", "exclude_outside"):
        if given.get(name):
            yield WRONG, f"Resize: {name}={given[name]} is not read", f"export without {name}, or resize before the model"
    if transform == "tf_crop_and_resize" and given.get("extrapolation_value"):
        yield WRONG, "Resize: extrapolation_value is never read", "pad before, and use another transformation"
    if given.get("axes"):
        yield WRONG, "Resize: axes is not read", "give scales or sizes for every axis"
    if given.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        yield WRONG, "Resize: keep_aspect_ratio_policy is not read", "give the sizes that it leads to"
    if (node.opset or 0) >= 11 and len(node.proto.input) < 3:
        yield REFUSED, "Resize with fewer than three inputs", "give roi and scales as empty tensors"


@_of("Softmax", "LogSoftmax")
def _softmax(node: Node) -> Told:
    if (node.opset or 13) >= 13:
        return
    axis, rank = int(node.get("axis", 1)), node.rank(0)
    last = axis == -1 or (rank is not None and axis % rank == rank - 1)
    if node.op == "LogSoftmax" and "axis" not in node.given and rank != 2:
        yield WRONG, "LogSoftmax below opset 13 without axis: the plugin takes -1, ONNX 1", "opset 13 or later", "opset"
    elif not last:
        what = f"{node.op} below opset 13 over axis {axis} of {rank or 'an unknown number of'} axes: only that axis is normalised"
        yield WRONG, what + ", where ONNX flattens from it on", "opset 13 or later", "opset"


@_of("MaxPool", "AveragePool")
def _pools(node: Node) -> Told:
    if node.get("auto_pad") == "SAME_LOWER":
        yield WRONG, f"{node.op}: SAME_LOWER is taken for SAME_UPPER", "explicit pads", "pads" if padding(node) else ""
    if node.op == "MaxPool" and len(node.proto.output) > 1 and node.proto.output[1]:
        yield REFUSED, "MaxPool with the output Indices", "a model that does not need them (MaxUnpool has another way)"
    if node.op == "MaxPool" and node.get("storage_order"):
        yield REFUSED, "MaxPool with storage_order=1", "leave it out: it only orders Indices"
    if len(node.get("kernel_shape") or (1, 1)) > 3:
        yield REFUSED, f"{node.op} over more than three axes", "pool in two steps"


@_of("LpPool")
def _lp_pool(node: Node) -> Told:
    for name in ("ceil_mode", "dilations"):
        if node.get(name) and node.get(name) not in (0, [1] * len(node.get("kernel_shape") or ())):
            yield WRONG, f"LpPool: {name} is not read", "Pow, AveragePool and Pow instead"


@_of("Conv")
def _conv(node: Node) -> Told:
    given = node.given
    if not {"kernel_shape", "pads", "strides", "dilations"} & set(given):
        yield REFUSED, "Conv without kernel_shape, pads, strides and dilations", "give kernel_shape", "kernel_shape"
    if node.rank(0) == 5 and given.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        yield REFUSED, f"3-D Conv with auto_pad={given['auto_pad']}", "explicit pads", "pads" if padding(node) else ""


@_of("ArgMax", "ArgMin")
def _arg(node: Node) -> Told:
    if node.get("select_last_index"):
        yield REFUSED, f"{node.op} with select_last_index=1", "leave it out, if ties cannot happen"


@_of("GatherND")
def _gather_nd(node: Node) -> Told:
    if node.get("batch_dims"):
        yield REFUSED, f"GatherND with batch_dims={node.get('batch_dims')}", "indices that hold the batch index, and batch_dims=0"


@_of("ScatterND")
def _scatter_nd(node: Node) -> Told:
    if node.get("reduction", "none") not in ("none", "add"):
        severity = REFUSED if node.get("reduction") == "mul" else DOUBT
        yield severity, f"ScatterND with reduction={node.get('reduction')}", "reduction none or add"


@_of("LRN")
def _lrn(node: Node) -> Told:
    if int(node.get("size", 1)) % 2 == 0:
        yield REFUSED, f"LRN over an even number of channels ({node.get('size')})", "an odd size, or its formula from AveragePool"


@_of("MeanVarianceNormalization")
def _mvn(node: Node) -> Told:
    if len(node.proto.output) > 1:
        yield REFUSED, "MeanVarianceNormalization with several outputs", "one output"


@_of("Mod")
def _mod(node: Node) -> Told:
    if node.get("fmod"):
        yield WRONG, "Mod: fmod=1 is not read", "a - Trunc(a/b)*b, or fmod=0 where no operand is negative"


@_of("ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd")
def _reduce(node: Node) -> Told:
    axes = node.constant(1)
    if node.get("noop_with_empty_axes") and (not node.has(1) or (axes is not None and not axes.size)):
        yield WRONG, f"{node.op}: noop_with_empty_axes=1 is not read, so all axes are reduced", "Identity instead"


@_of("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")
def _random(node: Node) -> Told:
    yield DOUBT, f"{node.op} draws other numbers on every device", "draw before the model, and make it an input"


@_of("Col2Im")
def _col2im(node: Node) -> Told:
    if len(node.get("strides") or (1, 1)) != 2:
        yield REFUSED, "Col2Im over other than two axes", "Reshape and Transpose"
