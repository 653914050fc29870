"""Reads ATC's command line as ATC does: GNU getopt_long, one dash or two, prefixes, the last of repeated flags."""

from __future__ import annotations

import difflib
import re
from typing import Sequence

from harness.ascend.shapes import variables
from harness.ascend.words import FLAGS, SWITCHES, Fault

_TOGETHER = {
    "input_shape": ";", "input_shape_range": ";", "dynamic_dims": ";", "dynamic_image_size": ";", "out_nodes": ";", "input_fp16_nodes": ";",
    "optimization_switch": ";", "dynamic_batch_size": ",", "optypelist_for_implmode": ",",
}  # fmt: skip
"""Flags whose value is a list, and what joins it."""


class Read:
    """The flags of one command: their texts, in order; ``whole`` is False where a variable may hold more."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.whole = True


def read(words: Sequence[str]) -> Read:
    """Return the flags in the words after ``atc``, and what is wrong with them."""
    found = Read()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            _stray(word, found)
            continue
        spelled, equals, text = word.lstrip("-").partition("=")
        name = _name(spelled, found)
        if name in SWITCHES:
            found.given[name] = text or "true"
            continue
        if not equals:
            if not rest or rest[0].startswith("--"):
                if name:
                    found.faults.append(Fault(flag=name, why="has no value", write="--" + name + "=VALUE"))
                continue
            text = rest.pop(0)
        if name:
            _keep(name, text, found)
    return found


def _stray(word: str, found: Read) -> None:
    if variables(word):
        found.whole = False
        return
    why = f"{word!r} belongs to no flag"
    found.faults.append(Fault(flag="", why=why, write="--FLAG=VALUE without spaces around =, quoted where the value holds ; or spaces"))


def _name(spelled: str, found: Read) -> str:
    """Return the flag that is meant; "" for none. A prefix that only one flag has works in ATC, by accident."""
    name = spelled.replace("-", "_")
    if name in FLAGS:
        if name == "auto_tune_mode":
            found.faults.append(Fault(flag=name, why="is no longer read", write="no such flag; the AOE tool tunes", code="E10060"))
            return ""
        return name
    longer = [flag for flag in FLAGS if flag.startswith(name)]
    if len(longer) == 1:
        why = f"is no flag; ATC takes it for --{longer[0]}, because it happens to be the only flag that begins like that"
        found.faults.append(Fault(flag=name, why=why, write="--" + longer[0]))
        return longer[0]
    if longer:
        found.faults.append(Fault(flag=name, why="could be " + ", ".join("--" + one for one in longer), write="the whole name"))
    elif not variables(name):
        near = difflib.get_close_matches(name, FLAGS, 1, 0.75)
        if re.match(r"custom_?op", name):
            write = "no such flag; install the operator's package, with its ONNX plugin, into the OPP path"
        else:
            write = "--" + near[0] if near else "no such flag; atc --help lists those there are"
        found.faults.append(Fault(flag=name, why="is no flag of ATC", write=write))
    return ""


def _keep(name: str, text: str, found: Read) -> None:
    if name in found.given:
        mark = _TOGETHER.get(name, "")
        both = found.given[name].strip(mark) + mark + text if mark else text
        write = '--{}="{}"'.format(name, re.sub(r"[\[\]]", "", both)) if mark else "it once"
        why = f"is there twice; ATC keeps the last value alone, {text}, and says nothing"
        found.faults.append(Fault(flag=name, why=why, write=write))
        # What both say is judged as well.
        found.given[name] = both
        return
    if not text:
        found.faults.append(Fault(flag=name, why="has an empty value", write="a value, or leave the flag out", code="E10004"))
    found.given[name] = text
