"""Where two verdicts disagree, and whether each disagreement is explained; on stand-ins and on a few real cases."""

from __future__ import annotations

import importlib.util

import agreement
import pytest

ROW = {"official": "fail", "ours": "match at compare", "signature": "numpy.int32", "why": "the model never ran"}


def test_only_a_pass_on_one_side_is_a_disagreement() -> None:
    official = {
        "both-pass": ("pass", ""), "both-fail": ("fail", "x"), "ours-alone": ("fail", "why"), "theirs-alone": ("pass", ""),
        "skipped": ("skip", ""), "crashed": ("crash", ""), "unknown-here": ("pass", ""),
    }  # fmt: skip
    ours = {
        "both-pass": "match at compare", "both-fail": "unsupported at load", "ours-alone": "match at compare",
        "theirs-alone": "mismatch at compare", "skipped": "mismatch at compare", "crashed": "error at run",
        "unknown-there": "error at load",
    }  # fmt: skip
    assert agreement.disagreements(official, ours) == [
        ("ours-alone", "fail", "match at compare", "why"), ("theirs-alone", "pass", "mismatch at compare", ""),
    ]  # fmt: skip


def test_an_explanation_is_for_one_case_and_one_cause() -> None:
    found = [("a", "fail", "match at compare", "cannot take numpy.int32")]
    assert agreement.unexplained(found, {"a": ROW}) == []
    assert agreement.unexplained(found, {}) == ["a: officially fail, here match at compare: not explained"]
    assert "another reason" in agreement.unexplained([("a", "fail", "match at compare", "values differ")], {"a": ROW})[0]
    assert "another reason" in agreement.unexplained([("a", "pass", "mismatch at compare", "numpy.int32")], {"a": ROW})[0]
    assert agreement.unexplained([], {"a": ROW}) == ["a: explained, but there is no such disagreement"]


def test_explanations_belong_to_a_version_and_name_cases_exactly() -> None:
    rows = agreement.explanations("1.23.2")
    assert len(rows) == 50
    assert not any(set("*?[") & set(name) for name in rows)
    assert agreement.explanations("1.17.0") == {}


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs ONNX Runtime")
def test_the_official_runner_passes_fails_and_knows_its_cases() -> None:
    found = agreement.verdicts(["onnx/node/abs", "onnx/node/adagrad", "onnx/node/no_such_case"])
    assert {name: verdict for name, (verdict, _) in found.items()} == {
        "onnx/node/abs": "pass", "onnx/node/adagrad": "fail", "onnx/node/no_such_case": "skip",
    }  # fmt: skip
