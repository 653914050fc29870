"""`paddle.nn` and functions of `paddle` for the sweep: what signatures do not say."""

from __future__ import annotations

from typing import Any

from _sweep_build import BATCH, LENGTH, f32, flags, whole
from _torch_layers import C, images, pairs, rows

from harness import Dim, ids, integers, normal, probability, uniform
from harness.generate.signatures import classes_of, exported
from harness.generate.sweeps import OMITTED, Coverage, Family, coverage, derive

WIDE = normal(4.0)
_UNSEEN = ("name", "dtype", "device", "momentum", "p", "dropout", "weight_attr", "weight", "bias", "padding_mode", "max_norm", "norm_type",
           "sparse", "_weight", "_freeze", "scale_grad_by_freq", "in_place", "kdim", "vdim", "attn_dropout", "act_dropout", "inplace",
           "weight_ih_attr", "weight_hh_attr", "size", "data_format", "pos_weight", "trainable_statistics")  # fmt: skip
VALUES: dict[str, Any] = {
    **dict.fromkeys(_UNSEEN, ()),
    "stride": lambda n: (2, (3, 1, 2)[:n] if n > 1 else 3), "padding": lambda n: (1, (1, 0, 1)[:n] if n > 1 else 2, "SAME"),
    "dilation": lambda n: (2, (1, 2, 1)[:n] if n > 1 else 3), "groups": (2,), "output_padding": (1,), "bias_attr": (False,),
    "bias_ih_attr": (), "bias_hh_attr": (), "LayerNorm.epsilon": (1e-3,), "LSTMCell.proj_size": (), "Softshrink.threshold": (2.0,), "InstanceNorm1D.bias_attr": (),
    "InstanceNorm2D.bias_attr": (), "InstanceNorm3D.bias_attr": (), "Fold.strides": (), "Fold.dilations": (), "Fold.paddings": (),
    "divisor_override": (5,), "epsilon": (0.1,), "eps": (0.1,), "use_global_stats": (True, False),
    "negative_slope": (0.3, -0.5), "alpha": (2.5, 0.3), "beta": (3.0, 0.5), "threshold": (2.0, -0.5), "value": (-1.5,), "min": (-0.4, 0.5),
    "max": (2.5,), "scale": (1.5,), "axis": (1, -1, 0), "Maxout.axis": (1, -1), "num_parameters": (C,), "padding_idx": (0, 3, -1),
    "num_layers": (2,), "direction": ("bidirect",), "proj_size": (3,), "activation": ("relu",), "TransformerEncoderLayer.activation": ("gelu",),
    "TransformerDecoderLayer.activation": ("gelu",), "layer_norm_eps": (1e-3,), "start_axis": (0, 2), "stop_axis": (2, -2), "k": (0.5,),
    "LocalResponseNorm.alpha": (0.5,), "LocalResponseNorm.beta": (0.5,), "Pad.mode": ("reflect", "replicate", "circular"),
    "mode": ("reflect", "replicate", "circular"), "Dropout.mode": ("downscale_in_infer",), "dilations": (2,), "strides": (2, (1, 3)), "paddings": (1,),
    "reduction": ("sum", "none"), "delta": (0.4,), "margin": (0.3,), "label_smoothing": (0.2,), "ignore_index": (2,), "PairwiseDistance.p": (1.0, 3.0),
    "LPPool1D.padding": (1,), "LPPool2D.padding": (1,), "RReLU.lower": (0.25,), "RReLU.upper": (0.5,), "Pad1D.value": (0.7,), "Pad2D.value": (0.7,), "Pad3D.value": (0.7,),
    "MultiMarginLoss.p": (2,), "CrossEntropyLoss.axis": (), "BatchNorm.act": ("relu",), "Dropout.axis": (1,),
}  # fmt: skip
_GIVEN: dict[str, tuple[Any, dict[str, Any]]] = {}
for n in (1, 2, 3):
    window: Any = (3, 2, 3)[:n] if n > 1 else 3
    sizes: Any = (3, 2, 3)[:n] if n > 1 else 3
    _GIVEN.update({
        f"Conv{n}D": (images(n), {"in_channels": C, "out_channels": 4, "kernel_size": window}),
        f"Conv{n}DTranspose": (images(n), {"in_channels": C, "out_channels": 4, "kernel_size": window}),
        f"MaxPool{n}D": (images(n), {"kernel_size": window}), f"AvgPool{n}D": (images(n), {"kernel_size": window}),
        f"BatchNorm{n}D": (images(n), {"num_features": C}), f"InstanceNorm{n}D": (images(n), {"num_features": C}),
        f"AdaptiveAvgPool{n}D": (images(n), {"output_size": sizes}), f"AdaptiveMaxPool{n}D": (images(n), {"output_size": sizes}),
        f"Pad{n}D": (images(n), {"padding": list((1, 2, 0, 3, 2, 1)[: 2 * n])}), f"ZeroPad{n}D": (images(n), {"padding": list((1, 2, 0, 3, 2, 1)[: 2 * n])}),
    })  # fmt: skip
for n in (1, 2):
    _GIVEN[f"LPPool{n}D"] = (images(n, domain=uniform(0.1, 2.0)), {"kernel_size": (3, 2)[:n] if n > 1 else 3, "norm_type": 3.0})
for kind in (
    "ReLU", "ReLU6", "ELU", "SELU", "CELU", "GELU", "Sigmoid", "Silu", "Swish", "Mish", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink",
    "LogSigmoid", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "RReLU", "Identity", "Dropout", "AlphaDropout", "PReLU",
    "ThresholdedReLU",
):  # fmt: skip
    _GIVEN[kind] = (images(1, domain=WIDE), {})


def _real(*shape: Any) -> Any:
    return f32("y", *shape)


def _share(*shape: Any) -> Any:
    return f32("y", *shape, domain=uniform(0.0, 1.0))


_SEQUENCE = {word: specs for word, specs in rows(5).items() if word != "flat"}
_CLASS = {"dynamic": [f32("x", BATCH, 5), whole("y", BATCH, domain=ids(5))]}
_GIVEN.update({
    "BatchNorm": (images(2), {"num_channels": C}), "GroupNorm": (images(2), {"num_groups": 3, "num_channels": C}), "LayerNorm": (rows(5, 6), {"normalized_shape": [5, 6]}),
    "LocalResponseNorm": (images(2), {"size": 3}), "Linear": (rows(6), {"in_features": 6, "out_features": 5}),
    "Bilinear": ({"dynamic": [f32("x", BATCH, 4), f32("y", BATCH, 3)]}, {"in1_features": 4, "in2_features": 3, "out_features": 5}),
    "Embedding": ({"dynamic": [whole("x", BATCH, LENGTH, domain=ids(11))], "fixed": [whole("x", 2, 5, domain=ids(11))]}, {"num_embeddings": 11, "embedding_dim": 5}),
    "CosineSimilarity": (pairs(_real, 5, 4), {}), "PairwiseDistance": (pairs(_real, 5), {}), "GLU": ({"even": [f32("x", BATCH, 4, 6, 8)], "fixed": [f32("x", 2, 4, 6, 8)]}, {}),
    "Softmax": (images(2, domain=WIDE), {}), "LogSoftmax": (images(2, domain=WIDE), {}), "Softmax2D": (images(2), {}), "Maxout": ({"even": [f32("x", BATCH, 4, 6, 8)]}, {"groups": 2}),
    "Flatten": (images(2), {}), "Unflatten": (images(1), {"axis": 1, "shape": [2, 3]}), "PixelShuffle": (images(2, 12), {"upscale_factor": 2}), "ChannelShuffle": (images(2), {"groups": 3}),
    "PixelUnshuffle": ({"dynamic": [f32("x", BATCH, 3, Dim("h", 6, 24, multiple=3, example=6), Dim("w", 6, 24, multiple=3, example=9))]}, {"downscale_factor": 3}),
    "Unfold": (images(2), {"kernel_sizes": [3, 2]}), "Fold": ({"dynamic": [f32("x", BATCH, 12, 20)]}, {"output_sizes": [6, 5], "kernel_sizes": [2, 2]}),
    "SimpleRNN": (_SEQUENCE, {"input_size": 5, "hidden_size": 4}), "GRU": (_SEQUENCE, {"input_size": 5, "hidden_size": 4}), "LSTM": (_SEQUENCE, {"input_size": 5, "hidden_size": 4}),
    "SimpleRNNCell": ({"dynamic": [f32("x", BATCH, 5)]}, {"input_size": 5, "hidden_size": 4}), "GRUCell": ({"dynamic": [f32("x", BATCH, 5)]}, {"input_size": 5, "hidden_size": 4}),
    "LSTMCell": ({"dynamic": [f32("x", BATCH, 5)]}, {"input_size": 5, "hidden_size": 4}),
    "MultiHeadAttention": ({"dynamic": [f32(n, BATCH, LENGTH, 8) for n in "xyz"]}, {"embed_dim": 8, "num_heads": 2}),
    "TransformerEncoderLayer": ({"dynamic": [f32("x", BATCH, LENGTH, 8)]}, {"d_model": 8, "nhead": 2, "dim_feedforward": 12}),
    "TransformerDecoderLayer": ({"dynamic": [f32("x", BATCH, LENGTH, 8), f32("y", BATCH, 6, 8)]}, {"d_model": 8, "nhead": 2, "dim_feedforward": 12}),
    "L1Loss": (pairs(_real, 5), {}), "MSELoss": (pairs(_real, 5), {}), "SmoothL1Loss": (pairs(_real, 5), {}),
    "KLDivLoss": (pairs(lambda *s: f32("y", *s, domain=probability()), 5, domain=uniform(-5.0, -0.1)), {}), "BCELoss": (pairs(_share, 5, domain=uniform(0.01, 0.99)), {}),
    "BCEWithLogitsLoss": (pairs(_share, 5, domain=normal(8.0)), {}), "PoissonNLLLoss": (pairs(lambda *s: f32("y", *s, domain=uniform(0.5, 4.0)), 5, domain=uniform(0.1, 3.0)), {}),
    "CrossEntropyLoss": (_CLASS, {}), "NLLLoss": ({"dynamic": [f32("x", BATCH, 5, domain=uniform(-4.0, -0.1)), whole("y", BATCH, domain=ids(5))]}, {}), "MultiMarginLoss": (_CLASS, {}),
    "TripletMarginLoss": ({"dynamic": [f32(n, BATCH, 5) for n in "xyz"]}, {}),
    "MarginRankingLoss": ({"dynamic": [f32("x", BATCH, 5), f32("y", BATCH, 5), f32("z", BATCH, 5, domain=uniform(0.5, 1.0))]}, {}),
})  # fmt: skip
LEFT_OUT = {
    "Fractional*": "draws its windows at random", "Layer*": "a container or a base class", "Parameter*": "a container", "Sequential": "a container", "Dropout2D": "as Dropout",
    "Dropout3D": "as Dropout", "FeatureAlphaDropout": "as AlphaDropout", "MaxUnPool*": "needs the indices of a pooling", "SpectralNorm": "an iteration with state", "SyncBatchNorm": "needs several processes",
    "RNN*": "a wrapper; the layers are swept", "BiRNN": "a wrapper", "Transformer": "its layers are swept", "TransformerEncoder": "its layer is swept", "TransformerDecoder": "its layer is swept",
    "CTCLoss": "for training", "HSigmoidLoss": "for training", "Adaptive*": "returns a shape that depends on data", "BeamSearchDecoder": "a search", "dynamic_decode": "a search", "ClipGrad*": "for training",
    "Conv1d": "is Conv1D", "Conv2d": "is Conv2D", "Conv3d": "is Conv3D", "UpsamplingNearest2D": "is Upsample", "UpsamplingBilinear2D": "is Upsample", "HingeEmbeddingLoss": "for training",
    "CosineEmbeddingLoss": "for training", "MultiLabel*": "for training", "SoftMarginLoss": "for training", "GaussianNLLLoss": "for training", "TripletMarginWithDistanceLoss": "takes a function",
}  # fmt: skip


def _layers() -> list[Family]:
    signatures = classes_of("paddle", "nn/layer")
    found = []
    for name, (inputs, fixed) in _GIVEN.items():
        rank = next((int(n) for n in "123" if f"{n}D" in name), 2)
        signature = {attribute: default for attribute, default in signatures[name].items() if attribute not in fixed}
        attributes = derive(signature, VALUES, rank, name)
        rules: list[Any] = []
        if "output_padding" in attributes:
            rules += [
                lambda output_padding, stride: output_padding != 1 or stride == 2,
                lambda output_padding, padding: output_padding is OMITTED or padding != "SAME",
            ]
        if "dilation" in attributes:
            rules.append(lambda padding, dilation: padding != "SAME" or dilation is OMITTED)
        if name in ("SimpleRNN", "GRU", "LSTM") and "proj_size" in attributes:
            attributes = {key: values for key, values in attributes.items() if key != "proj_size"}
        if rank == 3:
            inputs = {word: specs for word, specs in inputs.items() if word != "equal"}
        found.append(Family(name=name, call=f"nn.{name}", inputs=inputs, fixed=fixed, attributes=attributes, rules=rules))
    return found


_IMAGE = {"dynamic": images(2, 3)["dynamic"], "fixed": [f32("x", 2, 3, 7, 10)]}
CUBE = {"dynamic": [f32("x", BATCH, 5, LENGTH, 4)], "equal": [f32("x", 4, 4, 4, 4)]}
INTS = {"dynamic": [whole("x", BATCH, LENGTH, 5, domain=integers(-9, 9))]}
BOOLS = {"dynamic": [flags("x", BATCH, LENGTH, 5)]}
KEEP = {"keepdim": (OMITTED, True)}


def _resize(paddle: Any, x: Any, **given: Any) -> Any:
    return paddle.nn.functional.interpolate(x, **given)


def _kinds(positive: bool = False) -> dict[str, Any]:
    small = integers(-7, 7)
    found = {}
    for word, left, right in (("reals", "float32", "float32"), ("int64", "int64", "int64"), ("int32", "int32", "int32")):
        for shape, a, b in (("same", (BATCH, LENGTH, 5), (BATCH, LENGTH, 5)), ("broadcast", (BATCH, 1, 5), (LENGTH, 1))):
            one = f32("x", *a, domain=WIDE) if left == "float32" else whole("x", *a, domain=small, dtype=left)
            other = f32("y", *b, domain=WIDE) if right == "float32" else whole("y", *b, domain=small, dtype=right)
            found[f"{word}.{shape}"] = [one, other]
    return found


def _guarded(name: str) -> Any:
    def run(paddle: Any, x: Any, y: Any) -> Any:
        return getattr(paddle, name)(x, paddle.where(y == 0, paddle.ones_like(y), y))

    return run


def _functions() -> list[Family]:
    smooth = ("bilinear", "bicubic")
    aligned = [
        lambda mode, align_corners: mode in smooth or align_corners is OMITTED,
        lambda mode, align_mode: mode == "bilinear" or align_mode is OMITTED,
    ]
    grid = {
        "dynamic": [*_IMAGE["dynamic"], f32("y", BATCH, 6, 5, 2, domain=uniform(-1.6, 1.6))],
        "fixed": [f32("x", 2, 3, 7, 10), f32("y", 2, 4, 5, 2, domain=uniform(-1.2, 1.2))],
    }
    modes = ("nearest", "bilinear", "bicubic", "area")
    return [
        Family(name="interpolate_scale", call=_resize, inputs=_IMAGE, attributes={"scale_factor": (2, [1.7, 2.3], 0.6), "mode": modes, "align_corners": (OMITTED, True), "align_mode": (OMITTED, 1)}, rules=[*aligned, lambda mode: mode != "area"]),
        Family(name="interpolate_size", call=_resize, inputs=_IMAGE, attributes={"size": ([15, 5], [4, 21], [9, 14], [1, 1]), "mode": modes, "align_corners": (OMITTED, True), "align_mode": (OMITTED, 1)}, rules=aligned),
        Family(name="grid_sample", call="nn.functional.grid_sample", inputs=grid, attributes={"mode": ("bilinear", "nearest"), "padding_mode": ("zeros", "border", "reflection"), "align_corners": (OMITTED, False)}),
        Family(name="pad_function", call="nn.functional.pad", inputs=_IMAGE, attributes={"pad": ([1, 2, 3, 0], [0, 0, 2, 1], [0, 0, 0, 0, 1, 2, 2, 1]), "mode": ("constant", "reflect", "replicate", "circular")}, rules=[lambda pad, mode: len(pad) == 4 or mode == "constant"]),
        Family(name="affine_grid", call="nn.functional.affine_grid", inputs={"fixed": [f32("x", 2, 2, 3)]}, attributes={"out_shape": ([2, 3, 5, 4],), "align_corners": (True, False)}),
        *(Family(name=n, call=n, inputs=CUBE, attributes={"axis": (1, -1, [1, 3], None), **KEEP}) for n in ("sum", "mean", "max", "min", "amax", "amin", "prod", "logsumexp")),
        *(Family(name=f"{n}_integers", call=n, inputs=INTS, attributes={"axis": (1, -1, None), **KEEP}) for n in ("sum", "max", "min", "prod")),
        *(Family(name=n, call=n, inputs=BOOLS, attributes={"axis": (1, [0, 2], None), **KEEP}) for n in ("any", "all")),
        *(Family(name=n, call=n, inputs=CUBE, attributes={"axis": (1, -1, [1, 3]), "unbiased": (OMITTED, False), **KEEP}) for n in ("var", "std")),
        *(Family(name=n, call=n, inputs=CUBE, attributes={"axis": (1, -1, None), **KEEP}) for n in ("argmax", "argmin")),
        *(Family(name=n, call=n, inputs=CUBE, attributes={"axis": (1, -1, None)}) for n in ("cumsum", "logcumsumexp")),
        Family(name="cumprod", call="cumprod", inputs=CUBE, attributes={"dim": (1, -1)}), Family(name="cumsum_integers", call="cumsum", inputs=INTS, attributes={"axis": (1, -1)}),
        Family(name="norm", call="linalg.norm", inputs=CUBE, attributes={"p": (2, 1, 3, 0, float("inf"), -float("inf")), "axis": (1, -1), **KEEP}),
        Family(name="norm_whole", call="linalg.norm", inputs=CUBE, attributes={"p": ("fro", 1, 2, float("inf")), "axis": ([1, 2], [0, 3]), **KEEP}, rules=[lambda p: p == "fro"]),
        Family(name="p_norm_all", call=lambda paddle, x, p: paddle.linalg.norm(x, p=p), inputs=CUBE, attributes={"p": (2, 1, 3, float("inf"))}),
        Family(name="topk", call="topk", inputs=CUBE, attributes={"k": (2, 3), "axis": (-1, 1), "largest": (OMITTED, False)}),
        Family(name="sort", call="sort", inputs=CUBE, attributes={"axis": (-1, 1), "descending": (OMITTED, True)}), Family(name="argsort", call="argsort", inputs=CUBE, attributes={"axis": (-1, 1), "descending": (OMITTED, True)}),
        Family(name="median", call="median", inputs=CUBE, attributes={"axis": (1, -1), **KEEP}),
        *(Family(name=n, call=n, inputs=_kinds()) for n in ("add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin", "equal", "not_equal", "less_than", "less_equal", "greater_than", "greater_equal")),
        *(Family(name=n, call=_guarded(n), inputs=_kinds()) for n in ("divide", "floor_divide", "remainder", "mod", "floor_mod")),
        *(Family(name=n, call=n, inputs={k: v for k, v in _kinds().items() if k.startswith("int")}) for n in ("bitwise_and", "bitwise_or", "bitwise_xor")),
        *(Family(name=n, call=n, inputs={"reals": _kinds()["reals.same"]}) for n in ("atan2", "logaddexp", "heaviside", "hypot", "copysign", "dist")),
        Family(name="floor_divide_scalar", call=lambda paddle, x, other: x // other, inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"other": (3, -3)}),
        Family(name="remainder_scalar", call=lambda paddle, x, other: x % other, inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"other": (3, -3)}),
        Family(name="divide_scalar", call=lambda paddle, x, other: x / other, inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"other": (3, -3)}),
        Family(name="pow_scalar", call=lambda paddle, x, y: paddle.pow(x, y), inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"y": (2, 3)}),
        Family(name="scale", call="scale", inputs={"reals": CUBE["dynamic"], **INTS}, attributes={"scale": (1.0, 2.0, -3.0), "bias": (0.0, 1.0), "bias_after_scale": (OMITTED, False)}),
        Family(name="clip", call="clip", inputs={"reals": [f32("x", BATCH, LENGTH, domain=WIDE)], **INTS}, attributes={"min": (-1.0, OMITTED, 2.0), "max": (3.0, OMITTED)}),
        *(Family(name=n, call=n, inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=WIDE)]}) for n in (
            "abs", "sign", "floor", "ceil", "round", "trunc", "frac", "exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan", "asinh", "erf", "square", "isnan", "isinf", "isfinite",
            "logical_not", "nn.functional.log_sigmoid", "nn.functional.softsign", "nn.functional.hardswish", "lgamma", "digamma", "rad2deg", "deg2rad", "neg", "reciprocal", "sgn")),
        *(Family(name=n, call=n, inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=uniform(0.05, 4.0))]}) for n in ("sqrt", "rsqrt", "log", "log2", "log10", "log1p")),
        *(Family(name=n, call=n, inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=uniform(-0.98, 0.98))]}) for n in ("asin", "acos", "atanh", "erfinv")),
        Family(name="stanh", call="stanh", inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=WIDE)]}, attributes={"scale_a": (OMITTED, 0.3), "scale_b": (OMITTED, 2.0)}),
        Family(name="hardsigmoid", call="nn.functional.hardsigmoid", inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=WIDE)]}, attributes={"slope": (OMITTED, 0.3), "offset": (OMITTED, 0.2)}),
        Family(name="leaky_relu", call="nn.functional.leaky_relu", inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=WIDE)]}, attributes={"negative_slope": (OMITTED, 0.3)}),
        Family(name="swish_beta", call="nn.functional.swish", inputs={"dynamic": [f32("x", BATCH, LENGTH, domain=WIDE)]}),
        Family(name="label_smooth", call="nn.functional.label_smooth", inputs={"dynamic": [f32("x", BATCH, 5, domain=probability())]}, attributes={"epsilon": (OMITTED, 0.4)}),
        Family(name="normalize", call="nn.functional.normalize", inputs=CUBE, attributes={"p": (2, 1, 3), "axis": (1, -1), "epsilon": (OMITTED, 2.0)}),
        Family(name="logit", call="logit", inputs={"dynamic": [f32("x", BATCH, 5, domain=uniform(0.0, 1.0))]}, attributes={"eps": (0.1, 1e-3)}),
        Family(name="roll", call="roll", inputs=CUBE, attributes={"shifts": ([2, -1], [3, 1]), "axis": ([1, 2], [-1, 0])}), Family(name="roll_flat", call="roll", inputs=CUBE, attributes={"shifts": (3, -2)}),
        Family(name="flip", call="flip", inputs=CUBE, attributes={"axis": ([1], [0, 2], [-1])}), Family(name="rot90", call="rot90", inputs=CUBE, attributes={"k": (1, 2, -1), "axes": ([0, 1], [1, 2])}),
        Family(name="tile", call="tile", inputs=CUBE, attributes={"repeat_times": ([1, 2, 1, 3], [2])}), Family(name="repeat_interleave", call="repeat_interleave", inputs=CUBE, attributes={"repeats": (2,), "axis": (1, -1, None)}),
        Family(name="tril", call="tril", inputs=CUBE, attributes={"diagonal": (0, 1, -2)}), Family(name="triu", call="triu", inputs=CUBE, attributes={"diagonal": (0, 1, -2)}),
        Family(name="diagonal", call="diagonal", inputs=CUBE, attributes={"offset": (0, 1, -1), "axis1": (0, 1), "axis2": (2, -1)}),
        Family(name="slices", call=lambda paddle, x, start, stop, step: x[:, :, start:stop:step], inputs=CUBE, attributes={"start": (None, 2, -3), "stop": (None, -1, 3), "step": (None, 2)}),
        Family(name="reversed_slices", call=lambda paddle, x, start, stop: x[:, :, start:stop:-1], inputs=CUBE, attributes={"start": (None, 2, -1), "stop": (None, 0)}),
        Family(name="gather", call=lambda paddle, x, y, axis: paddle.gather(x, y, axis=axis), inputs={"dynamic": [f32("x", BATCH, 9, 4), whole("y", 5, domain=ids(4))]}, attributes={"axis": (1, 2)}),
        Family(name="gather_nd", call="gather_nd", inputs={"dynamic": [f32("x", 5, 9, 4), whole("y", BATCH, 2, domain=ids(5))]}), Family(name="index_sample", call="index_sample", inputs={"dynamic": [f32("x", BATCH, 9), whole("y", BATCH, 4, domain=ids(9))]}),
        Family(name="take_along_axis", call=lambda paddle, x, y, axis: paddle.take_along_axis(x, y, axis), inputs={"dynamic": [f32("x", BATCH, 9, 4), whole("y", BATCH, 5, 4, domain=ids(9))]}, attributes={"axis": (1, -2)}),
        Family(name="put_along_axis", call=lambda paddle, x, y, z, axis, reduce, include_self=True: paddle.put_along_axis(x, y, z, axis, reduce=reduce, include_self=include_self), inputs={"fixed": [f32("x", 3, 9, 4), whole("y", 3, 5, 4, domain=ids(9)), f32("z", 3, 5, 4)]},
               attributes={"axis": (1, -2), "reduce": ("add", "mul", "amax", "amin", "mean"), "include_self": (OMITTED, False)}),
        Family(name="scatter", call=lambda paddle, x, y, z, overwrite: paddle.scatter(x, y, z, overwrite=overwrite), inputs={"fixed": [f32("x", 9, 4), whole("y", 5, domain=ids(9)), f32("z", 5, 4)]}, attributes={"overwrite": (False,)}),
        Family(name="scatter_nd_add", call="scatter_nd_add", inputs={"fixed": [f32("x", 9, 4), whole("y", 5, 1, domain=ids(9)), f32("z", 5, 4)]}), Family(name="index_add", call=lambda paddle, x, y, z, axis: paddle.index_add(x, y, axis, z), inputs={"fixed": [f32("x", 3, 9, 4), whole("y", 5, domain=ids(9)), f32("z", 3, 5, 4)]}, attributes={"axis": (1,)}),
        Family(name="one_hot", call=lambda paddle, x, n: paddle.nn.functional.one_hot(x, n), inputs={"dynamic": [whole("x", BATCH, LENGTH, domain=ids(5))]}, attributes={"n": (5, 7)}),
        Family(name="cast", call=lambda paddle, x, to: x.astype(to), inputs={"reals": [f32("x", BATCH, LENGTH, domain=uniform(-120.0, 120.0))], "whole": [whole("x", BATCH, LENGTH, domain=integers(-300, 300))], "bool": BOOLS["dynamic"]}, attributes={"to": ("int32", "int64", "int8", "bool", "float16", "float32", "float64")}),
        Family(name="masked_fill", call=lambda paddle, x, y, value: paddle.masked_fill(x, y > 0, value), inputs={"reals": _kinds()["reals.same"]}, attributes={"value": (1.0, -3.0)}),
        Family(name="cross", call="cross", inputs={"dynamic": [f32("x", BATCH, 3, 5), f32("y", BATCH, 3, 5)]}, attributes={"axis": (1, OMITTED)}),
        Family(name="matmul", call="matmul", inputs={"square": [f32("x", BATCH, 4, 4), f32("y", BATCH, 4, 4)]}, attributes={"transpose_x": (OMITTED, True), "transpose_y": (OMITTED, True)}),
        Family(name="addmm", call="addmm", inputs={"row": [f32("x", 5), f32("y", BATCH, 4), f32("z", 4, 5)], "dynamic": [f32("x", BATCH, 5), f32("y", BATCH, 4), f32("z", 4, 5)]}, attributes={"beta": (1.0, 0.5), "alpha": (1.0, 2.5)}),
        Family(name="unfold_axis", call=lambda paddle, x, size, step: paddle.unfold(x, 2, size, step), inputs={"fixed": [f32("x", 2, 5, 11)]}, attributes={"size": (3, 4), "step": (1, 2)}),
        Family(name="temporal_shift", call="nn.functional.temporal_shift", inputs={"fixed": [f32("x", 6, 8, 3, 4)]}, fixed={"seg_num": 3}, attributes={"shift_ratio": (OMITTED, 0.4)}),
        Family(name="sdpa", call="nn.functional.scaled_dot_product_attention", inputs={"self": [f32(n, BATCH, 6, 2, 4) for n in "xyz"], "cross": [f32("x", BATCH, 5, 2, 4), f32("y", BATCH, 7, 2, 4), f32("z", BATCH, 7, 2, 4)]}, attributes={"is_causal": (OMITTED, True)}),
    ]  # fmt: skip


def families() -> list[Family]:
    """Return the families of layers and functions."""
    return [*_layers(), *_functions()]


def covered() -> Coverage:
    """Return how much of `paddle.nn` is swept."""
    return coverage(exported("paddle", "nn/__init__.py"), [*_GIVEN, "Upsample"], LEFT_OUT)
