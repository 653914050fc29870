"""What a mode makes of an operator: the lists, who follows whom, and which chips have it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from harness.ascend import words
from harness.ascend.precision import (
    BLACK,
    FULL,
    HALF,
    INF_NAN,
    MODES,
    PARTITIONED,
    SATURATION,
    V1,
    WHITE,
    chip,
    mode_on,
    overflow_of,
    type_of,
    types_of,
)  # fmt: skip
from harness.core.errors import UsageError

onnx = pytest.importorskip("onnx")
LOW, ORIGIN, MIXED_OUT = (HALF, HALF), (FULL, FULL), (HALF, FULL)


def test_every_mode_of_the_command_line_is_here_but_the_8_bit_ones() -> None:
    assert set(V1) == set(words.MODES)
    assert set(words.MODES_V2) - set(MODES) == {"cube_hif8", "mixed_hif8"}
    assert {name for name, mode in MODES.items() if mode.mixed} == set(words.MIXED) - {"mixed_hif8"}


def test_every_chip_has_a_family_that_is_known() -> None:
    assert all(chip(soc).name == words.family(soc) for soc in words.SOCS)


@pytest.mark.parametrize(
    ("mode", "op", "upstream", "expected"),
    [
        ("force_fp16", "MatMul", [FULL], LOW),
        ("force_fp16", "Pow", [FULL], LOW),
        ("fp16", "Softmax", [FULL], LOW),
        ("force_fp32", "MatMul", [FULL], MIXED_OUT),
        ("cube_fp16in_fp32out", "Conv", [FULL], MIXED_OUT),
        ("force_fp32", "Softmax", [HALF], ORIGIN),
        ("force_fp32", "AveragePool", [FULL], LOW),
        ("allow_fp32_to_fp16", "Gemm", [FULL], LOW),
        ("allow_fp32_to_fp16", "Exp", [HALF], ORIGIN),
        ("allow_fp32_to_fp16", "AveragePool", [FULL], LOW),
        ("allow_fp32_to_bf16", "AveragePool", [FULL], ORIGIN),
        ("must_keep_origin_dtype", "MatMul", [FULL], ORIGIN),
        ("origin", "AveragePool", [FULL], ORIGIN),
        ("allow_mix_precision", "MatMul", [FULL], LOW),
        ("allow_mix_precision", "ReduceSum", [HALF], ORIGIN),
        ("allow_mix_precision_fp16", "Softmax", [HALF], LOW),
        ("mixed_float16", "Softmax", [FULL], ORIGIN),
        ("mixed_float16", "Add", [HALF, FULL], ORIGIN),
        ("mixed_float16", "Add", [HALF, HALF], LOW),
        ("mixed_float16", "Gather", [], ORIGIN),
        ("mixed_bfloat16", "MatMul", [FULL], ("bfloat16", "bfloat16")),
        ("allow_mix_precision_bf16", "Add", ["bfloat16"], ("bfloat16", "bfloat16")),
    ],
)
def test_types_of_an_operator(mode: str, op: str, upstream: list[str], expected: tuple[str, str]) -> None:
    assert tuple(types_of(MODES[mode], op, type_of(op, [3, 3]), upstream)) == expected


def test_a_list_of_the_user_beats_the_one_built_in() -> None:
    mixed = MODES["mixed_float16"]
    assert "BatchMatMulV2" in WHITE
    assert "Pow" in BLACK
    assert tuple(types_of(mixed, "MatMul", "BatchMatMulV2", [FULL], black=frozenset(["BatchMatMulV2"]))) == ORIGIN
    assert tuple(types_of(mixed, "Pow", "Pow", [FULL], white=frozenset(["Pow"]))) == LOW
    assert tuple(types_of(mixed, "Add", "Add", [FULL], white=frozenset(["Add"]))) == LOW


def test_types_are_ascends() -> None:
    assert type_of("MatMul", [2, 2]) == "MatMulV2"
    assert type_of("MatMul", [3, 2]) == "BatchMatMulV2"
    assert type_of("Conv", [5, 5]) == "Conv3D"
    assert type_of("Div", [2, 2]) == "RealDiv"
    assert type_of("Tanh", [2]) == "Tanh"


def test_types_agree_with_the_table_of_plugins() -> None:
    """Those that the table hides in a subgraph are told by the vendor's list of types, or marked as not known."""
    text = (Path(words.__file__).parent / "cann_onnx_ops.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    hidden = {"AveragePool", "Conv", "ConvTranspose", "Gemm", "LayerNormalization", "MaxPool"}
    standard = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    seen = 0
    for row in rows:
        if row["domain"] == "ai.onnx" and row["status"] == "registered" and row["op"] in standard:
            types = row["ascend_ir"].split()
            known = [name for name in types if name != "PartitionedCall"]
            if known:
                assert type_of(row["op"], [3, 3]) in known, row["op"]
            else:
                assert (row["op"] in PARTITIONED) != (row["op"] in hidden), row["op"]
            seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    ("soc", "asked", "expected"),
    [
        ("Ascend910B3", "auto", INF_NAN), ("Ascend910_9382", "auto", INF_NAN), ("Ascend910B3", SATURATION, SATURATION),
        ("Ascend910B", "auto", SATURATION), ("Ascend910A", "auto", SATURATION), ("Ascend310P3", "auto", SATURATION),
        ("Ascend310B1", "auto", SATURATION), ("Ascend950PR", INF_NAN, INF_NAN),
    ],
)  # fmt: skip
def test_what_happens_above_the_largest_number_is_the_chips(soc: str, asked: str, expected: str) -> None:
    assert overflow_of(soc, asked) == expected


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mode_on("allow_fp16", "Ascend910B3"), "precision mode 'allow_fp16' is none that is emulated; expected one of force_fp16"),
        (lambda: mode_on("mixed_hif8", "Ascend950PR"), "precision mode 'mixed_hif8' is none that is emulated"),
        (lambda: mode_on("mixed_bfloat16", "Ascend310P3"), "mixed_bfloat16 needs bfloat16, which Ascend310P3 lacks"),
        (lambda: mode_on("allow_fp32_to_bf16", "Ascend910B"), "which Ascend910B lacks"),
        (lambda: chip("Ascend910"), "Ascend910A and Ascend910B are one generation, Ascend910B1 to B4 the next"),
        (lambda: chip("910B3"), "near are .*Ascend910B3"),
        (lambda: overflow_of("Ascend950PR", "auto"), "not documented; give overflow=inf_nan or overflow=saturation"),
        (lambda: overflow_of("Ascend310P3", INF_NAN), "Ascend310P3 only saturates"),
    ],
)
def test_what_there_is_not_is_refused(call: object, said: str) -> None:
    assert callable(call)
    with pytest.raises(UsageError, match=said):
        call()
