"""A program is plain data: inputs, steps that name their operands by number, outputs. Every framework builds its model from it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.errors import UsageError
from harness.core.spec import Dim, TensorSpec, integers, mask, uniform
from harness.core.value import value

BATCH = Dim("batch", 1, 6, example=2)
SEQ = Dim("seq", 4, 12, example=6)
DIMS = {dim.name: dim for dim in (BATCH, SEQ)}
DTYPES = ("float32", "int64", "int32", "bool")
_WORD = re.compile(r"^[a-z][a-z0-9_]*$")


@value
class Input:
    """One input: dtype, shape of whole numbers and names of dimensions (``batch``, ``seq``), and the range of its values."""

    dtype: str
    shape: tuple[int | str, ...]
    low: float
    high: float

    def spec(self, name: str) -> TensorSpec:
        """Return the input as a case declares it."""
        if self.dtype == "float32":
            domain = uniform(self.low, self.high)
        else:
            domain = mask() if self.dtype == "bool" else integers(int(self.low), int(self.high))
        shape = tuple(DIMS[n] if isinstance(n, str) else n for n in self.shape)
        return TensorSpec(name=name, dtype=self.dtype, shape=shape, domain=domain)


@value
class Step:
    """One operator: its name, its operands by number (inputs first, then steps), and its attributes, which are plain data."""

    op: str
    inputs: tuple[int, ...]
    attributes: Mapping[str, Any]


@value
class Program:
    """Inputs, steps in order, and the numbers of the values that are its outputs."""

    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @property
    def text(self) -> str:
        """The program on a few lines, for people."""
        lines = []
        for number, given in enumerate(self.inputs):
            lines.append(f"x{number}: {given.dtype}[{', '.join(map(str, given.shape))}] in {given.low:g}..{given.high:g}")
        for number, step in enumerate(self.steps, len(self.inputs)):
            said = [self.name(i) for i in step.inputs] + [f"{key}={entry!r}" for key, entry in step.attributes.items()]
            lines.append(f"v{number} = {step.op}({', '.join(said)})")
        return "\n".join([*lines, f"return {', '.join(map(self.name, self.outputs))}"])

    def name(self, number: int) -> str:
        """Return the name of a value: ``x0`` for an input, ``v3`` for a step."""
        return f"{'x' if number < len(self.inputs) else 'v'}{number}"

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        """The inputs as a case declares them."""
        return tuple(given.spec(self.name(number)) for number, given in enumerate(self.inputs))

    @property
    def digest(self) -> str:
        """SHA-256 of the program."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    @property
    def depth(self) -> int:
        """The number of steps on the longest way from an input to an output."""
        depths = [0] * len(self.inputs)
        for step in self.steps:
            depths.append(1 + max((depths[i] for i in step.inputs), default=0))
        return max((depths[i] for i in self.outputs), default=0)

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `program_from` reads."""
        return {
            "inputs": [[i.dtype, list(i.shape), i.low, i.high] for i in self.inputs],
            "steps": [[s.op, list(s.inputs), dict(s.attributes)] for s in self.steps],
            "outputs": list(self.outputs),
        }


def program_from(data: Any, ops: Sequence[str] = ()) -> Program:
    """Return the program that `Program.to_json` wrote.

    Builders write source code from it, so nothing but numbers and plain words gets through. Raises `UsageError` for
    anything else, for an operand that comes later, and, with ``ops``, for an operator outside these.
    """
    try:
        inputs = tuple(_input(*row) for row in data["inputs"])
        steps = []
        for number, (op, operands, attributes) in enumerate(data["steps"], len(inputs)):
            _check(bool(_WORD.match(op)) and (not ops or op in ops), f"an operator {op!r}")
            _check(all(type(i) is int and 0 <= i < number for i in operands), f"operands {operands!r} of value {number}")
            _check(all(_WORD.match(key) and _plain(entry) for key, entry in attributes.items()), f"attributes {attributes!r}")
            steps.append(Step(op=op, inputs=tuple(operands), attributes=dict(attributes)))
        outputs = tuple(data["outputs"])
        count = len(inputs) + len(steps)
        _check(bool(outputs) and all(type(i) is int and len(inputs) <= i < count for i in outputs), f"outputs {outputs!r}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"not a program: {type(error).__name__}: {error}; expected inputs, steps and outputs") from None
    return Program(inputs=inputs, steps=tuple(steps), outputs=outputs)


def _input(dtype: str, shape: Sequence[Any], low: float, high: float) -> Input:
    _check(dtype in DTYPES, f"an input of dtype {dtype!r}")
    _check(all(n in DIMS if isinstance(n, str) else type(n) is int and n >= 1 for n in shape), f"an input of shape {shape!r}")
    _check(_plain([low, high]) and low <= high, f"a range {low!r} to {high!r}")
    return Input(dtype=dtype, shape=tuple(shape), low=float(low), high=float(high))


def _check(good: bool, what: str) -> None:
    if not good:
        raise UsageError(f"a program has {what}; write programs by harness.generate.programs.draw only")


def _plain(entry: Any) -> bool:
    """Return whether an attribute is a finite number, a word, or a list of these."""
    if isinstance(entry, (list, tuple)):
        return all(map(_plain, entry))
    if isinstance(entry, str):
        return bool(_WORD.match(entry))
    return isinstance(entry, (bool, int)) or (isinstance(entry, float) and math.isfinite(entry))


def rewired(program: Program, steps: Sequence[Step | None], inputs: Sequence[Input], stands: Mapping[int, int]) -> Program | None:
    """Return a program with some steps gone (None), every use of a value in ``stands`` being one of the value named there.

    ``steps`` are numbered as in ``program``; ``inputs`` may have more than the program has: their numbers go on after
    its last value. What no output needs is dropped, unused inputs too. Returns None where nothing is left to return.
    """
    old = len(program.inputs) + len(program.steps)
    outputs = list(dict.fromkeys(_resolve(i, stands) for i in program.outputs))
    table = dict(enumerate(steps, len(program.inputs)))
    needed: set[int] = set()
    open_ = list(outputs)
    while open_:
        number = open_.pop()
        if number not in needed:
            needed.add(number)
            step = table.get(number)
            open_ += [_resolve(i, stands) for i in step.inputs] if step else []
    slots = [n for n in [*range(len(program.inputs)), *range(old, old + len(inputs) - len(program.inputs))] if n in needed]
    kept = [n for n, step in table.items() if step is not None and n in needed]
    new = {n: place for place, n in enumerate([*slots, *kept])}
    outputs = [n for n in outputs if n in kept]
    if not outputs or any(n not in new for n in needed):
        return None
    rewritten = []
    for n in kept:
        step = table[n]
        assert step is not None
        rewritten.append(Step(op=step.op, inputs=tuple(new[_resolve(i, stands)] for i in step.inputs), attributes=step.attributes))
    chosen = tuple(inputs[n if n < len(program.inputs) else len(program.inputs) + n - old] for n in slots)
    return Program(inputs=chosen, steps=tuple(rewritten), outputs=tuple(new[n] for n in outputs))


def _resolve(number: int, stands: Mapping[int, int]) -> int:
    while number in stands:
        number = stands[number]
    return number
