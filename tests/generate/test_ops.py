"""Every operator means the same in every framework as in NumPy, in float64, at all lengths and with drawn attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.generate.programs import onnx_ops, torch_ops
from harness.generate.programs.draw import draw_program
from harness.generate.programs.known import evaluate
from harness.generate.programs.ops import FAMILIES, OPS
from harness.generate.programs.program import Program
from tests.generate.programs import by_onnx, by_torch, feeds_of

LENGTHS = ({"batch": 2, "seq": 6}, {"batch": 1, "seq": 5}, {"batch": 3, "seq": 11})
VOICES = {"torch": (torch_ops, by_torch, 1e-9), "onnx": (onnx_ops, by_onnx, 2e-6)}
"""ONNX holds constants and scales as float32 in the file, so its float64 twin has the rounded ones."""


def with_op(name: str, count: int = 3) -> list[Program]:
    """Return programs of one operator and its guards, unlike in their attributes."""
    found: dict[str, Program] = {}
    for seed in range(400):
        program = draw_program(seed, (name,))
        step = next((step for step in program.steps if step.op == name), None)
        if step is not None:
            found.setdefault(repr(step.attributes), program)
        if len(found) == count or (len(found) == 1 and seed > 5 and not next(iter(found.values())).steps[0].attributes):
            break
    assert found, f"no program with {name} is ever drawn"
    return list(found.values())


@pytest.mark.parametrize("voice", VOICES)
def test_a_framework_has_each_operator_or_says_why_not(voice: str) -> None:
    module: Any = VOICES[voice][0]
    assert set(module.MEANINGS) | set(module.ABSENT) == set(OPS)
    assert not set(module.MEANINGS) & set(module.ABSENT)
    assert all(len(reason.split()) > 3 for reason in module.ABSENT.values())


def test_families_cover_the_units() -> None:
    assert set(FAMILIES) == {
        "math", "activation", "integer", "logic", "cast", "linear", "conv", "pool", "norm", "softmax", "resize", "reduce", "cumulative",
        "pick", "reshape", "join", "slice", "pad", "index",
    }  # fmt: skip


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("name", OPS)
def test_an_operator_means_the_same_as_in_numpy(name: str, voice: str) -> None:
    module, run, tolerance = VOICES[voice]
    if name in module.ABSENT:
        pytest.skip(f"{voice} has no {name}: {module.ABSENT[name]}")
    for program in with_op(name):
        for lengths in LENGTHS:
            feeds = feeds_of(program, lengths)
            wanted = evaluate(program, feeds)
            for got, number in zip(run(program, feeds), program.outputs):
                want = wanted[number]
                assert (got.dtype, got.shape) == (want.dtype, want.shape), program.text
                np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, err_msg=program.text)
