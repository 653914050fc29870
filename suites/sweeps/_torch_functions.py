"""`torch` functions for the sweep: reductions, resizing, indexing, rounding, division, comparison, sorting, casts, attention."""

from __future__ import annotations

from typing import Any

from _sweep_build import BATCH, HEIGHT, LENGTH, WIDTH, f32, flags, whole
from _torch_layers import rows

from harness import ids, integers, normal, uniform
from harness.generate.sweeps import OMITTED, Family, Name

WIDE = normal(4.0)
POSITIVE = uniform(0.05, 4.0)
CUBE = {"dynamic": [f32("x", BATCH, 5, LENGTH, 4)], "equal": [f32("x", 4, 4, 4, 4)], "one": [f32("x", 1, 1, 3, 1)]}
INTS = {"dynamic": [whole("x", BATCH, LENGTH, 5, domain=integers(-9, 9))]}
BOOLS = {"dynamic": [flags("x", BATCH, LENGTH, 5)]}
AXES = (1, -1, (1, 3), (0, 2))
KEEP = {"keepdim": (OMITTED, True)}


def two(first: Any = WIDE, second: Any = WIDE, dtype: str = "float32", other: str = "") -> dict[str, Any]:
    """Return two operands of one shape, and two that broadcast both ways."""

    def make(name: str, domain: Any, kind: str, *shape: Any) -> Any:
        return f32(name, *shape, domain=domain) if kind == "float32" else whole(name, *shape, domain=domain, dtype=kind)

    return {
        "dynamic": [make("x", first, dtype, BATCH, LENGTH, 5), make("y", second, other or dtype, BATCH, LENGTH, 5)],
        "broadcast": [make("x", first, dtype, BATCH, 1, 5), make("y", second, other or dtype, LENGTH, 1)],
    }


SMALL = integers(-7, 7)
NONZERO = uniform(0.3, 3.0)


def _nonzero(torch: Any, y: Any) -> Any:
    return torch.where(y == 0, torch.ones_like(y), y)


def _guarded(name: str) -> Any:
    def run(torch: Any, x: Any, y: Any, **given: Any) -> Any:
        return getattr(torch, name)(x, _nonzero(torch, y), **given)

    return run


REDUCTIONS = [
    Family(name=name, call=name, inputs=CUBE, attributes={"dim": AXES, **KEEP})
    for name in ("sum", "mean", "amax", "amin", "logsumexp")
] + [
    Family(name=name, call=name, inputs=CUBE, attributes={"dim": (1, -1, 0), **KEEP})
    for name in ("prod", "argmax", "argmin", "max", "min", "median", "mode", "nanmedian")
] + [
    Family(name=name, call=name, inputs=CUBE, attributes={"dim": (1, -1, 0)}) for name in ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
] + [
    Family(name=name, call=name, inputs=CUBE, attributes={"dim": (1, -1, (1, 3), None), "correction": (OMITTED, 0, 2), **KEEP})
    for name in ("var", "std", "var_mean", "std_mean")
] + [
    Family(name=f"{name}_whole", call=name, inputs=inputs, attributes={"dim": (OMITTED, 1, -1), **KEEP},
           rules=[lambda dim, keepdim: dim is not OMITTED or keepdim is OMITTED])
    for name, inputs in (("sum", INTS), ("prod", {"dynamic": [whole("x", BATCH, 5, domain=integers(-4, 4))]}), ("any", BOOLS), ("all", BOOLS),
                         ("argmax", INTS))
] + [
    Family(name="cumsum_integers", call="cumsum", inputs={**INTS, "bool": BOOLS["dynamic"]},
           attributes={"dim": (1, -1), "dtype": (OMITTED, Name(path="int32"), Name(path="float32"))}),
    Family(name="sum_dtype", call="sum", inputs={**INTS, "bool": BOOLS["dynamic"], "real": CUBE["dynamic"]},
           attributes={"dim": (1, -1), "dtype": (OMITTED, Name(path="int32"), Name(path="float32"), Name(path="float64"))}),
    Family(name="nansum", call="nansum", inputs=CUBE, attributes={"dim": (1, (0, 2)), **KEEP}),
    Family(name="vector_norm", call="linalg.vector_norm", inputs=CUBE,
           attributes={"ord": (2, 1, 3, 0, 0.5, float("inf"), -float("inf")), "dim": (1, (1, 3), None), **KEEP}),
    Family(name="norm", call="norm", inputs=CUBE, attributes={"p": ("fro", 1, 3, float("inf")), "dim": (1, (1, 3)), **KEEP}),
    Family(name="count_nonzero", call="count_nonzero", inputs=INTS, attributes={"dim": (1, (0, 2))}),
    Family(name="aminmax", call="aminmax", inputs=CUBE, attributes={"dim": (1, -1), **KEEP}),
    Family(name="quantile", call="quantile", inputs=CUBE, fixed={"q": 0.3},
           attributes={"dim": (1, -1), "interpolation": (OMITTED, "lower", "higher", "midpoint", "nearest"), **KEEP}),
    Family(name="softmax", call="softmax", inputs=CUBE, attributes={"dim": (1, -1, 0, 2), "dtype": (OMITTED, Name(path="float64"))}),
    Family(name="log_softmax", call="log_softmax", inputs=CUBE, attributes={"dim": (1, -1, 0), "dtype": (OMITTED, Name(path="float64"))}),
    Family(name="normalize", call="nn.functional.normalize", inputs=CUBE, attributes={"p": (2.0, 1.0, 3.0), "dim": (1, -1, 0), "eps": (OMITTED, 2.0)}),
    Family(name="renorm", call="renorm", inputs=CUBE, attributes={"p": (2.0, 1.0), "dim": (0, 1), "maxnorm": (1.5, 0.5)}),
    Family(name="cross", call="cross", inputs={"dynamic": [f32("x", BATCH, 3, 5), f32("y", BATCH, 3, 5)]}, attributes={"dim": (1,)}),
    Family(name="diff", call="diff", inputs=CUBE, attributes={"n": (1, 2), "dim": (-1, 2)}),
    Family(name="trapezoid", call="trapezoid", inputs=CUBE, attributes={"dim": (-1, 1), "dx": (1.0, 0.5)}),
]  # fmt: skip

UNARY = [
    Family(name=name, call=call, inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=domain)]})
    for name, call, domain in (
        *((n, n, WIDE) for n in ("abs", "neg", "sign", "sgn", "floor", "ceil", "round", "trunc", "frac", "exp", "exp2", "expm1", "sin", "cos", "tan",
                                 "atan", "sinh", "cosh", "asinh", "tanh", "sigmoid", "erf", "erfc", "sinc", "square", "signbit", "isnan", "isinf",
                                 "isfinite", "logical_not", "deg2rad", "rad2deg", "positive", "nan_to_num", "i0", "digamma", "lgamma")),
        *((n, n, POSITIVE) for n in ("sqrt", "rsqrt", "reciprocal", "log", "log2", "log10", "log1p")),
        *((n, n, uniform(-0.98, 0.98)) for n in ("asin", "acos", "atanh", "erfinv")),
        ("acosh", "acosh", uniform(1.01, 6.0)), ("logit", "logit", uniform(0.02, 0.98)),
        *((f"special_{n}", f"special.{n}", WIDE) for n in ("expit", "log_ndtr", "ndtr", "i0e", "erfcx", "entr", "psi")),
        ("hardtanh", "nn.functional.hardtanh", WIDE),
    )
] + [
    Family(name="round_decimals", call="round", inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=normal(30.0))]}, attributes={"decimals": (0, 1, -1, 2)}),
    Family(name="clamp", call="clamp", inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=WIDE)], "whole": INTS["dynamic"]},
           attributes={"min": (-1, OMITTED, 2), "max": (3, OMITTED, -2)}, rules=[lambda min, max: not (min is OMITTED and max is OMITTED)]),
    Family(name="clamp_fraction_of_integers", call="clamp", inputs=INTS, attributes={"min": (-1.5, OMITTED), "max": (2.5, OMITTED)},
           rules=[lambda min, max: not (min is OMITTED and max is OMITTED)]),
    Family(name="nan_to_num_values", call="nan_to_num", inputs={"dynamic": [f32("x", BATCH, LENGTH)]},
           attributes={"nan": (OMITTED, 1.5), "posinf": (OMITTED, 7.0), "neginf": (OMITTED, -7.0)}),
    Family(name="logit_eps", call="logit", inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=uniform(0.0, 1.0))]}, attributes={"eps": (0.1, 1e-3)}),
    Family(name="abs_integers", call="abs", inputs=INTS), Family(name="sign_integers", call="sign", inputs=INTS),
    Family(name="bitwise_not", call="bitwise_not", inputs={**INTS, "bool": BOOLS["dynamic"]}),
    Family(name="sqrt_integers", call="exp", inputs=INTS), Family(name="mean_of_bool", call=lambda torch, x: x.float().mean(dim=1), inputs=BOOLS),
]  # fmt: skip

_KINDS = {"reals": ("float32", "float32"), "integers": ("int64", "int64"), "int32": ("int32", "int32"), "mixed": ("int64", "float32")}
_OPERANDS: dict[str, Any] = {}
for word, (left, right) in _KINDS.items():
    for shape, specs in two(WIDE if left == "float32" else SMALL, WIDE if right == "float32" else SMALL, left, right).items():
        _OPERANDS[f"{word}.{shape}"] = specs
_WHOLE = {name: specs for name, specs in _OPERANDS.items() if name.startswith("int")}
BINARY = [
    Family(name=name, call=name, inputs=_OPERANDS)
    for name in ("add", "sub", "mul", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_xor", "logical_or")
] + [
    Family(name="div", call=_guarded("div"), inputs=_OPERANDS, attributes={"rounding_mode": (OMITTED, "floor", "trunc")}),
    Family(name="remainder", call=_guarded("remainder"), inputs=_OPERANDS), Family(name="fmod", call=_guarded("fmod"), inputs=_OPERANDS),
    Family(name="floor_divide", call=_guarded("floor_divide"), inputs=_OPERANDS),
    Family(name="div_scalar", call=lambda torch, x, other, rounding_mode=None: torch.div(x, other, rounding_mode=rounding_mode),
           inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"other": (3, -3, 2.5), "rounding_mode": (OMITTED, "floor", "trunc")}),
    Family(name="remainder_scalar", call="remainder", inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"other": (3, -3, 2.5)}),
    Family(name="fmod_scalar", call="fmod", inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"other": (3, -3, 2.5)}),
    Family(name="add_alpha", call="add", inputs=_OPERANDS, attributes={"alpha": (OMITTED, 3)}),
    Family(name="sub_alpha", call="sub", inputs=_OPERANDS, attributes={"alpha": (OMITTED, 3)}),
    Family(name="rsub", call="rsub", inputs=_OPERANDS, attributes={"alpha": (OMITTED, 2)}),
    Family(name="pow", call="pow", inputs={"reals": two(POSITIVE, uniform(-2.0, 2.0))["dynamic"], "mixed": two(WIDE, integers(0, 3), "float32", "int64")["dynamic"]}),
    Family(name="pow_scalar", call="pow", inputs={**INTS, "reals": [f32("x", BATCH, 5, domain=WIDE)]}, attributes={"exponent": (2, 3, 0)}),
    Family(name="scalar_pow", call=lambda torch, x, base: torch.pow(base, x), inputs={"reals": [f32("x", BATCH, 5)]}, attributes={"base": (2, 0.5, 3.0)}),
    Family(name="atan2", call="atan2", inputs=two()), Family(name="hypot", call="hypot", inputs=two()), Family(name="copysign", call="copysign", inputs=two()),
    Family(name="logaddexp", call="logaddexp", inputs=two()), Family(name="logaddexp2", call="logaddexp2", inputs=two()),
    Family(name="xlogy", call="xlogy", inputs=two(POSITIVE, POSITIVE)), Family(name="heaviside", call="heaviside", inputs=two()),
    Family(name="fmax", call="fmax", inputs=two()), Family(name="fmin", call="fmin", inputs=two()),
    Family(name="isclose", call="isclose", inputs=two(), attributes={"rtol": (OMITTED, 0.5), "atol": (OMITTED, 0.5)}),
    Family(name="lerp", call="lerp", inputs=two(), attributes={"weight": (0.3, 0.8)}),
    Family(name="bitwise_and", call="bitwise_and", inputs=_WHOLE), Family(name="bitwise_xor", call="bitwise_xor", inputs=_WHOLE),
    Family(name="bitwise_shift", call=lambda torch, x, y, left: torch.bitwise_left_shift(x, y.abs()) if left else torch.bitwise_right_shift(x, y.abs()),
           inputs=_WHOLE, attributes={"left": (True, False)}),
    Family(name="gcd", call="gcd", inputs=_WHOLE), Family(name="float_power", call="float_power", inputs=two(POSITIVE, POSITIVE)),
    Family(name="addcdiv", call=lambda torch, x, y, value: torch.addcdiv(x, y, y.abs() + 1, value=value), inputs=two(), attributes={"value": (1, -0.5)}),
    Family(name="where_mixed", call=lambda torch, x, y: torch.where(x > 0, x, y), inputs=_OPERANDS),
    Family(name="dist", call="dist", inputs=two(), attributes={"p": (2, 1, 0, 3)}),
    Family(name="cdist", call="cdist", inputs={"dynamic": [f32("x", BATCH, LENGTH, 4), f32("y", BATCH, 3, 4)]}, attributes={"p": (2.0, 1.0, 0.0, 3.0, float("inf"))}),
]  # fmt: skip

_IDS = whole("y", BATCH, 5, 4, domain=ids(9))
_ROWS = f32("x", BATCH, 9, 4)


def _scatter(torch: Any, x: Any, y: Any, z: Any, reduce: str, dim: int, include_self: bool = True) -> Any:
    return torch.scatter_reduce(x, dim, y, z, reduce=reduce, include_self=include_self)


def _index_reduce(torch: Any, x: Any, y: Any, z: Any, reduce: str, include_self: bool = True) -> Any:
    return torch.index_reduce(x, 1, y, z, reduce, include_self=include_self)


INDEXING = [
    Family(name="gather", call=lambda torch, x, y, dim: torch.gather(x, dim, y), inputs={"dynamic": [_ROWS, _IDS]}, attributes={"dim": (1, -2)}),
    Family(name="take_along_dim", call="take_along_dim", inputs={"dynamic": [_ROWS, _IDS]}, attributes={"dim": (1, -2)}),
    Family(name="scatter", call=lambda torch, x, y, z, dim: torch.scatter(x, dim, y % 4, z), inputs={"dynamic": [f32("x", BATCH, 9, 4), whole("y", BATCH, 5, 4, domain=ids(4)), f32("z", BATCH, 5, 4)]}, attributes={"dim": (1, -1)}),
    Family(name="scatter_value", call=lambda torch, x, y, dim, value: torch.scatter(x, dim, y, value), inputs={"dynamic": [f32("x", BATCH, 9, 4), whole("y", BATCH, 5, 4, domain=ids(4))]}, attributes={"dim": (1, -1), "value": (1.5, -2)}),
    Family(name="scatter_add", call=lambda torch, x, y, z, dim: torch.scatter_add(x, dim, y, z), inputs={"dynamic": [f32("x", BATCH, 9, 4), whole("y", BATCH, 5, 4, domain=ids(4)), f32("z", BATCH, 5, 4)]}, attributes={"dim": (1, -1)}),
    Family(name="scatter_reduce", call=_scatter, inputs={"dynamic": [f32("x", BATCH, 9, 4), whole("y", BATCH, 5, 4, domain=ids(4)), f32("z", BATCH, 5, 4)]},
           attributes={"reduce": ("sum", "prod", "mean", "amax", "amin"), "dim": (1, -1), "include_self": (OMITTED, False)}),
    Family(name="index_add", call=lambda torch, x, y, z, alpha=1: torch.index_add(x, 1, y, z, alpha=alpha), inputs={"dynamic": [_ROWS, whole("y", 5, domain=ids(9)), f32("z", BATCH, 5, 4)]}, attributes={"alpha": (OMITTED, 2.5)}),
    Family(name="index_reduce", call=_index_reduce, inputs={"dynamic": [_ROWS, whole("y", 5, domain=ids(9)), f32("z", BATCH, 5, 4)]}, attributes={"reduce": ("prod", "mean", "amax", "amin"), "include_self": (OMITTED, False)}),
    Family(name="index_copy", call=lambda torch, x, y, z: torch.index_copy(x, 1, y.unique()[:1].repeat(1), z[:, :1]), inputs={"fixed": [f32("x", 2, 9, 4), whole("y", 1, domain=ids(9)), f32("z", 2, 1, 4)]}),
    Family(name="index_fill", call=lambda torch, x, y, value: torch.index_fill(x, 1, y, value), inputs={"dynamic": [_ROWS, whole("y", 5, domain=ids(9))]}, attributes={"value": (1.5, -2)}),
    Family(name="index_select", call=lambda torch, x, y, dim: torch.index_select(x, dim, y), inputs={"dynamic": [_ROWS, whole("y", 5, domain=ids(4))]}, attributes={"dim": (1, -1)}),
    Family(name="negative_index", call=lambda torch, x, y: x[:, y], inputs={"dynamic": [_ROWS, whole("y", 5, domain=integers(-9, 8))]}),
    Family(name="two_indices", call=lambda torch, x, y, z: x[:, y, z], inputs={"dynamic": [_ROWS, whole("y", 5, domain=integers(-9, 8)), whole("z", 5, domain=integers(-4, 3))]}),
    Family(name="split_indices", call=lambda torch, x, y, z: x[y, :, z], inputs={"dynamic": [f32("x", 3, 9, 4), whole("y", LENGTH, domain=integers(-3, 2)), whole("z", LENGTH, domain=integers(-4, 3))]}),
    Family(name="put_index", call=lambda torch, x, y, z, accumulate: x.index_put((torch.arange(x.shape[0])[:, None], y[None, :]), z, accumulate=accumulate),
           inputs={"fixed": [f32("x", 3, 9), whole("y", 5, domain=integers(-9, 8)), f32("z", 3, 5)]}, attributes={"accumulate": (True,)}),
    Family(name="masked_fill", call=lambda torch, x, y, value: x.masked_fill(y > 0, value), inputs={**two(), "whole": two(SMALL, SMALL, "int64")["dynamic"]},
           attributes={"value": (1, -3)}),
    Family(name="masked_scatter", call=lambda torch, x, y, z: x.masked_scatter(y > 0, z), inputs={"fixed": [f32("x", 3, 5), f32("y", 3, 5), f32("z", 3, 5)]}),
    Family(name="take", call=lambda torch, x, y: torch.take(x, y), inputs={"fixed": [f32("x", 3, 5), whole("y", 7, domain=integers(-15, 14))]}),
    Family(name="one_hot", call=lambda torch, x, num_classes: torch.nn.functional.one_hot(x, num_classes), inputs={"dynamic": [whole("x", BATCH, LENGTH, domain=ids(5))]}, attributes={"num_classes": (5, 7)}),
    Family(name="bucketize", call=lambda torch, x, right: torch.bucketize(x, torch.tensor([-1.0, 0.0, 0.5, 2.0]).to(x.dtype), right=right), inputs={"dynamic": [f32("x", BATCH, LENGTH)]}, attributes={"right": (False, True)}),
    Family(name="topk", call="topk", inputs={"dynamic": CUBE["dynamic"], "equal": CUBE["equal"]}, attributes={"k": (2, 3), "dim": (1, -1, 2), "largest": (OMITTED, False)}),
    Family(name="sort", call="sort", inputs={"dynamic": CUBE["dynamic"], "equal": CUBE["equal"]}, attributes={"dim": (1, -1, 2), "descending": (OMITTED, True), "stable": (OMITTED, True)}),
    Family(name="argsort", call="argsort", inputs={"dynamic": CUBE["dynamic"]}, attributes={"dim": (1, -1, 2), "descending": (OMITTED, True)}),
    Family(name="kthvalue", call="kthvalue", inputs={"dynamic": CUBE["dynamic"]}, attributes={"k": (2, 3), "dim": (1, -1), **KEEP}),
    Family(name="searchsorted", call=lambda torch, x, y, right: torch.searchsorted(torch.sort(x, -1).values, y, right=right), inputs={"dynamic": [f32("x", BATCH, 7), f32("y", BATCH, LENGTH)]}, attributes={"right": (False, True)}),
    Family(name="embedding_functional", call=lambda torch, x, y, padding_idx=None: torch.nn.functional.embedding(y, x, padding_idx=padding_idx), inputs={"dynamic": [f32("x", 11, 4), whole("y", BATCH, LENGTH, domain=ids(11))]}, attributes={"padding_idx": (OMITTED, 0, -1)}),
]  # fmt: skip
_IMAGE = {"dynamic": [f32("x", BATCH, 3, HEIGHT, WIDTH)], "fixed": [f32("x", 2, 3, 7, 10)]}
_GRID = {
    "dynamic": [f32("x", BATCH, 3, HEIGHT, WIDTH), f32("y", BATCH, 6, 5, 2, domain=uniform(-1.6, 1.6))],
    "fixed": [f32("x", 2, 3, 7, 10), f32("y", 2, 4, 5, 2, domain=uniform(-1.2, 1.2))],
}


def _interpolate(torch: Any, x: Any, **given: Any) -> Any:
    return torch.nn.functional.interpolate(x, **given)


def _attention(torch: Any, x: Any, y: Any, z: Any, mask: str = "", **given: Any) -> Any:
    if mask == "bool":
        given["attn_mask"] = torch.arange(x.shape[-2])[:, None] + 2 >= torch.arange(y.shape[-2])[None, :]
    if mask == "float":
        given["attn_mask"] = (torch.arange(x.shape[-2])[:, None] - torch.arange(y.shape[-2])[None, :]).to(x.dtype) * 0.3
    if mask == "empty":
        given["attn_mask"] = torch.arange(x.shape[-2])[:, None] >= torch.arange(y.shape[-2])[None, :] + 1
    return torch.nn.functional.scaled_dot_product_attention(x, y, z, **given)


_HEADS = {
    "cross": [f32("x", BATCH, 2, 5, 4), f32("y", BATCH, 2, LENGTH, 4), f32("z", BATCH, 2, LENGTH, 4)],
    "self": [f32("x", BATCH, 2, 6, 4), f32("y", BATCH, 2, 6, 4), f32("z", BATCH, 2, 6, 4)],
    "wide": [f32("x", BATCH, 2, 9, 4), f32("y", BATCH, 2, 5, 4), f32("z", BATCH, 2, 5, 6)],
}
SPATIAL = [
    Family(name="interpolate_scale", call=_interpolate, inputs=_IMAGE,
           attributes={"scale_factor": (2, (1.7, 2.3), 0.6, (3, 0.5)), "mode": ("nearest", "bilinear", "bicubic", "area", "nearest-exact"), "align_corners": (None, True, False),
                       "antialias": (OMITTED, True), "recompute_scale_factor": (OMITTED, True)},
           rules=[lambda mode, align_corners: mode in ("bilinear", "bicubic") or align_corners is None,
                  lambda mode, antialias: mode in ("bilinear", "bicubic") or antialias is OMITTED]),
    Family(name="interpolate_size", call=_interpolate, inputs=_IMAGE,
           attributes={"size": ((15, 5), (4, 21), (9, 14), (1, 1)), "mode": ("nearest", "bilinear", "bicubic", "area", "nearest-exact"), "align_corners": (None, True, False), "antialias": (OMITTED, True)},
           rules=[lambda mode, align_corners: mode in ("bilinear", "bicubic") or align_corners is None,
                  lambda mode, antialias: mode in ("bilinear", "bicubic") or antialias is OMITTED]),
    Family(name="grid_sample", call="nn.functional.grid_sample", inputs=_GRID,
           attributes={"mode": ("bilinear", "nearest", "bicubic"), "padding_mode": ("zeros", "border", "reflection"), "align_corners": (None, True, False)}),
    Family(name="affine_grid", call=lambda torch, x, size, align_corners: torch.nn.functional.affine_grid(x, size, align_corners=align_corners),
           inputs={"fixed": [f32("x", 2, 2, 3)]}, attributes={"size": ((2, 3, 5, 4), (2, 3, 1, 7)), "align_corners": (False, True)}),
    Family(name="pad", call="nn.functional.pad", inputs=_IMAGE,
           attributes={"pad": ((1, 2), (1, 2, 3, 0), (2, -1, -2, 1)), "mode": ("constant", "reflect", "replicate", "circular")},
           rules=[lambda pad, mode: mode == "constant" or len(pad) == 4 and min(pad) >= 0]),
    Family(name="pad_value", call="nn.functional.pad", inputs={**_IMAGE, "whole": [whole("x", BATCH, 4, 5, domain=SMALL)]}, attributes={"pad": ((1, 2), (0, 3, 1, 0)), "value": (OMITTED, 1, -2)}),
    Family(name="unfold_dim", call=lambda torch, x, dimension, size, step: x.unfold(dimension, size, step), inputs={"dynamic": [f32("x", BATCH, 5, LENGTH)], "fixed": [f32("x", 2, 5, 11)]}, attributes={"dimension": (2, -1), "size": (3, 4), "step": (1, 2, 5)}),
    Family(name="sdpa", call=_attention, inputs=_HEADS, attributes={"is_causal": (OMITTED, True), "scale": (OMITTED, 0.3), "mask": (OMITTED, "bool", "float", "empty")},
           rules=[lambda is_causal, mask: is_causal is OMITTED or mask is OMITTED]),
    Family(name="sdpa_grouped", call=_attention, inputs={"gqa": [f32("x", BATCH, 4, 5, 4), f32("y", BATCH, 2, LENGTH, 4), f32("z", BATCH, 2, LENGTH, 4)]}, attributes={"enable_gqa": (True,), "is_causal": (OMITTED, True), "mask": (OMITTED, "bool")},
           rules=[lambda is_causal, mask: is_causal is OMITTED or mask is OMITTED]),
    Family(name="batch_norm_training", call=lambda torch, x, eps: torch.nn.functional.batch_norm(x, None, None, training=True, eps=eps), inputs=_IMAGE, attributes={"eps": (1e-5, 0.1)}),
    Family(name="instance_norm", call=lambda torch, x, eps: torch.nn.functional.instance_norm(x, eps=eps), inputs=_IMAGE, attributes={"eps": (1e-5, 0.1)}),
    Family(name="layer_norm_plain", call=lambda torch, x, shape, eps: torch.nn.functional.layer_norm(x, shape, eps=eps), inputs=rows(5, 6), attributes={"shape": ((6,), (5, 6)), "eps": (1e-5, 0.1)}),
    Family(name="gumbel_free_glu", call=lambda torch, x, dim: torch.nn.functional.glu(x, dim), inputs={"dynamic": [f32("x", BATCH, 4, 6)]}, attributes={"dim": (-1, 1)}),
    Family(name="adaptive_max_indices", call=lambda torch, x, size: torch.nn.functional.adaptive_max_pool2d(x, size, return_indices=True), inputs={"fixed": [f32("x", 2, 3, 6, 8)]}, attributes={"size": (1, (3, 4), (2, 2))}),
]  # fmt: skip

_ANY = {"dynamic": [f32("x", BATCH, LENGTH, 6)], "equal": [f32("x", 6, 6, 6)]}
SHAPES = [
    Family(name="roll", call="roll", inputs=_ANY, attributes={"shifts": ((2, -1), (7, 1)), "dims": ((1, 2), (2, 0), (-1, 1))}),
    Family(name="roll_flat", call="roll", inputs=_ANY, attributes={"shifts": (3, -2)}),
    Family(name="flip", call="flip", inputs=_ANY, attributes={"dims": ((1,), (0, 2), (-1, -2))}),
    Family(name="rot90", call="rot90", inputs=_ANY, attributes={"k": (1, 2, 3, -1), "dims": ((0, 1), (1, 2), (2, 0))}),
    Family(name="repeat_interleave", call="repeat_interleave", inputs=_ANY, attributes={"repeats": (2, 3), "dim": (1, -1, None)}),
    Family(name="repeat", call=lambda torch, x, sizes: x.repeat(sizes), inputs=_ANY, attributes={"sizes": ((1, 2, 3), (2, 1, 1, 2))}),
    Family(name="tile", call="tile", inputs=_ANY, attributes={"dims": ((1, 2, 3), (2,), (2, 1, 1, 2))}),
    Family(name="tril", call="tril", inputs=_ANY, attributes={"diagonal": (0, 1, -2)}), Family(name="triu", call="triu", inputs=_ANY, attributes={"diagonal": (0, 1, -2)}),
    Family(name="diagonal", call="diagonal", inputs=_ANY, attributes={"offset": (0, 1, -2), "dim1": (0, 1), "dim2": (2, -1)}),
    Family(name="diag_embed", call="diag_embed", inputs={"dynamic": [f32("x", BATCH, 4)]}, attributes={"offset": (0, 1, -2)}),
    Family(name="movedim", call="movedim", inputs=_ANY, attributes={"source": (0, -1, 1), "destination": (2, -2, 0)}),
    Family(name="transpose", call=lambda torch, x, a, b: x.transpose(a, b), inputs=_ANY, attributes={"a": (0, 1, -1), "b": (2, -2, 0)}),
    Family(name="chunk", call="chunk", inputs=_ANY, attributes={"chunks": (2, 4, 5), "dim": (-1, 2)}),
    Family(name="tensor_split", call=lambda torch, x, parts: torch.tensor_split(x, parts, dim=-1), inputs=_ANY, attributes={"parts": (2, 4, (1, 3))}),
    Family(name="split", call=lambda torch, x, sizes, dim: torch.split(x, sizes, dim), inputs=_ANY, attributes={"sizes": (4, (1, 2, 3)), "dim": (-1, 2)}),
    Family(name="slices", call=lambda torch, x, start, stop, step: x[:, start:stop:step], inputs=_ANY, attributes={"start": (None, 2, -4), "stop": (None, -1, 5), "step": (None, 2, 3)}),
    Family(name="narrow", call=lambda torch, x, start: torch.narrow(x, 2, start, 2), inputs=_ANY, attributes={"start": (0, 3, -3)}),
    Family(name="select", call=lambda torch, x, dim, index: torch.select(x, dim, index), inputs=_ANY, attributes={"dim": (1, -1), "index": (0, -1, 3)}),
    Family(name="squeeze", call="squeeze", inputs={"dynamic": [f32("x", BATCH, 1, LENGTH, 1)]}, attributes={"dim": (1, -1, (1, 3), 2)}),
    Family(name="flatten", call="flatten", inputs=_ANY, attributes={"start_dim": (0, 1, -2), "end_dim": (-1, 1)}),
    Family(name="reshape_minus", call=lambda torch, x, shape: x.reshape(shape), inputs={"dynamic": [f32("x", BATCH, 4, 6)]}, attributes={"shape": ((-1, 6), (-1, 3, 8), (-1,))}),
    Family(name="slice_assign", call=lambda torch, x, start, step: _assign(x, start, step), inputs=_ANY, attributes={"start": (0, 2, -4), "step": (1, 2)}),
    Family(name="meshgrid", call=lambda torch, x, y, indexing: torch.meshgrid(x, y, indexing=indexing), inputs={"dynamic": [f32("x", LENGTH), f32("y", 5)]}, attributes={"indexing": ("ij", "xy")}),
    Family(name="cat_mixed", call=lambda torch, x, y, dim: torch.cat([x, y], dim=dim), inputs={"mixed": [f32("x", BATCH, 4, 6), whole("y", BATCH, 4, 6, domain=SMALL)]}, attributes={"dim": (1, -1)}),
    Family(name="einsum", call=lambda torch, x, y, equation: torch.einsum(equation, x, y), inputs={"dynamic": [f32("x", BATCH, 4, 4), f32("y", BATCH, 4, 4)]}, attributes={"equation": ("bij,bjk->bik", "bij,bij->b", "bij,bkj->ibk", "bii,bij->bj")}),
    Family(name="tensordot", call="tensordot", inputs={"dynamic": [f32("x", BATCH, 3, 4), f32("y", 4, 3, 5)]}, attributes={"dims": (((1, 2), (1, 0)), ((2,), (0,)))}),
    Family(name="baddbmm", call="baddbmm", inputs={"dynamic": [f32("x", BATCH, 3, 5), f32("y", BATCH, 3, 4), f32("z", BATCH, 4, 5)]}, attributes={"beta": (1, 0.5, 0), "alpha": (1, 2.5)}),
    Family(name="addmm", call="addmm", inputs={"dynamic": [f32("x", BATCH, 5), f32("y", BATCH, 4), f32("z", 4, 5)], "row": [f32("x", 5), f32("y", BATCH, 4), f32("z", 4, 5)]}, attributes={"beta": (1, 0.5, 0), "alpha": (1, 2.5)}),
    Family(name="arange_like", call=lambda torch, x, start, step: torch.arange(start, start + x.shape[1] * step, step) + x.sum(), inputs=_ANY, attributes={"start": (0, 2, -3), "step": (1, 2, 0.5)}),
    Family(name="linspace_like", call=lambda torch, x, end: torch.linspace(-1.0, end, x.shape[1]).to(x.dtype) + x.sum(), inputs=_ANY, attributes={"end": (1.0, 7.0)}),
]  # fmt: skip


def _assign(x: Any, start: int, step: int) -> Any:
    y = x.clone()
    y[:, start::step] = 0.5
    return y


_TYPES = ("int32", "int64", "uint8", "int8", "bool", "float16", "float32", "float64", "bfloat16")
CASTS = [
    Family(name="cast", call=lambda torch, x, to: x.to(to).to(torch.float32) if to == torch.bfloat16 else x.to(to), inputs={"reals": [f32("x", BATCH, LENGTH, domain=uniform(-120.0, 120.0))], "whole": [whole("x", BATCH, LENGTH, domain=integers(-300, 300))], "bool": BOOLS["dynamic"]},
           attributes={"to": tuple(Name(path=name) for name in _TYPES)}, rules=[lambda to, inputs: inputs != "reals" or to.path not in ("uint8",)]),
    Family(name="scale_integers", call=lambda torch, x, by: x * by, inputs=INTS, attributes={"by": (2, 0.5, -1.5)}),
    Family(name="add_to_integers", call=lambda torch, x, by: x + by, inputs=INTS, attributes={"by": (2, 0.5)}),
    Family(name="integer_mean", call=lambda torch, x, to: x.to(to).mean(dim=1), inputs=INTS, attributes={"to": (Name(path="float32"), Name(path="float64"))}),
    Family(name="large_integers", call=lambda torch, x, by: x * by + 1, inputs={"dynamic": [whole("x", BATCH, 5, domain=integers(-(2**40), 2**40))]}, attributes={"by": (1, 3)}),
]  # fmt: skip


def families() -> list[Family]:
    """Return the families of functions."""
    return [*REDUCTIONS, *UNARY, *BINARY, *INDEXING, *SPATIAL, *SHAPES, *CASTS]
