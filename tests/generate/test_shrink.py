"""Reduction: what fails is left, what does not matter is gone, and no simplification of the rest fails."""

from __future__ import annotations

from harness.generate.programs.draw import draw_program
from harness.generate.programs.known import kinds
from harness.generate.programs.program import Input, Program, Step
from harness.generate.programs.shrink import candidates, reduced


def has(*names: str):  # type: ignore[no-untyped-def]
    return lambda program: set(names) <= {step.op for step in program.steps}


def seeds_with(name: str, count: int = 3) -> list[int]:
    found = [seed for seed in range(600) if has(name)(draw_program(seed)) and len(draw_program(seed).steps) > 3]
    assert len(found) >= count
    return found[:count]


def test_one_operator_is_left_with_small_inputs_and_plain_attributes() -> None:
    for name in ("avg_pool", "int_floor_divide_by", "reduce_sum", "gather_along", "where"):
        for seed in seeds_with(name):
            left = reduced(draw_program(seed), has(name), tries=400)
            assert [step.op for step in left.program.steps] == [name]
            assert left.minimal
            assert kinds(left.program) is not None
            assert all(isinstance(n, int) for given in left.program.inputs for n in given.shape), "no dimension is left named for nothing"


def fed(program: Program, first: str, then: str) -> bool:
    """Return whether a value of ``first`` is an operand of ``then``."""
    for step in program.steps:
        makers = [program.steps[i - len(program.inputs)].op for i in step.inputs if i >= len(program.inputs)]
        if step.op == then and first in makers:
            return True
    return False


def chain() -> Program:
    """x -> tanh -> affine -> exp -> reduce_sum -> neg, with a branch."""
    ops = [("tanh", {}), ("affine", {"scale": 3.0, "shift": -0.5}), ("exp", {}), ("reduce_sum", {"axes": [0, -1], "keep": True}),
        ("neg", {})]  # fmt: skip
    steps = [Step(op=op, inputs=(number,), attributes=attributes) for number, (op, attributes) in enumerate(ops)]
    steps.append(Step(op="add", inputs=(1, 0), attributes={}))
    given = Input(dtype="float32", shape=("batch", "seq"), low=-3.0, high=3.0)
    return Program(inputs=(given,), steps=tuple(steps), outputs=(5, 6))


def test_two_operators_that_fail_together_stay_together() -> None:
    left = reduced(chain(), lambda program: fed(program, "exp", "reduce_sum"), tries=400)
    assert [step.op for step in left.program.steps] == ["exp", "reduce_sum"]
    assert left.minimal
    assert left.program.steps[1].attributes in ({"axes": [0], "keep": False}, {"axes": [-1], "keep": False})


def test_what_is_needed_of_attributes_and_shapes_stays() -> None:
    def fails(program: Program) -> bool:
        known = kinds(program)
        assert known is not None, "only valid programs are asked about"
        return any(
            step.op == "reduce_sum" and step.attributes["keep"] and known[step.inputs[0]].rank == 2 and "seq" in program.inputs[0].shape
            for step in program.steps
        )

    left = reduced(chain(), fails, tries=400)
    assert [step.op for step in left.program.steps] == ["reduce_sum"]
    assert left.program.steps[0].attributes["keep"] is True
    assert "seq" in left.program.inputs[0].shape
    assert left.minimal


def test_the_rest_is_1_minimal() -> None:
    def fails(program: Program) -> bool:
        return fed(program, "exp", "reduce_sum")

    left = reduced(chain(), fails, tries=400).program
    assert not any(kinds(other) is not None and other.digest != left.digest and fails(other) for other in candidates(left))


def test_tries_are_bounded_and_said() -> None:
    asked = []

    def fails(program: Program) -> bool:
        asked.append(program)
        return False

    left = reduced(chain(), fails, tries=5)
    assert (left.program, left.tries, left.minimal) == (chain(), 5, False)
    assert len(asked) == 5


def test_no_program_is_asked_about_twice() -> None:
    asked: list[str] = []

    def fails(program: Program) -> bool:
        asked.append(program.digest)
        return has("exp")(program)

    reduced(chain(), fails, tries=400)
    assert len(asked) == len(set(asked))
