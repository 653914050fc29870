"""`torch.nn` for the sweep: what its signatures do not say, which is arguments that must be given, values and inputs."""

from __future__ import annotations

from typing import Any

from _sweep_build import BATCH, DEPTH, HEIGHT, LENGTH, WIDTH, f32, whole

from harness import Dim, ids, integers, normal, probability, uniform
from harness.generate.signatures import classes_of, exported
from harness.generate.sweeps import Coverage, Family, coverage, derive

C = 6
DYNAMIC: dict[int, tuple[Any, ...]] = {1: (LENGTH,), 2: (HEIGHT, WIDTH), 3: (DEPTH, HEIGHT, WIDTH)}
PRIMES = {1: (13,), 2: (11, 14), 3: (7, 9, 8)}


def images(rank: int, channels: int = C, domain: Any = None, equal: int = C) -> dict[str, Any]:
    """Return dynamic, fixed and all-equal shapes with channels first."""
    return {
        "dynamic": [f32("x", BATCH, channels, *DYNAMIC[rank], domain=domain)],
        "fixed": [f32("x", 2, channels, *PRIMES[rank], domain=domain)],
        "equal": [f32("x", equal, channels, *(equal,) * rank, domain=domain)],
    }


def rows(*features: int, domain: Any = None) -> dict[str, Any]:
    """Return tokens with features last: dynamic, fixed, and without the middle axis."""
    return {
        "dynamic": [f32("x", BATCH, LENGTH, *features, domain=domain)],
        "fixed": [f32("x", 2, 13, *features, domain=domain)],
        "flat": [f32("x", BATCH, *features, domain=domain)],
    }


def pairs(target: Any, *shape: Any, domain: Any = None) -> dict[str, Any]:
    """Return predictions and targets of a loss."""
    return {"dynamic": [f32("x", BATCH, *shape, domain=domain), target(BATCH, *shape)]}


WIDE = normal(4.0)
VALUES: dict[str, Any] = {
    # Nothing that changes an inference, or only where it is stored.
    **dict.fromkeys(("device", "dtype", "inplace", "momentum", "size_average", "reduce", "p", "dropout", "init", "enable_nested_tensor"), ()),
    "stride": lambda n: (2, (3, 1, 2)[:n]), "padding": lambda n: (1, (1, 0, 1)[:n]), "dilation": lambda n: (2, (1, 2, 1)[:n]),
    "groups": (2,), "padding_mode": ("reflect", "replicate", "circular"), "output_padding": (1,), "divisor_override": (5,),
    "eps": (0.1,), "norm_type": (1.0, 3.0), "negative_slope": (0.3, -0.5), "alpha": (2.5, 0.3), "beta": (3.0, 0.5), "threshold": (2.0,),
    "lambd": (1.5, 0.0), "min_val": (-0.4, 0.5), "max_val": (2.5,), "approximate": ("tanh",), "lower": (0.25,), "upper": (0.5,),
    "dim": (1, 0), "Softmax.dim": (1, -1, 0), "LogSoftmax.dim": (1, -1, 0), "Softmin.dim": (1, -1), "num_parameters": (C,),
    "start_dim": (0, 2), "end_dim": (2, -2), "k": (0.5,), "LocalResponseNorm.alpha": (0.5,), "LocalResponseNorm.beta": (0.5,),
    "value": (-1.5,), "num_layers": (2,), "proj_size": (3,), "nonlinearity": ("relu",), "scale_factor": (2, 1.7, 0.6),
    "mode": ("linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact"), "recompute_scale_factor": (True,),
    "align_corners": (True, False), "reduction": ("sum", "none"), "delta": (0.4,), "margin": (0.3,), "label_smoothing": (0.2,),
    "ignore_index": (2,), "full": (True,), "log_target": (True,), "log_input": (False,), "blank": (1,), "swap": (True,),
    "activation": ("gelu",), "keepdim": (True,), "norm": (1.0,), "PairwiseDistance.p": (1.0, 3.0), "TripletMarginLoss.p": (1.0,),
    "MultiMarginLoss.p": (2,), "padding_idx": (0, 3), "EmbeddingBag.mode": ("sum", "max"), "div_value": (2.0,), "max_norm": (), "scale_grad_by_freq": (),
    "sparse": (), "weight": (), "pos_weight": (), "_weight": (), "_freeze": (), "kdim": (), "vdim": (), "layer_norm_eps": (0.1,),
    "output_size": (), "size": (), "batch_first": (True,), "add_bias_kv": (True,), "bias_k": (), "head_bias": (True,),
    "custom_encoder": (), "custom_decoder": (), "output_ratio": (), "_random_samples": (), "enabled": (),
    "mask_check": (), "Fold.stride": (), "Fold.dilation": (), "Fold.padding": (), "GLU.dim": (1,), "CosineEmbeddingLoss.margin": (0.3,), "zero_infinity": (True,), "include_last_offset": (),
}  # fmt: skip


def _resize(mode: Any, align_corners: Any, scale_factor: Any, recompute_scale_factor: Any) -> bool:
    smooth = mode in ("linear", "bilinear", "bicubic", "trilinear")
    return smooth or align_corners not in (True, False)


def _upsample(rank: int) -> Family:
    modes = {1: ("linear", "area"), 2: ("bilinear", "bicubic", "nearest-exact", "area"), 3: ("trilinear", "area", "nearest-exact")}[rank]
    scales = {1: (2, 1.7, 0.6), 2: (2, (1.7, 2.3), (0.6, 1.4)), 3: (2, 1.6, 0.6)}[rank]
    return Family(
        name=f"Upsample{rank}d", call="nn.Upsample", inputs=images(rank, 3 if rank == 3 else C),
        attributes={
            "scale_factor": scales, "mode": ("nearest", *modes), "align_corners": (None, True, False),
            "recompute_scale_factor": (None, True),
        },
        rules=[_resize],
    )  # fmt: skip


# class -> inputs, arguments that must be given, further rules
_GIVEN: dict[str, tuple[Any, dict[str, Any]]] = {}
for n in (1, 2, 3):
    window = (3, 2, 3)[:n]
    _GIVEN.update({
        f"Conv{n}d": (images(n), {"in_channels": C, "out_channels": 4, "kernel_size": window}),
        f"ConvTranspose{n}d": (images(n), {"in_channels": C, "out_channels": 4, "kernel_size": window}),
        f"MaxPool{n}d": (images(n), {"kernel_size": window}),
        f"AvgPool{n}d": (images(n), {"kernel_size": window}),
        f"LPPool{n}d": (images(n, domain=uniform(0.1, 2.0)), {"kernel_size": (3, 2, 3)[:n] if n > 1 else 3}),
        f"BatchNorm{n}d": (images(n), {"num_features": C}),
        f"InstanceNorm{n}d": (images(n), {"num_features": C}),
        f"AdaptiveAvgPool{n}d": (images(n), {"output_size": (3, 2, 3)[:n]}),
        f"AdaptiveMaxPool{n}d": (images(n), {"output_size": (3, 2, 3)[:n]}),
        f"ConstantPad{n}d": (images(n), {"padding": (1, 2, 0, 3, 2, 1)[: 2 * n], "value": 0.7}),
        **{f"{kind}Pad{n}d": (images(n), {"padding": (1, 2, 0, 3, 2, 1)[: 2 * n]}) for kind in ("Reflection", "Replication", "Zero", "Circular")},
        f"Dropout{n}d": (images(n), {}),
    })  # fmt: skip
for kind in (
    "ReLU", "ReLU6", "ELU", "SELU", "CELU", "GELU", "Sigmoid", "SiLU", "Mish", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink",
    "LogSigmoid", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "RReLU", "Identity", "Dropout", "AlphaDropout",
    "FeatureAlphaDropout", "PReLU",
):  # fmt: skip
    _GIVEN[kind] = (images(1, domain=WIDE), {})
_GIVEN.update({
    "Threshold": (images(1, domain=WIDE), {"threshold": 0.5, "value": -3.0}),
    "GLU": (images(2, 4), {}), "Softmax": (images(2, domain=WIDE), {}), "LogSoftmax": (images(2, domain=WIDE), {}),
    "Softmin": (images(2, domain=WIDE), {}), "Softmax2d": (images(2), {}), "Flatten": (images(2), {}),
    "Unflatten": (images(1), {"dim": 1, "unflattened_size": (2, 3)}), "ChannelShuffle": (images(2), {"groups": 3}),
    "PixelShuffle": (images(2, 12), {"upscale_factor": 2}), "PixelUnshuffle": (
        {"dynamic": [f32("x", BATCH, 3, Dim("h", 6, 24, multiple=3, example=6), Dim("w", 6, 24, multiple=3, example=9))]}, {"downscale_factor": 3}),
    "Unfold": (images(2), {"kernel_size": (3, 2)}),
    "Fold": ({"dynamic": [f32("x", BATCH, 12, 20)]}, {"output_size": (6, 5), "kernel_size": (2, 2)}),
    "GroupNorm": (images(2), {"num_groups": 3, "num_channels": C}), "LocalResponseNorm": (images(2), {"size": 3}),
    "CrossMapLRN2d": (images(2), {"size": 3}),
    "LayerNorm": (rows(5, 6), {"normalized_shape": (5, 6)}), "RMSNorm": (rows(5, 6), {"normalized_shape": (5, 6)}),
    "Linear": (rows(6), {"in_features": 6, "out_features": 5}),
    "Bilinear": ({"dynamic": [f32("x", BATCH, 4), f32("y", BATCH, 3)]}, {"in1_features": 4, "in2_features": 3, "out_features": 5}),
    "Embedding": ({"dynamic": [whole("x", BATCH, LENGTH, domain=ids(11))], "fixed": [whole("x", 2, 5, domain=ids(11))]},
                  {"num_embeddings": 11, "embedding_dim": 5}),
    "EmbeddingBag": ({"dynamic": [whole("x", BATCH, LENGTH, domain=ids(11))]}, {"num_embeddings": 11, "embedding_dim": 5}),
    "CosineSimilarity": (pairs(lambda *s: f32("y", *s), 5, 4), {}), "PairwiseDistance": (pairs(lambda *s: f32("y", *s), 5), {}),
    "MaxUnpool2d": ({"fixed": [f32("x", 2, 3, 4, 5), whole("y", 2, 3, 4, 5, domain=integers(0, 19))]}, {"kernel_size": 2}),
    "FractionalMaxPool2d": ({}, {}),
    "RNN": (rows(5), {"input_size": 5, "hidden_size": 4}), "GRU": (rows(5), {"input_size": 5, "hidden_size": 4}),
    "LSTM": (rows(5), {"input_size": 5, "hidden_size": 4}), "RNNCell": ({"dynamic": [f32("x", BATCH, 5)]}, {"input_size": 5, "hidden_size": 4}),
    "GRUCell": ({"dynamic": [f32("x", BATCH, 5)]}, {"input_size": 5, "hidden_size": 4}),
    "LSTMCell": ({"dynamic": [f32("x", BATCH, 5)]}, {"input_size": 5, "hidden_size": 4}),
    "MultiheadAttention": ({"dynamic": [f32("x", BATCH, LENGTH, 8), f32("y", BATCH, LENGTH, 8), f32("z", BATCH, LENGTH, 8)],
                            "fixed": [f32("x", 5, 4, 8), f32("y", 5, 4, 8), f32("z", 5, 4, 8)]}, {"embed_dim": 8, "num_heads": 2}),
    "TransformerEncoderLayer": ({"dynamic": [f32("x", BATCH, LENGTH, 8)], "fixed": [f32("x", 5, 4, 8)]},
                                {"d_model": 8, "nhead": 2, "dim_feedforward": 12}),
    "TransformerDecoderLayer": ({"dynamic": [f32("x", BATCH, LENGTH, 8), f32("y", BATCH, 6, 8)], "fixed": [f32("x", 5, 4, 8), f32("y", 7, 4, 8)]},
                                {"d_model": 8, "nhead": 2, "dim_feedforward": 12}),
    "Hardtanh": (images(1, domain=WIDE), {}),
})  # fmt: skip


def _two(make: Any, domain: Any = None, *shape: Any) -> tuple[Any, dict[str, Any]]:
    return pairs(make, *(shape or (5,)), domain=domain), {}


def _real(*shape: Any) -> Any:
    return f32("y", *shape)


def _share(*shape: Any) -> Any:
    return f32("y", *shape, domain=uniform(0.0, 1.0))


def _sign(*shape: Any) -> Any:
    return whole("y", *shape, domain=integers(0, 1))


_CLASS = {"dynamic": [f32("x", BATCH, 5), whole("y", BATCH, domain=ids(5))],
          "image": [f32("x", BATCH, 5, 4, 3), whole("y", BATCH, 4, 3, domain=ids(5))]}  # fmt: skip
_GIVEN.update({
    "L1Loss": _two(_real), "MSELoss": _two(_real), "SmoothL1Loss": _two(_real), "HuberLoss": _two(_real),
    "KLDivLoss": _two(lambda *s: f32("y", *s, domain=probability()), uniform(-5.0, -0.1)), "BCELoss": _two(_share, uniform(0.01, 0.99)),
    "BCEWithLogitsLoss": _two(_share, normal(8.0)), "PoissonNLLLoss": _two(lambda *s: f32("y", *s, domain=uniform(0.5, 4.0)), uniform(0.1, 3.0)),
    "SoftMarginLoss": _two(_sign, WIDE), "HingeEmbeddingLoss": _two(lambda *s: whole("y", *s, domain=integers(1, 1))),
    "MultiLabelSoftMarginLoss": _two(_sign, WIDE), "CrossEntropyLoss": (_CLASS, {}), "NLLLoss": (_CLASS, {}),
    "MultiMarginLoss": ({"dynamic": _CLASS["dynamic"]}, {}),
    "MarginRankingLoss": ({"dynamic": [f32("x", BATCH, 5), f32("y", BATCH, 5), whole("z", BATCH, 5, domain=integers(1, 1))]}, {}),
    "TripletMarginLoss": ({"dynamic": [f32(n, BATCH, 5) for n in "xyz"]}, {}),
    "CosineEmbeddingLoss": ({"dynamic": [f32("x", BATCH, 5), f32("y", BATCH, 5), whole("z", BATCH, domain=integers(1, 1))]}, {}),
    "GaussianNLLLoss": ({"dynamic": [f32("x", BATCH, 5), f32("y", BATCH, 5), f32("z", BATCH, 5, domain=uniform(0.2, 2.0))]}, {}),
})  # fmt: skip
LEFT_OUT = {
    "Lazy*": "becomes another class at its first call", "Fractional*": "draws its windows at random", "Module*": "a container",
    "Parameter*": "a container", "Sequential": "a container", "Container": "a container", "CTCLoss": "takes lengths as Python values; no converter has it",
    "AdaptiveLogSoftmaxWithLoss": "returns a tuple whose shape depends on data", "MaxUnpool1d": "as MaxUnpool2d", "MaxUnpool3d": "as MaxUnpool2d",
    "SyncBatchNorm": "needs several processes; BatchNorm at inference", "Transformer": "its layers are swept", "TransformerEncoder": "its layer is swept",
    "TransformerDecoder": "its layer is swept", "UpsamplingBilinear2d": "is Upsample", "UpsamplingNearest2d": "is Upsample",
    "LinearCrossEntropy*": "a fusion for training", "RNNBase": "a base class", "RNNCellBase": "a base class", "MultiLabelMarginLoss": "targets end at the first -1", "TripletMarginWithDistanceLoss": "takes a function",
    "NLLLoss2d": "is NLLLoss",
}  # fmt: skip


def _rules(name: str, attributes: Any) -> list[Any]:
    """Return what the framework itself refuses to combine, or what would make no sense as a model."""
    rules: list[Any] = []
    if "output_padding" in attributes:
        rules.append(lambda output_padding, stride: output_padding != 1 or stride == 2)
    if name in ("TransformerDecoderLayer", "TransformerEncoderLayer", "MultiheadAttention"):
        rules.append(lambda batch_first, inputs: (inputs == "fixed") == (batch_first is not True))
    return rules


def families() -> list[Family]:
    """Return a family for each class of `torch.nn` that is swept."""
    signatures = classes_of("torch", "nn/modules")
    found = []
    for name, (inputs, fixed) in _GIVEN.items():
        if not inputs:
            continue
        rank = int(name[-2]) if name[-1] == "d" and name[-2].isdigit() else 2
        signature = {attribute: default for attribute, default in signatures[name].items() if attribute not in fixed}
        values = {**VALUES, **({"padding_mode": ()} if "Transpose" in name else {})}
        attributes = derive(signature, values, rank, name)
        if name == "InstanceNorm3d" or rank == 3 and name.startswith("Conv"):
            inputs = {"fixed": inputs["fixed"]}
        found.append(
            Family(name=name, call=f"nn.{name}", inputs=inputs, fixed=fixed, attributes=attributes, rules=_rules(name, attributes))
        )
    return [*found, *(_upsample(rank) for rank in (1, 2, 3))]


def covered() -> Coverage:
    """Return how much of `torch.nn` is swept."""
    swept = [name for name, (inputs, _) in _GIVEN.items() if inputs] + ["Upsample"]
    return coverage(exported("torch", "nn/modules/__init__.py"), swept, LEFT_OUT)
