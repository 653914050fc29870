"""The files that an ATC call names beside its model: read where they are at hand, and told when they are something else."""

from __future__ import annotations

import json
import os
import re
from typing import Callable, Mapping

from harness.ascend.words import Fault, Faults

LARGEST = 1 << 20
"""Bytes of such a file that are looked at; none is larger."""
_VALUES = (
    "high_precision", "high_performance", "super_performance", "enable_float_32_execution", "enable_hi_float_32_execution",
    "support_out_of_bound_index", "keep_fp16",
)  # fmt: skip


def companions(said: Mapping[str, str], folder: str) -> list[Fault]:
    """Return what is wrong with the files that the flags ``said`` name, seen from ``folder``; files that are not here are left open."""
    found: list[Fault] = []
    for flag, rule in _RULES.items():
        path = os.path.join(folder, said.get(flag, ""))
        if said.get(flag) and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as stream:
                found += rule(flag, stream.read(LARGEST))
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", ";"))]


def _aipp(flag: str, text: str) -> Faults:
    if "aipp_op" not in text:
        write = "aipp_op { ... } in the file; operators are registered by a package in the OPP path, not here"
        yield Fault(flag=flag, why="the file holds no aipp_op", write=write, code="E10034")


def _lists(flag: str, text: str) -> Faults:
    example = '{"black-list": {"to-add": ["OpType"]}, "white-list": {"to-remove": ["OpType"]}}'
    try:
        found = json.loads(text)
    except ValueError as error:
        yield Fault(flag=flag, why=f"the file is no JSON: {error}", write=example, code="E10032")
        return
    whole = isinstance(found, dict) and all(isinstance(part, dict) for part in found.values())
    if not whole or any(not isinstance(types, list) for part in found.values() for types in part.values()):
        yield Fault(flag=flag, why="the file holds no lists of operator types", write=example)
        return
    wrong = [name for name in found if name not in ("black-list", "white-list", "gray-list")]
    wrong += [name for part in found.values() for name in part if name not in ("to-add", "to-remove")]
    if wrong:
        yield Fault(flag=flag, why=f"the file has {wrong[0]!r}, which nothing reads", write=example)
    added = {name: set(part.get("to-add", ())) for name, part in found.items()}
    both = sorted(added.get("black-list", set()) & added.get("white-list", set()))
    if both:
        yield Fault(flag=flag, why=f"{', '.join(both)} is added to the black and to the white list", write="each type in one list")


def _precisions(flag: str, text: str) -> Faults:
    section = ""
    for line in _lines(text):
        header = re.fullmatch(r"\[(.*)\]", line)
        name, _, mode = (part.strip() for part in line.partition("="))
        if header:
            section = header.group(1)
            if section not in ("ByOpType", "ByNodeName"):
                yield Fault(flag=flag, why=f"the file has the section [{section}]", write="[ByOpType] or [ByNodeName]")
        elif not section:
            yield Fault(flag=flag, why=f"{line!r} stands in no section", write=f"[ByOpType] above {line}")
            return
        elif mode not in _VALUES:
            yield Fault(flag=flag, why=f"{line!r} names no precision", write=f"{name}=high_precision, or another of {', '.join(_VALUES)}")


def _switches(flag: str, text: str) -> Faults:
    if text.lstrip().startswith("{"):
        try:
            json.loads(text)
        except ValueError as error:
            yield Fault(
                flag=flag, why=f"the file is no JSON: {error}", write='{"Switch": {"GraphFusion": {"PassName": "off"}}}', code="E10032"
            )
        return
    wrong = [line for line in _lines(text) if not re.fullmatch(r"[\w-]+\s*:\s*(on|off)", line)]
    if wrong:
        yield Fault(flag=flag, why=f"{wrong[0]!r} switches no pass", write="PassName:off, one a line")


def _types(flag: str, text: str) -> Faults:
    part = r"(InputDtype|OutputDtype):[\w,]+?"
    wrong = [line for line in _lines(text) if not re.fullmatch(rf"(OpType::\w+:|.+?::){part}(,{part})?", line)]
    if wrong:
        write = "NODE::InputDtype:float16,OutputDtype:float16, or OpType::TYPE:InputDtype:float16"
        yield Fault(flag=flag, why=f"{wrong[0]!r} gives no types", write=write)


_RULES: Mapping[str, Callable[[str, str], Faults]] = {
    "insert_op_conf": _aipp, "modify_mixlist": _lists, "op_precision_mode": _precisions, "fusion_switch_file": _switches,
    "customize_dtypes": _types,
}  # fmt: skip
