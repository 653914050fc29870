"""The words of ATC's command line: flags, values, chips; from the public source of CANN's graph engine (2026) and its documentation."""

from __future__ import annotations

import re
from typing import Iterator

from harness.core.value import value

FRAMEWORKS = {"caffe": 0, "mindspore": 1, "tensorflow": 3, "onnx": 5}
"""Front ends of ATC and their numbers; there is none for TorchScript or Paddle."""
FORMATS = {
    "caffe": ("NCHW", "ND"), "mindspore": ("NCHW",), "tensorflow": ("NHWC", "NCHW", "ND", "NCDHW", "NDHWC"),
    "onnx": ("NCHW", "NCDHW", "ND"),
}  # fmt: skip
"""Values of ``--input_format`` by front end; the first is ATC's default."""
ENDINGS = {"caffe": (".prototxt",), "mindspore": (".air",), "tensorflow": (".pb",), "onnx": (".onnx",)}
MODES = {
    "force_fp16": "fp16", "force_fp32": "cube_fp16in_fp32out", "cube_fp16in_fp32out": "cube_fp16in_fp32out", "allow_fp32_to_fp16": "",
    "must_keep_origin_dtype": "origin", "allow_mix_precision": "mixed_float16", "allow_mix_precision_fp16": "mixed_float16",
    "allow_mix_precision_bf16": "mixed_bfloat16", "allow_fp32_to_bf16": "",
}  # fmt: skip
"""Values of ``--precision_mode`` and what ``--precision_mode_v2`` calls the same, "" where it has no such mode."""
MODES_V2 = ("fp16", "origin", "cube_fp16in_fp32out", "mixed_float16", "mixed_bfloat16", "cube_hif8", "mixed_hif8")
MIXED = ("allow_mix_precision", "allow_mix_precision_fp16", "allow_mix_precision_bf16", "mixed_float16", "mixed_bfloat16", "mixed_hif8")
BUFFERS = ("l2_optimize", "l1_optimize", "off_optimize")
IMPLEMENTATIONS = ("high_performance", "high_precision", "high_performance_for_all", "high_precision_for_all")
LOGS = ("null", "debug", "info", "warning", "error")
OUTPUTS = ("FP32", "FP16", "UINT8", "INT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "DOUBLE")
INSTEAD = {
    "allow_fp16": "allow_fp32_to_fp16", "fp32": "must_keep_origin_dtype", "float32": "must_keep_origin_dtype", "float16": "force_fp16",
    "bf16": "allow_fp32_to_bf16", "int8": "force_fp16 and quantise the model with AMCT first",
}  # fmt: skip
"""Precision modes that people write, and the mode they mean where no similar name exists."""

_MORE = (
    "ac_parallel_enable", "aicore_num", "allow_hf32", "atomic_clean_policy", "build_config", "cal_conf", "cluster_config",
    "compress_weight_conf", "compression_optimize_conf", "core_type", "debug_dir", "deterministic", "deterministic_level", "device_id",
    "disable_reuse_memory", "display_model_info", "dump_mode", "enable_attr_compression", "enable_compress_weight",
    "enable_scope_fusion_passes", "enable_single_stream", "enable_small_channel", "external_weight", "hccl_sub_comm_config", "help",
    "host_env_cpu", "host_env_os", "input_hint_shape", "is_input_adjust_hw_layout", "is_output_adjust_hw_layout", "is_weight_clip",
    "jit_compile", "json", "mdl_bank_path", "om", "oo_level", "op_bank_path", "op_compiler_cache_dir", "op_compiler_cache_mode",
    "op_debug_config", "op_debug_level", "op_name_map", "optimization_switch", "quant_dumpable", "raw_ge_options",
    "raw_ge_options_ignore_unsupported", "save_original_model", "shape_generalized_build_mode", "singleop", "sparsity",
    "static_model_ops_lower_limit", "status_check", "target", "tiling_schedule_optimize", "virtual_type",
)  # fmt: skip
OWN = (
    "mode", "framework", "model", "weight", "output", "soc_version", "input_format", "input_shape", "input_shape_range",
    "dynamic_batch_size", "dynamic_image_size", "dynamic_dims", "precision_mode", "precision_mode_v2", "op_precision_mode",
    "modify_mixlist", "keep_dtype", "customize_dtypes", "buffer_optimize", "fusion_switch_file", "op_select_implmode",
    "optypelist_for_implmode", "insert_op_conf", "output_type", "out_nodes", "input_fp16_nodes", "log", "check_report",
)  # fmt: skip
"""Flags that `harness.ascend.atc.AtcCall` has a field for, or a place."""
OTHER = tuple(name for name in _MORE if name not in ("help", "json", "om", "singleop", "display_model_info", "dump_mode"))
"""Flags of a conversion that are passed on as they are."""
FLAGS = (*OWN, *_MORE, "auto_tune_mode")
SWITCHES = ("help", "raw_ge_options_ignore_unsupported")
"""Flags that need no value."""

_VIRTUAL = ["Ascend310P3vir0" + str(number) for number in range(1, 9)]
SOCS = (
    "Ascend310", "Ascend310P1", "Ascend310P2", "Ascend310P3", "Ascend310P4", "Ascend310P5", "Ascend310P7", "Ascend310B1", "Ascend310B2",
    "Ascend310B3", "Ascend310B4", "Ascend910A", "Ascend910B", "Ascend910ProA", "Ascend910ProB", "Ascend910PremiumA", "Ascend910B1",
    "Ascend910B2", "Ascend910B2C", "Ascend910B3", "Ascend910B4", "Ascend910B4-1", "Ascend910_9391", "Ascend910_9381", "Ascend910_9392",
    "Ascend910_9382", "Ascend910_9372", "Ascend910_9361", "Ascend910_9362", "Ascend910_9363",
    *_VIRTUAL,
)  # fmt: skip
_NEWEST = re.compile(r"Ascend950\w+|Ascend910_95\w\w")
FAMILIES = (
    (r"Ascend310P", "310P"), (r"Ascend310B", "310B"), (r"Ascend310", "310"), (r"Ascend950|Ascend910_95", "950"), (r"Ascend910_9", "A3"),
    (r"Ascend910B\d", "A2"), (r"Ascend910", "910"),
)  # fmt: skip


@value
class Fault:
    """One thing wrong with an ATC call.

    ``flag`` without its dashes; ``why`` what is wrong; ``write`` what to write instead; ``code`` ATC's own error code, "" where ATC
    says nothing and does something else than was meant. ``warning``: ATC does what was meant, for now.
    """

    flag: str
    why: str
    write: str
    code: str = ""
    warning: bool = False

    def __str__(self) -> str:
        told = "--" + self.flag + ": " if self.flag else ""
        code = " (ATC: " + self.code + ")" if self.code else ""
        return told + self.why + code + "; write " + self.write


Faults = Iterator[Fault]


def family(soc: str) -> str:
    """Return the chip family of a ``--soc_version``: 310, 310P, 310B, 910, A2, A3 or 950; "" for no chip."""
    return next((name for pattern, name in FAMILIES if re.match(pattern, soc)), "")


def is_soc(name: str) -> bool:
    """Return whether this names exactly one chip."""
    return name in SOCS or _NEWEST.fullmatch(name) is not None
