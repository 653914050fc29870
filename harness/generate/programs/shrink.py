"""Delta debugging on programs: the smallest one that fails in the same way (after Zeller and Hildebrandt, 2002)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.core.value import value
from harness.generate.programs.known import kinds
from harness.generate.programs.op import POINTS, Kind
from harness.generate.programs.ops import OPS
from harness.generate.programs.program import DIMS, Input, Program, Step, rewired

Fails = Callable[[Program], bool]
_EXAMPLE = {name: dim.example for name, dim in DIMS.items()}


@value
class Reduced:
    """The program left, how many others were tried, and whether none of the smaller ones next to it fails (1-minimal)."""

    program: Program
    tries: int
    minimal: bool


def reduced(program: Program, fails: Fails, tries: int = 120) -> Reduced:
    """Return the smallest program found that ``fails``, trying at most so many.

    ``fails`` must hold for ``program``. Each round takes the first smaller program that fails, boldest first, and begins
    again from there; when none is left, no single simplification keeps the failure.
    """
    seen = {program.digest}
    asked = 0
    while True:
        for candidate in candidates(program):
            if candidate.digest in seen:
                continue
            seen.add(candidate.digest)
            if kinds(candidate) is None:
                continue
            if asked >= tries:
                return Reduced(program=program, tries=asked, minimal=False)
            asked += 1
            if fails(candidate):
                program = candidate
                break
        else:
            return Reduced(program=program, tries=asked, minimal=True)


def candidates(program: Program) -> Iterator[Program]:
    """Yield simpler programs, the boldest first; not all of them are valid."""
    yield from _one_output(program)
    yield from _alone(program)
    yield from _cut(program)
    yield from _without(program)
    yield from _plainer(program)
    yield from _smaller(program)


def _one_output(program: Program) -> Iterator[Program]:
    for number in program.outputs if len(program.outputs) > 1 else ():
        found = rewired(dataclasses.replace(program, outputs=(number,)), program.steps, program.inputs, {})
        if found:
            yield found
    for number in program.outputs if len(program.outputs) > 2 else ():
        rest = tuple(n for n in program.outputs if n != number)
        found = rewired(dataclasses.replace(program, outputs=rest), program.steps, program.inputs, {})
        if found:
            yield found


def _alone(program: Program) -> Iterator[Program]:
    """Yield each step by itself, the last first, with new inputs for operands."""
    known = kinds(program)
    if known is None or len(program.steps) < 2:
        return
    for step in reversed(program.steps):
        operands = tuple(dict.fromkeys(step.inputs))
        given = tuple(as_input(known[i]) for i in operands)
        alone = Step(op=step.op, inputs=tuple(operands.index(i) for i in step.inputs), attributes=step.attributes)
        yield Program(inputs=given, steps=(alone,), outputs=(len(given),))


def _cut(program: Program) -> Iterator[Program]:
    """Yield programs in which a step is a new input instead."""
    known = kinds(program)
    old = len(program.inputs) + len(program.steps)
    for number in range(old - 1, len(program.inputs) - 1, -1) if known else ():
        assert known is not None
        steps: list[Step | None] = list(program.steps)
        steps[number - len(program.inputs)] = None
        found = rewired(program, steps, [*program.inputs, as_input(known[number])], {number: old})
        if found:
            yield found


def _without(program: Program) -> Iterator[Program]:
    """Yield programs in which a step is one of its operands instead."""
    for place, step in enumerate(program.steps):
        for operand in dict.fromkeys(step.inputs):
            steps: list[Step | None] = list(program.steps)
            steps[place] = None
            found = rewired(program, steps, program.inputs, {place + len(program.inputs): operand})
            if found:
                yield found


def _plainer(program: Program) -> Iterator[Program]:
    """Yield programs with an attribute at its default, or a smaller one."""
    for place, step in enumerate(program.steps):
        for key, entry in step.attributes.items():
            for other in _simpler(entry, OPS[step.op].defaults or {}, key):
                changed = Step(op=step.op, inputs=step.inputs, attributes={**step.attributes, key: other})
                yield dataclasses.replace(program, steps=(*program.steps[:place], changed, *program.steps[place + 1 :]))


def _simpler(entry: Any, defaults: Mapping[str, Any], key: str) -> Iterator[Any]:
    if key in defaults:
        plain = defaults[key]
        plain = plain[: len(entry)] if isinstance(plain, list) else plain
        if plain != entry:
            yield plain
    if isinstance(entry, list) and all(type(n) is int for n in entry):
        for i, n in enumerate(entry):
            yield from ([*entry[:i], less, *entry[i + 1 :]] for less in _less(n))
        if key in ("axes", "indices") and len(entry) > 1:
            yield from ([*entry[:i], *entry[i + 1 :]] for i in range(len(entry)))
    elif type(entry) is int and key not in ("seed", "index", "rank"):
        yield from _less(entry)


def _less(number: int) -> Iterator[int]:
    yield from (n for n in dict.fromkeys((1, 2, number // 2)) if 0 < n < number)


def _smaller(program: Program) -> Iterator[Program]:
    """Yield programs with smaller inputs: without named dimensions, with shorter and fewer axes, in a plainer range."""
    names = [n for given in program.inputs for n in given.shape if isinstance(n, str)]
    for name in dict.fromkeys(names):
        yield _shaped(program, lambda shape, name=name: tuple(_EXAMPLE[name] if n == name else n for n in shape))  # type: ignore[misc]
    rank = min((len(given.shape) for given in program.inputs), default=0)
    for axis in range(-rank, 0) if rank > 1 else ():
        yield _shaped(program, lambda shape, axis=axis: tuple(n for i, n in enumerate(shape) if i != axis + len(shape)))  # type: ignore[misc]
    lengths = sorted({n for given in program.inputs for n in given.shape if isinstance(n, int) and n > 1})
    for length in lengths:
        for less in (1, 2, 3, length - 1):
            if less < length:
                yield _shaped(program, lambda shape, n=length, less=less: tuple(less if m == n else m for m in shape))  # type: ignore[misc]
    for place, given in enumerate(program.inputs):
        for axis, size in enumerate(given.shape):
            if isinstance(size, int) and size > 1:
                shape = (*given.shape[:axis], size - 1 if size < 4 else 2, *given.shape[axis + 1 :])
                yield _replaced(program, place, dataclasses.replace(given, shape=shape))
        for low, high in ((-1.0, 1.0), (0.25, 2.0)) if given.dtype == "float32" else ():
            if given.low < low and high < given.high:
                yield _replaced(program, place, dataclasses.replace(given, low=low, high=high))


def _shaped(program: Program, change: Callable[[tuple[int | str, ...]], tuple[int | str, ...]]) -> Program:
    return dataclasses.replace(program, inputs=tuple(dataclasses.replace(given, shape=change(given.shape)) for given in program.inputs))


def _replaced(program: Program, place: int, given: Input) -> Program:
    return dataclasses.replace(program, inputs=(*program.inputs[:place], given, *program.inputs[place + 1 :]))


def as_input(kind: Kind) -> Input:
    """Return an input that stands for a value: its dtype, its shape as far as it can be declared, a range within its own."""
    at = POINTS.index(_EXAMPLE)
    shape = tuple(kind.said(axis) or kind.shapes[at][axis] for axis in range(kind.rank))
    low, high = max(kind.low, -20.0), min(kind.high, 20.0)
    low, high = (low, high) if low <= high else (kind.low, kind.high)
    whole = kind.dtype != "float32"
    return Input(dtype=kind.dtype, shape=shape, low=float(round(low)) if whole else low, high=float(round(high)) if whole else high)
