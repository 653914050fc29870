"""Reads an ATC command line: the call it makes, or everything that is wrong with it."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import Any, Callable, Mapping, Sequence

from harness.ascend.atc import AtcCall, told
from harness.ascend.flags import read
from harness.ascend.paths import paths
from harness.ascend.rules import faults_of
from harness.ascend.shapes import batches_of, profiles_of, shapes_of, shapes_text, variables
from harness.ascend.words import FRAMEWORKS, OTHER, Fault
from harness.core.errors import UsageError
from harness.core.value import value


@value
class Reading:
    """What was read of a command line: the call where it can be made, its files, and all faults and warnings.

    ``said``: the text of each flag, by its whole name.
    """

    model: str
    output: str
    faults: tuple[Fault, ...]
    said: Mapping[str, str]
    call: AtcCall | None = None


def reading(words: str | Sequence[str]) -> Reading:
    """Return what an ATC command says, with or without ``atc`` before it. Shell variables in values are left open, not judged.

    Raises `UsageError` for a text that no shell could split into words.
    """
    found = read(_after_atc(words))
    faults, unread = list(found.faults), set()
    fields: dict[str, Any] = {}
    for name, text in found.given.items():
        if name in OTHER:
            fields.setdefault("more", {})[name] = text
        elif name in _READERS:
            taken = _READERS[name](name, text, faults)
            if taken is None:
                unread.add(name)
            else:
                fields[name] = taken
        elif name in _TEXTS:
            fields[name] = text
            if variables(text):
                unread.add(name)
    if "input_shape_range" in found.given:
        _ranges(found.given, fields, faults)
    if not found.whole:
        unread |= {field.name for field in dataclasses.fields(AtcCall)} - set(fields)
    return _made(found.given, found.whole, fields, unread, faults)


def _made(given: Mapping[str, str], whole: bool, fields: dict[str, Any], unread: set[str], faults: list[Fault]) -> Reading:
    mode = fields.get("mode", 0)
    converts = mode in (0, 3, 30) and not {"help", "singleop", "json", "display_model_info"} & set(given)
    if not converts and "mode" not in unread:
        return Reading(model=given.get("model", ""), output=given.get("output", ""), faults=(*faults, *_inspects(mode, given)), said=given)
    if "framework" not in given and whole:
        faults.append(
            Fault(flag="framework", why="is missing", write="--framework=5 for ONNX, 3 for TensorFlow, 1 for MindSpore", code="E10007")
        )
        unread.add("framework")
    framework = fields.get("framework", "") if "framework" not in unread else ""
    faults += paths(given.get("model"), given.get("output"), framework, mode, whole=whole)
    defaults = {field.name: field.default if field.default is not dataclasses.MISSING else {} for field in dataclasses.fields(AtcCall)}
    draft = _Draft({**defaults, "soc_version": "", **fields})
    faults += faults_of(draft, unread)
    wrong = any(not fault.warning for fault in faults)
    call = None if wrong or unread or not whole else AtcCall(**fields)
    return Reading(model=given.get("model", ""), output=given.get("output", ""), faults=tuple(faults), said=given, call=call)


class _Draft:
    """The fields of a call that may be wrong."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.__dict__.update(fields)


def parse(words: str | Sequence[str]) -> AtcCall:
    """Return the call that a command line or its words make. Raises `UsageError` with all that is wrong, each with what to write."""
    found = reading(words)
    wrong = [fault for fault in found.faults if not fault.warning]
    if wrong:
        raise UsageError(told(wrong))
    if found.call is None:
        line = words if isinstance(words, str) else " ".join(words)
        raise UsageError(f"atc: {line} is no conversion that can be read whole; expected --mode=0 or 3 and no shell variables")
    return found.call


def _after_atc(words: str | Sequence[str]) -> list[str]:
    if isinstance(words, str):
        try:
            words = shlex.split(words)
        except ValueError as error:
            raise UsageError(f"atc: {words}: {error}; close the quotation") from None
    rest = list(words)
    while rest and re.match(r"\w+=", rest[0]):
        rest.pop(0)
    return rest[1:] if rest and re.search(r"(^|[/\\])(py)?atc(\.bin)?$", rest[0]) else rest


def _inspects(mode: Any, given: Mapping[str, str]) -> list[Fault]:
    """Return what is missing for ``--mode=1``, which writes a model as JSON."""
    if mode != 1:
        return []
    found = []
    if "json" not in given:
        found.append(Fault(flag="json", why="--mode=1 needs the file to write", write="--json=FILE", code="E10007"))
    if "om" not in given and not {"model", "framework"} <= set(given):
        found.append(Fault(flag="om", why="--mode=1 needs a model", write="--om=MODEL.om, or --model and --framework", code="E10007"))
    return found


def _framework(flag: str, text: str, faults: list[Fault]) -> str | None:
    if variables(text):
        return None
    names = {str(number): name for name, number in FRAMEWORKS.items()}
    if text in names:
        return names[text]
    asked = {"torch": "5", "pytorch": "5", "torchscript": "5", "paddle": "5", **{name: str(number) for name, number in FRAMEWORKS.items()}}
    number = asked.get(text.lower(), "5")
    export = " with an ONNX export of the model" if text.lower() not in FRAMEWORKS else ""
    why = f"{text!r} is none of 0 (Caffe), 1 (MindSpore), 3 (TensorFlow), 5 (ONNX)"
    faults.append(Fault(flag=flag, why=why, write="--framework=" + number + export, code="E10007"))
    return None


def _mode(flag: str, text: str, faults: list[Fault]) -> int | None:
    if variables(text):
        return None
    if text in ("0", "1", "3", "5", "6", "7", "30"):
        return int(text)
    faults.append(Fault(flag=flag, why=f"{text!r} is no mode", write="--mode=0 to convert, --mode=3 to check only", code="E10001"))
    return None


def _list(separator: str) -> Callable[[str, str, list[Fault]], tuple[str, ...] | None]:
    def listed(flag: str, text: str, faults: list[Fault]) -> tuple[str, ...] | None:
        return None if variables(text) else tuple(part.strip() for part in text.split(separator) if part.strip())

    return listed


def _ranges(given: Mapping[str, str], fields: dict[str, Any], faults: list[Fault]) -> None:
    """Take ``--input_shape_range``, the old way to give ranges, for what it says."""
    shapes = shapes_of("input_shape_range", given["input_shape_range"], faults)
    text = shapes_text(shapes) if shapes else "NAME:1~8,3,224,224"
    write = '--input_shape="' + text + '"'
    both = "input_shape" in given
    why = "overrides --input_shape" if both else "is deprecated"
    faults.append(Fault(flag="input_shape_range", why=why, write=write + (" alone" if both else ""), warning=not both))
    if shapes and not both:
        fields["input_shape"] = shapes


_READERS: Mapping[str, Callable[[str, str, list[Fault]], Any]] = {
    "framework": _framework, "mode": _mode, "input_shape": shapes_of, "dynamic_batch_size": batches_of, "dynamic_dims": profiles_of,
    "dynamic_image_size": profiles_of, "optypelist_for_implmode": _list(","), "out_nodes": _list(";"), "input_fp16_nodes": _list(";"),
}  # fmt: skip
_TEXTS = {field.name for field in dataclasses.fields(AtcCall)} - {"more", *_READERS}
