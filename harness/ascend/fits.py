"""An ATC call beside the model it names: inputs that are there, with as many axes, and lengths for those that the model leaves open."""

from __future__ import annotations

import difflib
from typing import Mapping, Sequence, Union

from harness.ascend.shapes import Shape, axis_text, shapes_of, shapes_text, variables
from harness.ascend.words import Fault, Faults

Dims = Sequence[Union[int, str, None]]  # noqa: UP007 (Python 3.7 evaluates it)


def fits(said: Mapping[str, str], inputs: Mapping[str, Dims | None]) -> list[Fault]:
    """Return what is wrong with the flags ``said``, given the inputs of the model: their lengths, symbols or None where one is open."""
    text = said.get("input_shape", "")
    if variables(text) or "input_shape_range" in said:
        return []
    shapes = shapes_of("input_shape", text, []) if text else {}
    return [] if shapes is None else [*_names(shapes, inputs), *_open(shapes, inputs), *_lengths(shapes, inputs)]


def _names(shapes: Mapping[str, Shape], inputs: Mapping[str, Dims | None]) -> Faults:
    for name in shapes:
        if name not in inputs:
            near = difflib.get_close_matches(name, inputs, 1, 0.5)
            why = f"the model has no input {name!r}; it has {', '.join(inputs) or 'none'}"
            write = near[0] if near else f"one of these, or export the model with {name!r} as an input: what is given as None is no input"
            yield Fault(flag="input_shape", why=why, write=write, code="E10016")


def _open(shapes: Mapping[str, Shape], inputs: Mapping[str, Dims | None]) -> Faults:
    """Inputs with open lengths that the call does not mention."""
    left = {
        name: dims for name, dims in inputs.items() if name not in shapes and (dims is None or any(not isinstance(n, int) for n in dims))
    }
    if left:
        full = {**shapes, **{name: tuple(n if isinstance(n, int) else 1 for n in dims or ()) for name, dims in left.items()}}
        known = {name: shape for name, shape in full.items() if name in inputs}
        why = f"the model leaves lengths of {', '.join(left)} open, and the call does not say them"
        yield Fault(flag="input_shape", why=why, write=f'--input_shape="{shapes_text(known)}", with the lengths you need')


def _lengths(shapes: Mapping[str, Shape], inputs: Mapping[str, Dims | None]) -> Faults:
    for name, shape in shapes.items():
        dims = inputs.get(name)
        if dims is None:
            continue
        if len(shape) != len(dims):
            write = f"{name}:{','.join(str(n) if isinstance(n, int) else '-1' for n in dims)}"
            yield Fault(flag="input_shape", why=f"{name} has {len(dims)} axes in the model, {len(shape)} here", write=write, code="E10049")
            continue
        for place, (axis, fixed) in enumerate(zip(shape, dims)):
            if isinstance(fixed, int) and axis != fixed:
                why = f"axis {place} of {name} is {fixed} in the model, {axis_text(axis)} here, and other nodes may count on it"
                write = f"{fixed} there, or export the model with a dynamic axis"
                yield Fault(flag="input_shape", why=why, write=write, warning=True)
