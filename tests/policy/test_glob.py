"""Patterns over case ids and routes."""

from __future__ import annotations

import pytest

from harness.policy.glob import exact, matches, says_nothing


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("torch>onnx.dynamo[opset=18]>onnxruntime@cpu", "torch>onnx.dynamo[opset=18]>onnxruntime@cpu", True),
        ("torch>onnx.dynamo[opset=18]>*", "torch>onnx.dynamoo>ort@cpu", False),
        ("torch>*>onnxruntime@cpu", "torch>onnx.dynamo>onnxruntime@cpu", True),
        ("unit/conv*", "unit/conv/plain", True),
        ("unit/conv", "unit/conv/plain", False),
        ("unit/con?", "unit/conv", True),
        ("unit/a.b", "unit/axb", False),
        ("Unit/*", "unit/a", False),
        ("*" * 60 + "x", "a" * 5000, False),
    ],
)
def test_only_star_and_question_mark_are_special(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_exact_and_empty_patterns() -> None:
    assert exact("torch>x[a=1]>y@cpu")
    assert not exact("unit/*")
    assert says_nothing("*>*")
    assert says_nothing("**")
    assert not says_nothing("*conv*")
