"""The grammar of shapes and profiles on ATC's command line: text to numbers and back, and what is wrong with a text that is neither."""

from __future__ import annotations

import re
from typing import Iterable, Mapping, Sequence, Tuple, Union

from harness.ascend.words import Fault

# Python 3.7 evaluates these when it loads the file.
Axis = Union[int, Tuple[int, int]]  # noqa: UP006, UP007
"""A length, -1 for one that is not known, or the lowest and highest of a range."""
Shape = Tuple[Axis, ...]  # noqa: UP006
_AXIS = re.compile(r"(-?\d+)(?:~(-?\d+))?")
_VARIABLE = re.compile(r"\$\w+|\$\{[^}]*\}|\$\([^)]*\)|`[^`]*`|%\w+%")


def variables(text: str) -> bool:
    """Return whether a shell would put something else in here."""
    return _VARIABLE.search(text) is not None


def shapes_text(shapes: Mapping[str, Sequence[Axis]]) -> str:
    """Return ``x:-1,3,8~64;mask:`` for the shapes of inputs; an input without axes is a scalar."""
    return ";".join(name + ":" + ",".join(map(axis_text, shape)) for name, shape in shapes.items())


def axis_text(axis: Axis) -> str:
    """Return one length as ATC reads it."""
    return str(axis) if isinstance(axis, int) else "{}~{}".format(*axis)


def profiles_text(profiles: Iterable[Sequence[int]]) -> str:
    """Return ``1,64;2,128``."""
    return ";".join(",".join(map(str, profile)) for profile in profiles)


def shapes_of(flag: str, text: str, faults: list[Fault]) -> dict[str, Shape] | None:
    """Return the shapes by input that the text of ``--input_shape`` or ``--input_shape_range`` says; None, and why, for another text."""
    plain = text
    if flag == "input_shape" and re.search(r"[\[\](){}]", _VARIABLE.sub("", text)):
        plain = re.sub(rf"({_VARIABLE.pattern})|[\[\](){{}}]", lambda found: found.group(1) or "", text)
        why = "has brackets; they belong to the deprecated --input_shape_range and to MindSpore Lite"
        faults.append(Fault(flag=flag, why=text + " " + why, write=_as(flag, _split(plain)), code="E10014"))
    else:
        plain = re.sub(r"[\[\]]", "", text) if flag == "input_shape_range" else text
        mended = _split(plain)
        if re.sub(r"\s", "", mended) != re.sub(r"\s", "", plain).strip(";"):
            faults.append(Fault(flag=flag, why=f"{text} is not NAME:N,N;NAME:N,N", write=_as(flag, mended), code="E10002"))
        elif mended != plain:
            faults.append(Fault(flag=flag, why=f"{text!r} holds spaces or a separator too many", write=_as(flag, mended), warning=True))
    return None if variables(text) else _read(flag, _split(plain), text, faults)


def _split(text: str) -> str:
    """Return the text with inputs separated by ``;``, names from lengths by ``:`` and lengths by ``,``, where others stand for these."""
    text = re.sub(r",\s*(?=[A-Za-z_][^,;:=]*[:=])", ";", text)
    text = re.sub(r"(?<=[\w.\]/-])=(?=[-\d\[]|$)", ":", text)
    parts = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, dims = part.rpartition(":")
        parts.append(name + colon + re.sub(r"(?<=\d)\s*[xX*]\s*(?=-?\d)", ",", dims).replace(" ", ""))
    return ";".join(parts)


def _as(flag: str, text: str) -> str:
    return f'--{flag}="{text}"'


def _read(flag: str, plain: str, text: str, faults: list[Fault]) -> dict[str, Shape] | None:
    found = {}
    for part in plain.split(";"):
        name, colon, dims = part.rpartition(":")
        axes = [_axis(one) for one in dims.split(",")] if dims else []
        why = ""
        if not colon or not name:
            why = f"{part!r} names no input"
        elif None in axes:
            wrong = next(one for one, axis in zip(dims.split(","), axes) if axis is None)
            why = f"{wrong!r} in {part!r} is no length; a length is a positive whole number, -1, or LOW~HIGH"
        elif name in found:
            why = f"input {name!r} is there twice"
        if why:
            faults.append(Fault(flag=flag, why=why, write=_as(flag, "NAME:1,3,224,224;NAME2:1,128"), code="E10002"))
            return None
        found[name] = tuple(axis for axis in axes if axis is not None)
    return found


def _axis(text: str) -> Axis | None:
    read = _AXIS.fullmatch(text)
    if not read:
        return None
    return (int(read.group(1)), int(read.group(2))) if read.group(2) is not None else int(read.group(1))


def profiles_of(flag: str, text: str, faults: list[Fault]) -> tuple[tuple[int, ...], ...] | None:
    """Return the profiles that the text of ``--dynamic_dims`` or ``--dynamic_image_size`` says; None, and why, for another text."""
    plain = re.sub(r"[\[\](){}\s]", "", text).strip(";")
    if variables(text):
        return None
    try:
        found = tuple(tuple(int(number) for number in part.split(",")) for part in plain.split(";"))
    except ValueError:
        example = '--{}="{}"'.format(flag, "224,224;448,448" if flag == "dynamic_image_size" else "1,64;2,128")
        faults.append(Fault(flag=flag, why=text + " is no list of profiles", write=example, code="E10014"))
        return None
    if plain != text:
        why = text + " holds more than numbers, commas and semicolons"
        faults.append(Fault(flag=flag, why=why, write=_as(flag, profiles_text(found)), code="E10014"))
    return found


def batches_of(flag: str, text: str, faults: list[Fault]) -> tuple[int, ...] | None:
    """Return the batch sizes of ``--dynamic_batch_size``; None, and why, for another text."""
    if variables(text):
        return None
    numbers = re.findall(r"-?\d+", text)
    if not re.fullmatch(r"-?\d+(,-?\d+)*", text):
        write = _as(flag, ",".join(numbers) if numbers else "1,2,4,8")
        faults.append(Fault(flag=flag, why=text + " is no list of batch sizes joined by commas", write=write, code="E10014"))
    return tuple(map(int, numbers)) if numbers else None
