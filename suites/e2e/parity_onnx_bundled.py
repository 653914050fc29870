"""ONNX models made long ago by others, as they ship inside the ``onnx`` package: old operator sets, odd names, fixed shapes.

The table ``fixtures/models/onnx_bundled.json`` holds every bundled model whose recorded outputs the
reference evaluator reproduces. ``CHOSEN`` keeps one of each kind; add a name of the table to try more.
VGG-19 is left out because its dense layers take half a gigabyte, Inception v2 because the evaluator
needs ten seconds for one image.
"""

from __future__ import annotations

import functools

from _onnx_bundled import load, table

from harness import Case, TensorSpec, integers

CHOSEN = (
    "light_densenet121", "light_resnet50", "light_shufflenet", "light_squeezenet",
    "AvgPool3d_stride", "BatchNorm2d_eval", "Conv1d_dilated", "Conv2d_depthwise_with_multiplier", "Conv2d_groups",
    "Conv3d_dilated_strided", "ConvTranspose2d", "Embedding", "GLU_dim", "Linear", "MaxPool3d_stride_padding",
    "PixelShuffle", "ReflectionPad2d", "Softsign", "log_softmax_dim3",
    "operator_add_broadcast", "operator_addmm", "operator_chunk", "operator_non_float_params", "operator_pad", "operator_params",
    "operator_repeat_dim_overflow", "operator_symbolic_override", "sequence_model4", "shrink", "sign_model",
)  # fmt: skip


def domain(port):
    """Whole numbers stay in the range of the recorded data: they may be ids. Others take the default."""
    return integers(*port["range"]) if "range" in port else None


def bundled(name, row):
    """Return the case of one row of the table."""
    inputs = [TensorSpec(name=port["name"], dtype=port["dtype"], shape=port["shape"], domain=domain(port)) for port in row["inputs"]]
    return Case(
        id="onnx-bundled/" + name,
        family="onnx_bundled",
        level="e2e" if name.startswith("light_") else "unit",
        inputs=inputs,
        build={"onnx": functools.partial(load, row["file"], row["head"])},
        outputs=tuple(row["outputs"]),
    )


ROWS = table()
CASES = [bundled(name, ROWS[name]) for name in CHOSEN]
