"""What each operator is called in PyTorch, as an expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.generate.programs import ops_elementwise, ops_layers
from harness.generate.programs.op import Attributes, weight

Meaning = Callable[..., str]
_SELF = {
    "neg": "-{0}", "power": "{0} ** {exponent!r}", "power_positive": "{0} ** {exponent!r}", "affine": "{0} * {scale!r} + {shift!r}",
    "remainder": "torch.remainder({0}, {divisor!r})", "fmod": "torch.fmod({0}, {divisor!r})",
    "floor_divide": 'torch.div({0}, {divisor!r}, rounding_mode="floor")', "clip": "torch.clamp({0}, {low!r}, {high!r})",
    "gelu_tanh": 'F.gelu({0}, approximate="tanh")', "leaky_relu": "F.leaky_relu({0}, {slope!r})", "elu": "F.elu({0}, {alpha!r})",
    "celu": "F.celu({0}, {alpha!r})", "softplus": "F.softplus({0}, {beta!r})", "softshrink": "F.softshrink({0}, {lambd!r})",
    "hardshrink": "F.hardshrink({0}, {lambd!r})", "threshold": "F.threshold({0}, {at!r}, {other!r})",
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "pow": "{0} ** {1}",
    "less": "{0} < {1}", "greater": "{0} > {1}", "greater_equal": "{0} >= {1}", "equal": "{0} == {1}",
    "int_add": "{0} + {1}", "int_sub": "{0} - {1}", "int_mul": "{0} * {1}", "int_max": "torch.maximum({0}, {1})",
    "int_min": "torch.minimum({0}, {1})", "int_floor_divide": "{0} // {1}", "int_remainder": "{0} % {1}",
    "int_floor_divide_by": "{0} // {divisor!r}", "int_remainder_by": "{0} % {divisor!r}", "int_fmod_by": "torch.fmod({0}, {divisor!r})",
    "int_truncate_divide_by": 'torch.div({0}, {divisor!r}, rounding_mode="trunc")', "int_neg": "-{0}", "int_abs": "torch.abs({0})",
    "to_int64": "{0}.to(torch.int64)", "to_int32": "{0}.to(torch.int32)", "bool_to_int64": "{0}.to(torch.int64)",
    "int_to_bool": "{0}.to(torch.bool)", "where": "torch.where({0}, {1}, {2})", "matmul": "torch.matmul({0}, {1})",
    "softmax": "torch.softmax({0}, dim={axis})", "log_softmax": "torch.log_softmax({0}, dim={axis})",
    "resize_nearest": 'F.interpolate({0}, scale_factor={scale!r}, mode="nearest")',
    "resize_linear": 'F.interpolate({0}, scale_factor={scale!r}, mode="bilinear", align_corners={align})',
    "reduce_sum": "{0}.sum(dim={axes}, keepdim={keep})", "reduce_mean": "{0}.mean(dim={axes}, keepdim={keep})",
    "reduce_max": "torch.amax({0}, dim={axes}, keepdim={keep})", "reduce_min": "torch.amin({0}, dim={axes}, keepdim={keep})",
    "reduce_l1": "torch.linalg.vector_norm({0}, ord=1, dim={axes}, keepdim={keep})",
    "reduce_l2": "torch.linalg.vector_norm({0}, dim={axes}, keepdim={keep})",
    "reduce_logsumexp": "torch.logsumexp({0}, dim={axes}, keepdim={keep})", "int_reduce_max": "torch.amax({0}, dim={axes}, keepdim={keep})",
    "variance": "torch.var({0}, dim={axes}, correction={unbiased:d}, keepdim={keep})", "cumsum": "torch.cumsum({0}, dim={axis})",
    "argmax": "torch.argmax({0}, dim={axis}, keepdim={keep})", "argmin": "torch.argmin({0}, dim={axis}, keepdim={keep})",
    "top_k": "torch.topk({0}, {k}, dim={axis}, largest={largest})[0]", "sort": "torch.sort({0}, dim={axis}, descending={descending})[0]",
    "merge": "{0}.flatten({start}, {end})", "transpose": "{0}.permute({order})", "unsqueeze": "{0}.unsqueeze({axis})",
    "squeeze": "{0}.squeeze({axis})", "tile": "{0}.repeat({repeats})", "concat": "torch.cat([{0}, {1}], dim={axis})",
    "stack": "torch.stack([{0}, {1}], dim={axis})", "piece": "torch.split({0}, {sizes}, dim={axis})[{index}]",
    "select": "torch.select({0}, {axis}, {index})", "flip": "torch.flip({0}, [{axis}])", "roll": "torch.roll({0}, {shift}, {axis})",
    "split_axis": "{0}.unflatten({axis}, ({factor}, -1))",
}  # fmt: skip
_PLAIN = {
    "torch.": (
        "abs", "exp", "log", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "atan", "square", "expm1", "log1p", "erf", "tanh", "floor",
        "ceil",
        "round", "trunc", "sign", "sigmoid", "maximum", "minimum", "logical_and", "logical_or", "logical_xor", "logical_not",
    ),
    "F.": ("relu", "relu6", "logsigmoid", "silu", "mish", "softsign", "hardswish", "hardsigmoid", "selu", "gelu"),
}  # fmt: skip


def _written(form: str) -> Meaning:
    return lambda _, a, *names: form.format(*names, **a)


def _named(function: str) -> Meaning:
    return lambda _, __, *names: f"{function}({', '.join(names)})"


def _prelu(w: Any, a: Attributes, x: str) -> str:
    return f"F.prelu({x}, {w.weight('slope', ops_elementwise.slopes(a))})"


def _linear(w: Any, a: Attributes, x: str) -> str:
    matrix, bias = ops_layers.linear_weights(a)
    return f"F.linear({x}, {w.weight('weight', matrix)}, {'None' if bias is None else w.weight('bias', bias)})"


def _conv(w: Any, a: Attributes, x: str) -> str:
    kernel, bias = ops_layers.conv_weights(a)
    given = f"{w.weight('weight', kernel)}, {'None' if bias is None else w.weight('bias', bias)}"
    return f"F.conv{len(a['kernel'])}d({x}, {given}, {a['stride']}, {a['padding']}, {a['dilation']}, {a['groups']})"


def _max_pool(_: Any, a: Attributes, x: str) -> str:
    return f"F.max_pool{len(a['kernel'])}d({x}, {a['kernel']}, {a['stride']}, {a['padding']}, {a['dilation']}, ceil_mode={a['ceil']})"


def _avg_pool(_: Any, a: Attributes, x: str) -> str:
    windows = f"{a['kernel']}, {a['stride']}, {a['padding']}"
    return f"F.avg_pool{len(a['kernel'])}d({x}, {windows}, ceil_mode={a['ceil']}, count_include_pad={a['count_pad']})"


def _norm(w: Any, a: Attributes) -> str:
    scale, bias = ops_layers.norm_weights(a)
    return f"{w.weight('scale', scale)}, {w.weight('bias', bias)}"


def _batch_norm(w: Any, a: Attributes, x: str) -> str:
    mean, variance = ops_layers.statistics(a)
    return f"F.batch_norm({x}, {w.weight('mean', mean)}, {w.weight('variance', variance)}, {_norm(w, a)}, eps={a['eps']!r})"


def _expand(_: Any, a: Attributes, x: str) -> str:
    return f"{x}.expand({[a['count'] if i == a['axis'] else -1 for i in range(a['rank'])]})"


def _slice(_: Any, a: Attributes, x: str) -> str:
    end = "" if a["whole"] else a["end"]
    axis = a["axis"]
    index = (
        [*[":"] * axis, f"{a['start']}:{end}:{a['step']}"]
        if axis >= 0
        else ["...", f"{a['start']}:{end}:{a['step']}", *[":"] * (-axis - 1)]
    )
    return f"{x}[{', '.join(index)}]"


def _pad(_: Any, a: Attributes, x: str) -> str:
    mode = {"edge": "replicate"}.get(a["mode"], a["mode"])
    if mode != "constant":
        return f'F.pad({x}, {list(a["amounts"]) + [0, 0] * (a["rank"] - 3)}, mode="{mode}")'
    return f"F.pad({x}, {[0, 0] * (a['rank'] - 1 - a['axis']) + list(a['amounts'])}, value={a['fill']!r})"


def _take(w: Any, a: Attributes, x: str) -> str:
    return f"torch.index_select({x}, {a['axis']}, {w.weight('indices', np.array(a['indices'], np.int64))})"


def _embedding(w: Any, a: Attributes, x: str) -> str:
    return f"F.embedding({x}, {w.weight('table', weight(a, 'embedding', (a['count'], a['width'])))})"


def _prod(_: Any, a: Attributes, x: str) -> str:
    """PyTorch multiplies along one axis at a time."""
    for axis in a["axes"]:
        x = f"{x}.prod(dim={axis}, keepdim=True)"
    return x if a["keep"] else f"{x}.squeeze({tuple(a['axes'])})"


MEANINGS: dict[str, Meaning] = {
    **{name: _written(form) for name, form in _SELF.items()},
    **{name: _named(prefix + name) for prefix, names in _PLAIN.items() for name in names},
    "prelu": _prelu,
    "linear": _linear, "conv": _conv, "max_pool": _max_pool, "avg_pool": _avg_pool, "batch_norm": _batch_norm, "expand": _expand,
    "layer_norm": lambda w, a, x: f"F.layer_norm({x}, {a['shape']}, {_norm(w, a)}, {a['eps']!r})",
    "group_norm": lambda w, a, x: f"F.group_norm({x}, {a['groups']}, {_norm(w, a)}, {a['eps']!r})",
    "to_float": lambda w, _, x: f"{x}.to({w.float})", "slice": _slice, "pad": _pad, "take": _take, "embedding": _embedding,
    "triangle": lambda _, a, x: f"torch.{'triu' if a['upper'] else 'tril'}({x}, {a['diagonal']})", "reduce_prod": _prod,
    "int_reduce_sum": lambda _, a, x: f"{x}.sum(dim={a['axes']}, keepdim={a['keep']}, dtype={x}.dtype)",
    "int_cumsum": lambda _, a, x: f"torch.cumsum({x}, dim={a['axis']}, dtype={x}.dtype)",
    "gather_along": lambda _, __, x, y: f"torch.gather({x}, -1, {y}.to(torch.int64))",
}  # fmt: skip
ABSENT: dict[str, str] = {}
"""Operators that PyTorch does not have, each with the reason."""
