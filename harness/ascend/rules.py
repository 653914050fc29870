"""What ATC asks of its options other than shapes: chip, front end, precision, files, and which exclude each other."""

from __future__ import annotations

import difflib
import re
from typing import Any, Iterable, Sequence

from harness.ascend import dynamic
from harness.ascend.words import (
    BUFFERS,
    FORMATS,
    FRAMEWORKS,
    IMPLEMENTATIONS,
    INSTEAD,
    LOGS,
    MIXED,
    MODES,
    MODES_V2,
    OTHER,
    OUTPUTS,
    SOCS,
    Fault,
    Faults,
    family,
    is_soc,
)  # fmt: skip

_BFLOAT = ("A2", "A3", "310B", "950")
_FILES = {
    "op_precision_mode": "an ini file with [ByOpType] or [ByNodeName] and lines OP=high_precision",
    "modify_mixlist": 'a JSON file {"black-list": {"to-add": ["OpType"]}}',
    "keep_dtype": "a file with one node name or OpType::TYPE a line",
    "customize_dtypes": "a file with lines NODE::InputDtype:float16,OutputDtype:float16",
    "fusion_switch_file": "a file with lines PassName:on or PassName:off",
    "insert_op_conf": "an AIPP file (aipp_op { ... }); it does not register operators",
}
"""Options that name a file, and what the file holds."""
_SOCS_NEAR = {"Ascend910": "Ascend910A", "Ascend310P": "Ascend310P3", "Ascend310B": "Ascend310B1"}


def soc(call: Any) -> Faults:
    """The chip is named exactly."""
    name = call.soc_version
    if is_soc(name):
        if name == "Ascend910B":
            why = "Ascend910B is the first generation; Atlas A2 cards, called 910B as well, are Ascend910B1 to Ascend910B4"
            yield Fault(flag="soc_version", why=why, write='"Ascend" and the Name that npu-smi info shows, if it is an A2', warning=True)
        return
    if not name:
        yield Fault(
            flag="soc_version",
            why="is missing",
            write=_flag("soc_version", 'Ascend310P3, that is "Ascend" and Name of npu-smi info'),
            code="E10054",
        )
        return
    full = name if name.lower().startswith("ascend") else "Ascend" + name
    same = [one for one in SOCS if one.lower() == full.lower()]
    several = [one for one in SOCS if one.lower().startswith(full.lower()) and "vir" not in one]
    if same:
        yield Fault(flag="soc_version", why=f"{name!r} is no chip", write=_flag("soc_version", same[0]), code="E10001")
    elif several:
        why = "{!r} is ambiguous: {}".format(name, ", ".join(several))
        yield Fault(
            flag="soc_version",
            why=why,
            write='one of these: "Ascend" and Name of npu-smi info (on A3: Chip Name _ NPU Name)',
            code="E10001",
        )
    else:
        # All begin alike; what follows tells how near they are.
        near = difflib.get_close_matches(full[6:], [one[6:] for one in SOCS], 1, 0.6)
        write = _flag("soc_version", "Ascend" + near[0] if near else 'Ascend310P3, that is "Ascend" and Name of npu-smi info')
        yield Fault(flag="soc_version", why=f"{name!r} is no chip", write=write, code="E10001")


def front_end(call: Any) -> Faults:
    """The front end exists, takes this format, and has weights of its own only for Caffe."""
    if call.framework not in FRAMEWORKS:
        numbers = ", ".join(f"{number} {name}" for name, number in FRAMEWORKS.items())
        yield Fault(flag="framework", why=f"{call.framework!r} is no front end; there are {numbers}",
                    write="--framework=5 with an ONNX export (TorchScript and Paddle have no front end)", code="E10007")  # fmt: skip
        return
    if call.framework == "caffe" and not call.weight:
        yield Fault(flag="weight", why="a Caffe model needs its weights", write="--weight=MODEL.caffemodel", code="E10008")
    if call.framework != "caffe" and call.weight:
        yield Fault(flag="weight", why=f"is for Caffe alone and ignored for {call.framework}", write="no --weight")


def caffe(call: Any) -> Faults:
    """Later chips take no Caffe models."""
    if call.framework == "caffe" and family(call.soc_version) in ("A2", "A3", "950"):
        yield Fault(
            flag="framework",
            why="Caffe models are not taken for " + call.soc_version,
            write="--framework=5 with an ONNX model",
            code="E10055",
        )


def input_format(call: Any) -> Faults:
    """The layout is one that the front end knows."""
    known = FORMATS.get(call.framework, ())
    if call.input_format and known and call.input_format not in known:
        why = "{!r} is none of {}, which --framework={} takes".format(call.input_format, ", ".join(known), FRAMEWORKS[call.framework])
        yield Fault(flag="input_format", why=why, write=_flag("input_format", known[0]), code="E10001")


def mode(call: Any) -> Faults:
    """The call converts (0) or checks (3)."""
    if call.mode not in (0, 3, 30):
        yield Fault(flag="mode", why=f"{call.mode!r} is no conversion", write="--mode=0 to convert, --mode=3 to check only", code="E10001")


def precision(call: Any) -> Faults:
    """Precision: one of two options, with a value it has."""
    if call.precision_mode and call.precision_mode_v2:
        yield Fault(flag="precision_mode", why="cannot be given together with --precision_mode_v2", write="one of the two", code="E10056")
    for flag, known in (("precision_mode", tuple(MODES)), ("precision_mode_v2", MODES_V2)):
        given = getattr(call, flag)
        if given and given not in known:
            yield Fault(
                flag=flag,
                why="{!r} is no mode; there are {}".format(given, ", ".join(known)),
                write=_near_mode(flag, given, known),
                code="E10001",
            )


def capable(call: Any) -> Faults:
    """The chip has the types of the mode."""
    given = call.precision_mode or call.precision_mode_v2
    found = family(call.soc_version)
    if ("bf16" in given or "bfloat16" in given) and given in (*MODES, *MODES_V2) and found and found not in _BFLOAT:
        why = f"{call.soc_version} has no bfloat16"
        yield Fault(flag=_which(call), why=why, write="mixed_float16 (v2) or allow_mix_precision_fp16", code="E10055")
    if given in ("cube_hif8", "mixed_hif8") and found and found != "950":
        yield Fault(
            flag=_which(call), why=f"{call.soc_version} has no hif8", write=_flag("precision_mode_v2", "mixed_float16"), code="E10055"
        )


def _near_mode(flag: str, given: str, known: Sequence[str]) -> str:
    if flag == "precision_mode_v2" and MODES.get(given):
        return _flag(flag, MODES[given])
    if flag == "precision_mode" and given in MODES_V2:
        return "--precision_mode_v2=" + given
    near = [INSTEAD[given]] if given in INSTEAD and flag == "precision_mode" else difflib.get_close_matches(given, known, 1, 0.6)
    return _flag(flag, near[0] if near else "must_keep_origin_dtype" if flag == "precision_mode" else "origin")


def _which(call: Any) -> str:
    return "precision_mode" if call.precision_mode else "precision_mode_v2"


def lists(call: Any) -> Faults:
    """Lists of operators have an effect only in the modes that read them."""
    given = call.precision_mode or call.precision_mode_v2
    if call.modify_mixlist and given not in MIXED:
        why = "is read in a mixed mode only, and the mode is " + (given or "force_fp16, the default")
        yield Fault(flag="modify_mixlist", why=why, write="--precision_mode=allow_mix_precision too")
    if call.keep_dtype and given in ("must_keep_origin_dtype", "origin"):
        yield Fault(flag="keep_dtype", why="has no effect with " + given + ", which keeps every type", write="no --keep_dtype")


def files(call: Any) -> Faults:
    """Options that name a file are not given the value they would have in it."""
    values = (
        *IMPLEMENTATIONS,
        *MODES,
        *MODES_V2,
        "on",
        "off",
        "true",
        "false",
        "0",
        "1",
        "float16",
        "float32",
        "enable_float_32_execution",
    )
    for flag, holds in _FILES.items():
        if getattr(call, flag) in values:
            yield Fault(
                flag=flag,
                why=f"{getattr(call, flag)!r} is no file",
                write=_flag(flag, "FILE, " + holds),
                code="E10410" if flag == "keep_dtype" else "",
            )


def buffers(call: Any) -> Faults:
    """Memory options have one of a few values."""
    given = call.buffer_optimize
    if given and given not in BUFFERS:
        yield Fault(flag="buffer_optimize", why="{!r} is none of {}".format(given, ", ".join(BUFFERS)),
                    write=_flag("buffer_optimize", "l2_optimize (the default)"), code="E10001")  # fmt: skip
    if given == "l1_optimize":
        yield Fault(flag="buffer_optimize", why="l1_optimize has no effect now", write="l2_optimize, or leave it out", warning=True)


def implementations(call: Any) -> Faults:
    """Implementation modes: known values; a list of operator types only beside a mode that is not for all."""
    given, types = call.op_select_implmode, call.optypelist_for_implmode
    if given and given not in IMPLEMENTATIONS:
        near = difflib.get_close_matches(given, IMPLEMENTATIONS, 1, 0.5)
        yield Fault(flag="op_select_implmode", why="{!r} is none of {}".format(given, ", ".join(IMPLEMENTATIONS)),
                    write=_flag("op_select_implmode", near[0] if near else "high_precision"), code="E10001")  # fmt: skip
    if types and given not in IMPLEMENTATIONS[:2]:
        why = "needs --op_select_implmode of high_precision or high_performance" + (", not " + given if given else "")
        yield Fault(flag="optypelist_for_implmode", why=why, write="--op_select_implmode=high_precision too", code="E10057")
    wrong = [one for one in types if not re.fullmatch(r"\w+", one)]
    if wrong:
        mended = ",".join(re.split(r"\W", one)[0] for one in types)
        why = f"{wrong[0]!r} is no operator type; the list holds types alone"
        yield Fault(flag="optypelist_for_implmode", why=why, write=_flag("optypelist_for_implmode", mended), code="E10001")


def outputs(call: Any) -> Faults:
    """The type of the outputs is written in capitals."""
    for one in filter(None, call.output_type.split(";")):
        word = one.rpartition(":")[2]
        if word not in OUTPUTS or (":" in one and not re.fullmatch(r".+:\d+:\w+", one)):
            short = re.sub(r"(?i)float|fp_?", "FP", word).upper()
            write = short if short in OUTPUTS and ":" not in one else "FP32, or NODE:0:FP16;NODE:1:FP32"
            why = "{!r} is no type; there are {}".format(one, ", ".join(OUTPUTS))
            yield Fault(flag="output_type", why=why, write=_flag("output_type", write), code="E10001")


def logs(call: Any) -> Faults:
    """The level of the log is one of five."""
    if call.log and call.log not in LOGS:
        yield Fault(flag="log", why="{!r} is none of {}".format(call.log, ", ".join(LOGS)), write="--log=error", code="E10010")


def others(call: Any) -> Faults:
    """What is passed on is a flag of a conversion."""
    for flag in call.more:
        if flag not in OTHER:
            near = difflib.get_close_matches(flag, OTHER, 1, 0.6)
            write = "--" + near[0] if near else "no such flag; fields of AtcCall have the names of ATC's flags"
            yield Fault(flag=flag, why="is no flag that can be passed on", write=write)


def _flag(flag: str, given: str) -> str:
    return "--" + flag + "=" + given


RULES = {
    **dynamic.NEEDS,
    soc: ("soc_version",), front_end: ("framework", "weight"), caffe: ("framework", "soc_version"),
    input_format: ("framework", "input_format"), mode: ("mode",),
    precision: ("precision_mode", "precision_mode_v2"), capable: ("precision_mode", "precision_mode_v2", "soc_version"),
    lists: ("precision_mode", "precision_mode_v2", "modify_mixlist", "keep_dtype"), files: tuple(_FILES), buffers: ("buffer_optimize",),
    implementations: ("op_select_implmode", "optypelist_for_implmode"), outputs: ("output_type",), logs: ("log",), others: (),
}  # fmt: skip
"""Each rule, and the fields it reads."""


def faults_of(call: Any, unread: Iterable[str] = ()) -> list[Fault]:
    """Return what is wrong with the fields of an ATC call; rules that read a field of ``unread`` are left out."""
    closed = set(unread)
    return [fault for rule, needs in RULES.items() if not closed.intersection(needs) for fault in rule(call)]
