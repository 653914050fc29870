"""ONNX operators for the sweep: inputs and values that the schemas cannot say."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from _onnx_build import LATE, Array, Weights
from _onnx_inputs import CUBE, IMAGE, INTS, LINE, ROWS, SEQUENCE, SMALL, WIDE, nonzero, two
from _sweep_build import BATCH, HEIGHT, LENGTH, WIDTH, f32, flags, whole

from harness import Dim, ids, integers, uniform
from harness.generate.schemas import RUN_TIME, Operator, attributes_of, operators
from harness.generate.sweeps import OMITTED, Coverage, Family, coverage

VALUES: dict[str, Any] = {
    "auto_pad": ("SAME_UPPER", "SAME_LOWER", "VALID"), "strides": ([2, 2], [3, 1]), "dilations": ([2, 2],), "pads": ([1, 0, 1, 2],), "kernel_shape": (),
    "group": (), "momentum": (), "training_mode": (), "stash_type": (), "output_datatype": (), "storage_order": (), "select_last_index": (1,),
    "axis": (1, -1, 2), "Flatten.axis": (0, 2, -1), "LayerNormalization.axis": (), "direction": ("reverse", "bidirectional"), "clip": (0.3,), "hidden_size": (),
    "activation_alpha": (), "activation_beta": (), "activations": (), "p": (1, 3), "LpNormalization.p": (1,), "mode": (), "DepthToSpace.mode": ("CRD",),
    "Pad.mode": ("reflect", "edge"), "axes": (), "approximate": ("tanh",), "padding_mode": ("border", "reflection"), "epsilon": (0.1,), "reduction": (),
    "ScatterElements.reduction": ("add", "mul", "max", "min"), "ScatterND.reduction": ("add", "mul", "max", "min"), "perm": ([0, 2, 3, 1], [3, 1, 0, 2]),
    "coordinate_transformation_mode": ("asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"), "block_size": (), "output_dtype": (),
    "nearest_mode": ("floor", "ceil", "round_prefer_ceil"), "cubic_coeff_a": (-0.5,), "extrapolation_value": (), "keep_aspect_ratio_policy": (), "k": (1, -2),
    "output_padding": ([1, 0],), "output_shape": (), "linear_before_reset": (1,), "noop_with_empty_axes": (), "to": (1, 6, 7, 9, 10, 11, 2, 3), "dtype": (),
    "start": (1, -2), "end": (2, -1), "batch_dims": (), "size": (), "LRN.alpha": (0.5,), "transA": (), "transB": (), "num_outputs": (), "sampling_ratio": (2,),
    "spatial_scale": (0.5,), "output_height": (3,), "output_width": (2,), "RoiAlign.mode": ("max",), "RoiAlign.coordinate_transformation_mode": ("output_half_pixel",),
    "sorted": (), "allowzero": (), "value": (), "saturate": (), "antialias": (1,), "exclude_outside": (1,), "fmod": (1,), "layout": (1,), "input_forget": (),
}  # fmt: skip

Row = dict[str, Any]
_LATE = ".late"
_ZERO = whole(LATE, domain=integers(0, 0))


def _reduce(name: str, axes: tuple[Any, ...], since: int) -> Row:
    inputs = {**CUBE, **({"positive": [f32("x", BATCH, 5, LENGTH, 4, domain=uniform(0.1, 3.0))]} if "Log" in name else {})}
    if name in ("ReduceLogSum",):
        inputs = {"positive": inputs["positive"]}
    if name in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean"):
        inputs = {
            **inputs,
            "int32": [whole("x", BATCH, 4, 2, 5, domain=integers(-3, 4), dtype="int32")],
            "int64": [whole("x", BATCH, 4, 2, 5, domain=integers(-3, 4))],
        }
    return {"inputs": inputs, "values": {"axes": axes, "noop_with_empty_axes": (1,)}}


_UNARY = {
    "Acos": uniform(-0.98, 0.98), "Asin": uniform(-0.98, 0.98), "Atanh": uniform(-0.98, 0.98), "Acosh": uniform(1.01, 6.0), "Log": uniform(0.05, 4.0),
    "Sqrt": uniform(0.05, 4.0), "Reciprocal": uniform(0.3, 3.0),
}  # fmt: skip
_PLAIN = (
    "Abs", "Asinh", "Atan", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN",
    "LeakyRelu", "Mish", "Neg", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Tan", "Tanh", "ThresholdedRelu",
)  # fmt: skip
_WHOLE = ("Abs", "Neg", "Sign", "Relu")


def _given(op: Operator) -> list[Row]:
    """Return what one operator version needs: inputs, values by attribute or constant input, and rules; none when it is not swept."""
    name = op.name
    if name in _PLAIN or name in _UNARY:
        domain = _UNARY.get(name, WIDE)
        inputs = {"dynamic": [f32("x", BATCH, LENGTH, domain=domain)], **(INTS if name in _WHOLE else {})}
        return [{"inputs": inputs}]
    if name in ("Add", "Sub", "Mul", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Max", "Min", "Equal"):
        return [{"inputs": two()}]
    if name in ("Sum", "Mean"):
        return [{"inputs": {"same": two(("float32",))["float32.same"]}}]
    if name in ("Div", "Mod"):
        wanted = nonzero() if name == "Div" else nonzero()
        rules = [lambda fmod, inputs: fmod == 1 or not inputs.startswith("float")] if name == "Mod" else []
        return [{"inputs": wanted, "rules": rules}]
    if name in ("And", "Or", "Xor"):
        return [{"inputs": two(("bool",))}]
    if name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        return [{"inputs": two(("int64", "int32"))}]
    if name == "Pow":
        mixed = {"mixed": [f32("x", BATCH, 5), whole("y", BATCH, 5, domain=integers(0, 3))], "real": [f32("x", BATCH, 5, domain=uniform(0.1, 3.0)), f32("y", BATCH, 5)],
                 "int64": [whole("x", BATCH, 5, domain=SMALL), whole("y", BATCH, 5, domain=integers(0, 3))], "whole_real": [whole("x", BATCH, 5, domain=integers(1, 9)), f32("y", BATCH, 5)]}  # fmt: skip
        return [{"inputs": mixed}]
    if name.startswith("Reduce"):
        return [_reduce(name, ([1], [1, 3], [-1], OMITTED), op.since)]
    return list(_TABLE.get(name, ()))


def _window(*rules: Any) -> list[Any]:
    return [lambda auto_pad, pads: pads is OMITTED or auto_pad in (OMITTED, "NOTSET"),
            lambda auto_pad, dilations: dilations is OMITTED or auto_pad not in ("SAME_UPPER", "SAME_LOWER"), *rules]  # fmt: skip


_CEIL = [lambda auto_pad, ceil_mode: ceil_mode != 1 or auto_pad in (OMITTED, "NOTSET")]


def _recurrent(gates: int) -> list[Row]:
    found = []
    for word, directions in (("forward", 1), ("bidirectional", 2)):
        fixed = {
            "hidden_size": 4,
            "W": Weights(shape=(directions, 4 * gates, 5)),
            "R": Weights(shape=(directions, 4 * gates, 4)),
            "outputs": 2,
        }
        values = {
            "B": (OMITTED, Weights(shape=(directions, 8 * gates))),
            "direction": ("reverse",) if directions == 1 else ("bidirectional",),
            "layout": (),
        }
        if gates == 4:
            values["P"] = (OMITTED, Weights(shape=(directions, 12)))
            values["input_forget"] = (1,)
        rules = [lambda direction: direction == "bidirectional"] if directions == 2 else []
        found.append({"name": word, "inputs": SEQUENCE, "fixed": fixed, "values": values, "rules": rules})
    return found


def _resize() -> list[Row]:
    from_half = [lambda mode, nearest_mode: mode in (OMITTED, "nearest") or nearest_mode in (OMITTED, "round_prefer_floor")]
    anti = [lambda mode, antialias: antialias != 1 or mode in ("linear", "cubic"), lambda mode, exclude_outside: exclude_outside != 1 or mode == "cubic",
            lambda mode, cubic_coeff_a: cubic_coeff_a in (OMITTED, -0.75) or mode == "cubic"]  # fmt: skip
    values = {"mode": ("linear", "cubic"), "extrapolation_value": ()}
    # Small: the evaluator of onnx computes each element in Python.
    image = {"dynamic": [f32("x", Dim("batch", 1, 2, example=1), 1, Dim("height", 3, 6, example=4), 5)], "fixed": [f32("x", 1, 2, 4, 5)]}
    return [
        {"name": "scales", "inputs": image, "values": {**values, "scales": ([1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 1.7, 2.3], [1.0, 1.0, 0.6, 0.5])}, "rules": from_half + anti},
        {"name": "sizes", "inputs": {"fixed": image["fixed"]}, "values": {**values, "sizes": ([1, 2, 9, 3], [1, 2, 3, 11], [1, 2, 7, 7])}, "rules": from_half + anti},
    ]  # fmt: skip


_INDEX = whole("y", BATCH, 5, 4, domain=integers(-4, 3))
_ROIS = [f32("x", 2, 3, 9, 11), f32("y", 4, 4, domain=uniform(0.0, 9.0))]
_TABLE: dict[str, list[Row]] = {
    "Conv": [{"inputs": IMAGE, "fixed": {"W": Weights(shape=(4, 6, 3, 2)), "B": Weights(shape=(4,))}, "rules": _window()},
             {"name": "groups", "inputs": IMAGE, "fixed": {"W": Weights(shape=(4, 3, 3, 2)), "group": 2}, "rules": _window()}],
    "ConvTranspose": [{"inputs": IMAGE, "fixed": {"W": Weights(shape=(6, 4, 3, 2)), "B": Weights(shape=(4,))}, "rules": _window(lambda output_padding, strides: output_padding is OMITTED or strides == [2, 2])},
                      {"name": "groups", "inputs": {"fixed": IMAGE["fixed"]}, "fixed": {"W": Weights(shape=(6, 2, 3, 2)), "group": 2}, "rules": _window(lambda output_padding, strides: output_padding is OMITTED or strides == [2, 2])}],
    "MaxPool": [{"inputs": IMAGE, "fixed": {"kernel_shape": [3, 3]}, "rules": [*_window(), *_CEIL]}, {"name": "indices", "inputs": {"fixed": IMAGE["fixed"]}, "fixed": {"kernel_shape": [3, 3], "outputs": 2}, "values": {"storage_order": (1,)}, "rules": [*_window(), *_CEIL]}],
    "AveragePool": [{"inputs": IMAGE, "fixed": {"kernel_shape": [3, 3]}, "rules": [lambda auto_pad, pads: pads is OMITTED or auto_pad in (OMITTED, "NOTSET"), *_CEIL]}],
    "LpPool": [{"inputs": {word: [f32("x", *specs[0].shape, domain=uniform(0.1, 2.0))] for word, specs in IMAGE.items()}, "fixed": {"kernel_shape": [3, 3]}, "rules": [*_CEIL, lambda auto_pad, pads: pads is OMITTED or auto_pad in (OMITTED, "NOTSET")]}],
    "GlobalAveragePool": [{"inputs": IMAGE}], "GlobalMaxPool": [{"inputs": IMAGE}], "GlobalLpPool": [{"inputs": IMAGE}],
    "BatchNormalization": [{"inputs": IMAGE, "fixed": {"scale": Weights(shape=(6,)), "B": Weights(shape=(6,)), "mean": Weights(shape=(6,)), "var": Weights(shape=(6,), positive=True),
                                                      "input_mean": Weights(shape=(6,)), "input_var": Weights(shape=(6,), positive=True)}}],
    "InstanceNormalization": [{"inputs": IMAGE, "fixed": {"scale": Weights(shape=(6,)), "B": Weights(shape=(6,))}}],
    "GroupNormalization": [{"inputs": IMAGE, "fixed": {"scale": Weights(shape=(6,)), "bias": Weights(shape=(6,)), "num_groups": 3}}],
    "LayerNormalization": [{"inputs": {"dynamic": [f32("x", BATCH, LENGTH, 5, 6)]}, "fixed": {"Scale": Weights(shape=(6,))}, "values": {"B": (OMITTED, Weights(shape=(6,)))}},
                           {"name": "two", "inputs": {"dynamic": [f32("x", BATCH, LENGTH, 5, 6)]}, "fixed": {"Scale": Weights(shape=(5, 6)), "axis": -2}, "values": {"B": (OMITTED, Weights(shape=(5, 6)))}}],
    "LpNormalization": [{"inputs": CUBE}], "LRN": [{"inputs": IMAGE, "fixed": {"size": 3}}],
    "Softmax": [{"inputs": CUBE}], "LogSoftmax": [{"inputs": CUBE}], "Hardmax": [{"inputs": CUBE}],
    "Gemm": [{"inputs": {"square": [f32("x", 4, 4), f32("y", 4, 4)]}, "values": {"transA": (1,), "transB": (1,), "C": (OMITTED, Weights(shape=(4,)), Weights(shape=(4, 1)))}},
             {"name": "rows", "inputs": {"dynamic": [f32("x", BATCH, 5)]}, "fixed": {"B": Weights(shape=(3, 5)), "transB": 1}, "values": {"C": (OMITTED, Weights(shape=(3,)))}}],
    "MatMul": [{"inputs": {"batched": [f32("x", BATCH, 4, 4), f32("y", BATCH, 4, 4)], "vector": [f32("x", 4), f32("y", BATCH, 4, 5)], "broadcast": [f32("x", BATCH, 1, 3, 4), f32("y", 5, 4, 2)]}}],
    "ArgMax": [{"inputs": {**CUBE, **{k: v for k, v in INTS.items() if k == "int32"}}, "values": {"axis": (1, -1)}}], "ArgMin": [{"inputs": CUBE}],
    "CumSum": [{"inputs": {**CUBE, "int64": INTS["int64"]}, "values": {"axis": (0, 1, -1)}, "late": True}],
    "TopK": [{"inputs": CUBE, "values": {"K": ([2], [3]), "axis": (1, -2)}, "fixed": {"outputs": 2}, "late": True}],
    "Gather": [{"inputs": {"dynamic": [f32("x", 5, 7, 6), whole("y", BATCH, 3, domain=integers(-5, 4))], "one": [f32("x", 5, 7, 6), whole("y", domain=integers(-5, 4))]}, "values": {"axis": (1, -1)}}],
    "GatherElements": [{"inputs": {"dynamic": [f32("x", BATCH, 5, 4), _INDEX]}, "values": {"axis": (1, -1)}}],
    "GatherND": [{"inputs": {"dynamic": [f32("x", 3, 5, 4), whole("y", 3, 4, 2, domain=integers(-3, 2))]}}, {"name": "batched", "inputs": {"dynamic": [f32("x", BATCH, 5, 4), whole("y", BATCH, 6, 1, domain=integers(-5, 4))]}, "fixed": {"batch_dims": 1}}],
    "ScatterElements": [{"inputs": {"fixed": [f32("x", 4, 5, 4), whole("y", 4, 5, 4, domain=integers(-4, 3)), f32("z", 4, 5, 4)]}, "values": {"axis": (1, -1)}}],
    "ScatterND": [{"inputs": {"fixed": [f32("x", 4, 5, 3), whole("y", 6, 2, domain=integers(-4, 3)), f32("z", 6, 3)]}}],
    "Pad": [{"inputs": {"dynamic": [f32("x", BATCH, 5, LENGTH)], "fixed": [f32("x", 2, 5, 7)]}, "values": {"pads": ([0, 1, 2, 1, 0, 1], [0, 2, 0, 0, 0, 2]), "constant_value": (OMITTED, -1.5)},
             "rules": [lambda mode, constant_value: mode in (OMITTED, "constant") or constant_value is OMITTED, lambda mode, pads: mode in (OMITTED, "constant") or min(pads) >= 0], "late": True},
            {"name": "integers", "inputs": {"fixed": [whole("x", 2, 5, domain=SMALL)]}, "values": {"pads": ([0, 1, 1, 2],), "constant_value": (OMITTED, 3)}, "rules": [lambda mode, constant_value: mode in (OMITTED, "constant") or constant_value is OMITTED]}],
    "Slice": [{"inputs": {"dynamic": [f32("x", BATCH, 6, LENGTH)], "fixed": [f32("x", 2, 6, 9)]},
               "values": {"starts": ([1, 2], [-3, -4], [0, -1]), "ends": ([5, 7], [2**31 - 1, 2**63 - 1], [-1, -2]), "axes": ([1, 2], [2, 1], [-2, -1]), "steps": (OMITTED, [2, 3])}, "late": True},
              {"name": "reverse", "inputs": {"dynamic": [f32("x", BATCH, 6, LENGTH)]}, "values": {"starts": ([4, -1], [2**31 - 1, 5]), "ends": ([0, -(2**31)], [-(2**63), 1]), "axes": ([1, 2],), "steps": ([-1, -2], [-2, -1])}, "late": True}],
    "Split": [{"inputs": {"fixed": [f32("x", 2, 6, 7)]}, "fixed": {"axis": 1, "outputs": 3, "split": [1, 2, 3]}, "late": True}, {"name": "even", "inputs": {"fixed": [f32("x", 2, 6, 7)]}, "fixed": {"axis": -2, "outputs": 3}, "values": {"num_outputs": ()}},],
    "Squeeze": [{"inputs": {"fixed": [f32("x", 2, 1, 5, 1)], "dynamic": [f32("x", BATCH, 1, LENGTH, 1)]}, "values": {"axes": ([1], [-1], [1, 3], OMITTED)}, "rules": [lambda axes, inputs: axes is not OMITTED or inputs == "fixed"], "late": True}],
    "Unsqueeze": [{"name": "rank4", "inputs": CUBE, "values": {"axes": ([2], [0, 5])}, "late": True}, {"inputs": LINE, "values": {"axes": ([1], [-1], [0, 3], [3, 0], [-1, -3])}, "late": True}],
    "Tile": [{"inputs": LINE, "values": {"repeats": ([1, 2, 3], [2, 1, 1], [2, 2, 2])}, "late": True},
             {"name": "rank4", "inputs": CUBE, "values": {"repeats": ([1, 2, 1, 3], [2, 2, 2, 2])}, "late": True}, {"name": "rank2", "inputs": ROWS, "values": {"repeats": ([1, 2], [3, 1])}, "late": True}],
    "Expand": [{"inputs": {"dynamic": [f32("x", BATCH, 1, 4)], "fixed": [f32("x", 3, 1)]}, "values": {"shape": ([1, 5, 1], [2, 1, 1, 4], [1, 1, 4])}, "rules": [lambda shape, inputs: inputs == "dynamic" and shape[0] == 1 or inputs == "fixed"], "late": True}],
    "Transpose": [{"inputs": CUBE}], "Reshape": [{"inputs": {"dynamic": [f32("x", BATCH, 4, 6)]}, "values": {"shape": ([0, -1], [0, 3, 8], [-1, 6], [0, 0, 2, 3])}, "late": True}],
    "Concat": [{"inputs": {"dynamic": [f32("x", BATCH, 4, 6), f32("y", BATCH, 4, 6)]}, "values": {"axis": (1, -1, -2)}, "required": True}], "Flatten": [{"inputs": CUBE}],
    "DepthToSpace": [{"inputs": {"dynamic": [f32("x", BATCH, 12, HEIGHT, WIDTH)]}, "fixed": {"blocksize": 2}}], "SpaceToDepth": [{"inputs": {"fixed": [f32("x", 2, 3, 6, 4)]}, "fixed": {"blocksize": 2}}],
    "OneHot": [{"inputs": {"dynamic": [whole("x", BATCH, 5, domain=integers(-7, 6))]}, "fixed": {"depth": 7, "values": [0.5, 2.0]}, "values": {"axis": (0, 1)}, "late": True}],
    "Where": [{"inputs": {"same": [flags("x", BATCH, LENGTH), f32("y", BATCH, LENGTH), f32("z", BATCH, LENGTH)], "broadcast": [flags("x", LENGTH, 1), f32("y", BATCH, 1, 5), f32("z", 5)]}}],
    "Clip": [{"inputs": {**ROWS, "int32": [whole("x", BATCH, 5, domain=integers(-9, 9), dtype="int32")]}, "values": {"min": (OMITTED, -1.5, 2.0), "max": (OMITTED, 3.0, -2.0)}, "rules": [lambda min, inputs: inputs != "int32" or min is OMITTED, lambda max, inputs: inputs != "int32" or max is OMITTED]}],
    "Trilu": [{"inputs": {"dynamic": [f32("x", BATCH, 5, LENGTH)], "fixed": [f32("x", 2, 5, 4)]}, "values": {"k": (OMITTED, 1, -2, 9)}, "late": True}], "EyeLike": [{"inputs": {"fixed": [f32("x", 4, 5)]}}],
    "Cast": [{"inputs": {"reals": [f32("x", BATCH, LENGTH, domain=uniform(-120.0, 120.0))], **INTS, "bool": [flags("x", BATCH, 5)], "wide": [whole("x", BATCH, LENGTH, domain=integers(-300, 300))]}, "values": {"saturate": ()},
              "rules": [lambda to, inputs: inputs != "reals" or to not in (2,)], "required": True}],
    "BitShift": [{"inputs": {"uint8": [whole("x", BATCH, 5, domain=integers(0, 200), dtype="uint8"), whole("y", BATCH, 5, domain=integers(0, 7), dtype="uint8")]}, "values": {"direction": ("LEFT", "RIGHT")}}],
    "BitwiseNot": [{"inputs": INTS}], "Not": [{"inputs": {"dynamic": [flags("x", BATCH, 5)]}}], "PRelu": [{"inputs": {"dynamic": [f32("x", BATCH, 6, LENGTH, domain=WIDE)]}, "values": {"slope": (Weights(shape=(6, 1)), Weights(shape=(1,)))}}],
    "RNN": _recurrent(1), "GRU": _recurrent(3), "LSTM": _recurrent(4), "Resize": _resize(),
    "GridSample": [{"inputs": {"dynamic": [f32("x", BATCH, 3, HEIGHT, WIDTH), f32("y", BATCH, 6, 5, 2, domain=uniform(-1.6, 1.6))], "fixed": [f32("x", 2, 3, 7, 10), f32("y", 2, 4, 5, 2, domain=uniform(-1.2, 1.2))]}, "values": {"mode": ("nearest", None)}}],
    "RoiAlign": [{"inputs": {"fixed": _ROIS}, "fixed": {"batch_indices": [0, 1, 1, 0]}}], "NonZero": [{"inputs": {"fixed": [f32("x", 3, 5)]}}],
    "Einsum": [{"inputs": {"dynamic": [f32("x", BATCH, 4, 4), f32("y", BATCH, 4, 4)]}, "values": {"equation": ("bij,bjk->bik", "bij,bij->b", "bij,bkj->ibk", "bij,bij", "...ij,...jk->...ik")}}],
    "ReverseSequence": [{"inputs": {"fixed": [f32("x", 4, 4, 3)]}, "fixed": {"sequence_lens": [4, 3, 1, 2]}, "rules": [lambda batch_axis, time_axis: (batch_axis in (OMITTED, 1)) == (time_axis in (OMITTED, 0))], "late": True}],
    "Dropout": [{"inputs": {"dynamic": [f32("x", BATCH, 5)]}, "values": {"ratio": (OMITTED, 0.3)}}], "Shape": [{"inputs": CUBE}], "Size": [{"inputs": CUBE}], "Det": [{"inputs": {"dynamic": [f32("x", BATCH, 3, 3)]}}],
    "ConstantOfShape": [{"inputs": {"fixed": [whole("x", 3, domain=integers(2, 4))]}, "values": {"value": (Array(values=[1.5], dtype="float32"), Array(values=[3], dtype="int64"), Array(values=[True], dtype="bool"))}}],
    "Range": [{"inputs": {"real": [f32("x", domain=uniform(0.0, 0.3))]}, "fixed": {"limit": 7.0}, "values": {"delta": (1.0, 0.5)}}],
    "Compress": [{"inputs": {"fixed": [f32("x", 4, 5)]}, "fixed": {"condition": Array(values=[True, False, True, True], dtype="bool")}, "values": {"axis": (0, 1)}}],
    "Unique": [{"inputs": {"fixed": [whole("x", 12, domain=integers(0, 5))]}, "fixed": {"outputs": 4}, "values": {"axis": (), "sorted": (0,)}}],
    "QuantizeLinear": [{"inputs": {"dynamic": [f32("x", BATCH, 4, 5, domain=WIDE)]}, "fixed": {"y_scale": 0.07}, "values": {"axis": (), "y_zero_point": (OMITTED, Array(values=3, dtype="uint8"), Array(values=-4, dtype="int8"))}}],
    "DequantizeLinear": [{"inputs": {"uint8": [whole("x", BATCH, 4, 5, domain=integers(0, 255), dtype="uint8")]}, "values": {"x_scale": ([0.1, 0.2, 0.3, 0.4],), "axis": (1, -2)}, "fixed": {"x_zero_point": Array(values=[3, 0, 200, 7], dtype="uint8")}}],
    "DynamicQuantizeLinear": [{"inputs": ROWS, "fixed": {"outputs": 3}}], "MatMulInteger": [{"inputs": {"dynamic": [whole("x", BATCH, 4, domain=integers(0, 255), dtype="uint8"), whole("y", 4, 5, domain=integers(0, 255), dtype="uint8")]}, "values": {"a_zero_point": (OMITTED, Array(values=7, dtype="uint8")), "b_zero_point": (OMITTED, Array(values=9, dtype="uint8"))}}],
    "NegativeLogLikelihoodLoss": [{"inputs": {"dynamic": [f32("x", BATCH, 5, domain=uniform(-4.0, -0.1)), whole("y", BATCH, domain=ids(5))]}, "values": {"reduction": ("sum", "none"), "ignore_index": (2,), "weight": (OMITTED, [1.0, 0.5, 2.0, 0.3, 1.5])}}],
    "SoftmaxCrossEntropyLoss": [{"inputs": {"dynamic": [f32("x", BATCH, 5), whole("y", BATCH, domain=ids(5))]}, "values": {"reduction": ("sum", "none"), "ignore_index": (2,), "weights": (OMITTED, [1.0, 0.5, 2.0, 0.3, 1.5])}}],
    "CenterCropPad": [{"inputs": {"fixed": [f32("x", 7, 6, 5)]}, "fixed": {}, "values": {"shape": ([4, 9, 5], [10, 3, 6]), "axes": ()}}], "Col2Im": [{"inputs": {"dynamic": [f32("x", BATCH, 12, 20)]}, "fixed": {"image_shape": [6, 5], "block_shape": [2, 2]}, "values": {"strides": (), "pads": (), "dilations": ()}}],
    "AffineGrid": [{"inputs": {"fixed": [f32("x", 2, 2, 3)]}, "fixed": {"size": [2, 3, 5, 4]}}], "DFT": [{"inputs": {"fixed": [f32("x", 2, 8, 1)]}, "values": {"inverse": (), "axis": ()}}],
    "MaxUnpool": [], "STFT": [{"inputs": {"fixed": [f32("x", 2, 32, 1)]}, "fixed": {"frame_step": 8, "frame_length": 16}}],
}  # fmt: skip
LEFT_OUT = {
    "Random*": "draws at random", "Bernoulli": "draws at random", "Multinomial": "draws at random", "Sequence*": "no tensor goes in or comes out", "Optional*": "no tensor goes in or comes out",
    "String*": "text", "Regex*": "text", "Tf*": "text", "ImageDecoder": "reads an encoded file", "If": "a graph inside; see the zoo", "Loop": "a graph inside; see the zoo", "Scan": "a graph inside",
    "Constant": "part of every other case", "ConcatFromSequence": "a sequence", "SplitToSequence": "a sequence", "CastLike": "is Cast", "QLinear*": "quantised", "ConvInteger": "quantised", "DeformConv": "needs offsets that fit",
    "MaxRoiPool": "rounds its regions", "MaxUnpool": "needs the indices of a pooling", "NonMaxSuppression": "boxes that fit are needed; see the zoo", "MelWeightMatrix": "a constant", "HannWindow": "a constant", "HammingWindow": "a constant", "BlackmanWindow": "a constant",
    "MeanVarianceNormalization": "a function whose inference fails in onnx 1.17",
}  # fmt: skip
OPSETS = (13, 17, 21)


@functools.lru_cache(maxsize=1)
def families() -> list[Family]:
    """Return a family for each operator version, and each set of inputs it is given."""
    found = []
    for op in operators(OPSETS):
        for row in _given(op):
            found.append(_family(op, row))
    return found


def _family(op: Operator, row: Row) -> Family:
    from onnx import defs

    schema = defs.get_schema(op.name, op.opset, "")
    fixed = {
        k: v for k, v in row.get("fixed", {}).items() if k in schema.attributes or k == "outputs" or k in [i.name for i in schema.inputs]
    }
    extra = row.get("values", {})
    known = {name: [v for v in values if v is not None and v is not OMITTED] for name, values in extra.items()}
    attributes = {name: values for name, values in attributes_of(op, {**VALUES, **known}).items() if name not in fixed}
    if op.name == "GridSample":
        attributes["mode"] = (OMITTED, "linear", "nearest", "cubic") if op.since >= 20 else (OMITTED, "bilinear", "nearest", "bicubic")
    for formal in schema.inputs:
        if extra.get(formal.name) and formal.name not in fixed:
            attributes[formal.name] = tuple(extra[formal.name])
    inputs = {word: list(specs) for word, specs in row["inputs"].items()}
    names = {*attributes, "inputs"}
    rules = [rule for rule in row.get("rules", ()) if names.issuperset(inspect.signature(rule).parameters)]
    if row.get("late"):
        attributes[RUN_TIME] = ("constants", "run time")
        inputs = {f"{word}{how}": [*specs, *([_ZERO] if how else [])] for word, specs in inputs.items() for how in ("", _LATE)}
        rules = [*map(_early, rules), lambda fed, inputs: (fed == "run time") == inputs.endswith(_LATE)]
    name = f"{op.name}-{op.since}" + (f".{row['name']}" if row.get("name") else "")
    return Family(name=name, call=op, inputs=inputs, fixed=fixed, attributes=attributes, rules=rules)


def _early(rule: Any) -> Any:
    """Return a rule that reads the choice of inputs without its ending."""

    @functools.wraps(rule)  # the names of its parameters say what it reads
    def read(**given: Any) -> bool:
        return bool(rule(**{name: item.replace(_LATE, "") if name == "inputs" else item for name, item in given.items()}))

    return read


def covered() -> Coverage:
    """Return how much of the default domain is swept."""
    return coverage([op.name for op in operators(OPSETS)], {op.name for op in operators(OPSETS) if _given(op)}, LEFT_OUT)
