"""What ATC asks of shapes and profiles together: dynamic batch, image sizes, dims; from the graph engine's option checks."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from harness.ascend.shapes import Axis, profiles_text, shapes_text
from harness.ascend.words import FORMATS, Fault, Faults, family

KINDS = ("dynamic_batch_size", "dynamic_image_size", "dynamic_dims")
ADVISED = 2048
"""Highest advised batch size."""


def unknown_axes(shapes: Mapping[str, Sequence[Axis]]) -> list[tuple[str, int]]:
    """Return input and place of every axis of unknown length, in ATC's order."""
    return [(name, place) for name, shape in shapes.items() for place, axis in enumerate(shape) if axis == -1]


def layout(call: Any) -> str:
    """Return the input format that ATC will use."""
    return call.input_format or FORMATS.get(call.framework, ("NCHW",))[0]


def _kind(call: Any) -> str:
    """Return the one kind of profiles that is given; "" for none, and for several: these are told by a rule of their own."""
    given = [kind for kind in KINDS if getattr(call, kind)]
    return given[0] if len(given) == 1 else ""


def lengths(call: Any) -> Faults:
    """Shapes: lengths are positive, -1 or a range, which is ordered."""
    for name, shape in call.input_shape.items():
        for axis in shape:
            low, high = axis if isinstance(axis, tuple) else (axis, axis)
            # A range may be open above: LOW~-1.
            if low < (1 if isinstance(axis, tuple) else -1) or axis == 0 or (isinstance(axis, tuple) and high != -1 and high < low):
                why = "{}: {} is no length".format(name, f"{low}~{high}" if isinstance(axis, tuple) else axis)
                yield Fault(flag="input_shape", why=why, write="a positive whole number, -1, or LOW~HIGH with LOW <= HIGH", code="E10011")


def ranges(call: Any) -> Faults:
    """The 310B knows no ranges of lengths."""
    ranged = [name for name, shape in call.input_shape.items() if any(isinstance(axis, tuple) for axis in shape)]
    if ranged and family(call.soc_version) == "310B":
        why = f"{ranged[0]} has a range of lengths, which {call.soc_version} does not know"
        yield Fault(flag="input_shape", why=why, write="-1 there, and profiles with --dynamic_dims")


def one_kind(call: Any) -> Faults:
    """At most one kind of profiles."""
    given = [kind for kind in KINDS if getattr(call, kind)]
    if len(given) > 1:
        rest = " and ".join("--" + kind for kind in given[1:])
        why = "cannot be given together with " + rest
        write = '--dynamic_dims="BATCH,OTHER;..." with one number for each -1 axis, alone, if several axes change'
        yield Fault(flag=given[0], why=why, write=write, code="E10009")


def ranges_and_profiles(call: Any) -> Faults:
    """Profiles choose among lengths of -1 axes; a range beside them is refused."""
    kind = _kind(call)
    if kind:
        for name, shape in call.input_shape.items():
            if any(isinstance(axis, tuple) for axis in shape):
                mended = {name: [-1 if isinstance(axis, tuple) else axis for axis in shape]}
                why = f"{name} has a range LOW~HIGH, which --{kind} does not allow"
                yield Fault(flag="input_shape", why=why, write=_shape({**call.input_shape, **mended}), code="E10040")


def no_unknown(call: Any) -> Faults:
    """Profiles need at least one axis of -1."""
    kind = _kind(call)
    if not kind or unknown_axes(call.input_shape):
        return
    if not call.input_shape:
        yield Fault(
            flag=kind, why="there is no --input_shape to say which axes change", write='--input_shape="NAME:-1,3,224,224"', code="E10040"
        )
        return
    places = {"dynamic_batch_size": (0,), "dynamic_image_size": (2, 3) if layout(call) == "NCHW" else (1, 2)}.get(kind, ())
    mended = {name: [-1 if place in places else axis for place, axis in enumerate(shape)] for name, shape in call.input_shape.items()}
    write = _shape(mended) if places else "-1 for each axis that changes, for example " + _shape(_first_unknown(call.input_shape))
    why = f"no axis of --input_shape={shapes_text(call.input_shape)} is -1, so there is nothing to choose"
    yield Fault(flag=kind, why=why, write=write, code="E10040")


def batches(call: Any) -> Faults:
    """Dynamic batch: the first axis and no other is -1."""
    if _kind(call) != "dynamic_batch_size":
        return
    for name, place in unknown_axes(call.input_shape):
        if place:
            why = f"axis {place} of {name} is -1; only the first axis may be"
            write = "its length there, or --dynamic_dims with --input_format=ND if it changes too"
            yield Fault(flag="dynamic_batch_size", why=why, write=write, code="E10018")
    for size in call.dynamic_batch_size:
        if size > ADVISED:
            why = f"{size} is above the advised 1..{ADVISED}"
            yield Fault(flag="dynamic_batch_size", why=why, write="smaller batches", warning=True)


def images(call: Any) -> Faults:
    """Dynamic image size: height and width and no other axis are -1, in NCHW or NHWC."""
    if _kind(call) != "dynamic_image_size":
        return
    place = {"NCHW": (2, 3), "NHWC": (1, 2)}.get(layout(call))
    if place is None:
        why = "needs --input_format=NCHW or NHWC, not " + layout(call)
        yield Fault(flag="dynamic_image_size", why=why, write="--dynamic_dims for a model in " + layout(call), code="E10019")
        return
    for name, shape in call.input_shape.items():
        found = tuple(axis for axis, length in enumerate(shape) if length == -1)
        if found and (found != place or len(shape) != 4):
            mended = [-1 if axis in place else 1 if length == -1 else length for axis, length in enumerate(shape)]
            why = "{} has -1 at {}; exactly height and width of {} must be -1".format(name, ", ".join(map(str, found)), layout(call))
            yield Fault(flag="dynamic_image_size", why=why, write=_shape({**call.input_shape, name: mended}), code="E10019")
    if any(len(profile) != 2 for profile in call.dynamic_image_size):
        flat = [number for profile in call.dynamic_image_size for number in profile]
        write = '--dynamic_image_size="H,W;H,W"' if len(flat) % 2 else _profiles("dynamic_image_size", _grouped(flat, 2))
        why = profiles_text(call.dynamic_image_size) + " are no pairs of height and width separated by ;"
        yield Fault(flag="dynamic_image_size", why=why, write=write, code="E10020")


def dims(call: Any) -> Faults:
    """Dynamic dims: format ND, no AIPP, one number for each -1 axis, in order over all inputs."""
    if _kind(call) != "dynamic_dims":
        return
    if layout(call) != "ND":
        why = "needs --input_format=ND, and the format is {}{}".format(layout(call), "" if call.input_format else " by default")
        yield Fault(flag="dynamic_dims", why=why, write="--input_format=ND")
    if call.insert_op_conf:
        why = "cannot be given together with --insert_op_conf"
        yield Fault(flag="dynamic_dims", why=why, write="--dynamic_image_size or --dynamic_batch_size with AIPP, or no AIPP", code="E10009")
    wanted = len(unknown_axes(call.input_shape))
    if wanted and any(len(profile) != wanted for profile in call.dynamic_dims):
        flat = [number for profile in call.dynamic_dims for number in profile]
        write = '--dynamic_dims="{0};{0}"'.format(",".join(["N"] * wanted))
        if len(call.dynamic_dims) == 1 and len(flat) % wanted == 0:
            write = _profiles("dynamic_dims", _grouped(flat, wanted))
            why = f"has one profile of {len(flat)} numbers; ; separates profiles, a comma the -1 axes inside one ({wanted} here)"
        else:
            axes = ", ".join("{}.{}".format(*axis) for axis in unknown_axes(call.input_shape))
            why = f"a profile needs one number for each -1 axis, here {wanted} ({axes})"
        yield Fault(flag="dynamic_dims", why=why, write=write, code="E10045")


def profiles(call: Any) -> Faults:
    """Any kind: at least two profiles and at most 100 (256 on the 950), all positive, all different."""
    most = 256 if family(call.soc_version) == "950" else 100
    for kind in KINDS:
        given = [(one,) if isinstance(one, int) else tuple(one) for one in getattr(call, kind)]
        # One profile that should have been split is told by its own rule.
        if len(given) == 1 and not _to_split(call, kind, given[0]):
            write = f"two or more, or no --{kind} and {profiles_text(given)} as --input_shape"
            yield Fault(flag=kind, why="there is one profile; two at least are needed", write=write, code="E10035")
        if len(given) > most:
            yield Fault(flag=kind, why=f"there are {len(given)} profiles; at most {most} are allowed", write="fewer", code="E10036")
        if any(number < 1 for profile in given for number in profile):
            yield Fault(flag=kind, why=profiles_text(given) + " holds a length below 1", write="positive whole numbers", code="E10038")
        if len(set(given)) < len(given):
            unique = list(dict.fromkeys(given))
            write = _profiles(kind, unique) if kind != KINDS[0] else '--{}="{}"'.format(kind, ",".join(str(one[0]) for one in unique))
            yield Fault(flag=kind, why="a profile is there twice", write=write, code="E10039")


def _to_split(call: Any, kind: str, profile: Sequence[int]) -> bool:
    wanted = 2 if kind == "dynamic_image_size" else len(unknown_axes(call.input_shape))
    return kind != "dynamic_batch_size" and bool(wanted) and len(profile) != wanted


def _grouped(numbers: Sequence[int], size: int) -> list[tuple[int, ...]]:
    return [tuple(numbers[start : start + size]) for start in range(0, len(numbers), size)]


def _profiles(kind: str, given: Sequence[Sequence[int]]) -> str:
    return f'--{kind}="{profiles_text(given)}"'


def _shape(shapes: Mapping[str, Sequence[Axis]]) -> str:
    return f'--input_shape="{shapes_text(shapes)}"'


def _first_unknown(shapes: Mapping[str, Sequence[Axis]]) -> dict[str, Sequence[Axis]]:
    return {name: [-1, *list(shape)[1:]] if shape else shape for name, shape in shapes.items()}


NEEDS = {
    lengths: ("input_shape",), ranges: ("input_shape", "soc_version"), one_kind: KINDS,
    ranges_and_profiles: ("input_shape", *KINDS), no_unknown: ("input_shape", *KINDS),
    batches: ("input_shape", "dynamic_batch_size"), images: ("input_shape", "dynamic_image_size", "input_format", "framework"),
    dims: ("input_shape", "dynamic_dims", "input_format", "framework", "insert_op_conf"),
    profiles: ("input_shape", *KINDS),
}  # fmt: skip
"""Each rule, and the fields it reads."""
