"""Programs from seeds: a typed generator. What it draws is valid at all lengths, and its numbers are finite, by construction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any

from harness.generate.programs.known import of_input, sane
from harness.generate.programs.op import Kind, Op, Take, letter, result
from harness.generate.programs.ops import FAMILIES, OPS
from harness.generate.programs.program import Input, Program, Step, rewired

DEPTH = 8
OUTPUTS = 3
_SHAPES: tuple[tuple[int | str, ...], ...] = (
    ("batch", "seq"), ("batch", 6), ("batch", "seq", 4), ("batch", 4, "seq"), ("batch", 2, 6, "seq"), ("batch", 4, 5, 6), ("batch", 3, 8),
    ("batch", 4, 4), ("batch", 3, 3, 3),  # equal lengths, where a shape does not tell one axis from another
)  # fmt: skip
_RANGES = {"f": ((-3.0, 3.0), (-1.0, 1.0), (0.25, 2.0), (-20.0, 20.0)), "i": ((-7.0, 7.0), (0.0, 9.0), (1.0, 6.0)), "b": ((0.0, 1.0),)}


def draw_program(seed: int, ops: Sequence[str] = ()) -> Program:
    """Return the program of a seed, with 2 to 9 steps of ``ops`` (default: all) and their guards; a pure function of both."""
    return _Drawing(Random(f"program {seed}"), ops).program()


class _Drawing:
    """A program in the making. Values are numbered as they come, inputs among them."""

    def __init__(self, rng: Random, ops: Sequence[str]) -> None:
        self._rng = rng
        self._families = {f: own for f, names in FAMILIES.items() if (own := [n for n in names if not ops or n in ops])}
        self._wanted = set(ops)
        self._made: list[Input | Step] = []
        self._kinds: list[Kind] = []
        self._depths: list[int] = []

    def program(self) -> Program:
        """Draw until there are steps enough; values that nobody takes are the outputs."""
        rng = self._rng
        self._input("f", rng.choice(_SHAPES), Take())
        wanted = rng.randint(2, 9)
        for _ in range(40 * wanted):
            if sum(isinstance(item, Step) for item in self._made) >= wanted:
                break
            self._grow(OPS[self._op()])
        return self._ordered()

    def _op(self) -> str:
        """Return an operator: of those asked for, and sometimes another one until one of these has found operands."""
        rng = self._rng
        found = any(isinstance(item, Step) and item.op in self._wanted for item in self._made)
        families = FAMILIES if self._wanted and not found and rng.random() < 0.2 else self._families
        family = rng.choices(list(families), [len(names) ** 0.5 for names in families.values()])[0]
        return rng.choice(list(families[family]))

    def _ordered(self) -> Program:
        """Return the program with its inputs first, and no more than `OUTPUTS` outputs."""
        inputs = [n for n, item in enumerate(self._made) if isinstance(item, Input)]
        steps = [n for n, item in enumerate(self._made) if isinstance(item, Step)]
        new = {n: place for place, n in enumerate([*inputs, *steps])}
        taken = {i for item in self._made if isinstance(item, Step) for i in item.inputs}
        ordered = []
        for n in steps:
            step = self._made[n]
            assert isinstance(step, Step)
            ordered.append(Step(op=step.op, inputs=tuple(new[i] for i in step.inputs), attributes=step.attributes))
        outputs = tuple(new[n] for n in steps if n not in taken)[-OUTPUTS:]
        given = tuple(item for item in self._made if isinstance(item, Input))
        whole = Program(inputs=given, steps=tuple(ordered), outputs=outputs)
        found = rewired(whole, whole.steps, whole.inputs, {})
        assert found is not None
        return found

    def _add(self, item: Input | Step, kind: Kind) -> int:
        self._made.append(item)
        self._kinds.append(kind)
        self._depths.append(1 + max(self._depths[i] for i in item.inputs) if isinstance(item, Step) else 0)
        return len(self._made) - 1

    def _input(self, of: str, shape: tuple[int | str, ...], take: Take) -> int | None:
        """Add an input that ``take`` admits, None where no range does."""
        rng = self._rng
        ranges = [(max(low, take.low), min(high, take.high)) for low, high in _RANGES[of]]
        ranges = [(low, high) for low, high in ranges if low < high]
        if not ranges or (of == "b" and not shape):
            return None
        low, high = rng.choice(ranges)
        dtype = {"f": "float32", "b": "bool"}.get(of) or rng.choice(("int64", "int64", "int32"))
        given = Input(dtype=dtype, shape=shape, low=low if of == "f" else math.ceil(low), high=high if of == "f" else math.floor(high))
        return self._add(given, of_input(given)) if take.admits(of_input(given)) else None

    def _grow(self, op: Op) -> None:
        """Try to add a step; leave no trace where it does not come about."""
        mark = len(self._made)
        chosen: list[int] = []
        for take in op.takes:
            number = self._operand(op, take, chosen)
            if number is None:
                break
            chosen.append(number)
        else:
            if self._step(op, chosen) is not None:
                return
        del self._made[mark:], self._kinds[mark:], self._depths[mark:]

    def _step(self, op: Op, chosen: list[int], attributes: dict[str, Any] | None = None) -> int | None:
        given = [self._kinds[i] for i in chosen]
        if max(self._depths[i] for i in chosen) >= DEPTH or not all(t.admits(k) for t, k in zip(op.takes, given, strict=True)):
            return None
        attributes = op.draw(self._rng, *given) if attributes is None else attributes
        made = result(op, attributes, given) if attributes is not None else None
        if attributes is None or made is None or not sane(made):
            return None
        return self._add(Step(op=op.name, inputs=tuple(chosen), attributes=attributes), made)

    def _operand(self, op: Op, take: Take, chosen: list[int]) -> int | None:
        """Return a value for the next operand: one there is, mended where its range does not do, or a new input."""
        rng = self._rng
        first = self._kinds[chosen[0]] if chosen else None

        def goes(kind: Kind) -> bool:
            return take.suits(kind) and (first is None or op.pairs is None or op.pairs(first, kind))

        # The same operand twice gives constants: x - x, x == x.
        fitting = [n for n, kind in enumerate(self._kinds) if goes(kind) and n not in chosen]
        taken = {i for item in self._made if isinstance(item, Step) for i in item.inputs}
        loose = [n for n in fitting if n not in taken]
        if first is None and not fitting and len(self._made) > 1 and rng.random() < 0.7:
            return None  # another operator rather than one more branch
        fresh = rng.random() < (0.4 if first is not None else 0.03)
        if fitting and not fresh:
            number = rng.choice(loose) if loose and rng.random() < 0.75 else rng.choice(fitting)
            return number if take.admits(self._kinds[number]) else self._mended(number, take)
        of = letter(first.dtype) if first and op.name != "where" and letter(first.dtype) in take.of else rng.choice(take.of)
        if first is None:
            shapes = [shape for shape in _SHAPES if take.ranks[0] <= len(shape) <= take.ranks[1]]
            return self._input(of, rng.choice(shapes), take) if shapes else None
        shape = op.mate(rng, first) if op.mate else None
        made = self._input(of, shape, take) if shape is not None else None
        return made if made is not None and goes(self._kinds[made]) else None

    def _mended(self, number: int, take: Take) -> int | None:
        """Return a value made of another one that lies in the range an operator needs; whole numbers are not mended."""
        kind = self._kinds[number]
        if kind.dtype != "float32":
            return None
        if math.isinf(take.high):
            squashed = self._step(OPS[self._rng.choice(("sigmoid", "abs"))], [number], {})
            return None if squashed is None else self._step(OPS["affine"], [squashed], {"scale": 1.0, "shift": round(take.low + 0.25, 2)})
        low, high = max(take.low, -4.0), min(take.high, 4.0)
        bent = self._step(OPS["tanh"], [number], {})
        scale, shift = round((high - low) * 0.45, 2), round((high + low) / 2, 2)
        return None if bent is None else self._step(OPS["affine"], [bent], {"scale": scale, "shift": shift})
