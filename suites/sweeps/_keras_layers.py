"""`keras.layers` and `keras.ops` for the sweep: what signatures do not say. Channels are last."""

from __future__ import annotations

import functools
from typing import Any

from _sweep_build import BATCH, DEPTH, HEIGHT, LENGTH, WIDTH, f32, flags, whole

from harness import ids, integers, normal, uniform
from harness.generate.signatures import classes_of, exported
from harness.generate.sweeps import OMITTED, Coverage, Family, coverage, derive

C = 6
WIDE = normal(4.0)
DYNAMIC: dict[int, tuple[Any, ...]] = {1: (LENGTH,), 2: (HEIGHT, WIDTH), 3: (DEPTH, HEIGHT, WIDTH)}
PRIMES = {1: (13,), 2: (11, 14), 3: (7, 9, 8)}


def images(rank: int, channels: int = C, domain: Any = None) -> dict[str, Any]:
    """Return dynamic and fixed shapes with channels last."""
    return {
        "dynamic": [f32("x", BATCH, *DYNAMIC[rank], channels, domain=domain)],
        "fixed": [f32("x", 2, *PRIMES[rank], channels, domain=domain)],
    }


_UNSEEN = ("data_format", "name", "dtype", "seed", "dropout", "recurrent_dropout", "momentum", "renorm", "renorm_clipping", "renorm_momentum", "synchronized",
           "lora_rank", "lora_alpha", "quantization_config", "weights", "stateful", "use_cudnn", "unit_forget_bias", "flash_attention", "rate", "unroll")  # fmt: skip
VALUES: dict[str, Any] = {
    **dict.fromkeys(_UNSEEN, ()),
    "strides": lambda n: (2, (3, 1, 2)[:n] if n > 1 else 3), "padding": ("same",), "Conv1D.padding": ("same", "causal"), "dilation_rate": (2,), "groups": (2,), "output_padding": (1,),
    "depth_multiplier": (2,), "activation": ("relu", "gelu", "softmax"), "epsilon": (0.1,), "axis": (1,), "Concatenate.axis": (1, 2), "Softmax.axis": (1, 2), "BatchNormalization.axis": (1,),
    "GroupNormalization.groups": (), "GroupNormalization.axis": (), "LayerNormalization.axis": ([1, 2], 1), "alpha": (2.5, 0.3), "negative_slope": (0.2, 0.6), "max_value": (2.5,), "threshold": (1.0, -1.0),
    "shared_axes": ([1],), "pool_size": (), "cropping": lambda n: (((1, 2),) * n if n > 1 else (1, 2),), "size": lambda n: (3, (1, 3, 2)[:n]) if n > 1 else (3,), "interpolation": ("bilinear", "bicubic", "lanczos3", "lanczos5"),
    "go_backwards": (True,), "merge_mode": ("sum", "mul", "ave"), "recurrent_activation": ("hard_sigmoid",), "return_state": (True,), "value_dim": (3,), "output_shape": (), "attention_axes": (),
    "score_mode": ("concat",), "mask_value": (1.0,), "pad_to_aspect_ratio": (True,), "crop_to_aspect_ratio": (True,), "fill_mode": (), "fill_value": (), "scale": (0.5,), "offset": (0.3,), "normalize": (True,),
    "ConvLSTM2D.activation": (), "RMSNormalization.axis": (1,), "UnitNormalization.axis": (1,), "SimpleRNN.activation": ("relu",), "GRU.activation": ("relu",), "LSTM.activation": ("relu",), "Embedding.mask_zero": (True,),
    "output_mode": ("one_hot", "count"), "Resizing.interpolation": ("nearest", "bicubic", "area", "lanczos3", "lanczos5"), "sliding_window": (), "use_gate": (), "UpSampling2D.interpolation": ("bilinear", "bicubic", "lanczos3"), "LayerNormalization.scale": (False,),
    "BatchNormalization.scale": (False,), "GroupNormalization.scale": (False,), "ZeroPadding1D.padding": ((1, 2),), "ZeroPadding2D.padding": (((1, 2), (0, 3)),), "ZeroPadding3D.padding": (((1, 2), (0, 3), (2, 1)),), "invert": (True,),
}  # fmt: skip
_GIVEN: dict[str, tuple[Any, dict[str, Any]]] = {}
for n in (1, 2, 3):
    window: Any = (3, 2, 3)[:n] if n > 1 else 3
    sizes: Any = (3, 2, 3)[:n] if n > 1 else 3
    _GIVEN.update({
        f"Conv{n}D": (images(n), {"filters": 4, "kernel_size": window}), f"Conv{n}DTranspose": (images(n), {"filters": 4, "kernel_size": window}),
        f"MaxPooling{n}D": (images(n), {"pool_size": window}), f"AveragePooling{n}D": (images(n), {"pool_size": window}), f"GlobalAveragePooling{n}D": (images(n), {}),
        f"GlobalMaxPooling{n}D": (images(n), {}), f"AdaptiveAveragePooling{n}D": ({"fixed": images(n)["fixed"]}, {"output_size": sizes}), f"AdaptiveMaxPooling{n}D": ({"fixed": images(n)["fixed"]}, {"output_size": sizes}),
        f"ZeroPadding{n}D": (images(n), {}), f"Cropping{n}D": (images(n), {}), f"UpSampling{n}D": (images(n, 3), {}),
    })  # fmt: skip
for n in (1, 2):
    window = (3, 2)[:n] if n > 1 else 3
    _GIVEN[f"DepthwiseConv{n}D"] = (images(n), {"kernel_size": window})
    _GIVEN[f"SeparableConv{n}D"] = (images(n), {"filters": 4, "kernel_size": window})
_ACTIVATIONS = ("relu", "relu6", "elu", "selu", "celu", "gelu", "sigmoid", "silu", "mish", "softplus", "softsign", "tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
                "leaky_relu", "log_sigmoid", "log_softmax", "softmax", "linear", "exponential", "threshold", "squareplus", "sparse_plus", "sparse_sigmoid", "sparsemax", "glu")  # fmt: skip
_TOKENS = {"dynamic": [f32("x", BATCH, LENGTH, 5)], "fixed": [f32("x", 2, 7, 5)]}
_HEADS = {"dynamic": [f32("x", BATCH, LENGTH, 8), f32("y", BATCH, 6, 8)], "fixed": [f32("x", 2, 5, 8), f32("y", 2, 7, 8)]}
_GIVEN.update({
    "ELU": (images(1, domain=WIDE), {}), "LeakyReLU": (images(1, domain=WIDE), {}), "PReLU": ({"fixed": images(1, domain=WIDE)["fixed"]}, {}), "ReLU": (images(1, domain=WIDE), {}), "Softmax": (images(2, domain=WIDE), {}),
    "Dense": (_TOKENS, {"units": 4}), "EinsumDense": (_TOKENS, {"equation": "abc,cd->abd", "output_shape": (None, 4)}), "Embedding": ({"dynamic": [whole("x", BATCH, LENGTH, domain=ids(11))]}, {"input_dim": 11, "output_dim": 4}),
    "BatchNormalization": (images(2), {}), "GroupNormalization": (images(2), {"groups": 3}), "LayerNormalization": (images(1), {}), "RMSNormalization": (images(1), {}), "UnitNormalization": (images(1), {}),
    "Concatenate": ({"fixed": [f32("x", 2, 3, 4), f32("y", 2, 3, 4)]}, {}), "Dot": ({"dynamic": [f32("x", BATCH, 4, 4), f32("y", BATCH, 4, 4)]}, {"axes": (1, 2)}),
    "Attention": (_HEADS, {}), "AdditiveAttention": (_HEADS, {}), "MultiHeadAttention": (_HEADS, {"num_heads": 2, "key_dim": 4}), "GroupedQueryAttention": (_HEADS, {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}),
    "GRU": (_TOKENS, {"units": 4}), "LSTM": (_TOKENS, {"units": 4}), "SimpleRNN": (_TOKENS, {"units": 4}), "ConvLSTM2D": ({"fixed": [f32("x", 2, 4, 7, 6, 3)]}, {"filters": 2, "kernel_size": (3, 2)}),
    "Resizing": (images(2, 3), {"height": 7, "width": 20}), "Rescaling": (images(2, 3), {"scale": 0.3}), "Flatten": ({"fixed": images(2)["fixed"]}, {}), "Permute": (images(2), {"dims": (3, 1, 2)}),
    "RepeatVector": ({"dynamic": [f32("x", BATCH, 5)]}, {"n": 3}), "Reshape": ({"dynamic": [f32("x", BATCH, 4, 6)]}, {"target_shape": (-1, 3)}), "CenterCrop": ({"fixed": images(2, 3)["fixed"]}, {"height": 5, "width": 6}),
    "CategoryEncoding": ({"dynamic": [whole("x", BATCH, 4, domain=ids(5))]}, {"num_tokens": 5}), "Masking": (_TOKENS, {}), "Discretization": ({"dynamic": [f32("x", BATCH, 4, domain=WIDE)]}, {"bin_boundaries": [-1.0, 0.0, 2.0]}),
})  # fmt: skip
for kind in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"):
    _GIVEN[kind] = ({"dynamic": [f32("x", BATCH, 4, 5), f32("y", BATCH, 1, 5)]}, {})
_LISTED = {"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate", "Dot", "Attention", "AdditiveAttention"}
LEFT_OUT = {
    "Random*": "draws at random", "*Lookup": "text", "String*": "text", "Text*": "text", "Hash*": "text", "Global*": "an alias", "AvgPool*": "an alias", "MaxPool*": "an alias", "Convolution*": "an alias", "Separable*": "an alias",
    "add": "an alias", "average": "an alias", "concatenate": "an alias", "dot": "an alias", "maximum": "an alias", "minimum": "an alias", "multiply": "an alias", "subtract": "an alias", "deserialize": "a function", "serialize": "a function",
    "Input*": "an input", "Layer": "a base class", "Wrapper": "a base class", "Lambda": "code of the user's own", "RNN": "a wrapper", "StackedRNNCells": "a wrapper", "TimeDistributed": "a wrapper", "*Cell": "inside its layer",
    "TFSMLayer": "another framework", "FlaxLayer": "another framework", "JaxLayer": "another framework", "TorchModuleWrapper": "another framework", "AugMix": "draws at random", "CutMix": "draws at random", "MixUp": "draws at random",
    "*Dropout*": "nothing at inference", "Dropout": "nothing at inference", "AlphaDropout": "nothing at inference", "Gaussian*": "nothing at inference", "Spatial*": "nothing at inference", "ActivityRegularization": "nothing at inference",
    "ConvLSTM1D": "as ConvLSTM2D", "ConvLSTM3D": "as ConvLSTM2D", "Integer*": "a vocabulary", "Pipeline": "a container", "Identity": "nothing", "SpectralNormalization": "an iteration with state", "Bidirectional": "a wrapper; in the suites",
    "GRUCell": "inside its layer", "LSTMCell": "inside its layer", "SimpleRNNCell": "inside its layer", "GroupQueryAttention": "an alias", "Activation": "each activation is swept", "AutoContrast": "images of 0 to 255",
    "Contrast*": "images of 0 to 255", "Equalization": "images of 0 to 255", "Solarization": "images of 0 to 255", "RandAugment": "draws at random", "MaxNumBoundingBoxes": "boxes", "MelSpectrogram": "audio", "STFTSpectrogram": "audio",
    "Normalization": "learns its statistics from data", "ReversibleEmbedding": "as Embedding",
}  # fmt: skip


def _listed(name: str) -> Any:
    def run(keras: Any, *feeds: Any, **given: Any) -> Any:
        return getattr(keras.layers, name)(**given)(list(feeds))

    return run


def _pair(name: str) -> Any:
    def run(keras: Any, x: Any, y: Any, **given: Any) -> Any:
        return getattr(keras.layers, name)(**given)(x, y)

    return run


def _layers() -> list[Family]:
    signatures = classes_of("keras", "src/layers")
    found = []
    for name, (inputs, fixed) in _GIVEN.items():
        digit = next((letter for letter, after in zip(name, name[1:]) if letter.isdigit() and after == "D"), "2")
        signature = {
            a: d for a, d in signatures[name].items() if a not in fixed and not a.endswith(("initializer", "regularizer", "constraint"))
        }
        attributes = derive(signature, VALUES, int(digit), name)
        rules: list[Any] = []
        if "dilation_rate" in attributes:
            rules.append(lambda strides, dilation_rate: strides is OMITTED or dilation_rate is OMITTED)
        if "output_padding" in attributes:
            rules.append(lambda output_padding, strides: output_padding is OMITTED or strides == 2)
        if name.startswith(("Depthwise", "Separable")):
            rules.append(lambda strides: not isinstance(strides, tuple))
        if name == "Resizing":
            rules.append(
                lambda crop_to_aspect_ratio, pad_to_aspect_ratio: crop_to_aspect_ratio is OMITTED or pad_to_aspect_ratio is OMITTED
            )
        call = _listed(name) if name in _LISTED else _pair(name) if inputs is _HEADS else f"layers.{name}"
        found.append(Family(name=name, call=call, inputs=inputs, fixed=fixed, attributes=attributes, rules=rules))
    return found


CUBE = {"dynamic": [f32("x", BATCH, 5, LENGTH, 4)], "fixed": [f32("x", 2, 3, 5, 4)]}
INTS = {"dynamic": [whole("x", BATCH, LENGTH, 5, domain=integers(-9, 9), dtype="int32")]}
BOOLS = {"dynamic": [flags("x", BATCH, LENGTH, 5)]}
KEEP = {"keepdims": (OMITTED, True)}


def _kinds() -> dict[str, Any]:
    found = {}
    for kind in ("float32", "int32", "int64"):
        for word, a, b in (("same", (BATCH, LENGTH, 5), (BATCH, LENGTH, 5)), ("broadcast", (BATCH, 1, 5), (BATCH, LENGTH, 1))):
            whole_ = functools.partial(whole, domain=integers(-7, 7), dtype=kind)
            make = functools.partial(f32, domain=WIDE) if kind == "float32" else whole_
            found[f"{kind}.{word}"] = [make("x", *a), make("y", *b)]
    return found


def _guarded(name: str) -> Any:
    def run(keras: Any, x: Any, y: Any) -> Any:
        return getattr(keras.ops, name)(x, keras.ops.where(y == 0, keras.ops.ones_like(y), y))

    return run


def _ops() -> list[Family]:
    unary = {"dynamic": [f32("x", BATCH, LENGTH, domain=WIDE)]}
    positive = {"dynamic": [f32("x", BATCH, LENGTH, domain=uniform(0.05, 4.0))]}
    unit = {"dynamic": [f32("x", BATCH, LENGTH, domain=uniform(-0.98, 0.98))]}
    return [
        *(Family(name=f"activation_{n}", call=f"activations.{n}", inputs={"dynamic": [f32("x", BATCH, LENGTH, 6, domain=WIDE)]}, fixed={"threshold": 0.5, "default_value": -2.0} if n == "threshold" else {}) for n in _ACTIVATIONS),
        Family(name="gelu_tanh", call="activations.gelu", inputs=unary, attributes={"approximate": (OMITTED, True)}),
        *(Family(name=n, call=f"ops.{n}", inputs=unary) for n in ("abs", "sign", "floor", "ceil", "round", "trunc", "exp", "exp2", "expm1", "sin", "cos", "tan", "sinh", "cosh", "arctan", "arcsinh", "erf", "square", "isnan", "isinf", "isfinite",
                                                                   "logical_not", "negative", "reciprocal", "deg2rad", "cbrt", "signbit", "sinc", "angle", "nan_to_num", "rad2deg", "positive")),
        *(Family(name=n, call=f"ops.{n}", inputs=positive) for n in ("sqrt", "rsqrt", "log", "log2", "log10", "log1p")), *(Family(name=n, call=f"ops.{n}", inputs=unit) for n in ("arcsin", "arccos", "arctanh", "erfinv")),
        *(Family(name=n, call=f"ops.{n}", inputs=CUBE, attributes={"axis": (1, -1, (1, 3), None), **KEEP}) for n in ("sum", "mean", "max", "min", "prod", "var", "std", "logsumexp")),
        *(Family(name=f"{n}_integers", call=f"ops.{n}", inputs=INTS, attributes={"axis": (1, -1, None), **KEEP}) for n in ("sum", "mean", "max", "min", "prod", "var")),
        *(Family(name=n, call=f"ops.{n}", inputs=BOOLS, attributes={"axis": (1, (0, 2), None), **KEEP}) for n in ("any", "all")), *(Family(name=n, call=f"ops.{n}", inputs=CUBE, attributes={"axis": (1, -1, None), **KEEP}) for n in ("argmax", "argmin")),
        *(Family(name=n, call=f"ops.{n}", inputs=CUBE, attributes={"axis": (1, -1)}) for n in ("cumsum", "cumprod", "sort", "argsort", "softmax", "log_softmax")),
        Family(name="median", call="ops.median", inputs={"fixed": CUBE["fixed"]}, attributes={"axis": (1, -1), **KEEP}), Family(name="quantile", call=lambda keras, x, **g: keras.ops.quantile(x, 0.3, **g), inputs={"fixed": CUBE["fixed"]}, attributes={"axis": (1, -1), "method": (OMITTED, "lower", "nearest"), **KEEP}),
        *(Family(name=n, call=f"ops.{n}", inputs=_kinds()) for n in ("add", "subtract", "multiply", "maximum", "minimum", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_xor")),
        *(Family(name=n, call=_guarded(n), inputs=_kinds()) for n in ("divide", "floor_divide", "mod", "true_divide")), *(Family(name=n, call=f"ops.{n}", inputs={k: v for k, v in _kinds().items() if k.startswith("int")}) for n in ("bitwise_and", "bitwise_or", "bitwise_xor")),
        *(Family(name=n, call=f"ops.{n}", inputs={"reals": _kinds()["float32.same"]}) for n in ("arctan2", "logaddexp", "hypot", "heaviside")),
        Family(name="floor_divide_scalar", call=lambda keras, x, other: x // other, inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"other": (3, -3)}), Family(name="mod_scalar", call=lambda keras, x, other: x % other, inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"other": (3, -3)}),
        Family(name="power_scalar", call=lambda keras, x, y: keras.ops.power(x, y), inputs={**INTS, "reals": CUBE["dynamic"]}, attributes={"y": (2, 3)}), Family(name="clip", call=lambda keras, x, a, b: keras.ops.clip(x, a, b), inputs={"reals": unary["dynamic"], **INTS}, attributes={"a": (-1, 2), "b": (3, 5)}),
        Family(name="cast", call=lambda keras, x, to: keras.ops.cast(x, to), inputs={"reals": [f32("x", BATCH, LENGTH, domain=uniform(-120.0, 120.0))], **INTS, "bool": BOOLS["dynamic"]}, attributes={"to": ("int32", "int64", "int8", "uint8", "bool", "float16")}, rules=[lambda to, inputs: inputs != "reals" or to != "uint8"]),
        Family(name="roll", call="ops.roll", inputs=CUBE, attributes={"shift": (2, -1), "axis": (1, 2)}), Family(name="flip", call="ops.flip", inputs=CUBE, attributes={"axis": (1, -1, (1, 2))}), Family(name="repeat", call="ops.repeat", inputs=CUBE, attributes={"repeats": (2, 3), "axis": (1, -1)}),
        Family(name="tile", call="ops.tile", inputs=CUBE, attributes={"repeats": ((1, 2, 1, 3), (1, 1, 1, 2))}), Family(name="tril", call="ops.tril", inputs=CUBE, attributes={"k": (0, 1, -2)}), Family(name="triu", call="ops.triu", inputs=CUBE, attributes={"k": (0, 1, -2)}),
        Family(name="pad", call=lambda keras, x, width, mode: keras.ops.pad(x, width, mode=mode), inputs=CUBE, attributes={"width": (((0, 0), (1, 2), (2, 1), (0, 0)), ((0, 0), (0, 0), (1, 3), (2, 0))), "mode": ("constant", "reflect", "symmetric")}),
        Family(name="take", call=lambda keras, x, y, axis: keras.ops.take(x, y, axis=axis), inputs={"dynamic": [f32("x", BATCH, 7, 4), whole("y", 3, 5, domain=ids(4))]}, attributes={"axis": (1, -1)}), Family(name="take_negative", call=lambda keras, x, y: keras.ops.take(x, y, axis=1), inputs={"dynamic": [f32("x", BATCH, 7, 4), whole("y", 5, domain=integers(-7, 6))]}),
        Family(name="take_along_axis", call=lambda keras, x, y, axis: keras.ops.take_along_axis(x, y, axis=axis), inputs={"dynamic": [f32("x", BATCH, 7, 4), whole("y", BATCH, 5, 4, domain=ids(7))]}, attributes={"axis": (1,)}), Family(name="top_k", call=lambda keras, x, k: keras.ops.top_k(x, k), inputs=CUBE, attributes={"k": (2, 3)}),
        Family(name="one_hot", call=lambda keras, x, n, axis: keras.ops.one_hot(x, n, axis=axis), inputs={"dynamic": [whole("x", BATCH, LENGTH, domain=integers(-1, 6))]}, attributes={"n": (5, 7), "axis": (-1, 1)}), Family(name="segment_sum", call=lambda keras, x, y: keras.ops.segment_sum(x, y, num_segments=6), inputs={"dynamic": [f32("x", 7, 3), whole("y", 7, domain=ids(5))]}),
        Family(name="segment_max", call=lambda keras, x, y: keras.ops.segment_max(x, y, num_segments=6), inputs={"dynamic": [f32("x", 7, 3), whole("y", 7, domain=ids(5))]}), Family(name="scatter", call=lambda keras, x, y: keras.ops.scatter(y, x, (6, 3)), inputs={"fixed": [f32("x", 5, 3), whole("y", 5, 1, domain=ids(6))]}),
        Family(name="scatter_update", call=lambda keras, x, y, z: keras.ops.scatter_update(x, y, z), inputs={"fixed": [f32("x", 6, 3), whole("y", 1, 1, domain=ids(6)), f32("z", 1, 3)]}), Family(name="searchsorted", call=lambda keras, x, side: keras.ops.searchsorted(keras.ops.convert_to_tensor([-1.0, 0.0, 0.5, 2.0], dtype=x.dtype), x, side=side), inputs={"dynamic": [f32("x", 7)]}, attributes={"side": ("left", "right")}),
        Family(name="resize", call=lambda keras, x, **g: keras.ops.image.resize(x, **g), inputs=images(2, 3), attributes={"size": ((15, 5), (4, 21), (9, 14)), "interpolation": ("bilinear", "nearest", "bicubic", "area", "lanczos3"), "antialias": (OMITTED, True)}),
        Family(name="normalize", call="ops.normalize", inputs=CUBE, attributes={"axis": (-1, 1), "order": (2, 1, 3)}), Family(name="norm", call="ops.norm", inputs=CUBE, attributes={"ord": (OMITTED, 1, 3, float("inf"), -float("inf")), "axis": (1, -1), **KEEP}),
        Family(name="average_pool", call="ops.average_pool", inputs=images(2), attributes={"pool_size": ((3, 2), 2), "strides": (1, 2), "padding": ("valid", "same")}), Family(name="max_pool", call="ops.max_pool", inputs=images(2), attributes={"pool_size": ((3, 2), 2), "strides": (1, 2), "padding": ("valid", "same")}),
        Family(name="slices", call=lambda keras, x, start, stop, step: x[:, :, start:stop:step], inputs=CUBE, attributes={"start": (None, 2, -3), "stop": (None, -1, 3), "step": (None, 2)}), Family(name="reversed_slices", call=lambda keras, x, start, stop: x[:, :, start:stop:-1], inputs=CUBE, attributes={"start": (None, 2, -1), "stop": (None, 0)}),
        Family(name="diagonal", call="ops.diagonal", inputs={"fixed": CUBE["fixed"]}, attributes={"offset": (0, 1, -1), "axis1": (0, 1), "axis2": (2, -1)}), Family(name="rot90", call="ops.rot90", inputs={"fixed": CUBE["fixed"]}, attributes={"k": (1, 2, 3)}), Family(name="diff", call="ops.diff", inputs={"fixed": CUBE["fixed"]}, attributes={"n": (1, 2), "axis": (-1, 1)}),
        Family(name="unfold", call="ops.unfold", inputs={"fixed": [f32("x", 2, 3, 7, 8)]}, attributes={"kernel_size": (3,), "stride": (1, 2), "dilation": (1, 2), "padding": (0, 1)}), Family(name="einsum", call=lambda keras, x, y, equation: keras.ops.einsum(equation, x, y), inputs={"fixed": [f32("x", 2, 4, 4), f32("y", 2, 4, 4)]}, attributes={"equation": ("bij,bjk->bik", "bij,bij->b", "bij,bkj->ibk")}),
    ]  # fmt: skip


def families() -> list[Family]:
    """Return the families of layers and operations."""
    return [*_layers(), *_ops()]


def covered() -> Coverage:
    """Return how much of `keras.layers` is swept."""
    return coverage(exported("keras", "layers/__init__.py"), _GIVEN, LEFT_OUT)
