"""ATC's command line: every error that tutorials teach is refused, each with what to write; a call survives being written and read."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ascend.atc import AtcCall
from harness.ascend.line import parse, reading
from harness.ascend.script import calls_in
from harness.ascend.words import BUFFERS, LOGS, MODES, MODES_V2, OTHER, SOCS, family
from harness.core.errors import UsageError

RIGHT = {
    "model": "m.onnx", "output": "m", "framework": "5", "soc_version": "Ascend310P3", "input_shape": "x:-1,3,224,224",
    "dynamic_batch_size": "1,2,4",
}  # fmt: skip
FIXED = {**RIGHT, "input_shape": "x:1,512", "dynamic_batch_size": None}
DIMS = {**RIGHT, "input_shape": "x:-1,-1;m:-1,8", "dynamic_batch_size": None, "input_format": "ND", "dynamic_dims": "1,64,1;2,128,2"}
IMAGE = {**RIGHT, "input_shape": "x:1,3,-1,-1", "dynamic_batch_size": None, "dynamic_image_size": "224,224;448,448"}


def line(flags: dict[str, str | None], **changed: str | None) -> str:
    """Return a command line; a flag of None is left out."""
    words = [f"--{name}={text}" for name, text in {**flags, **changed}.items() if text is not None]
    return shlex.join(["atc", *words])


@pytest.mark.parametrize("flags", [RIGHT, FIXED, DIMS, IMAGE], ids=["batch", "static", "dims", "image"])
def test_what_is_right_is_read_without_a_word(flags: dict[str, str | None]) -> None:
    assert reading(line(flags)).faults == ()
    assert reading(line(flags)).call is not None


def but(base: dict[str, str | None], **changed: str | None) -> str:
    return line(base, **changed)


REFUSED: list[tuple[str, str, str, str]] = [
    # command, flag, what is said, what to write
    (but(FIXED, input_shape="input_ids:[1,512]"), "input_shape", "brackets", '--input_shape="input_ids:1,512"'),
    (but(FIXED, input_shape="a:(1,512);b:(1,512)"), "input_shape", "brackets", '--input_shape="a:1,512;b:1,512"'),
    (but(FIXED, input_shape="a:1,512,b:1,512"), "input_shape", "is not NAME:N", '--input_shape="a:1,512;b:1,512"'),
    (but(FIXED, input_shape="x=1,512"), "input_shape", "is not NAME:N", '--input_shape="x:1,512"'),
    (but(FIXED, input_shape="x:1x3x224x224"), "input_shape", "is not NAME:N", '--input_shape="x:1,3,224,224"'),
    (but(FIXED, input_shape="x:1,None"), "input_shape", "'None' in 'x:1,None' is no length", "NAME:1,3,224,224"),
    (but(FIXED, input_shape="1,3,224,224"), "input_shape", "names no input", "NAME:1,3,224,224"),
    (but(FIXED, input_shape="x:0,3"), "input_shape", "0 is no length", "a positive whole number"),
    (but(FIXED, input_shape="x:8~2,3"), "input_shape", "8~2 is no length", "LOW <= HIGH"),
    (but(FIXED, input_shape="x:1,3;x:1,4"), "input_shape", "'x' is there twice", "NAME:1"),
    (but(FIXED, input_shape="x:1~8,3", soc_version="Ascend310B1"), "input_shape", "range of lengths", "--dynamic_dims"),
    (but(FIXED) + " --input_shape=y:1,8", "input_shape", "ATC keeps the last value alone", '--input_shape="x:1,512;y:1,8"'),
    (but(RIGHT) + " --dynamic_batch_size=8", "dynamic_batch_size", "is there twice", '--dynamic_batch_size="1,2,4,8"'),
    (but(FIXED, log="error") + " --log=info", "log", "the last value alone, info", "it once"),
    (but(RIGHT, dynamic_batch_size=None, dynamic_batch="1,2"), "dynamic_batch", "is no flag", "--dynamic_batch_size"),
    (but(RIGHT, dynamic_batch_size="1;2;4"), "dynamic_batch_size", "joined by commas", '--dynamic_batch_size="1,2,4"'),
    (but(RIGHT, dynamic_batch_size="[1,2]"), "dynamic_batch_size", "joined by commas", '--dynamic_batch_size="1,2"'),
    (but(RIGHT, input_shape="x:1,3,224,224"), "dynamic_batch_size", "no axis of", '--input_shape="x:-1,3,224,224"'),
    (but(RIGHT, input_shape=None), "dynamic_batch_size", "no --input_shape", '--input_shape="NAME:-1'),
    (but(RIGHT, input_shape="x:-1,3,-1,224"), "dynamic_batch_size", "axis 2 of x is -1", "--dynamic_dims"),
    (but(RIGHT, input_shape="x:-1,1~3,2,2"), "input_shape", "does not allow", '--input_shape="x:-1,-1,2,2"'),
    (but(RIGHT, dynamic_batch_size="4"), "dynamic_batch_size", "one profile", "two or more"),
    (but(RIGHT, dynamic_batch_size="4,4,8"), "dynamic_batch_size", "twice", '--dynamic_batch_size="4,8"'),
    (but(RIGHT, dynamic_batch_size="0,4"), "dynamic_batch_size", "below 1", "positive"),
    (but(RIGHT, dynamic_batch_size=",".join(map(str, range(1, 102)))), "dynamic_batch_size", "at most 100", "fewer"),
    (but(DIMS, input_shape="x:-1,16", dynamic_dims="16,32,64"), "dynamic_dims", "; separates profiles", '--dynamic_dims="16;32;64"'),
    (but(DIMS, dynamic_dims="1,64,1,2,128,2"), "dynamic_dims", "; separates profiles", '--dynamic_dims="1,64,1;2,128,2"'),
    (but(DIMS, dynamic_dims="1,64;2,128"), "dynamic_dims", "3 (x.0, x.1, m.0)", '--dynamic_dims="N,N,N;N,N,N"'),
    (but(DIMS, dynamic_dims="[1,64,1];[2,128,2]"), "dynamic_dims", "holds more than", '--dynamic_dims="1,64,1;2,128,2"'),
    (but(DIMS, dynamic_dims="a;b"), "dynamic_dims", "no list of profiles", '"1,64;2,128"'),
    (but(DIMS, input_format=None), "dynamic_dims", "NCHW by default", "--input_format=ND"),
    (but(DIMS, input_format="NCHW"), "dynamic_dims", "the format is NCHW", "--input_format=ND"),
    (but(DIMS, insert_op_conf="aipp.cfg"), "dynamic_dims", "--insert_op_conf", "--dynamic_image_size"),
    (but(DIMS, input_shape="x:1,64;m:1,8"), "dynamic_dims", "no axis of", "-1 for each axis that changes"),
    (but(DIMS, dynamic_batch_size="1,2"), "dynamic_batch_size", "together with --dynamic_dims", "alone"),
    (but(IMAGE, dynamic_batch_size="1,2"), "dynamic_batch_size", "together with --dynamic_image_size", "alone"),
    (but(IMAGE, dynamic_image_size="224,224,448,448"), "dynamic_image_size", "no pairs", '--dynamic_image_size="224,224;448,448"'),
    (but(IMAGE, input_shape="x:-1,3,224,224"), "dynamic_image_size", "height and width", '--input_shape="x:1,3,-1,-1"'),
    (but(IMAGE, input_shape="x:1,3,224,224"), "dynamic_image_size", "no axis of", '--input_shape="x:1,3,-1,-1"'),
    (but(IMAGE, input_format="ND"), "dynamic_image_size", "NCHW or NHWC", "--dynamic_dims"),
    (but(FIXED, precision_mode="allow_mixed_precision"), "precision_mode", "is no mode", "--precision_mode=allow_mix_precision"),
    (but(FIXED, precision_mode="allow_fp16"), "precision_mode", "is no mode", "--precision_mode=allow_fp32_to_fp16"),
    (but(FIXED, precision_mode="fp32"), "precision_mode", "is no mode", "--precision_mode=must_keep_origin_dtype"),
    (but(FIXED, precision_mode="mixed_float16"), "precision_mode", "is no mode", "--precision_mode_v2=mixed_float16"),
    (but(FIXED, precision_mode_v2="force_fp16"), "precision_mode_v2", "is no mode", "--precision_mode_v2=fp16"),
    (but(FIXED, precision_mode="force_fp16", precision_mode_v2="fp16"), "precision_mode", "together with", "one of the two"),
    (but(FIXED, precision_mode_v2="mixed_bfloat16"), "precision_mode_v2", "Ascend310P3 has no bfloat16", "mixed_float16"),
    (but(FIXED, precision_mode_v2="mixed_hif8"), "precision_mode_v2", "no hif8", "mixed_float16"),
    (but(FIXED, modify_mixlist="l.json"), "modify_mixlist", "force_fp16, the default", "--precision_mode=allow_mix_precision"),
    (but(FIXED, keep_dtype="k.cfg", precision_mode_v2="origin"), "keep_dtype", "no effect", "no --keep_dtype"),
    (but(FIXED, op_precision_mode="high_precision"), "op_precision_mode", "is no file", "[ByOpType]"),
    (but(FIXED, fusion_switch_file="off"), "fusion_switch_file", "is no file", "PassName:off"),
    (but(FIXED, buffer_optimize="optimize_for_memory"), "buffer_optimize", "is none of", "--buffer_optimize=l2_optimize"),
    (but(FIXED, op_select_implmode="highprecision"), "op_select_implmode", "is none of", "--op_select_implmode=high_precision"),
    (but(FIXED, optypelist_for_implmode="Gelu"), "optypelist_for_implmode", "needs --op_select_implmode", "high_precision too"),
    (but(FIXED, op_select_implmode="high_precision_for_all", optypelist_for_implmode="Gelu"), "optypelist_for_implmode", "not hi", "too"),
    (but(FIXED, op_select_implmode="high_precision", optypelist_for_implmode="Gelu:GeluProc"), "optypelist_for_implmode", "types", "=Gelu"),
    (but(FIXED, output_type="float16"), "output_type", "'float16' is no type", "--output_type=FP16"),
    (but(FIXED, output_type="y:FP16"), "output_type", "'y:FP16' is no type", "NODE:0:FP16"),
    (but(FIXED, log="verbose"), "log", "is none of", "--log=error"),
    (but(FIXED, output="m.om"), "output", "m.om.om", "--output=m"),
    (but(FIXED, output="out/"), "output", "names no file", "--output=out/model"),
    (but(FIXED, output=None), "output", "is missing", "--output=PATH"),
    (but(FIXED, output="x" * 4097), "output", "4096", "shorter"),
    (but(FIXED, model=None), "model", "is missing", "--model=MODEL.onnx"),
    (but(FIXED, model="m.pt"), "model", "no front end for .pt", "torch.onnx.export"),
    (but(FIXED, model="m.pdmodel"), "model", "no front end", "paddle2onnx"),
    (but(FIXED, model="m.pb"), "framework", "no model for --framework=5", "--framework=3"),
    (but(FIXED, framework=None), "framework", "is missing", "--framework=5"),
    (but(FIXED, framework="2"), "framework", "is none of 0 (Caffe)", "--framework=5"),
    (but(FIXED, framework="pytorch"), "framework", "is none of", "--framework=5 with an ONNX export"),
    (but(FIXED, framework="onnx"), "framework", "is none of", "--framework=5"),
    (but(FIXED, weight="m.caffemodel"), "weight", "ignored for onnx", "no --weight"),
    (but(FIXED, framework="0", model="m.prototxt"), "weight", "needs its weights", "--weight="),
    (but(FIXED, framework="0", model="m.prototxt", weight="w", soc_version="Ascend910B1"), "framework", "Caffe", "--framework=5"),
    (but(FIXED, input_format="NHWC"), "input_format", "none of NCHW, NCDHW, ND", "--input_format=NCHW"),
    (but(FIXED, mode="9"), "mode", "is no mode", "--mode=0"),
    (but(FIXED, soc_version=None), "soc_version", "is missing", "npu-smi info"),
    (but(FIXED, soc_version="Ascend910"), "soc_version", "ambiguous: Ascend910A", "npu-smi info"),
    (but(FIXED, soc_version="Ascend310P"), "soc_version", "ambiguous: Ascend310P1", "one of these"),
    (but(FIXED, soc_version="310P3"), "soc_version", "is no chip", "--soc_version=Ascend310P3"),
    (but(FIXED, soc_version="ascend910b3"), "soc_version", "is no chip", "--soc_version=Ascend910B3"),
    (but(FIXED, soc_version="Kirin"), "soc_version", "is no chip", "npu-smi info"),
    (but(FIXED, auto_tune_mode="RL,GA"), "auto_tune_mode", "no longer read", "AOE"),
    (but(FIXED, customop_dynamic_batch_strategy="x"), "customop_dynamic_batch_strategy", "is no flag", "OPP path"),
    (but(FIXED, input_s="x:1,512"), "input_s", "could be --input_shape", "the whole name"),
    (but(FIXED, precison_mode="force_fp16"), "precison_mode", "is no flag", "--precision_mode"),
    (but(FIXED, log=""), "log", "empty value", "leave the flag out"),
    (but(FIXED) + " --log", "log", "has no value", "--log=VALUE"),
    (but(FIXED) + " force_fp16", "", "'force_fp16' belongs to no flag", "--FLAG=VALUE"),
    (but(FIXED, input_shape_range="x:[1~8,512]"), "input_shape_range", "overrides --input_shape", '--input_shape="x:1~8,512" alone'),
]  # fmt: skip


@pytest.mark.parametrize(("command", "flag", "why", "write"), REFUSED, ids=[f"{row[1]}-{row[2][:24]}" for row in REFUSED])
def test_what_tutorials_get_wrong_is_refused_with_what_to_write(command: str, flag: str, why: str, write: str) -> None:
    found = reading(command)
    wrong = [fault for fault in found.faults if not fault.warning]
    assert found.call is None
    assert [fault for fault in wrong if fault.flag == flag and why in fault.why and write in fault.write], list(map(str, wrong))
    with pytest.raises(UsageError) as refused:
        parse(command)
    assert all(str(fault) in str(refused.value) for fault in wrong)


@pytest.mark.parametrize("command", [row[0] for row in REFUSED], ids=[f"{row[1]}-{row[2][:24]}" for row in REFUSED])
def test_one_mistake_is_told_once(command: str) -> None:
    wrong = [fault for fault in reading(command).faults if not fault.warning]
    assert len(wrong) == 1, list(map(str, wrong))


def test_all_faults_are_listed_not_the_first_alone() -> None:
    wrong = {"output": "m.om", "soc_version": "Ascend910", "precision_mode": "allow_fp16", "input_shape": "x:[1]", "buffer_optimize": "x"}
    command = line({**FIXED, **wrong})
    with pytest.raises(UsageError, match="5 things to change") as refused:
        parse(command)
    for flag in ("--output:", "--soc_version:", "--precision_mode:", "--input_shape:", "--buffer_optimize:"):
        assert flag in str(refused.value)


@pytest.mark.parametrize(
    ("command", "warned"),
    [
        (line(FIXED, soc_version="Ascend910B"), "first generation"),
        (line(FIXED, buffer_optimize="l1_optimize"), "no effect now"),
        (line(FIXED, input_shape=None, input_shape_range="x:[1~8,512]"), "deprecated"),
        (line(RIGHT, dynamic_batch_size="1,4096"), "advised"),
    ],
)
def test_what_works_but_deserves_a_word_is_a_warning(command: str, warned: str) -> None:
    found = reading(command)
    assert [fault.warning for fault in found.faults] == [True]
    assert warned in found.faults[0].why
    assert found.call == parse(command)


def test_ranges_written_the_old_way_mean_the_same() -> None:
    old = parse(line(FIXED, input_shape=None, input_shape_range="x:[1~8,512]"))
    assert old == parse(line(FIXED, input_shape="x:1~8,512"))


@pytest.mark.parametrize(
    "words",
    [
        "atc --model m.onnx --framework 5 --output m --soc_version Ascend310P3",
        "-model=m.onnx -framework=5 --output=m --soc-version=Ascend310P3",
        "LD_LIBRARY_PATH=/x /usr/local/Ascend/bin/atc --model=m.onnx --framework=5 --output=m --soc_version=Ascend310P3",
    ],
)
def test_every_spelling_that_atc_reads_is_read(words: str) -> None:
    assert parse(words) == AtcCall(soc_version="Ascend310P3")


def test_shell_variables_are_left_as_they_are() -> None:
    left = "--model=$M --framework=$F --output=${OUT} --soc_version=Ascend${chip} --input_shape=x:${B},3 --dynamic_dims=$D $MORE"
    found = reading(f"atc {left}")
    assert found.faults == ()
    assert found.call is None
    with pytest.raises(UsageError, match="no shell variables"):
        parse("atc --model=m.onnx --framework=5 --output=m --soc_version=$SOC")


def test_what_surrounds_a_variable_is_judged() -> None:
    some = "--model=$M --framework=5 --output=$OUT.om --soc_version=$SOC --input_shape=x:[${B},3] --precision_mode=fp32"
    wrong = reading(f"atc {some}").faults
    assert [fault.flag for fault in wrong] == ["input_shape", "output", "precision_mode"]
    assert wrong[0].write == '--input_shape="x:${B},3"'


def test_other_uses_of_the_program_are_no_conversions() -> None:
    assert reading("atc --mode=1 --om=m.om --json=m.json").faults == ()
    assert [fault.flag for fault in reading("atc --mode=1 --model=m.onnx").faults] == ["json", "om"]
    assert reading("atc --help").faults == ()
    with pytest.raises(UsageError, match="no conversion"):
        parse("atc --mode=1 --om=m.om --json=m.json")


def test_a_text_no_shell_could_read_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="close the quotation"):
        parse("atc --model='m.onnx")


def test_the_words_are_exactly_those_of_the_program() -> None:
    call = AtcCall(
        soc_version="Ascend910B3", input_format="ND", input_shape={"ids": (-1, -1), "scale": ()}, dynamic_dims=((1, 64), (8, 128)),
        precision_mode_v2="mixed_float16", modify_mixlist="mix.json", out_nodes=("Add_1:0", "y"), more={"deterministic": "1"},
    )  # fmt: skip
    assert call.argv("model.onnx", "out/model") == [
        "atc", "--model=model.onnx", "--framework=5", "--output=out/model", "--soc_version=Ascend910B3", "--input_format=ND",
        "--input_shape=ids:-1,-1;scale:", "--dynamic_dims=1,64;8,128", "--precision_mode_v2=mixed_float16", "--modify_mixlist=mix.json",
        "--out_nodes=Add_1:0;y", "--deterministic=1",
    ]  # fmt: skip


def test_a_call_with_a_fault_cannot_be_made() -> None:
    with pytest.raises(UsageError, match="2 things to change(.|\n)*soc_version(.|\n)*buffer_optimize"):
        AtcCall(soc_version="Ascend910", buffer_optimize="x")
    with pytest.raises(UsageError, match="--precison_mode"):
        AtcCall(soc_version="Ascend310P3", more={"precison_mode": "fp16"})
    with pytest.raises(UsageError, match="m.om.om"):
        AtcCall(soc_version="Ascend310P3").argv("m.onnx", "m.om")


NAMES = st.text("abcxyz_./:-019", min_size=1, max_size=8).filter(lambda name: not name.startswith("-") and name.strip(":") == name)
LENGTHS = st.integers(1, 9999) | st.just(-1) | st.tuples(st.integers(1, 8), st.integers(8, 99))
WORD = st.text("abcABC019_-./", min_size=1, max_size=9)
CALLS = st.fixed_dictionaries(
    {"soc_version": st.sampled_from([soc for soc in SOCS if family(soc) in ("A2", "A3")])},
    optional={
        "input_shape": st.dictionaries(NAMES, st.lists(LENGTHS, max_size=4).map(tuple), max_size=3),
        "precision_mode": st.sampled_from(sorted(MODES)), "buffer_optimize": st.sampled_from(BUFFERS), "log": st.sampled_from(LOGS),
        "mode": st.sampled_from([0, 3]), "op_precision_mode": WORD.map(lambda name: name + ".ini"),
        "customize_dtypes": WORD.map(lambda name: name + ".cfg"), "out_nodes": st.lists(WORD, min_size=1, max_size=3).map(tuple),
        "output_type": st.sampled_from(["FP16", "a:0:FP32;b:1:UINT8"]), "check_report": WORD.map(lambda name: name + ".json"),
        "more": st.dictionaries(st.sampled_from(OTHER).filter(lambda name: not name.startswith("raw")), WORD, max_size=3),
    },
)  # fmt: skip


PIECES = ["--", "-", "atc", "--input_shape", "=", "x:1,2", ";", "$A", "[", "--dynamic_dims=", "1,2", " ", "--framework=5", "~", "'"]


@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        found = reading(text)
    except UsageError:
        return
    assert all(fault.write for fault in found.faults)
    assert found.call is None or not any(not fault.warning for fault in found.faults)
    calls_in("atc --a " + text)


@given(CALLS)
def test_a_call_survives_being_written_and_read(fields: dict[str, Any]) -> None:
    call = AtcCall(**fields)
    assert parse(call.argv("m.onnx", "out/m")) == call
    assert parse(call.command("m.onnx", "out/m")) == call


@given(
    st.dictionaries(NAMES, st.lists(st.integers(1, 64) | st.just(-1), min_size=1, max_size=4).map(tuple), min_size=1, max_size=3)
    .filter(lambda shapes: any(-1 in shape for shape in shapes.values()))
    .flatmap(
        lambda shapes: st.tuples(
            st.just(shapes),
            st.lists(
                st.tuples(*[st.integers(1, 512)] * sum(shape.count(-1) for shape in shapes.values())), min_size=2, max_size=9, unique=True
            ).map(tuple),
        )
    ),
    st.sampled_from(MODES_V2[:4]),
)
def test_profiles_survive_being_written_and_read(drawn: tuple[Any, Any], mode: str) -> None:
    call = AtcCall(soc_version="Ascend310P3", input_format="ND", input_shape=drawn[0], dynamic_dims=drawn[1], precision_mode_v2=mode)
    assert parse(call.command("m.onnx", "m")) == call
