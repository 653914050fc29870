"""What each precision mode of ATC makes of an operator's types, which chips have it, and which operators may lose precision.

Sources: the ATC reference of CANN 8.0 (``--precision_mode``, ``--precision_mode_v2``, ``--modify_mixlist``, ``--keep_dtype``), and the
operator information of the 910B in the graph engine's own tests for the lists; the file of an installed toolkit
(``aic-*-ops-info-*.json``, key ``precision_reduce``) may differ.
"""

from __future__ import annotations

import difflib
from typing import Mapping, Sequence

from harness.ascend.words import SOCS, family, is_soc
from harness.core.errors import UsageError
from harness.core.value import value

FULL, HALF, BRAIN = "float32", "float16", "bfloat16"
CONSTANT = "constant"
"""The kind of a value that is known before the model runs: the compiler folds it in float32."""


@value
class Mode:
    """A precision mode. ``low``: the type that float32 operators lose precision to.

    ``cube`` and ``vector`` say what becomes of a float32 operator of each unit: ``low``; ``low-in``: inputs in ``low``, result in float32;
    ``kernel``: float32 where a kernel has it, else ``low``; ``origin``: float32, on the AI CPU if need be; ``listed``: as the lists say.
    """

    low: str
    cube: str
    vector: str

    @property
    def mixed(self) -> bool:
        """Whether the lists decide, so that ``--modify_mixlist`` has a meaning."""
        return self.cube == "listed"


_FP16 = Mode(low=HALF, cube="low", vector="low")
_FP32 = Mode(low=HALF, cube="low-in", vector="kernel")
_MIXED = Mode(low=HALF, cube="listed", vector="listed")
_BRAIN = Mode(low=BRAIN, cube="listed", vector="listed")
_ORIGIN = Mode(low="", cube="origin", vector="origin")

V1: Mapping[str, Mode] = {
    "force_fp16": _FP16, "force_fp32": _FP32, "cube_fp16in_fp32out": _FP32,
    "allow_fp32_to_fp16": Mode(low=HALF, cube="low", vector="kernel"),
    "allow_fp32_to_bf16": Mode(low=BRAIN, cube="kernel", vector="kernel"),
    "allow_mix_precision": _MIXED, "allow_mix_precision_fp16": _MIXED, "allow_mix_precision_bf16": _BRAIN,
    "must_keep_origin_dtype": _ORIGIN,
}  # fmt: skip
"""Values of ``--precision_mode``."""
V2: Mapping[str, Mode] = {"fp16": _FP16, "mixed_float16": _MIXED, "mixed_bfloat16": _BRAIN, "origin": _ORIGIN}
"""Values of ``--precision_mode_v2`` that are no value of the other; ``cube_fp16in_fp32out`` is one of both."""
MODES: Mapping[str, Mode] = {**V1, **V2}

WHITE = frozenset((
    "Conv2D", "Conv3D", "DepthwiseConv2D", "Conv2DTranspose", "Deconvolution", "MatMul", "MatMulV2", "BatchMatMul", "BatchMatMulV2",
    "BatchNormV3", "RmsNorm", "MaxPool", "MaxPoolV3", "DynamicGRUV2",
))  # fmt: skip
BLACK = frozenset((
    "Log", "Log1p", "Expm1", "Pow", "Power", "LogSoftmaxV2", "LogSigmoid", "ReduceSum", "ReduceMeanD", "ReduceProd", "ReduceProdD",
    "ReduceStd", "SquareSumV1", "SquareSumV2", "Xlogy", "KLDiv", "CumulativeLogsumexpD",
))  # fmt: skip
NO_FLOAT32 = frozenset(("AvgPool", "AvgPoolV2"))
"""Types whose AI Core kernels take no float32 (nor bfloat16)."""
CUBE = frozenset(("Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum"))
"""ONNX operators of the matrix unit: it multiplies in the type of the inputs and accumulates in float32."""
PRECISE = frozenset(("AvgPoolV2", "Exp", "Gelu", "GeluV2", "LayerNorm", "LogSoftmaxV2", "RealDiv", "ReduceMean"))
"""Vector types that ``high_precision`` has an implementation for, which computes in float32 inside."""

# What the ONNX plug-ins turn an operator into, where the name differs.
_TYPES = {
    "MatMul": "BatchMatMulV2", "Gemm": "MatMulV2", "Conv": "Conv2D", "ConvTranspose": "Conv2DTranspose", "Softmax": "SoftmaxV2",
    "LogSoftmax": "LogSoftmaxV2", "Div": "RealDiv", "LayerNormalization": "LayerNorm", "BatchNormalization": "BatchNorm",
    "InstanceNormalization": "InstanceNorm", "CumSum": "Cumsum", "ReduceSumSquare": "SquareSumV1", "ReduceL1": "LpNormV2",
    "ReduceL2": "LpNormV2", "MaxPool": "MaxPoolV3", "AveragePool": "AvgPoolV2", "Where": "SelectV2", "Sum": "AccumulateNV2",
    "MeanVarianceNormalization": "MVNV2", "LSTM": "CommonLSTM", "GRU": "CommonGRU", "Hardmax": "HardMax", "GridSample": "GridSampler2D",
    "Pad": "PadV3", "GreaterOrEqual": "GreaterEqual", "LessOrEqual": "LessEqual", "And": "LogicalAnd", "Or": "LogicalOr",
    "Not": "LogicalNot", "ScatterND": "TensorScatterUpdate", "GatherND": "GatherNd",
    "BitwiseNot": "Invert", "Det": "MatrixDeterminant", "IsNaN": "IsNan", "MaxRoiPool": "ROIPooling", "Scatter": "ScatterElements",
    "Slice": "StridedSliceV2",
}  # fmt: skip
# These become a small graph of their own whose types the plug-ins do not tell: the name here is ONNX's.
PARTITIONED = frozenset((
    "ArgMax", "ArgMin", "Bernoulli", "BitShift", "Clip", "Col2Im", "Compress", "Concat", "ConstantOfShape", "EyeLike", "Gather",
    "GlobalMaxPool", "LpNormalization", "LpPool", "Max", "MaxUnpool", "Mean", "Min", "Multinomial", "NonMaxSuppression", "NonZero",
    "OneHot", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Resize", "RoiAlign", "Split", "ThresholdedRelu",
    "Transpose", "Trilu", "Unique", "Upsample", "Xor",
))  # fmt: skip


@value
class Chip:
    """A family of chips: what happens above the largest number ("" for not documented), and whether it has bfloat16."""

    name: str
    overflow: str
    brain: bool


INF_NAN, SATURATION = "inf_nan", "saturation"
# The generation before A2 and the inference series only saturate; A2 and A3 give infinities unless told otherwise.
_CHIPS: Mapping[str, Chip] = {
    "A2": Chip(name="A2", overflow=INF_NAN, brain=True), "A3": Chip(name="A3", overflow=INF_NAN, brain=True),
    "910": Chip(name="910", overflow=SATURATION, brain=False), "310": Chip(name="310", overflow=SATURATION, brain=False),
    "310P": Chip(name="310P", overflow=SATURATION, brain=False), "310B": Chip(name="310B", overflow=SATURATION, brain=True),
    "950": Chip(name="950", overflow="", brain=True),
}  # fmt: skip


def chip(soc: str) -> Chip:
    """Return the family of an exact ``--soc_version``. Raises `UsageError` for any other name."""
    if is_soc(soc):
        return _CHIPS[family(soc)]
    hint = "; Ascend910A and Ascend910B are one generation, Ascend910B1 to B4 the next" if soc == "Ascend910" else ""
    near = difflib.get_close_matches(soc, SOCS, n=3, cutoff=0.6)
    near_by = f"; near are {', '.join(near)}" if near else ""
    raise UsageError(f"soc {soc!r} is no exact soc_version{hint}; give 'Ascend' and the name that npu-smi info shows{near_by}")


def overflow_of(soc: str, asked: str) -> str:
    """Return whether results above the largest number are infinite or saturate: as ``asked``, or for ``auto`` as the chip does.

    Raises `UsageError` for a chip that cannot be asked that, or whose way is not documented.
    """
    usual = chip(soc).overflow
    if asked == "auto":
        if not usual:
            raise UsageError(f"what {soc} does above 65504 is not documented; give overflow={INF_NAN} or overflow={SATURATION}")
        return usual
    if asked == INF_NAN and usual == SATURATION:
        raise UsageError(f"{soc} only saturates; leave overflow={INF_NAN} out, or name a chip of the A2 or A3 series")
    return asked


def mode_on(name: str, soc: str) -> Mode:
    """Return a mode by name. Raises `UsageError` for a name that ATC does not take, or a type that the chip lacks."""
    if name not in MODES:
        raise UsageError(f"precision mode {name!r} is none that is emulated; expected one of {', '.join(MODES)}")
    if MODES[name].low == BRAIN and not chip(soc).brain:
        raise UsageError(f"precision mode {name} needs bfloat16, which {soc} lacks; name a chip of the A2 or A3 series, or a float16 mode")
    return MODES[name]


def type_of(op: str, ranks: Sequence[int]) -> str:
    """Return the Ascend type of an ONNX operator whose inputs have these ranks; its own name where the plug-ins keep or hide it."""
    rank = max(ranks[:2]) if ranks else 0
    if op == "MatMul" and rank <= 2:
        return "MatMulV2"
    if op in ("Conv", "ConvTranspose") and rank == 5:
        return "Conv3D" if op == "Conv" else "Conv3DTranspose"
    return _TYPES.get(op, op)


def types_of(
    mode: Mode, op: str, type_: str, upstream: Sequence[str], black: frozenset[str] = frozenset(), white: frozenset[str] = frozenset()
) -> Sequence[str]:
    """Return the types of the inputs and of the result of a float32 operator.

    ``upstream``: the types that the operators before it give, constants aside: one on no list follows them, and keeps float32 as soon
    as one of them does. ``black`` and ``white`` hold what a list of the user adds.
    """
    rule = mode.cube if op in CUBE else mode.vector
    if rule == "low":
        return mode.low, mode.low
    if rule == "low-in":
        return mode.low, FULL
    if rule == "kernel" and type_ in NO_FLOAT32 and mode.low == HALF and type_ not in BLACK:
        return mode.low, mode.low
    if rule == "listed":
        if type_ in black or (type_ in BLACK and type_ not in white):
            return FULL, FULL
        follows = bool(upstream) and all(kind == mode.low for kind in upstream)
        if type_ in white or type_ in WHITE or follows:
            return mode.low, mode.low
    return FULL, FULL
