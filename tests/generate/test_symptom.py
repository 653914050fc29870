"""Symptoms: the same fault says the same, whatever the numbers and names."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.generate.programs.symptom import kind_of, magnitude, signature, symptom_of


def compared(*facts: str, output: str = "v1", **metrics: Any) -> Comparison:
    return Comparison(output=output, match=False, metrics=metrics, bound={}, facts=facts)


def record(outcome: Outcome, *comparisons: Comparison, stage: Stage = Stage.COMPARE, error: Any = None) -> Record:
    return Record(id="i", case="c", level="module", route="r", framework="onnx", target="t", stage=stage, outcome=outcome,
                  comparisons=comparisons, error=error)  # fmt: skip


@pytest.mark.parametrize(
    ("comparison", "kind"),
    [
        (compared("shape is 2x3, expected 2x4"), "shape"),
        (compared("shape is scalar, expected 2x3"), "shape"),
        (compared("shape is scalar, expected 1x1"), "axes"),
        (compared("shape is 3x2, expected 2x3"), "axes"),
        (compared("dtype is int32, expected int64", scaled=0.0), "dtype"),
        (compared("output 'v1' is missing; the target returned none"), "missing"),
        (compared("NaN at 3 elements, expected at 0; first difference at [0]", scaled=float("inf")), "NaN pattern"),
        (compared("+inf at 3 elements, expected at 0; first difference at [0]", scaled=float("inf")), "NaN pattern"),
        (compared(scaled=0.3), "value"),
        (compared(scaled=3e-6), "accuracy"),
        (compared("ran on gpu, asked for cpu", output="(provenance)"), "provenance"),
        (compared("nothing of it is determined at this precision: it hangs on the last bits", scaled=0.0), "undetermined"),
    ],
)
def test_kinds_of_mismatch(comparison: Comparison, kind: str) -> None:
    assert kind_of(comparison) == kind


def test_the_gravest_kind_names_the_mismatch_and_matches_have_no_symptom() -> None:
    found = symptom_of(record(Outcome.MISMATCH, compared(scaled=3e-6), compared("shape is 1, expected 2")))
    assert found is not None
    assert str(found) == "mismatch at compare: shape"
    assert symptom_of(record(Outcome.MATCH)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Node 'Conv_3' (v7): dimension 4 is 12, expected 5", "Node 'Conv_11' (v2): dimension 0 is 7, expected 31"),
        ("/tmp/a/b.onnx: bad value 1e-5 at 0x7ffa", "/var/c/d/e.onnx: bad value 0.25 at 0x1234"),
        ("the case names 1 outputs ['v3'], not 2: ['a', 'b']", "the case names 3 outputs ['v1', 'v2', 'v7'], not 4: ['a', 'b', 'c', 'd']"),
        ("axes [1, 2] of x0 with shape (2, 6, 4)", "axes [3] of x12 with shape (3, 7)"),
    ],
)
def test_numbers_names_and_paths_tell_no_errors_apart(one: str, other: str) -> None:
    assert signature({"type": "RuntimeError", "message": one}) == signature({"type": "RuntimeError", "message": other})
    assert signature({"type": "RuntimeError", "message": one}) != signature({"type": "ValueError", "message": other})


def test_words_tell_errors_apart() -> None:
    assert signature({"type": "E", "message": "cannot infer the shape"}) != signature({"type": "E", "message": "cannot fold the constant"})
    assert signature({"kind": "crash", "signal": "SIGSEGV"}) == "SIGSEGV"


def test_a_sign_is_told_from_a_size() -> None:
    assert magnitude(compared(scaled=2.0, actual_at_worst=-3.0, expected_at_worst=3.0)) == "sign"
    assert magnitude(compared(scaled=2.0, actual_at_worst=9.0, expected_at_worst=3.0)) == "off by more than the rms"
    assert magnitude(compared(scaled=0.002, actual_at_worst=3.01, expected_at_worst=3.0)) == "off by less than 1 % of the rms"
