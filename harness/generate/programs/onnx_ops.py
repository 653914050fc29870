"""What each operator is in ONNX, as nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.generate.programs import ops_elementwise, ops_layers
from harness.generate.programs.onnx_graph import TYPES, Graph
from harness.generate.programs.op import Attributes, weight
from harness.generate.programs.ops_shape import expanded

Meaning = Callable[..., str]
LAST = 2**63 - 1
_PLAIN = {
    "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "reciprocal": "Reciprocal", "sin": "Sin", "cos": "Cos",
    "atan": "Atan", "erf": "Erf", "tanh": "Tanh", "floor": "Floor", "ceil": "Ceil", "round": "Round", "sign": "Sign", "relu": "Relu",
    "sigmoid": "Sigmoid", "softsign": "Softsign", "hardswish": "HardSwish", "selu": "Selu", "logical_not": "Not", "add": "Add",
    "sub": "Sub",
    "mul": "Mul", "div": "Div", "maximum": "Max", "minimum": "Min", "pow": "Pow", "less": "Less", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "equal": "Equal", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "where": "Where",
    "int_add": "Add", "int_sub": "Sub", "int_mul": "Mul", "int_max": "Max", "int_min": "Min", "int_remainder": "Mod", "int_neg": "Neg",
    "int_abs": "Abs", "matmul": "MatMul",
}  # fmt: skip


def _plain(op: str) -> Meaning:
    return lambda g, _, *x: g(op, *x)


def _cast(dtype: str) -> Meaning:
    return lambda g, _, x: g("Cast", x, to=TYPES[dtype])


def _reduce(op: str) -> Meaning:
    return lambda g, a, x: g(op, x, axes=list(a["axes"]), keepdims=int(a["keep"]))


def _sum(g: Graph, a: Attributes, x: str) -> str:
    return g("ReduceSum", x, g.whole(*a["axes"]), keepdims=int(a["keep"]))


def _variance(g: Graph, a: Attributes, x: str) -> str:
    apart = g("Sub", x, g("ReduceMean", x, axes=list(a["axes"]), keepdims=1))
    total = g("ReduceSumSquare", apart, axes=list(a["axes"]), keepdims=int(a["keep"]))
    rank = g.rank(x)
    count = g("ReduceProd", g.lengths(x, [i % rank for i in a["axes"]]), axes=[0], keepdims=0)
    count = g("Cast", count, to=TYPES["float32"])
    return g("Div", total, g("Sub", count, g.single(1.0)) if a["unbiased"] else count)


def _remainder(g: Graph, a: Attributes, x: str) -> str:
    divisor = g.single(a["divisor"])
    return g("Sub", x, g("Mul", g("Floor", g("Div", x, divisor)), divisor))


def _gelu_tanh(g: Graph, _: Attributes, x: str) -> str:
    cube = g("Mul", g("Mul", g("Mul", x, x), x), g.single(0.044715))
    inner = g("Tanh", g("Mul", g("Add", x, cube), g.single(math.sqrt(2 / math.pi))))
    return g("Mul", g("Mul", x, g.single(0.5)), g("Add", inner, g.single(1.0)))


def _gelu(g: Graph, _: Attributes, x: str) -> str:
    inner = g("Erf", g("Div", x, g.single(math.sqrt(2))))
    return g("Mul", g("Mul", x, g.single(0.5)), g("Add", inner, g.single(1.0)))


def _prelu(g: Graph, a: Attributes, x: str) -> str:
    return g("PRelu", x, g.constant(ops_elementwise.slopes(a).reshape(-1, *[1] * (g.rank(x) - 2))))


def _same_type(g: Graph, x: str, number: int) -> str:
    return g.constant(np.array(number, g.known[x].dtype))


def _floor_divide(g: Graph, _: Attributes, x: str, y: str) -> str:
    """ONNX divides whole numbers toward zero; what is left of the floored remainder divides exactly."""
    return g("Div", g("Sub", x, g("Mod", x, y)), y)


def _linear(g: Graph, a: Attributes, x: str) -> str:
    matrix, bias = ops_layers.linear_weights(a)
    if g.rank(x) == 2:
        return g("Gemm", x, g.constant(matrix), *([] if bias is None else [g.constant(bias)]), transB=1)
    product = g("MatMul", x, g.constant(np.ascontiguousarray(matrix.T)))
    return product if bias is None else g("Add", product, g.constant(bias))


def _window(a: Attributes) -> dict[str, Any]:
    return {"kernel_shape": list(a["kernel"]), "strides": list(a["stride"]), "pads": [*a["padding"], *a["padding"]]}


def _conv(g: Graph, a: Attributes, x: str) -> str:
    kernel, bias = ops_layers.conv_weights(a)
    given = [g.constant(kernel), *([] if bias is None else [g.constant(bias)])]
    return g("Conv", x, *given, **_window(a), dilations=list(a["dilation"]), group=a["groups"])


def _max_pool(g: Graph, a: Attributes, x: str) -> str:
    return g("MaxPool", x, **_window(a), dilations=list(a["dilation"]), ceil_mode=int(a["ceil"]))


def _avg_pool(g: Graph, a: Attributes, x: str) -> str:
    return g("AveragePool", x, **_window(a), ceil_mode=int(a["ceil"]), count_include_pad=int(a["count_pad"]))


def _layer_norm(g: Graph, a: Attributes, x: str) -> str:
    scale, bias = ops_layers.norm_weights(a)
    return g("LayerNormalization", x, g.constant(scale), g.constant(bias), axis=-len(a["shape"]), epsilon=a["eps"])


def _batch_norm(g: Graph, a: Attributes, x: str) -> str:
    held = [g.constant(array) for array in (*ops_layers.norm_weights(a), *ops_layers.statistics(a))]
    return g("BatchNormalization", x, *held, epsilon=a["eps"])


def _group_norm(g: Graph, a: Attributes, x: str) -> str:
    """ONNX normalises groups as PyTorch's exporter writes it: as instances."""
    groups, ones = a["groups"], np.ones(a["groups"], np.float32)
    flat = g("InstanceNormalization", g("Reshape", x, g.whole(0, groups, -1)), g.constant(ones), g.constant(0 * ones), epsilon=a["eps"])
    whole = g("Reshape", flat, g("Shape", x))
    scale, bias = (g.constant(array.reshape(-1, *[1] * (g.rank(x) - 2))) for array in ops_layers.norm_weights(a))
    return g("Add", g("Mul", whole, scale), bias)


def _resize_linear(g: Graph, a: Attributes, x: str) -> str:
    if not a["align"]:
        scales = g.constant(np.array([1, 1, a["scale"], a["scale"]], np.float32))
        return g("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
    lengths = g("Cast", g.lengths(x, [2, 3]), to=TYPES["float32"])
    lengths = g("Cast", g("Floor", g("Mul", lengths, g.single(a["scale"]))), to=TYPES["int64"])
    sizes = g("Concat", g.lengths(x, [0, 1]), lengths, axis=0)
    return g("Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode="align_corners")


def _resize_nearest(g: Graph, a: Attributes, x: str) -> str:
    scales = g.constant(np.array([1, 1, a["scale"], a["scale"]], np.float32))
    return g("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def _top_k(g: Graph, a: Attributes, x: str) -> str:
    return g.several("TopK", 2, x, g.whole(a["k"]), axis=a["axis"], largest=int(a["largest"]))[0]


def _sort(g: Graph, a: Attributes, x: str) -> str:
    length = g.lengths(x, [a["axis"] % g.rank(x)])
    return g.several("TopK", 2, x, length, axis=a["axis"], largest=int(a["descending"]))[0]


def _merge(g: Graph, a: Attributes, x: str) -> str:
    kind = g.known[x]
    after: list[int | str] = [kind.fixed(i) or f"a{i}" for i in range(a["end"] + 1, kind.rank)]
    return g.reshaped(x, [*[0] * a["start"], -1, *after])


def _split_axis(g: Graph, a: Attributes, x: str) -> str:
    kind, axis = g.known[x], a["axis"]
    after: list[int | str] = [kind.fixed(i) or f"a{i}" for i in range(axis + 1, kind.rank)]
    after = [-1 if isinstance(n, str) else n for n in after] if sum(isinstance(n, str) for n in after) == 1 else after
    return g.reshaped(x, [*[0] * axis, a["factor"], (kind.fixed(axis) or 0) // a["factor"], *after])


def _cut(g: Graph, x: str, axis: int, start: int, end: int, step: int = 1) -> str:
    return g("Slice", x, g.whole(start), g.whole(end), g.whole(axis), g.whole(step))


def _roll(g: Graph, a: Attributes, x: str) -> str:
    axis, shift = a["axis"], a["shift"]
    return g("Concat", _cut(g, x, axis, -shift, LAST), _cut(g, x, axis, 0, -shift), axis=axis)


def _stack(g: Graph, a: Attributes, x: str, y: str) -> str:
    axis = g.whole(a["axis"])
    return g("Concat", g("Unsqueeze", x, axis), g("Unsqueeze", y, axis), axis=a["axis"])


def _pad(g: Graph, a: Attributes, x: str) -> str:
    before, after = ([amount if i == a["axis"] else 0 for i in range(a["rank"])] for amount in a["amounts"])
    return g("Pad", x, g.whole(*before, *after), *([g.single(a["fill"])] if a["mode"] == "constant" else []), mode=a["mode"])


def _expand(g: Graph, a: Attributes, x: str) -> str:
    return g("Expand", x, g.whole(*expanded(a, (1,) * a["rank"])))


def _mish(g: Graph, _: Attributes, x: str) -> str:
    return g("Mul", x, g("Tanh", g("Softplus", x)))


def _affine(g: Graph, a: Attributes, x: str) -> str:
    return g("Add", g("Mul", x, g.single(a["scale"])), g.single(a["shift"]))


def _power(g: Graph, a: Attributes, x: str) -> str:
    return g("Pow", x, g.single(a["exponent"]))


def _softplus(g: Graph, a: Attributes, x: str) -> str:
    return g("Div", g("Softplus", g("Mul", x, g.single(a["beta"]))), g.single(a["beta"]))


_ACTIVATIONS: dict[str, Meaning] = {
    "affine": _affine, "power": _power, "power_positive": _power, "gelu": _gelu, "gelu_tanh": _gelu_tanh, "mish": _mish, "prelu": _prelu,
    "rsqrt": lambda g, _, x: g("Reciprocal", g("Sqrt", x)), "square": lambda g, _, x: g("Mul", x, x), "softplus": _softplus,
    "expm1": lambda g, _, x: g("Sub", g("Exp", x), g.single(1.0)), "log1p": lambda g, _, x: g("Log", g("Add", x, g.single(1.0))),
    "trunc": lambda g, _, x: g("Mul", g("Sign", x), g("Floor", g("Abs", x))), "remainder": _remainder,
    "clip": lambda g, a, x: g("Clip", x, g.single(a["low"]), g.single(a["high"])),
    "fmod": lambda g, a, x: g("Mod", x, g.single(a["divisor"]), fmod=1),
    "floor_divide": lambda g, a, x: g("Floor", g("Div", x, g.single(a["divisor"]))),
    "relu6": lambda g, _, x: g("Clip", x, g.single(0.0), g.single(6.0)),
    "logsigmoid": lambda g, _, x: g("Neg", g("Softplus", g("Neg", x))), "silu": lambda g, _, x: g("Mul", x, g("Sigmoid", x)),
    "hardsigmoid": lambda g, _, x: g("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    "leaky_relu": lambda g, a, x: g("LeakyRelu", x, alpha=a["slope"]), "elu": lambda g, a, x: g("Elu", x, alpha=a["alpha"]),
    "celu": lambda g, a, x: g("Celu", x, alpha=a["alpha"]),
    "softshrink": lambda g, a, x: g("Shrink", x, bias=a["lambd"], lambd=a["lambd"]),
    "hardshrink": lambda g, a, x: g("Shrink", x, lambd=a["lambd"]),
    "threshold": lambda g, a, x: g("Where", g("Greater", x, g.single(a["at"])), x, g.single(a["other"])),
}  # fmt: skip
_INTEGERS: dict[str, Meaning] = {
    "int_floor_divide": _floor_divide, "to_float": _cast("float32"), "to_int64": _cast("int64"), "to_int32": _cast("int32"),
    "bool_to_int64": _cast("int64"), "int_to_bool": _cast("bool"),
    "int_floor_divide_by": lambda g, a, x: _floor_divide(g, a, x, _same_type(g, x, a["divisor"])),
    "int_truncate_divide_by": lambda g, a, x: g("Div", x, _same_type(g, x, a["divisor"])),
    "int_remainder_by": lambda g, a, x: g("Mod", x, _same_type(g, x, a["divisor"])),
    "int_fmod_by": lambda g, a, x: g("Mod", x, _same_type(g, x, a["divisor"]), fmod=1),
}  # fmt: skip
_LAYERS: dict[str, Meaning] = {
    "linear": _linear, "conv": _conv, "max_pool": _max_pool, "avg_pool": _avg_pool, "layer_norm": _layer_norm, "batch_norm": _batch_norm,
    "group_norm": _group_norm, "softmax": lambda g, a, x: g("Softmax", x, axis=a["axis"]),
    "log_softmax": lambda g, a, x: g("LogSoftmax", x, axis=a["axis"]), "resize_nearest": _resize_nearest, "resize_linear": _resize_linear,
}  # fmt: skip
_REDUCTIONS: dict[str, Meaning] = {
    "reduce_sum": _sum, "int_reduce_sum": _sum, "reduce_mean": _reduce("ReduceMean"), "reduce_max": _reduce("ReduceMax"),
    "reduce_min": _reduce("ReduceMin"), "reduce_prod": _reduce("ReduceProd"), "reduce_l1": _reduce("ReduceL1"),
    "reduce_l2": _reduce("ReduceL2"), "reduce_logsumexp": _reduce("ReduceLogSumExp"), "int_reduce_max": _reduce("ReduceMax"),
    "variance": _variance, "top_k": _top_k, "sort": _sort,
    **{name: (lambda g, a, x: g("CumSum", x, g.constant(np.int64(a["axis"])))) for name in ("cumsum", "int_cumsum")},
    "argmax": lambda g, a, x: g("ArgMax", x, axis=a["axis"], keepdims=int(a["keep"])),
    "argmin": lambda g, a, x: g("ArgMin", x, axis=a["axis"], keepdims=int(a["keep"])),
}  # fmt: skip
_SHAPES: dict[str, Meaning] = {
    "merge": _merge, "split_axis": _split_axis, "transpose": lambda g, a, x: g("Transpose", x, perm=list(a["order"])),
    "unsqueeze": lambda g, a, x: g("Unsqueeze", x, g.whole(a["axis"])), "squeeze": lambda g, a, x: g("Squeeze", x, g.whole(a["axis"])),
    "expand": _expand, "tile": lambda g, a, x: g("Tile", x, g.whole(*a["repeats"])),
    "concat": lambda g, a, x, y: g("Concat", x, y, axis=a["axis"]), "stack": _stack,
    "piece": lambda g, a, x: g.several("Split", 2, x, g.whole(*a["sizes"]), axis=a["axis"])[a["index"]],
    "slice": lambda g, a, x: _cut(g, x, a["axis"], a["start"], LAST if a["whole"] else a["end"], a["step"]),
    "select": lambda g, a, x: g("Gather", x, g.constant(np.int64(a["index"])), axis=a["axis"]),
    "flip": lambda g, a, x: _cut(g, x, a["axis"], -1, -LAST, -1), "roll": _roll, "pad": _pad,
    "triangle": lambda g, a, x: g("Trilu", x, g.constant(np.int64(a["diagonal"])), upper=int(a["upper"])),
    "take": lambda g, a, x: g("Gather", x, g.whole(*a["indices"]), axis=a["axis"]),
    "gather_along": lambda g, _, x, y: g("GatherElements", x, y, axis=-1),
    "embedding": lambda g, a, x: g("Gather", g.constant(weight(a, "embedding", (a["count"], a["width"]))), x),
}  # fmt: skip
MEANINGS: dict[str, Meaning] = {
    **{name: _plain(op) for name, op in _PLAIN.items()}, **_ACTIVATIONS, **_INTEGERS, **_LAYERS, **_REDUCTIONS, **_SHAPES,
}  # fmt: skip
ABSENT: dict[str, str] = {}
"""Operators that ONNX does not have, each with the reason."""
