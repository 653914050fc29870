"""What is drawn is valid at all lengths, finite, shallow, the same again, and survives being written down."""

from __future__ import annotations

import collections
import json

import numpy as np
import pytest

from harness.core.errors import UsageError
from harness.generate.programs.draw import DEPTH, OUTPUTS, draw_program
from harness.generate.programs.known import REACH, evaluate, kinds
from harness.generate.programs.ops import OPS
from harness.generate.programs.program import DIMS, program_from
from tests.generate.programs import feeds_of

SEEDS = range(150)


@pytest.mark.parametrize("lengths", [{"batch": 1, "seq": 4}, {"batch": 2, "seq": 6}, {"batch": 6, "seq": 12}], ids=str)
def test_numbers_stay_finite_and_within_what_is_known_of_them(lengths: dict[str, int]) -> None:
    for seed in SEEDS:
        program = draw_program(seed)
        known = kinds(program)
        assert known is not None, program.text
        for array, kind in zip(evaluate(program, feeds_of(program, lengths, seed)), known):
            wide = array.astype(np.float64)
            room = 1e-9 * max(1.0, kind.reach)
            assert np.isfinite(wide).all(), program.text
            assert kind.low - room <= wide.min(), program.text
            assert wide.max() <= kind.high + room, program.text
            assert kind.reach <= REACH[kind.dtype]


def test_programs_are_shallow_deterministic_and_varied() -> None:
    drawn = [draw_program(seed) for seed in SEEDS]
    assert drawn == [draw_program(seed) for seed in SEEDS]
    assert len({program.digest for program in drawn}) == len(drawn)
    assert all(1 <= program.depth <= DEPTH and 1 <= len(program.outputs) <= OUTPUTS for program in drawn)
    assert max(program.depth for program in drawn) >= 6
    used = collections.Counter(step.op for program in drawn for step in program.steps)
    assert len(used) > 0.8 * len(OPS)
    named = {n for program in drawn for given in program.inputs for n in given.shape if isinstance(n, str)}
    assert named == set(DIMS)
    taken = [collections.Counter(i for step in program.steps for i in step.inputs) for program in drawn]
    assert sum(max(counts.values()) > 1 for counts in taken) > 20, "branches: some values are used twice"


def test_what_no_output_needs_is_gone() -> None:
    for seed in SEEDS:
        program = draw_program(seed)
        count = len(program.inputs) + len(program.steps)
        assert {i for step in program.steps for i in step.inputs} | set(program.outputs) == set(range(count))


def test_a_program_is_plain_data() -> None:
    for seed in range(40):
        program = draw_program(seed)
        assert program_from(json.loads(json.dumps(program.to_json())), tuple(OPS)) == program


GOOD = {"inputs": [["float32", ["batch", 3], -1.0, 1.0]], "steps": [["affine", [0], {"scale": 1.0, "shift": 2.0}]], "outputs": [1]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": [["import_os", [0], {}]]}, "operator 'import_os'"),
        ({"steps": [["affine", [1], {}]]}, "operands"),
        ({"steps": [["affine", [0], {"scale": "__import__('os')"}]]}, "attributes"),
        ({"steps": [["affine", [0], {"scale": float("nan")}]]}, "attributes"),
        ({"steps": [["affine", [0], {"a b": 1}]]}, "attributes"),
        ({"inputs": [["float32", ["width"], 0, 1]]}, "shape"),
        ({"inputs": [["complex64", [2], 0, 1]]}, "dtype"),
        ({"inputs": [["float32", [2], 1, 0]]}, "range"),
        ({"outputs": [0]}, "outputs"),
        ({"outputs": []}, "outputs"),
        ({"steps": 3}, "not a program"),
    ],
)
def test_nothing_but_numbers_and_plain_words_becomes_source_code(change: dict[str, object], said: str) -> None:
    assert program_from(GOOD, tuple(OPS)).steps[0].op == "affine"
    with pytest.raises(UsageError, match=said):
        program_from({**GOOD, **change}, tuple(OPS))
